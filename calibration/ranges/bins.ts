import type { TensorStatistics } from '../../schema/documents/calibration.ts';
import { HISTOGRAM_KEYS, HISTOGRAM_MANTISSA_BITS } from '../../schema/documents/calibration-histogram.ts';
import type { Limits } from './per-sample.ts';

/**
 * A histogram as value intervals in ascending order, clipped to the exact least and greatest value. Inside a bin
 * values are taken as evenly spread. The bin of zero is the point 0.
 */
export interface Bins {
  readonly low: Float64Array;
  readonly high: Float64Array;
  readonly count: Float64Array;
  /** Sum of `count`. */
  readonly total: number;
  /** Exact least and greatest value. */
  readonly limits: Limits;
}

const SIGN_KEY = HISTOGRAM_KEYS / 2;
const KEY_SHIFT = 23 - HISTOGRAM_MANTISSA_BITS;

const scratch = new DataView(new ArrayBuffer(4));

/** Magnitude at which the bin of a key without its sign begins: the float32 with these bits. */
export function keyMagnitude(key: number): number {
  scratch.setUint32(0, (key << KEY_SHIFT) >>> 0);
  return scratch.getFloat32(0);
}

/**
 * The bins between the limits of a tensor, in double; values beyond the filters at +-3e38 lie outside of them.
 * Undefined without a histogram, or when nothing lies between the limits.
 */
export function makeBins({ histogram }: TensorStatistics, limits: Limits): Bins | undefined {
  if (!histogram) return undefined;
  const low: number[] = [];
  const high: number[] = [];
  const count: number[] = [];
  let total = 0;
  const { keys, counts } = histogram;
  const firstNegative = keys.findIndex((key) => key >= SIGN_KEY);
  const positives = firstNegative < 0 ? keys.length : firstNegative;
  const push = (i: number) => {
    const [from, to] = keyInterval(keys[i] ?? 0);
    if (to < limits.min || from > limits.max) return;
    low.push(Math.max(from, limits.min));
    high.push(Math.min(to, limits.max));
    count.push(counts[i] ?? 0);
    total += counts[i] ?? 0;
  };
  for (let i = keys.length - 1; i >= positives; i--) push(i);
  for (let i = 0; i < positives; i++) push(i);
  if (total === 0) return undefined;
  return { low: Float64Array.from(low), high: Float64Array.from(high), count: Float64Array.from(count), total, limits };
}

/** The values from a floor up; some must be. */
export function above(bins: Bins, floor: number): Bins {
  const first = bins.high.findIndex((high) => high >= floor);
  const low = bins.low.slice(first).map((value) => Math.max(value, floor));
  const count = bins.count.slice(first);
  const total = count.reduce((sum, number) => sum + number, 0);
  return { low, high: bins.high.slice(first), count, total, limits: { min: floor, max: bins.limits.max } };
}

/** Several distributions as one in which each has the same weight; equal ones count once. */
export function joinBins(parts: readonly [Bins, ...Bins[]]): Bins {
  const [first, ...others] = parts.filter((part, i) => !parts.slice(0, i).some((other) => sameBins(part, other)));
  if (!first || others.length === 0) return parts[0];
  const all = [first, ...others];
  const entries = all.flatMap(({ low, high, count, total }) =>
    Array.from(count, (number, i) => ({ low: low[i] ?? 0, high: high[i] ?? 0, count: number / total })),
  );
  entries.sort((a, b) => a.low - b.low || a.high - b.high);
  return {
    low: Float64Array.from(entries, (entry) => entry.low),
    high: Float64Array.from(entries, (entry) => entry.high),
    count: Float64Array.from(entries, (entry) => entry.count),
    total: all.length,
    limits: {
      min: Math.min(...all.map(({ limits }) => limits.min)),
      max: Math.max(...all.map(({ limits }) => limits.max)),
    },
  };
}

function sameBins(a: Bins, b: Bins): boolean {
  const same = (x: Float64Array, y: Float64Array) => x.length === y.length && x.every((value, i) => value === y[i]);
  return same(a.count, b.count) && same(a.low, b.low) && same(a.high, b.high);
}

/** The values of a bin. The one above the largest finite bin begins at infinity. */
export function keyInterval(key: number): [number, number] {
  const magnitude = key % SIGN_KEY;
  if (magnitude === 0) return [0, 0];
  const [from, to] = [keyMagnitude(magnitude), keyMagnitude(magnitude + 1)];
  return key < SIGN_KEY ? [from, to] : [-to, -from];
}

/** The value below which a share `q` (0 to 1) of the values lies, linear inside a bin. */
export function quantile(bins: Bins, q: number): number {
  const wanted = q * bins.total;
  let below = 0;
  for (let i = 0; i < bins.count.length; i++) {
    const count = bins.count[i] ?? 0;
    const [low, high] = [bins.low[i] ?? 0, bins.high[i] ?? 0];
    if (below + count >= wanted) return low + (high - low) * Math.max(0, (wanted - below) / count);
    below += count;
  }
  return bins.limits.max;
}

/** Share of the values (0 to 1) outside [min, max]. */
export function shareOutside(bins: Bins, min: number, max: number): number {
  let outside = 0;
  for (let i = 0; i < bins.count.length; i++) {
    const [low, high] = [bins.low[i] ?? 0, bins.high[i] ?? 0];
    const inside = Math.min(high, max) - Math.max(low, min);
    const share = high > low ? Math.min(Math.max(inside / (high - low), 0), 1) : low >= min && low <= max ? 1 : 0;
    outside += (bins.count[i] ?? 0) * (1 - share);
  }
  return outside / bins.total;
}
