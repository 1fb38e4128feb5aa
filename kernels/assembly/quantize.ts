import { load32Part, lower2, upper } from './lanes';

// Adding 1.5 * 2^23 to a float between -2^22 and 2^22 rounds it to the nearest integer, half to even, and leaves that
// integer in the low bits: one addition where nearest and trunc_sat take ten instructions.
const MAGIC: f32 = 12582912;
const MAGIC_BITS: i32 = 0x4b400000;

/** round_half_even(x / scale + zero) clipped, as four int32; limits within +-2^22. NaN gives 0. */
// @ts-ignore: decorator
@inline
export function narrow4(x: v128, scale: v128, zero: v128, least: v128, greatest: v128): v128 {
  const t = f32x4.add(f32x4.div(x, scale), zero);
  const clipped = f32x4.pmin(greatest, f32x4.pmax(least, t));
  const q = i32x4.sub(f32x4.add(clipped, f32x4.splat(MAGIC)), i32x4.splat(MAGIC_BITS));
  return v128.and(q, f32x4.eq(t, t));
}

/** The same for any limits of int32. */
// @ts-ignore: decorator
@inline
function wide4(x: v128, scale: v128, zero: v128, least: v128, greatest: v128): v128 {
  const t = f32x4.add(f32x4.div(x, scale), zero);
  const clipped = f32x4.pmin(greatest, f32x4.pmax(least, f32x4.nearest(t)));
  return v128.and(i32x4.trunc_sat_f32x4_s(clipped), f32x4.eq(t, t));
}

/** Stores the first `count` (one to three) of four int32 as 8, 16 or 32 bits. */
function storePart(target: usize, bits: i32, q: v128, count: usize): void {
  for (let i: usize = 0; i < count; i += 1) {
    const value = i32x4.extract_lane(q, 0);
    if (bits == 8) store<i8>(target + i, <i8>value);
    else if (bits == 16) store<i16>(target + (i << 1), <i16>value);
    else store<i32>(target + (i << 2), value);
    q = i8x16.shuffle(q, q, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3);
  }
}

/** Sixteen int32 that are in range as bytes. */
// @ts-ignore: decorator
@inline
function bytes(a: v128, b: v128, c: v128, d: v128, unsigned: bool): v128 {
  const low = i16x8.narrow_i32x4_s(a, b);
  const high = i16x8.narrow_i32x4_s(c, d);
  return unsigned ? i8x16.narrow_i16x8_u(low, high) : i8x16.narrow_i16x8_s(low, high);
}

// @ts-ignore: decorator
@inline
function halves(a: v128, b: v128, unsigned: bool): v128 {
  return unsigned ? i16x8.narrow_i32x4_u(a, b) : i16x8.narrow_i32x4_s(a, b);
}

/** [outer, channels, inner] float32 to integers, one scale (float32) and zero point (int32) a channel. */
export function quantize(
  source: usize,
  outer: usize,
  channels: usize,
  inner: usize,
  scales: usize,
  zeroPoints: usize,
  bits: i32,
  least: f32,
  greatest: f32,
  target: usize,
): void {
  const width: usize = bits >> 3;
  const unsigned = greatest >= <f32>(1 << (bits - 1)) && bits < 32;
  for (let o: usize = 0; o < outer; o += 1) {
    if (inner == 1) {
      quantizeRow(source, channels, scales, zeroPoints, bits, least, greatest, unsigned, target);
      source += channels << 2;
      target += channels * width;
      continue;
    }
    for (let c: usize = 0; c < channels; c += 1) {
      const at = c << 2;
      const zero = <f32>load<i32>(zeroPoints + at);
      quantizeRun(source, inner, load<f32>(scales + at), zero, bits, least, greatest, unsigned, target);
      source += inner << 2;
      target += inner * width;
    }
  }
}

/** One element a channel. */
function quantizeRow(
  source: usize,
  channels: usize,
  scales: usize,
  zeros: usize,
  bits: i32,
  least: f32,
  greatest: f32,
  unsigned: bool,
  target: usize,
): void {
  const lo = f32x4.splat(least);
  const hi = f32x4.splat(greatest);
  let left = channels;
  if (bits == 8) {
    for (; left >= 16; left -= 16) {
      const a = narrow4(v128.load(source), v128.load(scales), float4(zeros), lo, hi);
      const b = narrow4(v128.load(source, 16), v128.load(scales, 16), float4(zeros + 16), lo, hi);
      const c = narrow4(v128.load(source, 32), v128.load(scales, 32), float4(zeros + 32), lo, hi);
      const d = narrow4(v128.load(source, 48), v128.load(scales, 48), float4(zeros + 48), lo, hi);
      v128.store(target, bytes(a, b, c, d, unsigned));
      source += 64;
      scales += 64;
      zeros += 64;
      target += 16;
    }
  }
  while (left > 0) {
    const step: usize = left < 4 ? left : 4;
    const zero = f32x4.convert_i32x4_s(step < 4 ? load32Part(zeros, step) : v128.load(zeros));
    const x = step < 4 ? load32Part(source, step) : v128.load(source);
    const scale = step < 4 ? load32Part(scales, step) : v128.load(scales);
    const q = bits < 32 ? narrow4(x, scale, zero, lo, hi) : wide4(x, scale, zero, lo, hi);
    store4(target, bits, q, step, unsigned);
    source += 16;
    scales += 16;
    zeros += 16;
    target += step * (bits >> 3);
    left -= step;
  }
}

// @ts-ignore: decorator
@inline
function float4(integers: usize): v128 {
  return f32x4.convert_i32x4_s(v128.load(integers));
}

/** Stores up to four int32 that are in range as 8, 16 or 32 bits. */
// @ts-ignore: decorator
@inline
function store4(target: usize, bits: i32, q: v128, count: usize, unsigned: bool): void {
  if (count < 4) storePart(target, bits, q, count);
  else if (bits == 32) v128.store(target, q);
  else if (bits == 16) v128.store64_lane(target, halves(q, q, unsigned), 0);
  else v128.store32_lane(target, bytes(q, q, q, q, unsigned), 0);
}

/** Sixteen values of one channel as bytes. */
// @ts-ignore: decorator
@inline
export function bytes16(source: usize, scale: v128, zero: v128, least: v128, greatest: v128, unsigned: bool): v128 {
  const a = narrow4(v128.load(source), scale, zero, least, greatest);
  const b = narrow4(v128.load(source, 16), scale, zero, least, greatest);
  const c = narrow4(v128.load(source, 32), scale, zero, least, greatest);
  const d = narrow4(v128.load(source, 48), scale, zero, least, greatest);
  return bytes(a, b, c, d, unsigned);
}

/** Elements of one channel. */
function quantizeRun(
  source: usize,
  count: usize,
  scale: f32,
  zero: f32,
  bits: i32,
  least: f32,
  greatest: f32,
  unsigned: bool,
  target: usize,
): void {
  const s = f32x4.splat(scale);
  const z = f32x4.splat(zero);
  const lo = f32x4.splat(least);
  const hi = f32x4.splat(greatest);
  let left = count;
  if (bits == 8) {
    for (; left >= 16; left -= 16) {
      v128.store(target, bytes16(source, s, z, lo, hi, unsigned));
      source += 64;
      target += 16;
    }
  } else if (bits == 16) {
    for (; left >= 8; left -= 8) {
      const a = narrow4(v128.load(source), s, z, lo, hi);
      const b = narrow4(v128.load(source, 16), s, z, lo, hi);
      v128.store(target, halves(a, b, unsigned));
      source += 32;
      target += 16;
    }
  } else {
    for (; left >= 4; left -= 4) {
      v128.store(target, wide4(v128.load(source), s, z, lo, hi));
      source += 16;
      target += 16;
    }
  }
  while (left > 0) {
    const step: usize = left < 4 ? left : 4;
    const x = step < 4 ? load32Part(source, step) : v128.load(source);
    store4(target, bits, bits < 32 ? narrow4(x, s, z, lo, hi) : wide4(x, s, z, lo, hi), step, unsigned);
    source += 16;
    target += step * (bits >> 3);
    left -= step;
  }
}

/** Four integers as int32 lanes. type: 0 int8, 1 uint8, 2 int16, 3 int32. */
// @ts-ignore: decorator
@inline
function widen4(at: usize, type: i32): v128 {
  if (type == 0) return i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(v128.load32_zero(at)));
  if (type == 1) return i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(at)));
  if (type == 2) return i32x4.extend_low_i16x8_s(v128.load64_zero(at));
  return v128.load(at);
}

// @ts-ignore: decorator
@inline
function widen1(at: usize, type: i32): i32 {
  if (type == 0) return load<i8>(at);
  if (type == 1) return load<u8>(at);
  if (type == 2) return load<i16>(at);
  return load<i32>(at);
}

/** float32((q - zero) * scale) in double. type: 0 int8, 1 uint8, 2 int16, 3 int32. */
export function dequantize(source: usize, type: i32, count: usize, scale: f64, zero: f64, target: usize): void {
  const scales = f64x2.splat(scale);
  const zeros = f64x2.splat(zero);
  const width: usize = type < 2 ? 1 : type == 2 ? 2 : 4;
  let left = count;
  for (; left >= 4; left -= 4) {
    const q = widen4(source, type);
    const low = f64x2.mul(f64x2.sub(f64x2.convert_low_i32x4_s(q), zeros), scales);
    const high = f64x2.mul(f64x2.sub(f64x2.convert_low_i32x4_s(upper(q)), zeros), scales);
    v128.store(target, lower2(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high)));
    source += width << 2;
    target += 16;
  }
  for (; left > 0; left -= 1) {
    store<f32>(target, <f32>((<f64>widen1(source, type) - zero) * scale));
    source += width;
    target += 4;
  }
}

/**
 * The same bits in float32, for types up to 16 bits, an integer zero point within +-2^23 and a scale that is a float32:
 * then q - zero is exact and so is its product with scale in double, which leaves one rounding either way.
 */
export function dequantizeNarrow(source: usize, type: i32, count: usize, scale: f32, zero: i32, target: usize): void {
  if (type == 0) narrowLoop(source, 0, 1, count, scale, zero, target);
  else if (type == 1) narrowLoop(source, 1, 1, count, scale, zero, target);
  else narrowLoop(source, 2, 2, count, scale, zero, target);
}

// @ts-ignore: decorator
@inline
function narrowLoop(source: usize, type: i32, width: usize, count: usize, scale: f32, zero: i32, target: usize): void {
  const scales = f32x4.splat(scale);
  const zeros = i32x4.splat(zero);
  let left = count;
  for (; left >= 4; left -= 4) {
    v128.store(target, f32x4.mul(f32x4.convert_i32x4_s(i32x4.sub(widen4(source, type), zeros)), scales));
    source += width << 2;
    target += 16;
  }
  for (; left > 0; left -= 1) {
    store<f32>(target, <f32>(widen1(source, type) - zero) * scale);
    source += width;
    target += 4;
  }
}
