import { AeqError } from '../../schema/errors.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { scaleTensor } from '../arrays/scale.ts';
import { mapLimited } from '../concurrency.ts';
import type { SampleSource } from '../file-dataset.ts';
import { type DataFile, hashFiles } from '../files.node.ts';
import { decodePicture } from '../images/decode.node.ts';
import { describeRecipe, pictureRecipe, pictureTensor } from '../images/tensor.ts';
import type { Labels } from '../labels.ts';
import type { DatasetHooks, DatasetOptions } from '../options.ts';
import type { Feed, InputSpec } from '../sample.ts';
import type { SampleMemory } from '../sample-memory.ts';
import { toInputTensor } from '../tensor-like.ts';
import { openTokenized } from '../text/open.node.ts';
import { isIdentity, resolveValueRange } from '../value-range.ts';
import { openParquetFile, type ParquetColumn, type ParquetFile, type ParquetRow } from './file.node.ts';

export const PARQUET_EXTENSIONS: ReadonlySet<string> = new Set(['.parquet']);

const LABEL_COLUMNS: readonly string[] = ['label', 'labels', 'class', 'target', 'fine_label'];
const TEXT_COLUMNS: readonly string[] = ['text', 'sentence', 'content', 'prompt'];

/**
 * Rows of parquet files as samples. In order: columns named as the inputs (or as `options.inputs` says) hold numbers; a
 * model with one input takes its picture column (bytes, or the struct of Hugging Face data sets) or its only column of
 * numbers; with a tokenizer, a column of texts. A column `label` of whole numbers gives the labels.
 * @throws AeqError DATASET_MISMATCH naming the columns; DATASET_UNREADABLE
 */
export async function openParquet(
  files: readonly DataFile[],
  sources: readonly string[],
  inputs: readonly InputSpec[],
  options: DatasetOptions,
  hooks: DatasetHooks = {},
): Promise<SampleSource> {
  const opened = await mapLimited(files, openParquetFile);
  const rows = opened.flatMap((file) => Array.from({ length: file.rows }, (_, row) => ({ file, row })));
  const columns = opened[0]?.columns ?? [];
  const table: Table = {
    opened,
    rows,
    columns,
    sources,
    inputs,
    options,
    contentHash: hooks.contentHash ?? (await hashFiles(files)),
  };
  const source = await openTable(table);
  const labels = await readLabelColumn(table);
  return labels ? { ...source, labels } : source;
}

interface Table {
  readonly opened: readonly ParquetFile[];
  readonly rows: readonly { readonly file: ParquetFile; readonly row: number }[];
  readonly columns: readonly ParquetColumn[];
  readonly sources: readonly string[];
  readonly inputs: readonly InputSpec[];
  readonly options: DatasetOptions;
  readonly contentHash: string;
}

const rowName = ({ file, row }: Table['rows'][number]): string => `${file.file.name}[${row}]`;

function openTable(table: Table): Promise<SampleSource> | SampleSource {
  const { columns, inputs, options } = table;
  if (options.tokenizer !== undefined) return openTextColumn(table);
  const named = inputs.map((input) => options.inputs?.[input.name] ?? input.name);
  const has = (name: string, kind?: ParquetColumn['kind']) =>
    columns.some((column) => column.name === name && (kind === undefined || column.kind === kind));
  if (named.every((name) => has(name, 'numbers'))) return openNumberColumns(table, named);
  const [only] = named;
  if (inputs.length === 1 && only !== undefined) {
    const pictures = columns.filter(({ kind }) => kind === 'picture' || kind === 'bytes');
    const picture = pictures.find(({ name }) => name === only) ?? (has(only) ? undefined : single(pictures));
    if (picture) return openPictureColumn(table, picture.name);
    const numbers = columns.filter(({ name, kind }) => kind === 'numbers' && !LABEL_COLUMNS.includes(name));
    const column = single(numbers);
    if (column) return openNumberColumns(table, [column.name]);
  }
  const missing = named.filter((name) => !has(name, 'numbers')).join(', ');
  throw noColumn(table, `columns of numbers called ${missing}`);
}

const single = <T>(list: readonly T[]): T | undefined => (list.length === 1 ? list[0] : undefined);

function noColumn({ sources, columns }: Table, wanted: string): AeqError {
  const found = columns.map(({ name, kind }) => `${name} (${kind})`).join(', ');
  return new AeqError('DATASET_MISMATCH', `${sources.join(', ')} has no ${wanted}: it has ${found || 'no columns'}`, {
    hint: 'name the columns as the inputs, or say in a manifest "inputs": { "<input>": "<column>" }',
  });
}

function openSource(
  { rows, sources, contentHash }: Table,
  columns: readonly string[],
  preprocessing: Readonly<Record<string, unknown>>,
  toFeed: (row: ParquetRow, label: string, memory: SampleMemory) => Promise<Feed>,
): SampleSource {
  return {
    names: rows.map(rowName),
    description: { kind: 'parquet', sources, preprocessing: { columns, ...preprocessing }, contentHash },
    async load(index, memory) {
      const found = rows[index];
      if (!found) throw new AeqError('INTERNAL', `there is no row ${index}`);
      return toFeed(await found.file.read(found.row, columns), `${found.file.file.label} row ${found.row}`, memory);
    },
  };
}

function openNumberColumns(table: Table, columns: readonly string[]): SampleSource {
  const { inputs, options } = table;
  const range = resolveValueRange(options, 'raw');
  const layout = options.layout ?? 'nhwc';
  if (!isIdentity(range) && !inputs.some(({ type }) => type === TensorType.FLOAT32)) {
    throw new AeqError('USAGE', 'a value range is asked for, but no input of the model takes float32');
  }
  const preprocessing = isIdentity(range) ? {} : { valueRange: range, layout };
  return openSource(table, columns, preprocessing, async (row, label, memory) => {
    const entries = inputs.map(async (input, i) => {
      const value = await toInputTensor(row[columns[i] ?? ''], input, { file: label }, memory);
      return [input.name, isIdentity(range) ? value : scaleTensor(value, range, layout, memory)] as const;
    });
    return Object.fromEntries(await Promise.all(entries));
  });
}

function openPictureColumn(table: Table, column: string): SampleSource {
  const [input] = table.inputs;
  if (!input) throw new AeqError('INTERNAL', 'a model without inputs');
  const recipe = pictureRecipe(input, table.options);
  return openSource(table, [column], describeRecipe(recipe, input), async (row, label, memory) => {
    const value = row[column];
    const bytes = typeof value === 'object' && value !== null && 'bytes' in value ? value.bytes : value;
    if (!(bytes instanceof Uint8Array)) {
      throw new AeqError('DATASET_UNREADABLE', `${label} has no picture in "${column}"`, { where: { file: label } });
    }
    return { [input.name]: pictureTensor(await decodePicture(bytes, label), recipe, input, memory) };
  });
}

async function openTextColumn(table: Table): Promise<SampleSource> {
  const { columns, options, opened, sources, inputs, contentHash } = table;
  const texts = columns.filter(({ kind }) => kind === 'text' || kind === 'bytes');
  const column =
    options.textField === undefined
      ? (texts.find(({ name }) => TEXT_COLUMNS.includes(name)) ?? single(texts))
      : texts.find(({ name }) => name === options.textField);
  if (!column) throw noColumn(table, `column of texts called ${options.textField ?? 'text'}`);
  const decoder = new TextDecoder();
  const read = mapLimited(opened, async (file) => {
    const values = await file.readColumn(column.name);
    return values.map((value, row) => ({
      text: value instanceof Uint8Array ? decoder.decode(value) : String(value ?? ''),
      name: rowName({ file, row }),
    }));
  });
  return openTokenized((await read).flat(), sources, inputs, options, contentHash);
}

async function readLabelColumn({ columns, opened }: Table): Promise<Labels | undefined> {
  const column = columns.find(({ name, kind }) => kind === 'numbers' && LABEL_COLUMNS.includes(name));
  if (!column) return undefined;
  const values = (await mapLimited(opened, (file) => file.readColumn(column.name))).flat();
  const labels = values.map((value) => (typeof value === 'bigint' ? Number(value) : value));
  const whole = labels.every((value) => Number.isSafeInteger(value) && Number(value) >= 0);
  return whole ? labels.map((value) => new Set([Number(value)])) : undefined;
}
