import { countPicked, GROUP, histogramFloat32, startPicking } from './histogram';
import { fold, laneSum, load32Part } from './lanes';

/** Least and greatest value; infinities for no values. */
export let resultMin: f32 = 0;
export let resultMax: f32 = 0;
export let resultNan: i32 = 0;
export let resultInfinite: i32 = 0;

const LOW: f32 = -3e38;
const HIGH: f32 = 3e38;
const INFINITY_BITS: u32 = 0x7f800000;
const NAN_BITS: u32 = 0x7fc00000;

// What a scan leaves: extremes of the values' bits. Floats of one sign are ordered like their bits, so two integer
// reductions a vector tell the range, the zeros' signs and whether there was a NaN, where there are values of both signs.
let mostSigned: i32 = 0;
let mostUnsigned: u32 = 0;
/** Of values that all have the same sign; 0 says that there is a positive zero. */
let leastUnsigned: u32 = 0;
// Of the last piece alone: the greatest magnitude of each sign; both are the same where there is one sign only.
let pieceSigned: i32 = 0;
let pieceUnsigned: u32 = 0;

/** Values that stay in the first cache while they are looked at several times. */
const PIECE: usize = 4096;

/** Reduces the bits of at least one float32. */
function scan(address: usize, count: usize): void {
  startScan();
  for (let left = count; left > 0; ) {
    const step = left < PIECE ? left : PIECE;
    scanPiece(address, step);
    address += step << 2;
    left -= step;
  }
}

function startScan(): void {
  mostSigned = i32.MIN_VALUE;
  mostUnsigned = 0;
  leastUnsigned = u32.MAX_VALUE;
}

/** Goes on with at least one float32. */
function scanPiece(address: usize, count: usize): void {
  scanMost(address, count);
  const sameSign = (mostSigned ^ <i32>mostUnsigned) >= 0;
  if (sameSign && leastUnsigned != 0) scanLeast(address, count);
}

/** The greatest bits of at least one float32, as signed and as unsigned numbers. */
function scanMost(address: usize, count: usize): void {
  let signed = v128.load32_splat(address);
  let most = signed;
  let signed2 = signed;
  let most2 = signed;
  let left = count;
  for (; left >= 16; left -= 16) {
    const x = v128.load(address);
    const y = v128.load(address, 16);
    const z = v128.load(address, 32);
    const w = v128.load(address, 48);
    signed = i32x4.max_s(signed, x);
    most = i32x4.max_u(most, x);
    signed2 = i32x4.max_s(signed2, y);
    most2 = i32x4.max_u(most2, y);
    signed = i32x4.max_s(signed, z);
    most = i32x4.max_u(most, z);
    signed2 = i32x4.max_s(signed2, w);
    most2 = i32x4.max_u(most2, w);
    address += 64;
  }
  for (; left > 0; ) {
    const step: usize = left < 4 ? left : 4;
    const x = step < 4 ? load32Part(address, step) : v128.load(address);
    signed = i32x4.max_s(signed, x);
    most = i32x4.max_u(most, x);
    address += step << 2;
    left -= step;
  }
  pieceSigned = i32x4.extract_lane(fold<i32>(i32x4.max_s(signed, signed2), true), 0);
  pieceUnsigned = i32x4.extract_lane(fold<u32>(i32x4.max_u(most, most2), true), 0);
  mostSigned = max<i32>(mostSigned, pieceSigned);
  mostUnsigned = max<u32>(mostUnsigned, pieceUnsigned);
}

/** The least bits of at least one float32, as unsigned numbers. */
function scanLeast(address: usize, count: usize): void {
  let least = v128.load32_splat(address);
  let least2 = least;
  let left = count;
  for (; left >= 8; left -= 8) {
    least = i32x4.min_u(least, v128.load(address));
    least2 = i32x4.min_u(least2, v128.load(address, 16));
    address += 32;
  }
  for (; left > 0; ) {
    const step: usize = left < 4 ? left : 4;
    least = i32x4.min_u(least, step < 4 ? load32Part(address, step) : v128.load(address));
    address += step << 2;
    left -= step;
  }
  leastUnsigned = min<u32>(leastUnsigned, i32x4.extract_lane(fold<u32>(i32x4.min_u(least, least2), false), 0));
}

/** Whether the last scan met a NaN. */
function metNan(): bool {
  return mostSigned > <i32>INFINITY_BITS || mostUnsigned > (INFINITY_BITS | 0x80000000);
}

/** Plain minimum of the last scan; one NaN makes it NaN. */
function plainMin(): f32 {
  if (metNan()) return reinterpret<f32>(NAN_BITS);
  return reinterpret<f32>(mostUnsigned >>> 31 ? mostUnsigned : leastUnsigned);
}

/** Plain maximum of the last scan; one NaN makes it NaN. */
function plainMax(): f32 {
  if (metNan()) return reinterpret<f32>(NAN_BITS);
  return reinterpret<f32>(mostSigned >= 0 ? <u32>mostSigned : leastUnsigned);
}

/** The range of no values. */
function clearResults(): void {
  resultMin = f32.POSITIVE_INFINITY;
  resultMax = f32.NEGATIVE_INFINITY;
  resultNan = 0;
  resultInfinite = 0;
}

/** One-sided filters at +-3e38 and counts of what is not finite. One pass where nothing is filtered, else two. */
export function rangeFloat32(address: usize, count: usize): void {
  clearResults();
  if (count == 0) return;
  scan(address, count);
  finishRange(address, count);
}

/** The range out of what `scan` left of these values. */
function finishRange(address: usize, count: usize): void {
  if (mostSigned < reinterpret<i32>(HIGH) && mostUnsigned < reinterpret<u32>(LOW)) {
    resultMin = plainMin();
    resultMax = plainMax();
    return;
  }
  filter(address, count);
  if (resultMin == f32.POSITIVE_INFINITY) resultMin = plainMin();
  if (resultMax == f32.NEGATIVE_INFINITY) resultMax = plainMax();
}

/**
 * The range and, out of one in `every` groups of eight values and the extremes of each piece, a histogram; the memory is
 * read once. Gives the bits of the greatest magnitude, NaN included.
 */
export function surveyFloat32(address: usize, count: usize, table: usize, shift: i32, every: u32): i32 {
  clearResults();
  if (count == 0) return 0;
  const block: usize = <usize>every * GROUP;
  const piece: usize = block < PIECE ? PIECE - (PIECE % block) : block;
  startScan();
  startPicking();
  let at = address;
  for (let left = count; left > 0; ) {
    const step = left < piece ? left : piece;
    scanPiece(at, step);
    if (every > 1 && step >= block) countPicked(at, step, table, shift, every, pieceSigned, pieceUnsigned);
    else histogramFloat32(at, step, table, shift);
    at += step << 2;
    left -= step;
  }
  finishRange(address, count);
  return max<i32>(mostSigned, <i32>(mostUnsigned & 0x7fffffff));
}

/** Bits of a float as an integer in the order of the values (-NaN, -inf ... -0, +0 ... +inf, +NaN), and back. */
// @ts-ignore: decorator
@inline
function ordered(bits: i32): i32 {
  return bits ^ ((bits >> 31) & 0x7fffffff);
}

function filter(address: usize, count: usize): void {
  // Taken from `lowest` up as unsigned numbers, keys that the filter leaves out wrap around to the far end.
  const lowest = ordered(reinterpret<i32>(LOW)) + 1;
  const beyond = ordered(reinterpret<i32>(HIGH));
  const lowestKey = i32x4.splat(lowest);
  const beyondKey = i32x4.splat(beyond);
  let lows = i32x4.splat(ordered(INFINITY_BITS) - lowest);
  let highs = i32x4.splat(ordered(INFINITY_BITS | 0x80000000) - beyond);
  let nans = i32x4.splat(0);
  let infinities = nans;
  const magnitude = i32x4.splat(0x7fffffff);
  const infinity = i32x4.splat(INFINITY_BITS);
  for (let left = count; left > 0; ) {
    const step: usize = left < 4 ? left : 4;
    let x: v128;
    let inside = i32x4.splat(-1);
    if (step == 4) x = v128.load(address);
    else {
      x = load32Part(address, step);
      inside = i32x4.gt_s(i32x4.splat(<i32>step), i32x4(0, 1, 2, 3));
    }
    const key = v128.xor(x, v128.and(i32x4.shr_s(x, 31), magnitude));
    lows = i32x4.min_u(lows, i32x4.sub(key, lowestKey));
    highs = i32x4.max_u(highs, i32x4.sub(key, beyondKey));
    const size = v128.and(x, magnitude);
    nans = i32x4.sub(nans, v128.and(inside, i32x4.gt_s(size, infinity)));
    infinities = i32x4.sub(infinities, v128.and(inside, i32x4.eq(size, infinity)));
    address += step << 2;
    left -= step;
  }
  resultMin = reinterpret<f32>(ordered(i32x4.extract_lane(fold<u32>(lows, false), 0) + lowest));
  resultMax = reinterpret<f32>(ordered(i32x4.extract_lane(fold<u32>(highs, true), 0) + beyond));
  resultNan = laneSum(nans);
  resultInfinite = laneSum(infinities);
}

/** Min and max of [outer, channels, inner] by channel, merged into what is at the two addresses. NaN wins. */
export function rangePerChannel(
  address: usize,
  outer: usize,
  channels: usize,
  inner: usize,
  minAddress: usize,
  maxAddress: usize,
): void {
  if (inner == 0) return;
  for (let o: usize = 0; o < outer; o += 1) {
    if (inner == 1) {
      rangeRow(address, channels, minAddress, maxAddress);
      address += channels << 2;
      continue;
    }
    for (let c: usize = 0; c < channels; c += 1) {
      const low = minAddress + (c << 2);
      const high = maxAddress + (c << 2);
      scan(address, inner);
      store<f32>(low, canonical(min(load<f32>(low), plainMin())));
      store<f32>(high, canonical(max(load<f32>(high), plainMax())));
      address += inner << 2;
    }
  }
}

/** One element a channel: lane by lane. */
function rangeRow(address: usize, channels: usize, minAddress: usize, maxAddress: usize): void {
  let at: usize = 0;
  for (const end = (channels & ~3) << 2; at < end; at += 16) {
    const x = v128.load(address + at);
    v128.store(minAddress + at, canonical4(f32x4.min(v128.load(minAddress + at), x)));
    v128.store(maxAddress + at, canonical4(f32x4.max(v128.load(maxAddress + at), x)));
  }
  for (const end = channels << 2; at < end; at += 4) {
    const x = load<f32>(address + at);
    store<f32>(minAddress + at, canonical(min(load<f32>(minAddress + at), x)));
    store<f32>(maxAddress + at, canonical(max(load<f32>(maxAddress + at), x)));
  }
}

/** The payload of a computed NaN is not determined by wasm: always give the same one. */
// @ts-ignore: decorator
@inline
function canonical(x: f32): f32 {
  return x != x ? reinterpret<f32>(NAN_BITS) : x;
}

// @ts-ignore: decorator
@inline
function canonical4(x: v128): v128 {
  return v128.bitselect(x, i32x4.splat(NAN_BITS), f32x4.eq(x, x));
}
