import type { Bins } from './bins.ts';
import type { Limits } from './per-sample.ts';

const EVEN_BINS = 2048;
const LEVELS = 256;
const FACTORS = Array.from({ length: 73 }, (_, i) => 1 - 0.0125 * i);

/**
 * The range whose 8-bit picture of the distribution loses least information: over 2,048 even bins (exact zeros left
 * out), both ends are shrunk by one factor from 1 down to 0.1, what lies outside is added to the outermost bins, and
 * the factor of the least Kullback-Leibler divergence wins. In double.
 */
export function entropyRange(bins: Bins): Limits {
  const { min, max } = bins.limits;
  if (!(max > min)) return bins.limits;
  const even = evenBins(bins);
  const width = (max - min) / EVEN_BINS;
  let best: { range: Limits; divergence: number } | undefined;
  for (const factor of FACTORS) {
    const from = Math.max(0, Math.round((min * factor - min) / width));
    const to = Math.min(EVEN_BINS, Math.round((max * factor - min) / width));
    if (to - from < 2) break;
    const divergence = divergenceOf(even, Math.min(from, to), Math.max(from, to));
    if (best === undefined || divergence < best.divergence) {
      best = { range: { min: min * factor, max: max * factor }, divergence };
    }
  }
  return best?.range ?? bins.limits;
}

/** The counts spread over even bins between the limits. */
function evenBins(bins: Bins): Float64Array {
  const even = new Float64Array(EVEN_BINS);
  const { min, max } = bins.limits;
  const width = (max - min) / EVEN_BINS;
  for (let i = 0; i < bins.count.length; i++) {
    const [low, high, count] = [bins.low[i] ?? 0, bins.high[i] ?? 0, bins.count[i] ?? 0];
    if (low === 0 && high === 0) continue;
    const first = Math.min(EVEN_BINS - 1, Math.floor((low - min) / width));
    const last = Math.min(EVEN_BINS - 1, Math.floor((high - min) / width));
    for (let b = first; b <= last; b++) {
      const overlap = Math.min(high, min + (b + 1) * width) - Math.max(low, min + b * width);
      const share = high > low && last > first ? Math.max(0, overlap) / (high - low) : 1;
      even[b] = (even[b] ?? 0) + count * share;
    }
  }
  return even;
}

/** Divergence of the 256-level picture of bins [from, to) from the clipped distribution. */
function divergenceOf(even: Float64Array, from: number, to: number): number {
  const inside = even.slice(from, to);
  const clipped = inside.slice();
  clipped[0] = (clipped[0] ?? 0) + sum(even.subarray(0, from));
  clipped[clipped.length - 1] = (clipped.at(-1) ?? 0) + sum(even.subarray(to));
  const picture = new Float64Array(inside.length);
  for (let level = 0; level < LEVELS; level++) {
    const start = Math.floor((level * inside.length) / LEVELS);
    const end = Math.floor(((level + 1) * inside.length) / LEVELS);
    const group = inside.subarray(start, end);
    const used = group.reduce((number, count) => number + (count > 0 ? 1 : 0), 0);
    const mean = used === 0 ? 0 : sum(group) / used;
    for (let b = start; b < end; b++) picture[b] = (inside[b] ?? 0) > 0 ? mean : 0;
  }
  return kullbackLeibler(clipped, picture);
}

/** Probability given to a bin of the picture that has none. */
const NEVER = 1e-12;

function kullbackLeibler(p: Float64Array, q: Float64Array): number {
  const [totalP, totalQ] = [sum(p), sum(q)];
  if (totalP === 0 || totalQ === 0) return Number.POSITIVE_INFINITY;
  let divergence = 0;
  for (let i = 0; i < p.length; i++) {
    const probability = (p[i] ?? 0) / totalP;
    if (probability > 0) divergence += probability * Math.log(probability / Math.max((q[i] ?? 0) / totalQ, NEVER));
  }
  return divergence;
}

function sum(values: Float64Array): number {
  return values.reduce((total, value) => total + value, 0);
}
