// Small pieces that several kernels share.

/** Ranges of weights narrower than this are widened to it. */
export const LEAST_BOUND: f32 = 1e-9;

/** The two upper 32-bit lanes of a vector, moved down. */
// @ts-ignore: decorator
@inline
export function upper(v: v128): v128 {
  return i8x16.shuffle(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15);
}

/** The lowest 32-bit lanes of two vectors' halves side by side: a0 a1 b0 b1. */
// @ts-ignore: decorator
@inline
export function lower2(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23);
}

/** One to three 32-bit elements; the other lanes repeat the first. */
export function load32Part(address: usize, count: usize): v128 {
  let v = v128.load32_splat(address);
  if (count > 1) v = i32x4.replace_lane(v, 1, load<i32>(address, 4));
  if (count > 2) v = i32x4.replace_lane(v, 2, load<i32>(address, 8));
  return v;
}

/** Sum of four int32 lanes. */
export function laneSum(v: v128): i32 {
  return i32x4.extract_lane(v, 0) + i32x4.extract_lane(v, 1) + i32x4.extract_lane(v, 2) + i32x4.extract_lane(v, 3);
}

/** Reduces the lanes of a vector of T to lane 0. */
export function fold<T extends i32>(v: v128, greatest: bool): v128 {
  v = better<T>(v, upper(v), greatest);
  v = better<T>(v, i8x16.shuffle(v, v, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7), greatest);
  if (sizeof<T>() < 4) {
    v = better<T>(v, i8x16.shuffle(v, v, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3), greatest);
  }
  if (sizeof<T>() < 2) {
    v = better<T>(v, i8x16.shuffle(v, v, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1), greatest);
  }
  return v;
}

// @ts-ignore: decorator
@inline
function better<T>(a: v128, b: v128, greatest: bool): v128 {
  return greatest ? v128.max<T>(a, b) : v128.min<T>(a, b);
}
