import { AeqError } from '../../schema/errors.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import type { SampleSource } from '../file-dataset.ts';
import { type DataFile, hashFiles, readWhole } from '../files.node.ts';
import type { DatasetOptions } from '../options.ts';
import type { Feed, InputSpec } from '../sample.ts';
import { isIdentity, resolveValueRange, type ValueRange } from '../value-range.ts';
import type { NumberArray } from './array.ts';
import { type ArrayFile, openArrayFile, sliceOf } from './array-file.node.ts';
import { conversionNote } from './convert.ts';
import { findSamples, requireSamples, toTensor } from './fit.ts';
import { decodeNpz } from './npz.ts';
import { scaleTensor } from './scale.ts';

/** Extensions of files that hold nothing but numbers. */
export const ARRAY_EXTENSIONS: ReadonlySet<string> = new Set(['.npy', '.npz', '.bin', '.raw', '.f32']);

interface OpenedSamples {
  readonly names: readonly string[];
  /** `uint8 -> float32` by input name. */
  readonly conversions: Readonly<Record<string, string>>;
  load(index: number): Promise<Feed>;
}

/**
 * Arrays as samples. `.npz`: the keys are input names; one sample a file, or, from a single file, samples along the first
 * dimension. `.npy`, `.csv` and raw files: one sample or samples along the first dimension, for a model with one input;
 * for several inputs, files named after the inputs (`input_ids.npy`, `attention_mask.npy`) with equally many samples.
 * A value range is applied only where the options ask for one, and to float32 inputs.
 * @throws AeqError DATASET_MISMATCH naming file, input, expected and found shape or type; DATASET_UNREADABLE
 */
export async function openArrays(
  files: readonly DataFile[],
  sources: readonly string[],
  inputs: readonly InputSpec[],
  options: DatasetOptions,
): Promise<SampleSource> {
  const range = resolveValueRange(options, 'raw');
  requireScalable(range, inputs);
  const zipped = files.filter(({ extension }) => extension === '.npz').length;
  if (zipped > 0 && zipped < files.length) {
    throw new AeqError('DATASET_UNKNOWN_KIND', `.npz files are mixed with other arrays in ${sources.join(', ')}`, {
      hint: 'give one kind at a time',
    });
  }
  const opened = await (zipped > 0 ? openNpzFiles : openPlainFiles)(files, inputs);
  const layout = options.layout ?? 'nhwc';
  const scale = (feed: Feed): Feed =>
    Object.fromEntries(Object.entries(feed).map(([name, value]) => [name, scaleTensor(value, range, layout)]));
  return {
    names: opened.names,
    description: {
      kind: 'arrays',
      sources,
      preprocessing: {
        conversions: opened.conversions,
        ...(isIdentity(range) ? {} : { valueRange: range, layout }),
      },
      contentHash: await hashFiles(files),
    },
    load: async (index) => (isIdentity(range) ? opened.load(index) : scale(await opened.load(index))),
  };
}

function requireScalable(range: ValueRange, inputs: readonly InputSpec[]): void {
  if (isIdentity(range) || inputs.some(({ type }) => type === TensorType.FLOAT32)) return;
  throw new AeqError('USAGE', 'a value range is asked for, but no input of the model takes float32', {
    hint: 'leave --preprocess, --mean, --std and --scale away',
  });
}

async function openPlainFiles(files: readonly DataFile[], inputs: readonly InputSpec[]): Promise<OpenedSamples> {
  const [only] = inputs;
  if (inputs.length === 1 && only) return openSingleInput(files, only);
  const columns = inputs.map((input) => {
    const named = files.filter(({ name, extension }) => name.slice(0, name.length - extension.length) === input.name);
    if (named[0] && named.length === 1) return { input, file: named[0] };
    const names = inputs.map(({ name }) => `"${name}"`).join(', ');
    throw new AeqError('DATASET_MISMATCH', `no array for input "${input.name}": the model has the inputs ${names}`, {
      where: { tensor: input.name },
      hint: 'give .npz files with the input names as keys, or one .npy file per input named after it',
    });
  });
  const opened = await Promise.all(
    columns.map(async (column) => ({ ...column, array: await openArrayFile(column.file, column.input) })),
  );
  const samples = opened[0]?.array.layout.samples ?? 0;
  const other = opened.find(({ array }) => array.layout.samples !== samples);
  if (other && opened[0]) {
    const text = `${other.file.label} has ${other.array.layout.samples} samples, ${opened[0].file.label} ${samples}`;
    throw new AeqError('DATASET_MISMATCH', text, { where: { file: other.file.label, tensor: other.input.name } });
  }
  return {
    names: Array.from({ length: samples }, (_, sample) => `sample ${sample}`),
    conversions: conversions(opened),
    async load(index) {
      const entries = opened.map(async ({ input, file, array }) => [
        input.name,
        await readTensor(array, index, input, file.label),
      ]);
      return Object.fromEntries(await Promise.all(entries));
    },
  };
}

async function openSingleInput(files: readonly DataFile[], input: InputSpec): Promise<OpenedSamples> {
  const opened = await Promise.all(files.map((file) => openOrKeepError(file, input)));
  const samples = opened.flatMap(({ file, array }) =>
    Array.from({ length: array.layout.samples }, (_, sample) => ({ file, array, sample })),
  );
  return {
    names: samples.map(({ file, array, sample }) => (array.layout.samples > 1 ? `${file.name}[${sample}]` : file.name)),
    conversions: conversions(opened.filter(({ readable }) => readable)),
    async load(index) {
      const found = samples[index];
      if (!found) throw new AeqError('INTERNAL', `there is no sample ${index}`);
      return { [input.name]: await readTensor(found.array, found.sample, input, found.file.label) };
    },
  };
}

/** A damaged file counts as one sample that cannot be read, so that a share of them can be allowed. */
async function openOrKeepError(file: DataFile, input: InputSpec) {
  try {
    return { file, input, readable: true, array: await openArrayFile(file, input) };
  } catch (error) {
    if (!(error instanceof AeqError) || error.code !== 'DATASET_UNREADABLE') throw error;
    const array: ArrayFile = {
      type: 'float32',
      layout: { samples: 1, shape: input.shape },
      read: () => Promise.reject(error),
    };
    return { file, input, readable: false, array };
  }
}

const readTensor = async (array: ArrayFile, sample: number, input: InputSpec, file: string) =>
  toTensor(await array.read(sample), array.layout.shape, input, file);

const conversions = (columns: readonly { input: InputSpec; array: { type: ArrayFile['type'] } }[]) =>
  Object.fromEntries(
    columns.flatMap(({ input, array }) => {
      const note = conversionNote(array.type, input.type);
      return note === undefined ? [] : [[input.name, note] as const];
    }),
  );

async function readNpz(
  file: DataFile,
  inputs: readonly InputSpec[],
): Promise<{ input: InputSpec; array: NumberArray }[]> {
  const wanted = new Set(inputs.map(({ name }) => name));
  const { names, arrays } = decodeNpz(await readWhole(file), file.label, wanted);
  return inputs.map((input) => {
    const array = arrays.get(input.name);
    if (array) return { input, array };
    const found = names.length > 0 ? `has ${names.slice(0, 10).join(', ')}` : 'has no arrays';
    throw new AeqError('DATASET_MISMATCH', `${file.label} has no array for input "${input.name}": it ${found}`, {
      where: { file: file.label, tensor: input.name },
      hint: `the keys must be the names of the inputs: ${[...wanted].join(', ')}`,
    });
  });
}

async function openNpzFiles(files: readonly DataFile[], inputs: readonly InputSpec[]): Promise<OpenedSamples> {
  const [file] = files;
  if (!file) throw new AeqError('DATASET_EMPTY', 'there are no .npz files');
  const first = await readNpz(file, inputs);
  const single = files.length === 1 ? openStackedNpz(file, first) : undefined;
  if (single) return single;
  return {
    names: files.map(({ name }) => name),
    conversions: conversions(first),
    async load(index) {
      const one = files[index];
      if (!one) throw new AeqError('INTERNAL', `there is no sample ${index}`);
      const columns = await readNpz(one, inputs);
      return Object.fromEntries(
        columns.map(({ input, array }) => {
          const { shape } = requireSamples(array, input, one.label, true);
          return [input.name, toTensor({ ...array, shape }, shape, input, one.label)];
        }),
      );
    },
  };
}

/** A single `.npz` whose arrays hold samples along their first dimension; undefined when it holds one sample. */
function openStackedNpz(
  file: DataFile,
  columns: readonly { input: InputSpec; array: NumberArray }[],
): OpenedSamples | undefined {
  const fits = (oneSample: boolean) =>
    columns.map(({ input, array }) => findSamples(array.shape, input.shape, oneSample));
  if (fits(true).every((layout) => layout !== undefined)) return undefined;
  const opened = columns.map(({ input, array }) => {
    const layout = requireSamples(array, input, file.label, false);
    return { input, layout, array, read: sliceOf(async () => array, layout) };
  });
  const samples = opened[0]?.layout.samples ?? 0;
  const other = opened.find(({ layout }) => layout.samples !== samples);
  if (other) {
    const text = `${file.label} has ${samples} samples for input "${opened[0]?.input.name}" but ${other.layout.samples} for "${other.input.name}"`;
    throw new AeqError('DATASET_MISMATCH', text, { where: { file: file.label, tensor: other.input.name } });
  }
  return {
    names: Array.from({ length: samples }, (_, sample) => `${file.name}[${sample}]`),
    conversions: conversions(opened),
    async load(index) {
      const entries = opened.map(async ({ input, layout, read }) => [
        input.name,
        toTensor(await read(index), layout.shape, input, file.label),
      ]);
      return Object.fromEntries(await Promise.all(entries));
    },
  };
}
