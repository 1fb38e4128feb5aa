import { storedBlockScale } from './float16.ts';
import { type BlockScaleRule, type ChannelExtent, type ClipRounds, type ClipRule, TILE } from './kernels.ts';

const { fround } = Math;
/** Ranges of weights narrower than this are widened to it. */
export const LEAST_BOUND = fround(1e-9);

/** Runs up to this length are summed with eight running sums; longer ones are halved. */
const LEAF = 128;

/**
 * Sum of values[start, start + count) in float32 by pairwise summation, -0 for none. Eight running sums (one for fewer
 * than 8 values) over up to 128 values; more are halved at a multiple of 8.
 */
export function pairwiseSum(values: Float32Array, start: number, count: number): number {
  if (count > LEAF) {
    const half = (count >> 1) & ~7;
    return fround(pairwiseSum(values, start, half) + pairwiseSum(values, start + half, count - half));
  }
  const at = (i: number) => values[start + i] as number;
  let sum = -0;
  let i = 0;
  if (count >= 8) {
    const r = new Float32Array(8);
    for (; i < 8; i += 1) r[i] = at(i);
    for (; i + 8 <= count; i += 8) for (let k = 0; k < 8; k += 1) r[k] = (r[k] as number) + at(i + k);
    const pair = (k: number) => fround((r[k] as number) + (r[k + 1] as number));
    sum = fround(fround(pair(0) + pair(2)) + fround(pair(4) + pair(6)));
  }
  for (; i < count; i += 1) sum = fround(sum + at(i));
  return sum;
}

export function sumSquares(values: Float32Array, extent: ChannelExtent, target: Float32Array): void {
  const squares = values.map((x) => x * x);
  for (let c = 0; c < extent.channels; c += 1) {
    let sum = 0;
    for (const start of runs(extent, c)) sum = fround(sum + pairwiseSum(squares, start, extent.inner));
    target[c] = canonical(sum);
  }
}

export function blockScales(
  values: Float32Array,
  size: number,
  { greatest, limited }: BlockScaleRule,
  target: Float32Array,
): void {
  for (let block = 0; block < target.length; block += 1) {
    let most = LEAST_BOUND;
    for (let i = block * size; i < (block + 1) * size; i += 1) most = Math.max(most, Math.abs(values[i] as number));
    target[block] = canonical(storedBlockScale(fround(most / greatest), limited));
  }
}

function runs({ outer, channels, inner }: ChannelExtent, channel: number): number[] {
  return Array.from({ length: outer }, (_, o) => (o * channels + channel) * inner);
}

/** A computed NaN may have any sign and payload: always give the same one. */
const canonical = (x: number) => (Number.isNaN(x) ? Number.NaN : x);

/** Sum and count of the values of a channel that `chosen` takes; neighbours are summed pairwise, then added. */
function chosenSum(values: Float32Array, extent: ChannelExtent, channel: number, chosen: (x: number) => boolean) {
  let sum = 0;
  let count = 0;
  for (const first of runs(extent, channel)) {
    const end = first + extent.inner;
    for (let i = first; i < end; i += 1) {
      const start = i;
      while (i < end && chosen(values[i] as number)) i += 1;
      if (i > start) sum = fround(sum + pairwiseSum(values, start, i - start));
      count += i - start;
    }
  }
  return { sum, count };
}

export function clipBounds(
  values: Float32Array,
  extent: ChannelExtent,
  { noise, unclipped, rounds }: ClipRule,
  target: Float32Array,
): ClipRounds {
  let settled = 2 ** rounds - 1;
  let fixed = settled;
  for (let c = 0; c < extent.channels; c += 1) {
    let bound = 1;
    const own = { settled: 0, fixed: 0 };
    for (let k = 0; k < rounds; k += 1) {
      const g = bound;
      const high = chosenSum(values, extent, c, (x) => x >= g);
      const low = chosenSum(values, extent, c, (x) => x <= -g);
      const clipped = fround(fround(fround(high.count) + low.count) * fround(1 - noise));
      bound = canonical(fround(fround(high.sum - low.sum) / fround(clipped + unclipped)));
      const tolerance = fround(fround(1e-8) + fround(fround(1e-5) * Math.abs(bound)));
      if (bound === g) own.fixed |= 1 << k;
      if (bound === g || Math.abs(fround(g - bound)) <= tolerance) own.settled |= 1 << k;
    }
    settled &= own.settled;
    fixed &= own.fixed;
    target[c] = bound;
  }
  return { settled, fixed };
}

/** Magnitude of the entries of the Hadamard matrix of a size, in float32. */
export const hadamardEntry = (size: number): number => fround(1 / fround(Math.sqrt(size)));

export function rotate(source: Float32Array, scratch: Float64Array, target: Float32Array): void {
  const size = scratch.length;
  const entry = hadamardEntry(size);
  for (let start = 0; start < source.length; start += size) {
    scratch.set(source.subarray(start, start + size));
    for (let step = 1; step < size; step *= 2) {
      for (let i = 0; i < size; i += 1) {
        if (i & step) continue;
        const [a, b] = [scratch[i] as number, scratch[i + step] as number];
        scratch[i] = a + b;
        scratch[i + step] = a - b;
      }
    }
    for (let i = 0; i < size; i += 1) target[start + i] = canonical((scratch[i] as number) * entry);
  }
}

export function addProducts(a: Float64Array, b: Float64Array, target: Float64Array): void {
  for (let i = 0; i < TILE; i += 1) {
    for (let j = 0; j < TILE; j += 1) {
      let sum = 0;
      for (let k = 0; k < a.length; k += TILE) sum += (a[k + i] as number) * (b[k + j] as number);
      target[i * TILE + j] = (target[i * TILE + j] as number) + sum;
    }
  }
}
