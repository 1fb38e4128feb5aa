import { LEAST_BOUND, load32Part } from './lanes';

/** The smallest float16 above zero, the largest below infinity, the smallest that is normal, and what becomes infinity. */
const LEAST: f32 = 5.9604644775390625e-8;
const GREATEST: f32 = 65504;
const NORMAL: f32 = 0.00006103515625;
const OVERFLOW: f32 = 65536;

/** Scales of runs of `size` values as float16 with at most seven mantissa bits, as float32: see kernels.ts. */
export function blockScales(
  source: usize,
  blocks: usize,
  size: usize,
  greatest: f32,
  limited: bool,
  target: usize,
): void {
  const bytes = size << 2;
  for (; blocks >= 4; blocks -= 4) {
    const a = magnitudes(source, size);
    const b = magnitudes(source + bytes, size);
    const c = magnitudes(source + 2 * bytes, size);
    const d = magnitudes(source + 3 * bytes, size);
    v128.store(target, stored4(most4(a, b, c, d), greatest, limited));
    source += bytes << 2;
    target += 16;
  }
  for (; blocks > 0; blocks -= 1) {
    const a = magnitudes(source, size);
    v128.store32_lane(target, stored4(most4(a, a, a, a), greatest, limited), 0);
    source += bytes;
    target += 4;
  }
}

/** Bits of the largest magnitudes of at least one value, lane by lane; those of a NaN are above all others. */
// @ts-ignore: decorator
@inline
function magnitudes(source: usize, size: usize): v128 {
  const unsigned = i32x4.splat(0x7fffffff);
  let most = i32x4.splat(0);
  let more = most;
  let left = size;
  for (; left >= 8; left -= 8) {
    most = i32x4.max_u(most, v128.and(v128.load(source), unsigned));
    more = i32x4.max_u(more, v128.and(v128.load(source, 16), unsigned));
    source += 32;
  }
  while (left > 0) {
    const step: usize = left < 4 ? left : 4;
    most = i32x4.max_u(most, v128.and(step < 4 ? load32Part(source, step) : v128.load(source), unsigned));
    source += 16;
    left -= step;
  }
  return i32x4.max_u(most, more);
}

/** The greatest lane of each of four vectors. */
// @ts-ignore: decorator
@inline
function most4(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = i32x4.max_u(
    i8x16.shuffle(a, b, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23),
    i8x16.shuffle(a, b, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31),
  );
  const cd = i32x4.max_u(
    i8x16.shuffle(c, d, 0, 1, 2, 3, 16, 17, 18, 19, 4, 5, 6, 7, 20, 21, 22, 23),
    i8x16.shuffle(c, d, 8, 9, 10, 11, 24, 25, 26, 27, 12, 13, 14, 15, 28, 29, 30, 31),
  );
  // a b a b and c d c d: the halves of each go together.
  return i32x4.max_u(
    i8x16.shuffle(ab, cd, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),
    i8x16.shuffle(ab, cd, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31),
  );
}

/** Stored scales out of the bits of four magnitudes. */
// @ts-ignore: decorator
@inline
function stored4(most: v128, greatest: f32, limited: bool): v128 {
  const nan = i32x4.gt_s(most, i32x4.splat(0x7f800000));
  const scale = f32x4.div(f32x4.max(most, f32x4.splat(LEAST_BOUND)), f32x4.splat(greatest));
  // To bfloat16, half to even: that leaves seven bits, which a float16 has room for unless it is subnormal.
  const odd = v128.and(i32x4.shr_u(scale, 16), i32x4.splat(1));
  const rounded = v128.and(i32x4.add(i32x4.add(scale, i32x4.splat(0x7fff)), odd), i32x4.splat(0xffff0000));
  const steps = f32x4.mul(rounded, f32x4.splat(16777216));
  const subnormal = f32x4.mul(f32x4.nearest(steps), f32x4.splat(LEAST));
  let result = v128.bitselect(subnormal, rounded, f32x4.lt(rounded, f32x4.splat(NORMAL)));
  if (limited) result = f32x4.pmin(f32x4.splat(GREATEST), f32x4.pmax(f32x4.splat(LEAST), result));
  else {
    const infinite = f32x4.ge(rounded, f32x4.splat(OVERFLOW));
    result = v128.bitselect(f32x4.splat(f32.POSITIVE_INFINITY), result, infinite);
  }
  return v128.bitselect(i32x4.splat(0x7fc00000), result, nan);
}
