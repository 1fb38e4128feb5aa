import { AeqError } from '../../schema/errors.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { mapLimited } from '../concurrency.ts';
import type { SampleSource } from '../file-dataset.ts';
import { type DataFile, hashFiles } from '../files.node.ts';
import type { DatasetHooks, DatasetOptions } from '../options.ts';
import type { Feed, InputSpec } from '../sample.ts';
import type { SampleMemory } from '../sample-memory.ts';
import { isIdentity, resolveValueRange, type ValueRange } from '../value-range.ts';
import { type ArrayFile, openArrayFile } from './array-file.node.ts';
import { type Column, conversions, type OpenedSamples } from './columns.ts';
import { toTensor } from './fit.ts';
import { openNpzFiles } from './npz-files.node.ts';
import { scaleTensor } from './scale.ts';

/** Extensions of files that hold nothing but numbers. */
export const ARRAY_EXTENSIONS: ReadonlySet<string> = new Set(['.npy', '.npz', '.bin', '.raw', '.f32']);

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
  hooks: DatasetHooks = {},
): Promise<SampleSource> {
  const range = resolveValueRange(options, 'raw');
  requireScalable(range, inputs);
  const zipped = files.filter(({ extension }) => extension === '.npz').length;
  if (zipped > 0 && zipped < files.length) {
    throw new AeqError('DATASET_UNKNOWN_KIND', `.npz files are mixed with other arrays in ${sources.join(', ')}`, {
      hint: 'give one kind at a time',
    });
  }
  const columns = inputs.map((input) => ({ input, key: options.inputs?.[input.name] ?? input.name }));
  const opened = await (zipped > 0 ? openNpzFiles : openPlainFiles)(files, columns);
  const layout = options.layout ?? 'nhwc';
  const scale = (feed: Feed, memory: SampleMemory): Feed =>
    Object.fromEntries(Object.entries(feed).map(([name, value]) => [name, scaleTensor(value, range, layout, memory)]));
  return {
    names: opened.names,
    description: {
      kind: 'arrays',
      sources,
      preprocessing: {
        conversions: opened.conversions,
        ...(isIdentity(range) ? {} : { valueRange: range, layout }),
      },
      contentHash: hooks.contentHash ?? (await hashFiles(files)),
    },
    load: async (index, memory) => {
      const feed = await opened.load(index, memory);
      return isIdentity(range) ? feed : scale(feed, memory);
    },
  };
}

function requireScalable(range: ValueRange, inputs: readonly InputSpec[]): void {
  if (isIdentity(range) || inputs.some(({ type }) => type === TensorType.FLOAT32)) return;
  throw new AeqError('USAGE', 'a value range is asked for, but no input of the model takes float32', {
    hint: 'leave --preprocess, --mean, --std and --scale away',
  });
}

const stem = ({ name, extension }: DataFile): string => name.slice(0, name.length - extension.length);

async function openPlainFiles(files: readonly DataFile[], wanted: readonly Column[]): Promise<OpenedSamples> {
  const [only] = wanted;
  if (wanted.length === 1 && only) {
    const named = files.filter((file) => stem(file) === only.key);
    if (only.key === only.input.name) return openSingleInput(files, only.input);
    if (named.length > 0) return openSingleInput(named, only.input);
  }
  const columns = wanted.map(({ input, key }) => {
    const named = files.filter((file) => stem(file) === key);
    if (named[0] && named.length === 1) return { input, file: named[0] };
    const names = wanted.map(({ input: { name } }) => `"${name}"`).join(', ');
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
    async load(index, memory) {
      const entries = opened.map(async ({ input, file, array }) => [
        input.name,
        await readTensor(array, index, input, file.label, memory),
      ]);
      return Object.fromEntries(await Promise.all(entries));
    },
  };
}

async function openSingleInput(files: readonly DataFile[], input: InputSpec): Promise<OpenedSamples> {
  const opened = await mapLimited(files, (file) => openOrKeepError(file, input));
  const samples = opened.flatMap(({ file, array }) =>
    Array.from({ length: array.layout.samples }, (_, sample) => ({ file, array, sample })),
  );
  return {
    names: samples.map(({ file, array, sample }) => (array.layout.samples > 1 ? `${file.name}[${sample}]` : file.name)),
    conversions: conversions(opened.filter(({ readable }) => readable)),
    async load(index, memory) {
      const found = samples[index];
      if (!found) throw new AeqError('INTERNAL', `there is no sample ${index}`);
      return { [input.name]: await readTensor(found.array, found.sample, input, found.file.label, memory) };
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

const readTensor = async (array: ArrayFile, sample: number, input: InputSpec, file: string, memory: SampleMemory) =>
  toTensor(await array.read(sample, memory), array.layout.shape, input, file, memory);
