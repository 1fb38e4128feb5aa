import type { Bins } from './bins.ts';
import { type Grid, onGrid } from './grid.ts';

/** Mean error of the values of `bins` when they are put on a grid. In double. */
export type ExpectedError = (grid: Grid) => number;

/** A bin narrower than this share of a step counts as one point. */
const POINT = 1e-6;

/**
 * Mean of |error|^power: exact for values spread evenly inside each bin. Between the ends of the grid the error is the
 * distance to the nearest multiple of the step, beyond them the distance to the end; a bin across an end is split.
 */
export function powerError(bins: Bins, power: number): ExpectedError {
  const { low, high, count, total } = bins;
  const next = power + 1;
  return ({ step, low: least, high: most }) => {
    const stepArea = (2 * raised(step / 2, next)) / next;
    const point = POINT * step;
    let sum = 0;
    // Most bins begin where the one before ends.
    let end = Number.NaN;
    let endArea = 0;
    for (let i = 0; i < count.length; i++) {
      const a = low[i] ?? 0;
      const b = high[i] ?? 0;
      if (b - a < point) {
        sum += (count[i] ?? 0) * pointError(a, step, least, most, power);
        continue;
      }
      const from = Math.min(Math.max(a, least), most);
      const to = Math.min(Math.max(b, least), most);
      let area = 0;
      if (to > from) {
        const start = from === end ? endArea : roundingArea(from, step, stepArea, next);
        end = to;
        endArea = roundingArea(to, step, stepArea, next);
        area = endArea - start;
      }
      if (b > most) area += (raised(b - most, next) - raised(Math.max(a - most, 0), next)) / next;
      if (a < least) area += (raised(least - a, next) - raised(Math.max(least - b, 0), next)) / next;
      sum += (count[i] ?? 0) * (area / (b - a));
    }
    return sum / total;
  };
}

function pointError(a: number, step: number, least: number, most: number, power: number): number {
  if (a > most) return raised(a - most, power);
  if (a < least) return raised(least - a, power);
  return raised(Math.abs(a - Math.round(a / step) * step), power);
}

/**
 * Antiderivative of |distance to the nearest multiple of the step|^power: with k = round(x / step) and r = x - k step,
 * k P + sign(r) |r|^(power+1) / (power+1), where P is the area under one step. `next` is power + 1.
 */
function roundingArea(x: number, step: number, stepArea: number, next: number): number {
  const k = Math.round(x / step);
  const rest = x - k * step;
  const tail = raised(Math.abs(rest), next) / next;
  return k * stepArea + (rest < 0 ? -tail : tail);
}

function raised(x: number, power: number): number {
  if (power === 2) return x * x;
  if (power === 3) return x * x * x;
  return power === 1 ? x : x ** power;
}

/** Where in a bin the measures without a closed form look. */
const POINTS = [1 / 8, 3 / 8, 5 / 8, 7 / 8] as const;

/** Four points of every bin, each standing for a quarter of its values. */
function binPoints(bins: Bins): Float64Array {
  const points = new Float64Array(bins.count.length * POINTS.length);
  for (let i = 0; i < bins.count.length; i++) {
    const [low, high] = [bins.low[i] ?? 0, bins.high[i] ?? 0];
    POINTS.forEach((share, j) => {
      points[i * POINTS.length + j] = low + (high - low) * share;
    });
  }
  return points;
}

/** Mean of (f(rounded x) - f(x))^2: the error where the reader looks. */
export function imageError(bins: Bins, f: (x: number) => number): ExpectedError {
  const points = binPoints(bins);
  const exact = points.map(f);
  return (grid) => {
    // f is evaluated once for each value of the grid, not for each point.
    const first = Math.round(grid.low / grid.step);
    const images = new Float64Array(Math.round(grid.high / grid.step) - first + 1).fill(Number.NaN);
    const imageOf = (value: number) => {
      const level = Math.round(value / grid.step) - first;
      if (Number.isNaN(images[level])) images[level] = f(value);
      return images[level] ?? 0;
    };
    return pointMean(bins, points, (x, i) => (imageOf(onGrid(x, grid)) - (exact[i] ?? 0)) ** 2);
  };
}

/** A value that is wrong altogether counts no more than this. */
const WORST_RELATIVE = 4;
/** Share of the values that are too small to ask for relative accuracy. */
const TINY_SHARE = 0.001;

/** Mean of min(((rounded x - x) / max(|x|, x0))^2, 4); 0.1 % of the values lie below x0 in magnitude. */
export function relativeError(bins: Bins): ExpectedError {
  const points = binPoints(bins);
  const floor = magnitudeQuantile(bins, TINY_SHARE);
  return (grid) =>
    pointMean(bins, points, (x) => {
      const size = Math.max(Math.abs(x), floor);
      return size === 0 ? 0 : Math.min(((onGrid(x, grid) - x) / size) ** 2, WORST_RELATIVE);
    });
}

function pointMean(bins: Bins, points: Float64Array, error: (x: number, i: number) => number): number {
  let sum = 0;
  for (let i = 0; i < points.length; i++) {
    sum += (bins.count[Math.floor(i / POINTS.length)] ?? 0) * error(points[i] ?? 0, i);
  }
  return sum / POINTS.length / bins.total;
}

/** The magnitude below which a share of the values lies, linear inside a bin. */
export function magnitudeQuantile(bins: Bins, share: number): number {
  const sides = Array.from(bins.count, (count, i) => {
    const [a, b] = [Math.abs(bins.low[i] ?? 0), Math.abs(bins.high[i] ?? 0)];
    return { count, from: Math.min(a, b), to: Math.max(a, b) };
  }).sort((a, b) => a.from - b.from || a.to - b.to);
  const wanted = share * bins.total;
  let below = 0;
  for (const { count, from, to } of sides) {
    if (below + count >= wanted) return from + (to - from) * Math.max(0, (wanted - below) / count);
    below += count;
  }
  return sides.at(-1)?.to ?? 0;
}
