import { type DataFile, readRange, readText, readWhole } from '../files.node.ts';
import type { InputSpec } from '../sample.ts';
import type { SampleMemory } from '../sample-memory.ts';
import {
  type ArrayType,
  allocateElements,
  elementBytes,
  elementsFromBytes,
  type NumberArray,
  shapeCount,
} from './array.ts';
import { requireSamples, type SampleLayout } from './fit.ts';
import { checkNpySize, decodeNpy, decodeNpyElements, NPY_PREFIX_BYTES, npyHeaderBytes, parseNpyHeader } from './npy.ts';
import { decodeNumberTable, rawSampleCount } from './number-files.ts';

/** The samples one file has for one input. */
export interface ArrayFile {
  readonly type: ArrayType;
  readonly layout: SampleLayout;
  /** The elements of one sample, in this memory; their number is that of `layout.shape`. */
  read(sample: number, memory: SampleMemory): Promise<NumberArray>;
}

/**
 * Opens a `.npy`, `.csv` or raw float32 file: its header is read and fitted to the input, its elements when they are
 * wanted. @throws AeqError DATASET_MISMATCH, DATASET_UNREADABLE
 */
export function openArrayFile(file: DataFile, input: InputSpec): Promise<ArrayFile> {
  if (file.extension === '.npy') return openNpyFile(file, input);
  if (file.extension === '.csv' || file.extension === '.tsv') return openTable(file, input);
  return openRawFile(file, input);
}

async function openNpyFile(file: DataFile, input: InputSpec): Promise<ArrayFile> {
  const prefix = await readRange(file, 0, NPY_PREFIX_BYTES);
  const header = parseNpyHeader(await readRange(file, 0, npyHeaderBytes(prefix, file.label)), file.label);
  checkNpySize(header, file.sizeBytes, file.label);
  const layout = requireSamples(header, input, file.label, false);
  if (header.fortranOrder && layout.samples > 1) {
    return {
      type: header.type,
      layout,
      read: sliceOf(async () => decodeNpy(await readWhole(file), file.label), layout),
    };
  }
  const bytes = shapeCount(layout.shape) * elementBytes(header.type);
  return {
    type: header.type,
    layout,
    async read(sample, memory) {
      const start = header.dataOffset + sample * bytes;
      return decodeNpyElements(
        header,
        header.fortranOrder ? header.shape : layout.shape,
        await readRange(file, start, start + bytes, memory),
      );
    },
  };
}

async function openTable(file: DataFile, input: InputSpec): Promise<ArrayFile> {
  const table = decodeNumberTable(await readText(file), file.label);
  // A row is a sample whatever the rank of the input: only the number of values must fit.
  const fixed = input.shape.map((length, axis) => (axis === 0 && length < 0 ? 1 : length));
  const [rows = 0, columns = 0] = table.shape;
  const flat = fixed.every((length) => length > 0) && shapeCount(fixed) === columns;
  const layout = flat ? { samples: rows, shape: fixed } : requireSamples(table, input, file.label, false);
  return { type: table.type, layout, read: sliceOf(async () => table, layout) };
}

async function openRawFile(file: DataFile, input: InputSpec): Promise<ArrayFile> {
  const shape = input.shape.map((length) => (length < 0 ? 1 : length));
  const samples = rawSampleCount(file.sizeBytes, shapeCount(shape), file.label);
  const bytes = shapeCount(shape) * 4;
  return {
    type: 'float32',
    layout: { samples, shape },
    async read(sample, memory) {
      const content = await readRange(file, sample * bytes, (sample + 1) * bytes, memory);
      return { type: 'float32', shape, data: elementsFromBytes('float32', content) };
    },
  };
}

/** Cuts samples out of an array that has to be in memory as a whole, which is read once. */
export function sliceOf(read: () => Promise<NumberArray>, { shape }: SampleLayout): ArrayFile['read'] {
  let whole: Promise<NumberArray> | undefined;
  const count = shapeCount(shape);
  return async (sample, memory) => {
    whole ??= read();
    const { type, data } = await whole;
    const part = allocateElements(type, count, memory);
    part.set(data.subarray(sample * count, (sample + 1) * count) as never);
    return { type, shape, data: part };
  };
}
