import type { CalibrationDocument, TensorStatistics } from '../../schema/documents/calibration.ts';
import { meanSquares } from '../../schema/documents/calibration-squares.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { autoRange, type ChosenRange, capReciprocalRoot, squaredErrorRange } from './auto.ts';
import { type Bins, joinBins, makeBins, quantile, shareOutside } from './bins.ts';
import type { ActivationUse, RangeContext } from './context.ts';
import { entropyRange } from './entropy.ts';
import { gridOf } from './grid.ts';
import { magnitudesOf } from './magnitudes.ts';
import { type Limits, minMax, movingAverage } from './per-sample.ts';
import type { ActivationRange, RangeSource } from './range.ts';
import type { RangeRule } from './rule.ts';
import { suspicionOf } from './suspicion.ts';

/** Nothing is known of what the ranges are for: rules that look ahead fall back to min/max. */
const NO_CONTEXT: RangeContext = { use: () => undefined };

/**
 * Ranges by a rule, made when they are asked for and kept. Of tensors that are not float32, and for rules that look
 * ahead of tensors the plan leaves float, the range is min/max. There is none for a tensor without statistics or of
 * nothing but NaN or infinities (`ema` gives those as they are: the original does). Values are float32.
 */
export function rangesFromCalibration(
  document: CalibrationDocument,
  rule: RangeRule,
  context: RangeContext = NO_CONTEXT,
): RangeSource {
  const entries = new Map(document.tensors.map((entry) => [keyOf(entry.subgraph, entry.tensor), entry]));
  const statistics = (subgraph: number, tensor: number) => entries.get(keyOf(subgraph, tensor));
  const made = new Map<string, ActivationRange | undefined>();
  const range = (subgraph: number, tensor: number): ActivationRange | undefined => {
    const key = keyOf(subgraph, tensor);
    if (!made.has(key)) {
      made.set(key, undefined);
      const entry = entries.get(key);
      made.set(key, entry && rangeOf(entry, rule, context, { range, statistics }));
    }
    return made.get(key);
  };
  const magnitudes = (subgraph: number, tensor: number) => {
    const entry = statistics(subgraph, tensor);
    const limits = entry && minMax(entry);
    const bins = limits && makeBins(entry, limits);
    return bins && magnitudesOf(bins);
  };
  const suspicion = (subgraph: number, tensor: number) => {
    const entry = statistics(subgraph, tensor);
    return entry && (suspicionOf(entry) ?? (range(subgraph, tensor)?.cutsMask ? 'mask' : undefined));
  };
  const products = (subgraph: number, tensor: number) => statistics(subgraph, tensor)?.products;
  const squares = (subgraph: number, tensor: number) => {
    const sums = statistics(subgraph, tensor)?.squares;
    return sums && sums.rows > 0 ? meanSquares(sums) : undefined;
  };
  return { range, magnitudes, suspicion, products, meanSquares: squares };
}

/** What a tensor's rule may ask about others. */
interface Others extends RangeSource {
  statistics(subgraph: number, tensor: number): TensorStatistics | undefined;
}

const keyOf = (subgraph: number, tensor: number) => `${subgraph}:${tensor}`;

function rangeOf(
  entry: TensorStatistics,
  rule: RangeRule,
  context: RangeContext,
  others: Others,
): ActivationRange | undefined {
  if (entry.samples.length === 0) return undefined;
  const samples = `${entry.samples.length} sample${entry.samples.length === 1 ? '' : 's'}`;
  if (rule.kind === 'ema') {
    return activationRange(entry, movingAverage(entry), `moving average of ${samples}`);
  }
  const limits = minMax(entry);
  if (!limits) return undefined;
  const own = entry.type === TensorType.FLOAT32 ? makeBins(entry, limits) : undefined;
  const use = context.use(entry.subgraph, entry.tensor);
  if (!own || rule.kind === 'minmax' || (rule.kind !== 'percentile' && !use)) {
    return activationRange(entry, limits, `min/max of ${samples}`);
  }
  const bins = use && rule.kind !== 'percentile' ? binsWhereRead(entry, own, use, others) : own;
  const chosen = choose(entry, bins, rule, use, () => addedMask(entry, context, others));
  const capped = rule.kind === 'auto' && use?.bits === 8 ? capped8(chosen, entry, context, others) : chosen;
  const made = activationRange(entry, capped, `${capped.how} of ${samples}${clipNote(bins, capped)}`);
  return chosen.cutsMask ? { ...made, cutsMask: true } : made;
}

/** The values as its readers meet them, behind operators that only move or choose values. */
function binsWhereRead(entry: TensorStatistics, own: Bins, use: ActivationUse, others: Others): Bins {
  const parts: Bins[] = [];
  for (const tensor of use.readAt ?? []) {
    const statistics = tensor === entry.tensor ? undefined : others.statistics(entry.subgraph, tensor);
    const limits = statistics && minMax(statistics);
    const bins = tensor === entry.tensor ? own : limits && makeBins(statistics, limits);
    if (!bins) return own;
    parts.push(bins);
  }
  const [first, ...rest] = parts;
  return first ? joinBins([first, ...rest]) : own;
}

function choose(
  entry: TensorStatistics,
  bins: Bins,
  rule: RangeRule,
  use: ActivationUse | undefined,
  mask: () => number | undefined,
): ChosenRange {
  if (rule.kind === 'percentile') {
    const q = rule.percentile / 100;
    return { min: quantile(bins, 1 - q), max: quantile(bins, q), how: `percentile ${rule.percentile}` };
  }
  if (use && rule.kind === 'auto') return autoRange(entry, bins, use, mask());
  if (use && rule.kind === 'mse') return squaredErrorRange(bins, use);
  if (use?.bits === 8) return { ...entropyRange(bins), how: 'least divergence' };
  return { ...bins.limits, how: 'min/max' };
}

/**
 * Of a mask that is added in front of a softmax: what, beside the greatest of the other summands, comes to the least of
 * the greatest values of rows. Undefined for other tensors.
 */
function addedMask(entry: TensorStatistics, context: RangeContext, others: Others): number | undefined {
  const { subgraph, tensor } = entry;
  const least = (context.maskedSums?.(subgraph, tensor) ?? []).map(({ sum, other }) => {
    const operand = others.statistics(subgraph, other);
    const greatest = operand && minMax(operand)?.max;
    const rows = others.statistics(subgraph, sum)?.leastRowMaximum;
    return greatest === undefined || rows === undefined ? Number.NEGATIVE_INFINITY : rows - greatest;
  });
  return least.length === 0 ? undefined : Math.min(...least);
}

/** After everything else: the output of a reciprocal root by the grids that its input comes from. */
function capped8(
  chosen: ChosenRange,
  { subgraph, tensor }: TensorStatistics,
  context: RangeContext,
  others: Others,
): ChosenRange {
  const stepOf = (operand: number): number | undefined => {
    const range = others.range(subgraph, operand);
    const use = context.use(subgraph, operand);
    return range && use?.bits === 8 ? gridOf(range, use).step : undefined;
  };
  const input = context.reciprocalRootInput?.(subgraph, tensor);
  const step = input === undefined ? undefined : stepOf(input);
  if (input === undefined || step === undefined) return chosen;
  const summands = (context.summands?.(subgraph, input) ?? []).flatMap((operand) => stepOf(operand) ?? []);
  return capReciprocalRoot(chosen, step, summands);
}

function activationRange(entry: TensorStatistics, { min, max }: Limits, reason: string): ActivationRange {
  const carrier = entry.type === TensorType.FLOAT32 ? 'float32' : 'float64';
  const stored = carrier === 'float32' ? Math.fround : (value: number) => value;
  return { min: stored(min), max: stored(max), carrier, shape: entry.shape.map(() => 1), reason };
}

/** How much a range leaves out, for the plan. */
function clipNote(bins: Bins, chosen: Limits): string {
  const { min, max } = bins.limits;
  if (chosen.min <= min && chosen.max >= max) return '';
  const share = shareOutside(bins, chosen.min, chosen.max) * 100;
  return ` (clips ${share.toPrecision(2)} % of ${min.toPrecision(4)} .. ${max.toPrecision(4)})`;
}
