import type { Kernels } from '../../kernels/index.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { elementCount } from '../../schema/graph.ts';
import { type CountsMemory, type HistogramPages, joinPages } from './histogram-counts.ts';
import type { HistogramTable } from './histogram-table.ts';
import type { SampleRows } from './product-sum.ts';

/** What one sample showed of one tensor. */
export interface TensorObservation {
  readonly min: number;
  readonly max: number;
  readonly elements: number;
  readonly nans: number;
  readonly infinities: number;
  /** Of float32 tensors. The counts are `elements` together, less NaN and infinities. */
  readonly histogram: HistogramPages | undefined;
  /** Least of the greatest values of the rows along the last axis, where that was asked for. */
  readonly leastRowMaximum: number | undefined;
  /** A copy of the values, where products of them were asked for; several where the sample ran through it so often. */
  readonly rows?: readonly SampleRows[] | undefined;
}

/** A tensor's values in the memory of the kernels that look at them. */
export interface TensorMemory {
  readonly type: number;
  readonly shape: readonly number[];
  readonly byteOffset: number;
}

/** Where a histogram is made. */
export interface HistogramRoom {
  /** In the memory of the values. */
  readonly table: HistogramTable;
  /** Where its pages are staged. */
  readonly counts: CountsMemory;
}

/** What to look at besides the range and the histogram. */
export interface ObservationOptions {
  readonly rowMaximum?: boolean | undefined;
  /** Keep the values of a float32 tensor, as rows of this length. */
  readonly rowLength?: number | undefined;
  /** For their squares only. */
  readonly squaresOnly?: boolean | undefined;
}

/** What one sample showed of a tensor that it ran through more than once. */
export function mergeObservations(a: TensorObservation, b: TensorObservation): TensorObservation {
  const least = [a.leastRowMaximum, b.leastRowMaximum].filter((value) => value !== undefined);
  return {
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
    elements: a.elements + b.elements,
    nans: a.nans + b.nans,
    infinities: a.infinities + b.infinities,
    histogram: a.histogram && b.histogram && joinPages(a.histogram, b.histogram),
    leastRowMaximum: least.length > 0 ? Math.min(...least) : undefined,
    ...(a.rows && b.rows && { rows: [...a.rows, ...b.rows] }),
  };
}

/**
 * Looks at a tensor where it lies. Float32 tensors get the full account, with a histogram where there is room for one;
 * integers and bools their plain range. Undefined for a tensor without elements and for types that no range is wanted of (float16, strings
 * ...).
 */
export function observe(
  kernels: Kernels,
  view: TensorMemory,
  histogram: HistogramRoom | undefined,
  options: ObservationOptions = {},
): TensorObservation | undefined {
  const elements = elementCount(view.shape);
  if (elements === 0) return undefined;
  if (view.type === TensorType.FLOAT32) return observeFloat32(kernels, view, elements, histogram, options);
  const range = integerRange(kernels, view, elements);
  return range && { ...range, elements, nans: 0, infinities: 0, histogram: undefined, leastRowMaximum: undefined };
}

function observeFloat32(
  kernels: Kernels,
  view: TensorMemory,
  elements: number,
  histogram: HistogramRoom | undefined,
  options: ObservationOptions,
): TensorObservation {
  const { range, pages } = histogram
    ? histogram.table.survey(view.byteOffset, elements, histogram.counts)
    : { range: kernels.rangeFloat32(view.byteOffset, elements), pages: undefined };
  return {
    // A zero is stored without its sign.
    min: range.min + 0,
    max: range.max + 0,
    elements,
    nans: range.nanCount,
    infinities: range.infiniteCount,
    histogram: pages,
    leastRowMaximum: options.rowMaximum
      ? leastRowMaximum(floatsOf(kernels, view, elements), view.shape.at(-1) ?? 1)
      : undefined,
    rows: keptRows(kernels, view, elements, options),
  };
}

const floatsOf = ({ memory }: Kernels, { byteOffset }: TensorMemory, elements: number) =>
  new Float32Array(memory.buffer, byteOffset, elements);

/** A copy of the values; undefined where they are no whole rows. */
function keptRows(
  kernels: Kernels,
  view: TensorMemory,
  elements: number,
  { rowLength: channels, squaresOnly }: ObservationOptions,
): SampleRows[] | undefined {
  if (channels === undefined || elements % channels !== 0) return undefined;
  return [{ channels, values: floatsOf(kernels, view, elements).slice(), batch: view.shape[0] ?? 1, squaresOnly }];
}

/** Least over the rows of the greatest value of each row; NaN is passed over. */
export function leastRowMaximum(values: Float32Array, rowLength: number): number {
  let least = Number.POSITIVE_INFINITY;
  for (let start = 0; start < values.length; start += rowLength) {
    let most = Number.NEGATIVE_INFINITY;
    for (let i = start; i < start + rowLength; i++) {
      const value = values[i] ?? most;
      if (value > most) most = value;
    }
    if (most < least) least = most;
  }
  return least + 0;
}

function integerRange(kernels: Kernels, view: TensorMemory, elements: number) {
  const plain = (bits: 8 | 16 | 32, signed: boolean) => kernels.rangeInteger(view.byteOffset, elements, bits, signed);
  switch (view.type) {
    case TensorType.INT8:
      return plain(8, true);
    case TensorType.UINT8:
    case TensorType.BOOL:
      return plain(8, false);
    case TensorType.INT16:
      return plain(16, true);
    case TensorType.INT32:
      return plain(32, true);
    case TensorType.INT64:
      return int64Range(new BigInt64Array(kernels.memory.buffer, view.byteOffset, elements));
    default:
      return undefined;
  }
}

/** As doubles: exact up to 2^53. */
function int64Range(values: BigInt64Array): { min: number; max: number } {
  let min = values[0] ?? 0n;
  let max = min;
  for (const value of values) {
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return { min: Number(min), max: Number(max) };
}
