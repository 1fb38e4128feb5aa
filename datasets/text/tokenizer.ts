import { Tokenizer } from '@huggingface/tokenizers';
import { AeqError } from '../../schema/errors.ts';

/** Token ids of one text, with the special tokens around it, not yet padded. */
export interface Encoded {
  readonly ids: readonly number[];
  /** 0 for the first sequence; as the tokenizer says where it says. */
  readonly typeIds: readonly number[];
}

export interface TextTokenizer {
  /** Encodes one text; a text that is too long loses its last tokens, never the special ones. */
  encode(text: string, maxLength: number): Encoded;
  /** The text of ids, special tokens with it; undefined where the tokenizer cannot put them together again. */
  decode(ids: readonly number[]): string | undefined;
  readonly padId: number;
  readonly padSide: 'left' | 'right';
  /** What decides the numbers, for the record. */
  readonly description: Readonly<Record<string, unknown>>;
}

const invalid = (file: string, why: string, cause?: unknown): AeqError =>
  new AeqError('TOKENIZER_INVALID', `the tokenizer ${file} cannot be used: ${why}`, {
    where: { file },
    hint: 'give a tokenizer.json of Hugging Face or the vocab.txt of a WordPiece tokenizer',
    cause,
  });

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * A tokenizer from the text of a `tokenizer.json` and, where there is one, of the `tokenizer_config.json` beside it.
 * @throws AeqError TOKENIZER_INVALID
 */
export function tokenizerFromJson(text: string, file: string, configText = '{}'): TextTokenizer {
  const definition = parse(text, file);
  const config = parse(configText, file);
  const tokenizer = construct(definition, config, file);
  const padding = isObject(definition.padding) ? definition.padding : {};
  const padToken = typeof config.pad_token === 'string' ? config.pad_token : padding.pad_token;
  const declared = typeof padding.pad_id === 'number' ? padding.pad_id : undefined;
  const named = [padToken, '[PAD]', '<pad>', '<|endoftext|>'].map((token) =>
    typeof token === 'string' ? tokenizer.token_to_id(token) : undefined,
  );
  const unknown = isObject(definition.model) ? definition.model.unk_token : undefined;
  return wrap(tokenizer, file, typeof unknown === 'string' ? tokenizer.token_to_id(unknown) : undefined, {
    padId: declared ?? named.find((id) => id !== undefined) ?? 0,
    padSide: padding.direction === 'Left' || config.padding_side === 'left' ? 'left' : 'right',
    description: { kind: 'tokenizer.json', model: isObject(definition.model) ? definition.model.type : undefined },
  });
}

function parse(text: string, file: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text);
    if (isObject(value)) return value;
  } catch (error) {
    throw invalid(file, 'it is not JSON', error);
  }
  throw invalid(file, 'it is no JSON object');
}

function construct(definition: object, config: object, file: string): Tokenizer {
  try {
    return new Tokenizer(definition, config);
  } catch (error) {
    throw invalid(file, error instanceof Error ? error.message : String(error), error);
  }
}

const SPECIAL_TOKENS = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'] as const;
/** Longer words become the unknown token, as in BERT's own tokenizer. */
const LONGEST_WORD = 100;

/**
 * A WordPiece tokenizer as BERT uses it from the lines of a `vocab.txt`: control characters removed, Chinese characters
 * apart, words split at spaces and punctuation, [CLS] before and [SEP] behind. Lower case without accents, unless the
 * vocabulary has pieces with capital letters. @throws AeqError TOKENIZER_INVALID
 */
export function tokenizerFromVocabulary(text: string, file: string): TextTokenizer {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  const vocabulary = new Map(lines.map((piece, id) => [piece, id]));
  const missing = ['[UNK]', '[CLS]', '[SEP]'].filter((token) => !vocabulary.has(token));
  if (missing.length > 0) throw invalid(file, `${missing.join(' and ')} are not in it`);
  const lowerCase = !lines.some((piece) => /\p{Lu}/u.test(piece) && !/^\[.*\]$/.test(piece));
  const special = SPECIAL_TOKENS.filter((token) => vocabulary.has(token));
  const token = (id: string) => ({ SpecialToken: { id, type_id: 0 } });
  const entry = (id: string) => [id, { id, ids: [vocabulary.get(id)], tokens: [id] }] as const;
  const definition = {
    version: '1.0',
    added_tokens: special.map((content) => ({
      id: vocabulary.get(content),
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: true,
      strip_accents: null,
      lowercase: lowerCase,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [token('[CLS]'), { Sequence: { id: 'A', type_id: 0 } }, token('[SEP]')],
      pair: [token('[CLS]'), { Sequence: { id: 'A', type_id: 0 } }, token('[SEP]')],
      special_tokens: Object.fromEntries([entry('[CLS]'), entry('[SEP]')]),
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: LONGEST_WORD,
      vocab: Object.fromEntries(vocabulary),
    },
  };
  return wrap(construct(definition, {}, file), file, vocabulary.get('[UNK]'), {
    padId: vocabulary.get('[PAD]') ?? 0,
    padSide: 'right',
    description: { kind: 'WordPiece vocabulary', lowerCase, pieces: lines.length },
  });
}

function wrap(
  tokenizer: Tokenizer,
  file: string,
  unknownId: number | undefined,
  rest: Omit<TextTokenizer, 'encode' | 'decode'>,
): TextTokenizer {
  /** The library gives undefined for pieces that some kinds of models do not know. */
  const known = (ids: readonly (number | undefined)[], text: string): number[] =>
    ids.map((id) => {
      const found = id ?? unknownId;
      if (found !== undefined) return found;
      throw invalid(file, `it has no token for a part of "${text.slice(0, 40)}", and none for unknown parts`);
    });
  return {
    ...rest,
    description: { ...rest.description, padId: rest.padId, padSide: rest.padSide },
    decode(ids) {
      try {
        return ids.length === 0 ? '' : tokenizer.decode([...ids], { skip_special_tokens: false });
      } catch {
        return undefined;
      }
    },
    encode(text, maxLength) {
      const encoded = tokenizer.encode(text, { return_token_type_ids: true });
      const full = known(encoded.ids, text);
      const typeIds = encoded.token_type_ids.length === full.length ? encoded.token_type_ids : full.map(() => 0);
      if (full.length <= maxLength) return { ids: full, typeIds };
      const plain = known(tokenizer.encode(text, { add_special_tokens: false }).ids, text);
      const { before, after } = specialTokens(full, plain);
      const kept = Math.max(0, maxLength - before - after);
      const cut = <T>(list: readonly T[]): T[] =>
        [...list.slice(0, before + kept), ...list.slice(list.length - after, list.length)].slice(0, maxLength);
      return { ids: cut(full), typeIds: cut(typeIds) };
    },
  };
}

/** How many special tokens stand before and behind the text's own. */
function specialTokens(full: readonly number[], plain: readonly number[]): { before: number; after: number } {
  const extra = full.length - plain.length;
  for (let before = 0; before <= extra; before++) {
    if (plain.every((id, i) => full[before + i] === id)) return { before, after: extra - before };
  }
  return { before: 0, after: 0 };
}
