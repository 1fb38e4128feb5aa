import { availableParallelism } from 'node:os';
import { isStateful } from '../calibration/wanted.ts';
import type { Model } from '../schema/model.ts';

/** A worker is worth its start from this many samples on. */
const SAMPLES_PER_WORKER = 8;

/**
 * More processes than this only take memory, each some 100 MB: whatever is asked for, no more are started. The result is
 * the same for any number.
 */
const mostWorkers = () => Math.max(8, 2 * availableParallelism());

/**
 * How many workers run samples: as many as asked for, else one a core where that pays. `lengths` are the numbers of
 * samples of the signatures, undefined where nobody knows. Values that models carry over from sample to sample allow one
 * worker only; none is started that has no sample to run.
 */
export function workerCount(
  models: readonly Model[],
  lengths: readonly (number | undefined)[],
  asked: number | undefined,
): number {
  if (models.some(isStateful)) return 1;
  const known = lengths.reduce<number>((sum, length) => sum + (length ?? 0), 0);
  if (asked !== undefined) {
    const useful = lengths.includes(undefined) ? asked : Math.max(1, known);
    return Math.min(asked, useful, mostWorkers());
  }
  return Math.max(1, Math.min(availableParallelism(), Math.floor(known / SAMPLES_PER_WORKER)));
}

/**
 * The threads of an interpreter that is one of `workers`: each is for one core. A run that has to be a single one, without
 * anybody having asked for that, may use them all.
 */
export const interpreterThreads = (workers: number, asked: number | undefined): { threads?: number } =>
  workers === 1 && asked === undefined ? {} : { threads: 1 };
