import type { TensorStatistics } from '../../schema/documents/calibration.ts';
import { TensorType } from '../../schema/generated/tflite.ts';

/** Least and greatest value that a range takes in. */
export interface Limits {
  readonly min: number;
  readonly max: number;
}

/**
 * Least and greatest value over all samples. Samples of nothing but NaN are passed over.
 * Undefined when no finite number was seen on one side.
 */
export function minMax(statistics: TensorStatistics): Limits | undefined {
  const known = (values: Float64Array) => values.filter((value) => !Number.isNaN(value));
  const min = known(statistics.min).reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
  const max = known(statistics.max).reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  return Number.isFinite(min) && Number.isFinite(max) ? { min, max } : undefined;
}

const KEEP = 0.95;
/** In double, as the original computes it: not exactly 0.05. */
const TAKE = 1 - KEEP;

/**
 * The moving average of the original, over the samples in their order: the first sample as it is, then
 * 0.95 old + 0.05 new. Float32 tensors are averaged in float32 with each product and sum rounded; integers in double.
 * NaN stays for ever, as it does there.
 */
export function movingAverage(statistics: TensorStatistics): Limits {
  const step = statistics.type === TensorType.FLOAT32 ? float32Step : doubleStep;
  const fold = (values: Float64Array) => values.reduce(step);
  return { min: fold(statistics.min), max: fold(statistics.max) };
}

const { fround } = Math;

function float32Step(old: number, current: number): number {
  return fround(fround(fround(KEEP) * old) + fround(fround(TAKE) * current));
}

function doubleStep(old: number, current: number): number {
  return KEEP * old + TAKE * current;
}
