import type { Bins } from './bins.ts';

/** How the magnitudes of a tensor's values other than 0 are spread. */
export interface Magnitudes {
  /** Four points of every bin. */
  readonly values: Float64Array;
  /** The share of the values that each stands for; together 1. */
  readonly shares: Float64Array;
  /** Values seen, zeros among them. */
  readonly count: number;
}

const POINTS = [1 / 8, 3 / 8, 5 / 8, 7 / 8] as const;

/** The magnitudes of the values in bins; undefined where all of them are 0. */
export function magnitudesOf(bins: Bins): Magnitudes | undefined {
  const values: number[] = [];
  const counts: number[] = [];
  for (let i = 0; i < bins.count.length; i++) {
    const [low, high] = [bins.low[i] ?? 0, bins.high[i] ?? 0];
    if (low === 0 && high === 0) continue;
    for (const share of POINTS) {
      values.push(Math.abs(low + (high - low) * share));
      counts.push((bins.count[i] ?? 0) / POINTS.length);
    }
  }
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return undefined;
  return {
    values: Float64Array.from(values),
    shares: Float64Array.from(counts, (count) => count / total),
    count: bins.total,
  };
}

/**
 * What is lost of the factors between values when numbers of these magnitudes are rounded to a step: mean of
 * (half a step / magnitude)^2, at most 1 each. `operandOf` gives the magnitude of what is rounded for each value.
 */
export function lostFactors(of: Magnitudes, step: number, operandOf: (magnitude: number) => number): number {
  let sum = 0;
  for (let i = 0; i < of.values.length; i++) {
    const ratio = step / 2 / operandOf(of.values[i] ?? 0);
    sum += (of.shares[i] ?? 0) * Math.min(ratio * ratio, 1);
  }
  return sum;
}
