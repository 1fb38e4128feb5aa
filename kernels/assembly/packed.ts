// Codes of four bits by way of the inverse of the scale, a multiplication where `quantize` divides. x * (1 / scale) is off
// from x / scale by less than 2^-21 of it, so both round to the same code, unless x / scale lies next to the middle of two
// codes. Which do is seen: the product is added to 1.5 * 2^11, which leaves it in the low bits of the float as a number
// with twelve binary digits after the point. With half a code more, the code is what stands before the point, and a middle
// is where everything after it is zero. The addition rounds by at most half of the last digit, 2^-13. What does not become
// a middle is at least that far from it, and 2^-13 is more than what a product below 9 is off by, 2^-17.
//
// The codes from -8 to 7, moved up by 8, and the digits make 16 bits. Products beyond them, and NaN, become 0 or 65535: the
// first looks like a middle. So what has no digit set, and 65535, is for a division; everything else is right.
//
// Loops end with their condition: out of others the engine does not take the vectors that are the same in every round.
import { blockScales } from './blocks';
import { LEAST_BOUND } from './lanes';
import { joined4 } from './pack';
import { bytes16, narrow4 } from './quantize';
import { rangePerChannel } from './range';

const DIGITS: i32 = 12;
const LEAST: f32 = -8;
const GREATEST: f32 = 7;
/** What products are added to, and its bits less the 8 codes that are below zero. */
const START: f32 = 3072.5;
const ORIGIN: i32 = reinterpret<i32>(<f32>3072) - (8 << DIGITS);

/** [outer, channels, inner] float32 to packed int4, one scale (float32) a channel and no zero points; `inner` is even. */
export function quantizePacked(
  source: usize,
  outer: usize,
  channels: usize,
  inner: usize,
  scales: usize,
  target: usize,
): void {
  if (channels == 0 || inner == 0) return;
  for (let o: usize = 0; o < outer; o += 1) {
    let at = scales;
    let left = channels;
    do {
      const scale = v128.load32_splat(at);
      packRun(source, inner, scale, target);
      source += inner << 2;
      target += inner >> 1;
      at += 4;
      left -= 1;
    } while (left > 0);
  }
}

/** Values that stay in the first cache between the search for scales and their use. */
const TILE: usize = 4096;

/** Ranges of channels, the scales of symmetric int4 that follow from them, and the codes, each channel after the other. */
export function quantizeChannelsPacked(
  source: usize,
  channels: usize,
  inner: usize,
  mins: usize,
  maxs: usize,
  scales: usize,
  target: usize,
): void {
  for (let left = channels; left > 0; left -= 1) {
    store<f32>(mins, f32.POSITIVE_INFINITY);
    store<f32>(maxs, f32.NEGATIVE_INFINITY);
    rangePerChannel(source, 1, 1, inner, mins, maxs);
    const bound = max<f32>(max<f32>(abs<f32>(load<f32>(mins)), abs<f32>(load<f32>(maxs))), LEAST_BOUND);
    store<f32>(scales, bound == bound ? bound / GREATEST : reinterpret<f32>(0x7fc00000));
    quantizePacked(source, 1, 1, inner, scales, target);
    source += inner << 2;
    target += inner >> 1;
    mins += 4;
    maxs += 4;
    scales += 4;
  }
}

/** Stored scales of runs of `size` values, which is even, and their codes as `quantizePacked` makes them with these. */
export function quantizeBlocksPacked(
  source: usize,
  blocks: usize,
  size: usize,
  limited: bool,
  scales: usize,
  target: usize,
): void {
  const most: usize = size < TILE ? TILE / size : 1;
  for (let left = blocks; left > 0; ) {
    const count = left < most ? left : most;
    blockScales(source, count, size, GREATEST, limited, scales);
    quantizePacked(source, 1, count, size, scales, target);
    const values = count * size;
    source += values << 2;
    scales += count << 2;
    target += values >> 1;
    left -= count;
  }
}

/** An even number of values of one channel. */
// @ts-ignore: decorator
@inline
function packRun(source: usize, count: usize, scale: v128, target: usize): void {
  if (count >= 32) {
    const inverse = f32x4.div(f32x4.splat(1), scale);
    do {
      if (multiply32(source, inverse, target)) divide(source, 32, scale, target);
      source += 128;
      target += 16;
      count -= 32;
    } while (count >= 32);
  }
  if (count > 0) divide(source, count, scale, target);
}

/** Codes of 32 values. Returns whether some of them may be wrong. */
// @ts-ignore: decorator
@inline
function multiply32(source: usize, inverse: v128, target: usize): bool {
  const a = products8(source, inverse);
  const b = products8(source + 32, inverse);
  const c = products8(source + 64, inverse);
  const d = products8(source + 96, inverse);
  const bytes = i8x16.narrow_i16x8_u(
    i16x8.narrow_i32x4_s(pairs4(a), pairs4(b)),
    i16x8.narrow_i32x4_s(pairs4(c), pairs4(d)),
  );
  // Stored in any case: behind a branch, the engine would compute the products again.
  v128.store(target, v128.xor(bytes, i8x16.splat(<i8>0x88)));
  const digits = i16x8.min_u(i16x8.min_u(after(a), after(b)), i16x8.min_u(after(c), after(d)));
  const greatest = i16x8.max_u(i16x8.max_u(a, b), i16x8.max_u(c, d));
  return v128.any_true(v128.or(i16x8.eq(digits, i16x8.splat(0)), i16x8.eq(greatest, i16x8.splat(-1))));
}

/** Eight values over the scale, as uint16. */
// @ts-ignore: decorator
@inline
function products8(source: usize, inverse: v128): v128 {
  const a = f32x4.add(f32x4.mul(v128.load(source), inverse), f32x4.splat(START));
  const b = f32x4.add(f32x4.mul(v128.load(source, 16), inverse), f32x4.splat(START));
  return i16x8.narrow_i32x4_u(i32x4.sub(a, i32x4.splat(ORIGIN)), i32x4.sub(b, i32x4.splat(ORIGIN)));
}

/** What stands after the point. */
// @ts-ignore: decorator
@inline
function after(products: v128): v128 {
  return i16x8.shl(products, 16 - DIGITS);
}

/** Four bytes out of the codes of eight products: neighbours times 1 and 16, and added. */
// @ts-ignore: decorator
@inline
function pairs4(products: v128): v128 {
  return i32x4.dot_i16x8_s(i16x8.shr_u(products, DIGITS), i32x4.splat(0x00100001));
}

/** An even number of values of one channel, as `quantize` does it. */
function divide(source: usize, count: usize, scale: v128, target: usize): void {
  const zero = f32x4.splat(0);
  const least = f32x4.splat(LEAST);
  const greatest = f32x4.splat(GREATEST);
  for (; count >= 32; count -= 32) {
    const low = bytes16(source, scale, zero, least, greatest, false);
    const high = bytes16(source + 64, scale, zero, least, greatest, false);
    v128.store(target, joined4(low, high));
    source += 128;
    target += 16;
  }
  for (; count > 0; count -= 2) {
    const q = narrow4(v128.load64_splat(source), scale, zero, least, greatest);
    store<u8>(target, <u8>((i32x4.extract_lane(q, 0) & 15) | (i32x4.extract_lane(q, 1) << 4)));
    source += 8;
    target += 1;
  }
}
