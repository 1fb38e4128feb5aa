import { ERROR_SUMS, RATIO_BINS, type RowExtent } from './kernels.ts';

const { abs, fround } = Math;
/** Number of the first float32 that goes to bin 1 of ratios, 2^-30, by its upper 14 bits. */
const FIRST_RATIO = (127 - 30) << 5;
/** Values from here on are masks, not data. */
const MASK = 3e38;

/** Element i is added to lane i mod 4; the lanes are joined as (0 + 2) + (1 + 3). */
export function compare(reference: Float32Array, test: Float32Array, sums: Float64Array): void {
  const lanes = {
    error: [0, 0, 0, 0],
    squared: [0, 0, 0, 0],
    reference: [0, 0, 0, 0],
    test: [0, 0, 0, 0],
  };
  let count = 0;
  let maxAbsoluteError = 0;
  const add = (lane: number[], i: number, x: number) => {
    lane[i & 3] = (lane[i & 3] as number) + x;
  };
  for (let i = 0; i < reference.length; i += 1) {
    const r = reference[i] as number;
    const t = test[i] as number;
    if (!Number.isFinite(r) || !Number.isFinite(t)) continue;
    const e = t - r;
    count += 1;
    add(lanes.error, i, e);
    add(lanes.squared, i, e * e);
    add(lanes.reference, i, r * r);
    add(lanes.test, i, t * t);
    maxAbsoluteError = Math.max(maxAbsoluteError, abs(e));
  }
  const join = ([a, b, c, d]: number[]) => (a as number) + (c as number) + ((b as number) + (d as number));
  const squaredError = join(lanes.squared);
  const squaredReference = join(lanes.reference);
  const squaredTest = join(lanes.test);
  const found = {
    count,
    squaredError,
    squaredReference,
    squaredTest,
    dot: (squaredReference + squaredTest - squaredError) / 2,
    error: join(lanes.error),
  };
  for (const [name, value] of Object.entries(found)) increase(sums, ERROR_SUMS[name as keyof typeof found], value);
  const { maxAbsoluteError: place } = ERROR_SUMS;
  sums[place] = Math.max(sums[place] as number, maxAbsoluteError);
}

export function compareChannels(
  reference: Float32Array,
  test: Float32Array,
  { rows, length, stride }: RowExtent,
  noise: Float64Array,
  signal: Float64Array,
): void {
  for (let row = 0; row < rows; row += 1) {
    for (let channel = 0; channel < length; channel += 1) {
      const r = reference[row * stride + channel] as number;
      const error = (test[row * stride + channel] as number) - r;
      increase(noise, channel, error * error);
      increase(signal, channel, r * r);
    }
  }
}

/** Elements a row of rows takes from its first to its last. */
export const rowElements = ({ rows, length, stride }: RowExtent) => (rows === 0 ? 0 : (rows - 1) * stride + length);

export function countRatios(reference: Float32Array, test: Float32Array, stride: number, table: Uint16Array): void {
  for (let i = 0; i < reference.length; i += stride) {
    const r = reference[i] as number;
    if (!Number.isFinite(r)) continue;
    increase(table, ratioBin(fround(abs((test[i] as number) - r) / (abs(r) + 1e-6))), 1);
  }
}

const bits = new DataView(new ArrayBuffer(4));

function ratioBin(ratio: number): number {
  if (!(ratio < 2 ** 24)) return RATIO_BINS - 1;
  bits.setFloat32(0, ratio);
  return Math.max(0, (bits.getUint32(0) >>> 18) - FIRST_RATIO + 1);
}

export function takeCounts(table: Uint16Array, target: Uint16Array): number {
  let taken = 0;
  table.forEach((count, entry) => {
    if (count === 0) return;
    target[2 * taken] = entry;
    target[2 * taken + 1] = count;
    taken += 1;
  });
  table.fill(0);
  return taken;
}

export function countOutside(values: Float32Array, least: number, greatest: number): number {
  return values.filter((x) => (x < least || x > greatest) && abs(x) < MASK).length;
}

function increase(sums: Float64Array | Uint16Array, place: number, by: number): void {
  sums[place] = (sums[place] as number) + by;
}
