import type { TensorStatistics } from '../../schema/documents/calibration.ts';
import { above, type Bins } from './bins.ts';
import type { ActivationUse, ErrorMeasure } from './context.ts';
import { type ExpectedError, imageError, powerError, relativeError } from './expected-error.ts';
import type { Limits } from './per-sample.ts';
import { RECOMMENDED_SAMPLES } from './rule.ts';
import { moveTowards, searchRange } from './search.ts';

/** A range and the words for how it came about. */
export interface ChosenRange extends Limits {
  readonly how: string;
  /** Values that a softmax gives nothing for are left out. */
  readonly cutsMask?: boolean;
}

/** How much worse than the best a wider range may be: where the curve is flat, unseen values are clipped less. */
const WIDENING = 1.05;
/** What a row-normalized tensor's squared error may grow to when first-power error decides. */
const OUTLIER_LOSS = 1.5;

/** exp of this is far below half a step of a softmax output, at 16 bits too. */
const SOFTMAX_REACH = 20;

/**
 * The range of least expected error at 8 bits, widened back towards min/max as far as that costs at most 5 %; at 16
 * bits min/max, which is the best there on every tensor that was measured. `bins` are the values where they are read.
 * Where a softmax reads them, it gives nothing for those far below the least of the greatest values of rows (which
 * `leastRowMaximum` says of what is only a summand): masks count for nothing and are cut.
 */
export function autoRange(
  statistics: TensorStatistics,
  bins: Bins,
  use: ActivationUse,
  leastRowMaximum = use.mask ? statistics.leastRowMaximum : undefined,
): ChosenRange {
  const floor = Math.min((leastRowMaximum ?? Number.NEGATIVE_INFINITY) - SOFTMAX_REACH, bins.limits.max);
  if (!Number.isFinite(floor) || bins.limits.min >= floor) return rangeFor(statistics, bins, use);
  const { how, ...range } = rangeFor(statistics, above(bins, floor), use);
  return { ...range, how: `${how}, mask below ${floor.toPrecision(4)} cut off`, cutsMask: true };
}

function rangeFor(statistics: TensorStatistics, bins: Bins, use: ActivationUse): ChosenRange {
  if (use.bits === 16) return { ...bins.limits, how: 'min/max' };
  return leastError(statistics, bins, withZero(bins.limits), use);
}

/** The range with zero in it. */
function withZero({ min, max }: Limits): Limits {
  return { min: Math.min(min, 0), max: Math.max(max, 0) };
}

function leastError(statistics: TensorStatistics, bins: Bins, full: Limits, use: ActivationUse): ChosenRange {
  const plain = widened(measureError(bins, use.measure), full, use);
  const strong = use.measure.kind === 'row-normalized' && statistics.samples.length >= RECOMMENDED_SAMPLES;
  if (!strong) return describe(plain.range, full, measureWords(use.measure));
  const first = widened(powerError(bins, 1), full, use);
  const { range } = moveTowards(plain.error, plain.range, first.range, use, OUTLIER_LOSS * plain.best);
  return describe(range, full, measureWords(use.measure));
}

function widened(error: ExpectedError, full: Limits, use: ActivationUse) {
  const best = searchRange(error, full, use);
  const { range } = moveTowards(error, best, full, use, WIDENING * best.error);
  return { range, error, best: best.error };
}

type Bits = Pick<ActivationUse, 'bits' | 'symmetric'>;

/** The range of least squared error, as it is. */
export function squaredErrorRange(bins: Bins, use: Bits): ChosenRange {
  const full = withZero(bins.limits);
  const best = searchRange(powerError(bins, 2), full, use);
  return describe(best, full, 'least squared error');
}

function measureError(bins: Bins, measure: ErrorMeasure): ExpectedError {
  if (measure.kind === 'image') return imageError(bins, measure.of);
  return measure.kind === 'relative' ? relativeError(bins) : powerError(bins, 2);
}

function measureWords(measure: ErrorMeasure): string {
  switch (measure.kind) {
    case 'value':
      return 'least squared error';
    case 'image':
      return `least squared error after ${measure.name}`;
    case 'relative':
      return 'least relative error';
    case 'row-normalized':
      return 'least error of normalized rows';
  }
}

function describe(range: Limits, full: Limits, words: string): ChosenRange {
  const whole = range.min <= full.min && range.max >= full.max;
  return { min: range.min, max: range.max, how: whole ? `min/max, ${words}` : words };
}

/** A variance of two steps is the least that keeps its reciprocal root apart from that of zero: 1 / sqrt(2). */
const ROOT_REACH = 0.7;

/**
 * Limits the output of a reciprocal root to what can be told from noise. Inputs below two steps of their grid are as
 * good as zero; where the input is a difference, so are those below what its operands are rounded by, whose variance is
 * the sum of step^2 / 12: what such inputs give is noise, and noise that is large.
 */
export function capReciprocalRoot(range: ChosenRange, inputStep: number, summandSteps: readonly number[]): ChosenRange {
  const noise = Math.sqrt(summandSteps.reduce((sum, step) => sum + step ** 2 / 12, 0));
  const byStep = ROOT_REACH / Math.sqrt(inputStep);
  const byNoise = 1 / Math.sqrt(noise);
  const most = Math.min(byStep, byNoise);
  if (!(range.max > most)) return range;
  const why = byNoise < byStep ? 'what its operands are rounded by' : 'the step of its input';
  return { min: Math.min(range.min, most), max: most, how: `${range.how}, limited by ${why}` };
}
