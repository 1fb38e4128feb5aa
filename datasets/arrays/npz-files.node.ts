import { AeqError } from '../../schema/errors.ts';
import { type DataFile, readWhole } from '../files.node.ts';
import type { InputSpec } from '../sample.ts';
import { freshMemory, type SampleMemory } from '../sample-memory.ts';
import type { NumberArray } from './array.ts';
import { sliceOf } from './array-file.node.ts';
import { type Column, conversions, type OpenedSamples } from './columns.ts';
import { findSamples, requireSamples, toTensor } from './fit.ts';
import { decodeNpz } from './npz.ts';

async function readNpz(
  file: DataFile,
  columns: readonly Column[],
  memory: SampleMemory,
): Promise<{ input: InputSpec; array: NumberArray }[]> {
  const wanted = new Set(columns.map(({ key }) => key));
  const { names, arrays } = decodeNpz(await readWhole(file, memory), file.label, wanted);
  return columns.map(({ input, key }) => {
    const array = arrays.get(key);
    if (array) return { input, array };
    const found = names.length > 0 ? `has ${names.slice(0, 10).join(', ')}` : 'has no arrays';
    throw new AeqError('DATASET_MISMATCH', `${file.label} has no array for input "${input.name}": it ${found}`, {
      where: { file: file.label, tensor: input.name },
      hint: `the keys it needs: ${[...wanted].join(', ')}`,
    });
  });
}

/**
 * `.npz` files whose keys are the columns: one sample a file, or, from a single file, samples along the first dimension.
 * @throws AeqError DATASET_MISMATCH, DATASET_UNREADABLE
 */
export async function openNpzFiles(files: readonly DataFile[], wanted: readonly Column[]): Promise<OpenedSamples> {
  const [file] = files;
  if (!file) throw new AeqError('DATASET_EMPTY', 'there are no .npz files');
  const first = await readNpz(file, wanted, freshMemory).catch(keepDamage);
  const single = files.length === 1 ? openStackedNpz(file, first) : undefined;
  if (single) return single;
  return {
    names: files.map(({ name }) => name),
    conversions: conversions(first),
    async load(index, memory) {
      const one = files[index];
      if (!one) throw new AeqError('INTERNAL', `there is no sample ${index}`);
      const columns = await readNpz(one, wanted, memory);
      return Object.fromEntries(
        columns.map(({ input, array }) => {
          const { shape } = requireSamples(array, input, one.label, true);
          return [input.name, toTensor({ ...array, shape }, shape, input, one.label, memory)];
        }),
      );
    },
  };
}

/** A damaged file is reported when its sample is read, so that a share of them can be allowed. */
function keepDamage(error: unknown): [] {
  if (error instanceof AeqError && error.code === 'DATASET_UNREADABLE') return [];
  throw error;
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
    async load(index, memory) {
      const entries = opened.map(async ({ input, layout, read }) => [
        input.name,
        toTensor(await read(index, memory), layout.shape, input, file.label, memory),
      ]);
      return Object.fromEntries(await Promise.all(entries));
    },
  };
}
