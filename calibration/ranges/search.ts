import type { ActivationUse } from './context.ts';
import type { ExpectedError } from './expected-error.ts';
import { gridOf } from './grid.ts';
import type { Limits } from './per-sample.ts';

/** A range and what is expected of it. */
export interface Candidate extends Limits {
  readonly error: number;
}

/** Shares of the full range that are tried: finely near the whole, then down to a fiftieth. */
const SHRINK_FACTORS: readonly number[] = [
  1,
  ...Array.from({ length: 12 }, (_, i) => 0.985 ** (i + 1)),
  ...Array.from({ length: 50 }, (_, i) => 0.8 * 0.93 ** i),
];

/** A line of candidates ends after this many without gain. */
const PATIENCE = 25;
const ROUNDS = 3;
/** A round that gains less than this share is the last. */
const WORTHWHILE = 0.001;

type Bits = Pick<ActivationUse, 'bits' | 'symmetric'>;

/** The error that a range gives. */
export function errorOf(error: ExpectedError, range: Limits, use: Bits): number {
  return error(gridOf(range, use));
}

/**
 * The range of least expected error, searched inwards from `full` (which holds zero). Even grids have one line, the
 * magnitude; the others shrink both ends together, then the upper, then the lower end alone, in at most three rounds.
 * Ties go to the wider range.
 */
export function searchRange(error: ExpectedError, full: Limits, use: Bits): Candidate {
  const judge = (min: number, max: number): Candidate => ({ min, max, error: errorOf(error, { min, max }, use) });
  let best = judge(full.min, full.max);
  if (use.symmetric || use.bits === 16) {
    const size = Math.max(-full.min, full.max);
    return alongLine(best, (factor) => judge(Math.max(full.min, -size * factor), Math.min(full.max, size * factor)));
  }
  for (let round = 0; round < ROUNDS; round++) {
    const before = best.error;
    const { min, max } = best;
    best = alongLine(best, (factor) => judge(min * factor, max * factor));
    best = alongLine(
      best,
      (
        (lower) => (factor: number) =>
          judge(lower, full.max * factor)
      )(best.min),
    );
    best = alongLine(
      best,
      (
        (upper) => (factor: number) =>
          judge(full.min * factor, upper)
      )(best.max),
    );
    if (!(best.error < before * (1 - WORTHWHILE))) break;
  }
  return best;
}

function alongLine(start: Candidate, candidate: (factor: number) => Candidate): Candidate {
  let best = start;
  let withoutGain = 0;
  for (const factor of SHRINK_FACTORS) {
    const tried = candidate(factor);
    if (tried.error < best.error) {
      best = tried;
      withoutGain = 0;
    } else if (++withoutGain >= PATIENCE) break;
  }
  return best;
}

/** Steps in which a range is moved towards another. */
const STEPS = 16;

/**
 * The range farthest on the way from `start` to `goal` whose error is at most `limit`; `start` where none is. At the
 * far end the result is exactly `goal`.
 */
export function moveTowards(
  error: ExpectedError,
  start: Limits,
  goal: Limits,
  use: Bits,
  limit: number,
): { range: Limits; share: number } {
  for (let step = STEPS; step > 0; step--) {
    const share = step / STEPS;
    const range = share === 1 ? goal : between(start, goal, share);
    if (errorOf(error, range, use) <= limit) return { range, share };
  }
  return { range: start, share: 0 };
}

function between(start: Limits, goal: Limits, share: number): Limits {
  return {
    min: start.min + share * (goal.min - start.min),
    max: start.max + share * (goal.max - start.max),
  };
}
