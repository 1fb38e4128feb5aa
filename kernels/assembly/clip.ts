import { canonicalNan, pairwiseSum } from './sums';

// Sums and counts of the values of a channel that are at least a threshold, and at most its negative.
let highSum: f32 = 0;
let lowSum: f32 = 0;
let highCount: u32 = 0;
let lowCount: u32 = 0;
/** Addresses at which a stretch of selected values began, or 0. */
let highStart: usize = 0;
let lowStart: usize = 0;

/** Values that are looked at at once: one bit each. */
const BLOCK: usize = 32;

// @ts-ignore: decorator
@inline
function mask32(address: usize, threshold: v128, low: bool): u32 {
  let mask: u32 = 0;
  for (let k: u32 = 0; k < 8; k += 1) {
    const x = v128.load(address + (k << 4));
    const chosen = low ? f32x4.le(x, threshold) : f32x4.ge(x, threshold);
    mask |= <u32>i32x4.bitmask(chosen) << (k << 2);
  }
  return mask;
}

/** The same for fewer values; bits beyond them are 0. */
function maskPart(address: usize, count: usize, threshold: f32, low: bool): u32 {
  let mask: u32 = 0;
  for (let k: usize = 0; k < count; k += 1) {
    const x = load<f32>(address + (k << 2));
    if (low ? x <= threshold : x >= threshold) mask |= 1 << <u32>k;
  }
  return mask;
}

/**
 * Adds the stretches of selected values that end in this block. Returns where one begins that has not ended, or 0: its
 * sum is taken when it does.
 */
// @ts-ignore: decorator
@inline
function stretches(block: usize, mask: u32, start: usize, low: bool): usize {
  if (mask == 0 && start == 0) return 0;
  let rest = mask;
  for (;;) {
    if (start == 0) {
      if (rest == 0) return 0;
      const first = ctz(rest);
      start = block + (<usize>first << 2);
      rest |= (1 << first) - 1;
    }
    const ended = ~rest;
    if (ended == 0) return start;
    const end = ctz(ended);
    const sum = pairwiseSum(start, (block + (<usize>end << 2) - start) >> 2);
    if (low) lowSum += sum;
    else highSum += sum;
    start = 0;
    rest &= ~((<u32>1 << end) - 1);
  }
  return 0;
}

function addRun(address: usize, count: usize, threshold: f32): void {
  const high = f32x4.splat(threshold);
  const low = f32x4.splat(-threshold);
  for (let left = count; left > 0; ) {
    const step = left < BLOCK ? left : BLOCK;
    const whole = step == BLOCK;
    const highs = whole ? mask32(address, high, false) : maskPart(address, step, threshold, false);
    const lows = whole ? mask32(address, low, true) : maskPart(address, step, -threshold, true);
    highCount += popcnt(highs);
    lowCount += popcnt(lows);
    highStart = stretches(address, highs, highStart, false);
    lowStart = stretches(address, lows, lowStart, true);
    address += step << 2;
    left -= step;
  }
  if (highStart != 0) highSum += pairwiseSum(highStart, (address - highStart) >> 2);
  if (lowStart != 0) lowSum += pairwiseSum(lowStart, (address - lowStart) >> 2);
  highStart = 0;
  lowStart = 0;
}

/** One value of each run: nothing to sum before it is added. */
function addColumn(address: usize, count: usize, stride: usize, threshold: f32): void {
  for (let k: usize = 0; k < count; k += 1) {
    const x = load<f32>(address);
    if (x >= threshold) {
      highSum += x;
      highCount += 1;
    }
    if (x <= -threshold) {
      lowSum += x;
      lowCount += 1;
    }
    address += stride;
  }
}

function addChannel(address: usize, outer: usize, stride: usize, inner: usize, threshold: f32): void {
  highSum = 0;
  lowSum = 0;
  highCount = 0;
  lowCount = 0;
  if (inner == 1) {
    addColumn(address, outer, stride, threshold);
    return;
  }
  for (let o: usize = 0; o < outer; o += 1) {
    addRun(address, inner, threshold);
    address += stride;
  }
}

const ABSOLUTE: f32 = 1e-8;
const RELATIVE: f32 = 1e-5;

/**
 * The clipping bound of each channel of [outer, channels, inner] after `rounds` rounds; see kernels.ts. Low 16 bits of
 * the result: rounds in which no bound moved by more than the tolerance; high 16: in which none moved at all.
 */
export function clipBounds(
  address: usize,
  outer: usize,
  channels: usize,
  inner: usize,
  noise: f32,
  unclipped: f64,
  rounds: u32,
  target: usize,
): u32 {
  let settled: u32 = 0xffffffff;
  const clippedShare: f32 = 1 - noise;
  for (let c: usize = 0; c < channels; c += 1) {
    let bound: f32 = 1;
    let own: u32 = 0;
    for (let k: u32 = 0; k < rounds; k += 1) {
      addChannel(address, outer, (channels * inner) << 2, inner, bound);
      let weight = <f32>(<f64><f32>highCount + <f64>lowCount);
      weight *= clippedShare;
      weight = <f32>(<f64>weight + unclipped);
      const next = canonicalNan((highSum - lowSum) / weight);
      const moved = abs(bound - next);
      if (next == bound) {
        own |= (0xffff << k) & 0xffff;
        own |= (0xffff << k) << 16;
        break;
      }
      if (moved <= ABSOLUTE + RELATIVE * abs(next)) own |= 1 << k;
      bound = next;
    }
    settled &= own;
    store<f32>(target + (c << 2), bound);
    address += inner << 2;
  }
  return settled;
}
