import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { openDataset } from '../../datasets/open.node.ts';
import type { DatasetOptions } from '../../datasets/options.ts';
import type { InputSpec } from '../../datasets/sample.ts';
import { jsonLines, tableTexts, textLines } from '../../datasets/text/lines.ts';
import { textRecipe } from '../../datasets/text/tensors.ts';
import { tokenizerFromJson, tokenizerFromVocabulary } from '../../datasets/text/tokenizer.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { requireShared, sharedPath, skipUnless } from '../support/shared.ts';
import { temporaryFolder } from './temporary.ts';

const folder = temporaryFolder();
const PIECES = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', 'hello', 'world', 'un', '##aff', '##able', ',', '!', 'cafe', '我'];
const VOCABULARY = `${PIECES.join('\n')}\n`;
const [PAD, UNK, CLS, SEP] = [0, 1, 2, 3];
const id = (piece: string): number => PIECES.indexOf(piece);

describe('WordPiece from a vocabulary', () => {
  const tokenizer = tokenizerFromVocabulary(VOCABULARY, 'vocab.txt');
  const encode = (text: string, maxLength = 64) => tokenizer.encode(text, maxLength).ids;

  it.each<[string, string, number[]]>([
    ['words', 'hello world', [id('hello'), id('world')]],
    ['capitals and accents', 'Hello CAFÉ', [id('hello'), id('cafe')]],
    ['punctuation', 'hello,world!', [id('hello'), id(','), id('world'), id('!')]],
    ['pieces', 'unaffable', [id('un'), id('##aff'), id('##able')]],
    ['unknown words', 'hello xyz', [id('hello'), UNK]],
    ['Chinese characters', 'hello我world', [id('hello'), id('我'), id('world')]],
    ['spaces of all kinds', ' hello\t\u00a0world\u0000 ', [id('hello'), id('world')]],
    ['nothing', '', []],
  ])('splits %s', (_, text, ids) => {
    expect(encode(text)).toEqual([CLS, ...ids, SEP]);
  });

  it('cuts the text, not the special tokens', () => {
    expect(encode('hello world hello world', 4)).toEqual([CLS, id('hello'), id('world'), SEP]);
    expect(encode('hello world', 2)).toEqual([CLS, SEP]);
  });

  it('keeps capitals where the vocabulary has them', () => {
    const cased = tokenizerFromVocabulary(`${VOCABULARY}Hello\n`, 'vocab.txt');
    expect(cased.encode('Hello hello', 9).ids).toEqual([CLS, PIECES.length, id('hello'), SEP]);
  });

  it('refuses files that are no vocabulary', () => {
    expect(() => tokenizerFromVocabulary('just\nwords\n', 'words.txt')).toThrow(/\[UNK\] and \[CLS\] and \[SEP\]/);
  });

  it.skipIf(skipUnless(sharedPath('data', 'text', 'vocab.txt'), 'the sentences are not there'))(
    'gives the ids of an independent WordPiece on real sentences',
    () => {
      const vocabulary = readFileSync(requireShared('data', 'text', 'vocab.txt'), 'utf8');
      const real = tokenizerFromVocabulary(vocabulary, 'vocab.txt');
      const reference = greedyWordPiece(vocabulary.trimEnd().split('\n'));
      const lines = readFileSync(requireShared('data', 'text', 'sentences.tsv'), 'utf8')
        .trimEnd()
        .split('\n');
      expect(lines.length).toBeGreaterThan(300);
      for (const line of lines) {
        const text = line.split('\t')[2] ?? '';
        expect(real.encode(text, 64).ids).toEqual(reference(text).slice(0, 64));
      }
    },
  );
});

/** WordPiece by its definition: longest piece first, within words split at spaces and punctuation. */
function greedyWordPiece(pieces: readonly string[]): (text: string) => number[] {
  const ids = new Map(pieces.map((piece, index) => [piece, index]));
  const word = (text: string): number[] => {
    const found: number[] = [];
    for (let start = 0; start < text.length; ) {
      let end = text.length;
      while (end > start && !ids.has((start > 0 ? '##' : '') + text.slice(start, end))) end -= 1;
      if (end === start) return [ids.get('[UNK]') ?? -1];
      found.push(ids.get((start > 0 ? '##' : '') + text.slice(start, end)) ?? -1);
      start = end;
    }
    return found;
  };
  return (text) => {
    const plain = text
      .toLowerCase()
      .normalize('NFD')
      .replace(/\p{Mn}/gu, '');
    const words = plain.match(/[\p{P}$+<=>^`|~]|[^\s\p{P}$+<=>^`|~]+/gu) ?? [];
    return [ids.get('[CLS]') ?? -1, ...words.flatMap(word), ids.get('[SEP]') ?? -1];
  };
}

/** A byte-level-free word tokenizer as `tokenizer.json` describes one. */
const wordLevel = (extra: object = {}): string =>
  JSON.stringify({
    version: '1.0',
    added_tokens: [],
    normalizer: { type: 'Lowercase' },
    pre_tokenizer: { type: 'Whitespace' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
      pair: [],
      special_tokens: { '<s>': { id: '<s>', ids: [0], tokens: ['<s>'] } },
    },
    decoder: null,
    model: { type: 'WordLevel', vocab: { '<s>': 0, '<unk>': 1, a: 2, b: 3, '<pad>': 4 }, unk_token: '<unk>' },
    ...extra,
  });

describe('tokenizer.json', () => {
  it('is followed', () => {
    const tokenizer = tokenizerFromJson(wordLevel(), 'tokenizer.json');
    expect(tokenizer.encode('A b c', 9).ids).toEqual([0, 2, 3, 1]);
    expect(tokenizer.encode('a b a b', 3).ids).toEqual([0, 2, 3]);
    expect(tokenizer).toMatchObject({ padId: 4, padSide: 'right' });
  });

  it('refuses what it has no token for', () => {
    const model = { type: 'WordLevel', vocab: { '<s>': 0, a: 1 }, unk_token: '<unk>' };
    const tokenizer = tokenizerFromJson(wordLevel({ model }), 'tokenizer.json');
    expect(() => tokenizer.encode('a b', 9)).toThrow(/no token for a part of "a b"/);
  });

  it('says how to pad', () => {
    const padding = { direction: 'Left', pad_id: 7, pad_token: 'x', strategy: 'BatchLongest' };
    expect(tokenizerFromJson(wordLevel({ padding }), 't.json')).toMatchObject({ padId: 7, padSide: 'left' });
    expect(tokenizerFromJson(wordLevel(), 't.json', '{"padding_side":"left"}')).toMatchObject({ padSide: 'left' });
  });

  it.each(['', '[]', '{', '{}', '{"model":{"type":"Riddle"}}'])('refuses %j', (text) => {
    expect(() => tokenizerFromJson(text, 'tokenizer.json')).toThrow(
      expect.objectContaining({ code: 'TOKENIZER_INVALID' }),
    );
  });
});

describe('files of texts', () => {
  const texts = (lines: readonly { text: string }[]) => lines.map(({ text }) => text);

  it('are read line by line', () => {
    expect(textLines('\uFEFFone\r\n\n two \n')).toEqual([
      { text: 'one', line: 1 },
      { text: ' two ', line: 3 },
    ]);
    expect(texts(jsonLines('"one"\n{"text":"two","label":1}\n{"only":"three"}', 'a.jsonl'))).toEqual([
      'one',
      'two',
      'three',
    ]);
    expect(texts(jsonLines('{"q":"one","a":"x"}', 'a.jsonl', 'q'))).toEqual(['one']);
    expect(texts(tableTexts('id,text\n1,"one, two"\n2,three', 'a.csv', ','))).toEqual(['one, two', 'three']);
    expect(texts(tableTexts('x\t"one" two\ny\tthree', 'a.tsv', '\t', '2'))).toEqual(['"one" two', 'three']);
    expect(texts(tableTexts('one\ntwo', 'a.csv', ','))).toEqual(['one', 'two']);
  });

  it('name the line that is wrong', () => {
    expect(() => jsonLines('"one"\n{', 'a.jsonl')).toThrow(/line 2 is not JSON/);
    expect(() => jsonLines('{"a":"x","b":"y"}', 'a.jsonl')).toThrow(/its fields: a, b/);
    expect(() => tableTexts('a,b\n1,2', 'a.csv', ',')).toThrow(/no column "text"/);
  });
});

describe('texts as samples', () => {
  const spec = (name: string, shape = [1, 6], type: number = TensorType.INT32): InputSpec => ({ name, shape, type });
  const BERT = [spec('input_ids'), spec('attention_mask'), spec('token_type_ids', [1, 6], TensorType.INT64)];
  const vocabulary = folder.write('vocab.txt', VOCABULARY);

  async function read(content: string, inputs: InputSpec[], options: DatasetOptions = {}, name = 'texts.txt') {
    const file = folder.write(name, content);
    const dataset = await openDataset([file], inputs, { tokenizer: vocabulary, ...options });
    const samples = [];
    for await (const { name: label, feed } of dataset.samples()) {
      samples.push({
        label,
        feed: Object.fromEntries(Object.entries(feed).map(([key, value]) => [key, [...value.data]])),
      });
    }
    return { dataset, samples };
  }

  it('are padded, with mask and types', async () => {
    const { dataset, samples } = await read('hello world\n\nhello hello hello hello hello hello\n', BERT);
    expect(samples).toEqual([
      {
        label: 'texts.txt:1',
        feed: {
          input_ids: [CLS, id('hello'), id('world'), SEP, PAD, PAD],
          attention_mask: [1, 1, 1, 1, 0, 0],
          token_type_ids: [0n, 0n, 0n, 0n, 0n, 0n],
        },
      },
      {
        label: 'texts.txt:3',
        feed: {
          input_ids: [CLS, 4, 4, 4, 4, SEP],
          attention_mask: [1, 1, 1, 1, 1, 1],
          token_type_ids: [0n, 0n, 0n, 0n, 0n, 0n],
        },
      },
    ]);
    expect(dataset.description).toMatchObject({
      kind: 'text',
      preprocessing: { maxLength: 6, paddedLength: 6, inputs: { input_ids: 'ids', token_type_ids: 'types' } },
    });
  });

  it('find their inputs by name whatever the order, by order without names, or as told', async () => {
    expect((await read('hello', [BERT[1] ?? spec(''), BERT[0] ?? spec('')])).samples[0]?.feed.attention_mask).toEqual([
      1, 1, 1, 0, 0, 0,
    ]);
    const unnamed = [spec('args_0'), spec('args_1')];
    expect((await read('hello', unnamed)).samples[0]?.feed.args_1).toEqual([1, 1, 1, 0, 0, 0]);
    const told = { inputs: { args_0: 'mask', args_1: 'ids' } };
    expect((await read('hello', unnamed, told)).samples[0]?.feed.args_0).toEqual([1, 1, 1, 0, 0, 0]);
    expect(
      (await read('hello', [spec('x'), spec('position_ids')], { inputs: { x: 'ids' } })).samples[0]?.feed.position_ids,
    ).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('take the length of the option, of the model or their own', async () => {
    const open = [spec('ids', [-1, -1])];
    expect((await read('hello world', open)).samples[0]?.feed.ids).toEqual([CLS, 4, 5, SEP]);
    expect((await read('hello world', open, { maxLength: 5 })).samples[0]?.feed.ids).toEqual([CLS, 4, 5, SEP, PAD]);
    const short = await read('hello world hello', [spec('ids')], { maxLength: 4 });
    expect(short.samples[0]?.feed.ids).toEqual([CLS, 4, 5, SEP, PAD, PAD]);
    await expect(read('hello', [spec('ids')], { maxLength: 7 })).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('come from tables and JSON lines too', async () => {
    expect((await read('text,label\n"hello, world",1\n', [spec('ids')], {}, 't.csv')).samples[0]?.feed.ids).toEqual([
      CLS,
      4,
      id(','),
      5,
      SEP,
      PAD,
    ]);
    const json = await read('{"q":"world","a":"x"}', [spec('ids')], { textField: 'q' }, 't.jsonl');
    expect(json.samples[0]).toEqual({ label: 't.jsonl:1', feed: { ids: [CLS, 5, SEP, PAD, PAD, PAD] } });
  });

  it('refuse what does not fit', async () => {
    const file = folder.write('plain.txt', 'hello\n');
    await expect(openDataset([file], [spec('ids')])).rejects.toMatchObject({
      code: 'USAGE',
      hint: expect.stringContaining('--tokenizer'),
    });
    await expect(read('\n', [spec('ids')])).rejects.toMatchObject({ code: 'DATASET_EMPTY' });
    await expect(read('hello', [spec('ids', [1, 6, 4])])).rejects.toMatchObject({ code: 'DATASET_MISMATCH' });
    await expect(read('hello', [spec('ids')], { tokenizer: 'nowhere.txt' })).rejects.toMatchObject({
      code: 'FILE_NOT_FOUND',
    });
    await expect(read('hello', [spec('ids')], { crop: 'center' })).rejects.toMatchObject({ code: 'USAGE' });
    expect(() => textRecipe([spec('a', [1, 4]), spec('b', [1, 5])], undefined)).toThrow(/different numbers of tokens/);
    expect(() => textRecipe([spec('a'), spec('b'), spec('c'), spec('d')], undefined)).toThrow(/not clear/);
  });

  it('are numbers where a table comes without a tokenizer', async () => {
    const file = folder.write('numbers.csv', '1,2,3,4,5,6\n6,5,4,3,2,1\n');
    const dataset = await openDataset([file], [spec('ids')]);
    expect(dataset.length).toBe(2);
    expect(dataset.description.kind).toBe('arrays');
  });
});
