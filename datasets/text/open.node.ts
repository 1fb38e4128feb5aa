import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { AeqError } from '../../schema/errors.ts';
import { mapLimited } from '../concurrency.ts';
import type { SampleSource } from '../file-dataset.ts';
import { type DataFile, hashFiles, listFiles, readText } from '../files.node.ts';
import type { DatasetOptions } from '../options.ts';
import type { InputSpec } from '../sample.ts';
import { jsonLines, type TextLine, tableTexts, textLines } from './lines.ts';
import { textFeed, textRecipe, textWords } from './tensors.ts';
import { type TextTokenizer, tokenizerFromJson, tokenizerFromVocabulary } from './tokenizer.ts';

/** Extensions of files of texts. */
export const TEXT_EXTENSIONS: ReadonlySet<string> = new Set(['.txt', '.jsonl', '.csv', '.tsv']);

/**
 * Texts as samples, tokenized: one a line of `.txt`, `.jsonl`, `.csv` or `.tsv` files.
 * @throws AeqError USAGE without a tokenizer; TOKENIZER_INVALID; DATASET_MISMATCH; DATASET_UNREADABLE
 */
export async function openTexts(
  files: readonly DataFile[],
  sources: readonly string[],
  inputs: readonly InputSpec[],
  options: DatasetOptions,
): Promise<SampleSource> {
  const read = await mapLimited(files, async (file) =>
    (await readTexts(file, options.textField)).map((line) => ({ ...line, file })),
  );
  const lines = read.flat();
  if (lines.length === 0) {
    throw new AeqError('DATASET_EMPTY', `there is no text in ${sources.join(', ')}`, { hint: 'write one text a line' });
  }
  const texts = lines.map(({ text, line, file }) => ({ text, name: `${file.name}:${line}` }));
  return openTokenized(texts, sources, inputs, options, await hashFiles(files));
}

/** Named texts as samples, tokenized. */
export async function openTokenized(
  texts: readonly { readonly text: string; readonly name: string }[],
  sources: readonly string[],
  inputs: readonly InputSpec[],
  options: DatasetOptions,
  contentHash: string,
): Promise<SampleSource> {
  if (options.tokenizer === undefined) {
    throw new AeqError('USAGE', `texts in ${sources.join(', ')} need a tokenizer to become tokens`, {
      hint: 'give --tokenizer tokenizer.json or vocab.txt; the model’s own',
    });
  }
  const { tokenizer, hash } = await openTokenizer(options.tokenizer);
  const recipe = textRecipe(inputs, options.maxLength, options.inputs);
  return {
    names: texts.map(({ name }) => name),
    description: {
      kind: 'text',
      sources,
      preprocessing: {
        tokenizer: { file: basename(options.tokenizer), ...tokenizer.description, contentHash: hash },
        maxLength: recipe.maxLength,
        paddedLength: recipe.paddedLength ?? 'of the text',
        inputs: Object.fromEntries(recipe.inputs.map(({ input, role }) => [input.name, role])),
      },
      contentHash,
    },
    words: (feed) => textWords(feed, recipe, tokenizer),
    async load(index) {
      const found = texts[index];
      if (!found) throw new AeqError('INTERNAL', `there is no text ${index}`);
      return textFeed(found.text, recipe, tokenizer, found.name);
    },
  };
}

async function readTexts(file: DataFile, field: string | undefined): Promise<TextLine[]> {
  const content = await readText(file);
  if (file.extension === '.jsonl') return jsonLines(content, file.label, field);
  if (file.extension === '.csv') return tableTexts(content, file.label, ',', field);
  if (file.extension === '.tsv') return tableTexts(content, file.label, '\t', field);
  return textLines(content);
}

/** @throws AeqError FILE_NOT_FOUND, FILE_UNREADABLE, TOKENIZER_INVALID */
async function openTokenizer(path: string): Promise<{ tokenizer: TextTokenizer; hash: string }> {
  const files = await listFiles([path]);
  const [file] = files;
  if (!file || files.length > 1 || !file.named) {
    throw new AeqError('TOKENIZER_INVALID', `the tokenizer ${path} is a folder`, {
      where: { file: path },
      hint: 'name the tokenizer.json or vocab.txt in it',
    });
  }
  const text = await readText(file);
  if (file.extension !== '.json')
    return { tokenizer: tokenizerFromVocabulary(text, path), hash: await hashFiles(files) };
  const beside = join(dirname(path), 'tokenizer_config.json');
  const config = existsSync(beside) ? await readText(beside) : undefined;
  return { tokenizer: tokenizerFromJson(text, path, config), hash: await hashFiles(files) };
}
