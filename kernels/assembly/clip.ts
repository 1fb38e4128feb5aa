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

/** Whether one of 32 values is chosen on either side. */
// @ts-ignore: decorator
@inline
function anyChosen(address: usize, threshold: v128): bool {
  let any = f32x4.ge(f32x4.abs(v128.load(address)), threshold);
  for (let k: usize = 16; k < 128; k += 16) {
    any = v128.or(any, f32x4.ge(f32x4.abs(v128.load(address + k)), threshold));
  }
  return v128.any_true(any);
}

/** All ones where a value is at least the threshold, or at most the negative of it. */
// @ts-ignore: decorator
@inline
function chosen4(address: usize, threshold: v128, low: bool): v128 {
  const x = v128.load(address);
  return low ? f32x4.le(x, threshold) : f32x4.ge(x, threshold);
}

/** A bit for each of 16 values. */
// @ts-ignore: decorator
@inline
function mask16(address: usize, threshold: v128, low: bool): u32 {
  const a = chosen4(address, threshold, low);
  const b = chosen4(address + 16, threshold, low);
  const c = chosen4(address + 32, threshold, low);
  const d = chosen4(address + 48, threshold, low);
  return i8x16.bitmask(i8x16.narrow_i16x8_s(i16x8.narrow_i32x4_s(a, b), i16x8.narrow_i32x4_s(c, d)));
}

// @ts-ignore: decorator
@inline
function mask32(address: usize, threshold: v128, low: bool): u32 {
  return mask16(address, threshold, low) | (mask16(address + 64, threshold, low) << 16);
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

/** From this many selected values of a block on, walking through all of them beats looking for stretches. */
const DENSE: u32 = 3;

/** Eight ones in a row: a stretch whose sum is not taken one by one. */
// @ts-ignore: decorator
@inline
function hasLongRun(bits: u64): bool {
  let runs = bits & (bits >> 1);
  runs &= runs >> 2;
  return (runs & (runs >> 4)) != 0;
}

/** A block's bits above those of the open stretch before it, of which eight are enough to know that it is long. */
// @ts-ignore: decorator
@inline
function joinedMask(mask: u32, start: usize, address: usize): u64 {
  const open: usize = start == 0 ? 0 : (address - start) >> 2;
  const before: u64 = open == 0 ? 0 : open >= 8 ? 0xff : ((<u64>1 << <u64>open) - 1) << (8 - <u64>open);
  return (<u64>mask << 8) | before;
}

/** Sum one by one of an open stretch of fewer than eight values; 0 for none. */
// @ts-ignore: decorator
@inline
function openSum(start: usize, end: usize): f32 {
  let sum: f32 = 0;
  if (start == 0) return sum;
  for (; start < end; start += 4) sum += load<f32>(start);
  return sum;
}

/** Where the stretch begins that reaches the end of a block, or 0. */
// @ts-ignore: decorator
@inline
function openStart(end: usize, mask: u32, start: usize): usize {
  const reach = <usize>clz(~mask);
  if (reach == 0) return 0;
  return reach == BLOCK && start != 0 ? start : end - (reach << 2);
}

/**
 * Adds a block whose stretches are all shorter than eight values, without a branch: lane 0 for the high values, lane 1
 * for the low ones with their signs turned, so that both are "at least the threshold". A sum of a stretch is added when
 * the next value is not part of it; adding 0 at all other times changes nothing.
 */
function walk(address: usize, threshold: f32, highMask: u32, lowMask: u32): void {
  const signs = i32x4(0, 0x80000000, 0, 0);
  const least = f32x4.splat(threshold);
  let total = f32x4(highSum, -lowSum, 0, 0);
  let open = f32x4(openSum(highStart, address), -openSum(lowStart, address), 0, 0);
  const end = address + (BLOCK << 2);
  for (let at = address; at < end; at += 4) {
    const x = v128.xor(v128.load32_splat(at), signs);
    const chosen = f32x4.ge(x, least);
    total = f32x4.add(total, v128.andnot(open, chosen));
    open = v128.and(f32x4.add(open, x), chosen);
  }
  highSum = f32x4.extract_lane(total, 0);
  lowSum = -f32x4.extract_lane(total, 1);
  highStart = openStart(end, highMask, highStart);
  lowStart = openStart(end, lowMask, lowStart);
}

// @ts-ignore: decorator
@inline
function mayWalk(address: usize, highs: u32, lows: u32): bool {
  if (popcnt(highs) + popcnt(lows) < DENSE) return false;
  return !hasLongRun(joinedMask(highs, highStart, address)) && !hasLongRun(joinedMask(lows, lowStart, address));
}

function addRun(address: usize, count: usize, threshold: f32): void {
  const high = f32x4.splat(threshold);
  const low = f32x4.splat(-threshold);
  for (let left = count; left > 0; ) {
    const step = left < BLOCK ? left : BLOCK;
    const whole = step == BLOCK;
    if (whole && highStart == 0 && lowStart == 0 && !anyChosen(address, high)) {
      address += BLOCK << 2;
      left -= BLOCK;
      continue;
    }
    const highs = whole ? mask32(address, high, false) : maskPart(address, step, threshold, false);
    const lows = whole ? mask32(address, low, true) : maskPart(address, step, -threshold, true);
    highCount += popcnt(highs);
    lowCount += popcnt(lows);
    if (whole && mayWalk(address, highs, lows)) walk(address, threshold, highs, lows);
    else {
      highStart = stretches(address, highs, highStart, false);
      lowStart = stretches(address, lows, lowStart, true);
    }
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
