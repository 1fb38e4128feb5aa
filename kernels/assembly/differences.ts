import { laneSum, load32Part, lower2, upper } from './lanes';

/**
 * Adds (t - r)^2 and r^2 of each position along rows to doubles at `noise` and `signal`, row after row.
 */
export function compareChannels(
  reference: usize,
  test: usize,
  rows: usize,
  length: usize,
  stride: usize,
  noise: usize,
  signal: usize,
): void {
  const skip = (stride - length) << 2;
  for (; rows > 0; rows -= 1) {
    let toNoise = noise;
    let toSignal = signal;
    for (let pairs = length >> 1; pairs > 0; pairs -= 1) {
      const r = f64x2.promote_low_f32x4(v128.load64_zero(reference));
      const e = f64x2.sub(f64x2.promote_low_f32x4(v128.load64_zero(test)), r);
      v128.store(toNoise, f64x2.add(v128.load(toNoise), f64x2.mul(e, e)));
      v128.store(toSignal, f64x2.add(v128.load(toSignal), f64x2.mul(r, r)));
      reference += 8;
      test += 8;
      toNoise += 16;
      toSignal += 16;
    }
    if (length & 1) {
      const r: f64 = load<f32>(reference);
      const e: f64 = <f64>load<f32>(test) - r;
      store<f64>(toNoise, load<f64>(toNoise) + e * e);
      store<f64>(toSignal, load<f64>(toSignal) + r * r);
      reference += 4;
      test += 4;
    }
    reference += skip;
    test += skip;
  }
}

/** Bits of 2^-30 above the lowest 18: what is below goes to bin 0. */
const FIRST_KEY: i32 = (127 - 30) << 5;
const LAST_BIN: i32 = 54 * 32 + 1;

/** Counts |t - r| / (|r| + 1e-6), computed in double and rounded to float32, of elements that are `stride` apart. */
export function countRatios(reference: usize, test: usize, count: usize, stride: usize, table: usize): void {
  const step = stride << 2;
  const least = f64x2.splat(1e-6);
  const infinity = f32x4.splat(f32.POSITIVE_INFINITY);
  for (; count >= 4; count -= 4) {
    const r = load4(reference, step);
    const t = load4(test, step);
    reference += step << 2;
    test += step << 2;
    const r0 = f64x2.promote_low_f32x4(r);
    const r1 = f64x2.promote_low_f32x4(upper(r));
    const e0 = f64x2.abs(f64x2.sub(f64x2.promote_low_f32x4(t), r0));
    const e1 = f64x2.abs(f64x2.sub(f64x2.promote_low_f32x4(upper(t)), r1));
    const q0 = f32x4.demote_f64x2_zero(f64x2.div(e0, f64x2.add(f64x2.abs(r0), least)));
    const q1 = f32x4.demote_f64x2_zero(f64x2.div(e1, f64x2.add(f64x2.abs(r1), least)));
    const q = lower2(q0, q1);
    let bin = i32x4.sub(i32x4.shr_u(q, 18), i32x4.splat(FIRST_KEY - 1));
    bin = i32x4.min_s(i32x4.max_s(bin, i32x4.splat(0)), i32x4.splat(LAST_BIN));
    const use = f32x4.lt(f32x4.abs(r), infinity);
    if (i32x4.all_true(use)) {
      add(table, i32x4.extract_lane(bin, 0));
      add(table, i32x4.extract_lane(bin, 1));
      add(table, i32x4.extract_lane(bin, 2));
      add(table, i32x4.extract_lane(bin, 3));
    } else {
      if (i32x4.extract_lane(use, 0)) add(table, i32x4.extract_lane(bin, 0));
      if (i32x4.extract_lane(use, 1)) add(table, i32x4.extract_lane(bin, 1));
      if (i32x4.extract_lane(use, 2)) add(table, i32x4.extract_lane(bin, 2));
      if (i32x4.extract_lane(use, 3)) add(table, i32x4.extract_lane(bin, 3));
    }
  }
  for (; count > 0; count -= 1) {
    const r: f64 = load<f32>(reference);
    if (abs(r) < f64.POSITIVE_INFINITY) {
      const q = <f32>(abs(<f64>load<f32>(test) - r) / (abs(r) + 1e-6));
      add(table, min(max(<i32>(reinterpret<u32>(q) >>> 18) - (FIRST_KEY - 1), 0), LAST_BIN));
    }
    reference += step;
    test += step;
  }
}

/** Four float32 that are `step` bytes apart. */
// @ts-ignore: decorator
@inline
function load4(address: usize, step: usize): v128 {
  let v = v128.load32_zero(address);
  v = v128.load32_lane(address + step, v, 1);
  v = v128.load32_lane(address + (step << 1), v, 2);
  return v128.load32_lane(address + (step << 1) + step, v, 3);
}

// @ts-ignore: decorator
@inline
function add(table: usize, bin: i32): void {
  const entry = table + (<usize>bin << 1);
  store<u16>(entry, load<u16>(entry) + 1);
}

/** Moves what is in a table of uint16 to the target, as pairs of an entry's number and what is in it; clears the table. */
export function takeCounts(table: usize, entries: u32, target: usize): u32 {
  const start = target;
  const none = i32x4.splat(0);
  for (let entry: u32 = 0; entry < entries; entry += 8) {
    const some = v128.load(table);
    if (v128.any_true(some)) {
      v128.store(table, none);
      target = put(target, entry, i16x8.extract_lane_u(some, 0));
      target = put(target, entry + 1, i16x8.extract_lane_u(some, 1));
      target = put(target, entry + 2, i16x8.extract_lane_u(some, 2));
      target = put(target, entry + 3, i16x8.extract_lane_u(some, 3));
      target = put(target, entry + 4, i16x8.extract_lane_u(some, 4));
      target = put(target, entry + 5, i16x8.extract_lane_u(some, 5));
      target = put(target, entry + 6, i16x8.extract_lane_u(some, 6));
      target = put(target, entry + 7, i16x8.extract_lane_u(some, 7));
    }
    table += 16;
  }
  return <u32>((target - start) >> 2);
}

// @ts-ignore: decorator
@inline
function put(target: usize, entry: u32, count: u32): usize {
  if (count === 0) return target;
  store<u32>(target, entry | (count << 16));
  return target + 4;
}

/** How many values lie outside of two limits; comparing with the float32 next to a limit is comparing with the limit. */
export function countOutside(address: usize, count: usize, least: f64, greatest: f64): u32 {
  const low = f32x4.splat(noLess(least));
  const high = f32x4.splat(-noLess(-greatest));
  const mask = f32x4.splat(noLess(3e38));
  let outside = i32x4.splat(0);
  for (; count >= 4; count -= 4) {
    outside = i32x4.sub(outside, beyond(v128.load(address), low, high, mask));
    address += 16;
  }
  if (count > 0) {
    const inside = i32x4.gt_u(i32x4.splat(<i32>count), i32x4(0, 1, 2, 3));
    const last = beyond(load32Part(address, count), low, high, mask);
    outside = i32x4.sub(outside, v128.and(last, inside));
  }
  return laneSum(outside);
}

// @ts-ignore: decorator
@inline
function beyond(x: v128, low: v128, high: v128, mask: v128): v128 {
  return v128.and(v128.or(f32x4.lt(x, low), f32x4.gt(x, high)), f32x4.lt(f32x4.abs(x), mask));
}

/** The least float32 that is not less than a number: what is below one is below the other. */
function noLess(x: f64): f32 {
  const near = <f32>x;
  if (!(<f64>near < x)) return near;
  if (near == 0) return reinterpret<f32>(1);
  const bits = reinterpret<i32>(near);
  return reinterpret<f32>(near < 0 ? bits - 1 : bits + 1);
}
