import { type Bins, makeBins } from '../../calibration/ranges/bins.ts';
import { minMax } from '../../calibration/ranges/per-sample.ts';
import type { RangeSource } from '../../calibration/ranges/range.ts';
import { OUTLIER_REACH, reachOf, type Suspicion, suspicionOf } from '../../calibration/ranges/suspicion.ts';
import type { CalibrationDocument, TensorStatistics } from '../../schema/documents/calibration.ts';
import { typeName } from '../../schema/graph.ts';
import { columns } from '../report/format.ts';
import type { Style } from './style.ts';

/** What a calibration says of one tensor. */
export interface TensorSummary {
  readonly subgraph: number;
  readonly tensor: number;
  readonly name: string;
  readonly type: string;
  readonly shape: readonly number[];
  /** Range by the rule; null without statistics. */
  readonly min: number | null;
  readonly max: number | null;
  readonly from: string;
  /** Greatest magnitude of the middle sample, and how many times farther the farthest sample reaches. */
  readonly typical: number;
  readonly reach: number;
  readonly notFinite: number;
  /** Masks or outliers; null where nothing is odd. */
  readonly suspicion: Suspicion | null;
  /** Shares of the values in equal steps from the least to the greatest; null without a histogram. */
  readonly histogram: readonly number[] | null;
}

/** Steps of a histogram. */
const STEPS = 24;

export function tensorSummaries(document: CalibrationDocument, ranges: RangeSource): TensorSummary[] {
  return document.tensors.map((entry) => {
    const { subgraph, tensor, name, type, shape, nans, infinities } = entry;
    const range = ranges.range(subgraph, tensor);
    return {
      subgraph,
      tensor,
      name,
      type: typeName(type),
      shape,
      min: range?.min ?? null,
      max: range?.max ?? null,
      from: range?.reason ?? 'no statistics',
      ...reachOf(entry),
      notFinite: nans + infinities,
      suspicion: suspicionOf(entry) ?? null,
      histogram: histogramOf(entry),
    };
  });
}

function histogramOf(entry: TensorStatistics): number[] | null {
  const limits = minMax(entry);
  const bins = limits && makeBins(entry, limits);
  return bins ? spread(bins) : null;
}

/** Shares of the values in equal steps between the limits; the values of a bin count as evenly spread in it. */
function spread({ low, high, count, total, limits: { min, max } }: Bins): number[] {
  const result = new Array<number>(STEPS).fill(0);
  const width = (max - min) / STEPS || 1;
  const stepOf = (value: number) => Math.max(0, Math.min(STEPS - 1, Math.floor((value - min) / width)));
  for (const [i, from] of low.entries()) {
    const to = high[i] ?? from;
    const share = (count[i] ?? 0) / total;
    const [first, last] = [stepOf(from), stepOf(to)];
    for (let step = first; step <= last; step++) {
      const inside = Math.min(to, min + (step + 1) * width) - Math.max(from, min + step * width);
      const part = first === last ? 1 : Math.max(0, inside) / (to - from);
      result[step] = (result[step] ?? 0) + share * part;
    }
  }
  return result;
}

/** A row a tensor, in the model's order; with `top` that many, those first whose samples differ most. */
export function calibrationTable(tensors: readonly TensorSummary[], top: number | undefined, style: Style): string {
  const shown = top === undefined ? tensors : tensors.toSorted((a, b) => b.reach - a.reach).slice(0, top);
  const titles = ['type', 'shape', 'min', 'max', 'typical', 'farthest', 'spread', '', 'tensor'].map(style.dim);
  const rows = shown.map(({ name, type, shape, min, max, typical, reach, notFinite, suspicion, histogram }) => [
    type.toLowerCase(),
    `[${shape}]`,
    number(min),
    number(max),
    number(typical),
    `${reach.toFixed(1)} x`,
    histogram ? style.dim(sketch(histogram)) : '',
    notFinite > 0 ? style.red(`${notFinite} not finite`) : style.yellow(suspicion ?? ''),
    suspicion ? style.yellow(name) : name,
  ]);
  const lines = columns([titles, ...rows], new Set([2, 3, 4, 5]));
  const notes = (['mask', 'outliers'] as const).filter((kind) => shown.some(({ suspicion }) => suspicion === kind));
  if (notes.length > 0) lines.push('', ...notes.map((kind) => style.yellow(`${kind}  ${NOTES[kind]}`)));
  return lines.join('\n');
}

const NOTES: Readonly<Record<Suspicion, string>> = {
  mask: 'values such as -1e9 that stand for "not here"',
  outliers: `single samples reach more than ${OUTLIER_REACH} times farther than the middle one`,
};

const number = (value: number | null) => (value === null ? '-' : String(Number(value.toPrecision(5))));

const BARS = ' ▁▂▃▄▅▆▇█';
/** Decades that the height of a bar covers: most activations are mostly zero, and their tails are what matters. */
const DECADES = 5;

/** Shares as bars, their height on a logarithmic scale. */
function sketch(shares: readonly number[]): string {
  return shares
    .map((share) => {
      const height = share > 0 ? Math.max(0, 1 + Math.log10(share) / DECADES) : -1;
      return BARS[height < 0 ? 0 : Math.min(BARS.length - 1, 1 + Math.round(height * (BARS.length - 2)))];
    })
    .join('');
}
