import { laneSum, load32Part, upper } from './lanes';

// Running sums: element i of the whole array goes to lane i mod 4, lanes 0 and 1 in the first of two vectors.
let error0: v128 = i64x2(0, 0);
let error1: v128 = i64x2(0, 0);
let squared0: v128 = i64x2(0, 0);
let squared1: v128 = i64x2(0, 0);
let reference0: v128 = i64x2(0, 0);
let reference1: v128 = i64x2(0, 0);
let test0: v128 = i64x2(0, 0);
let test1: v128 = i64x2(0, 0);
/** Greatest squared errors, of lanes 0 and 1 and of lanes 2 and 3. */
let most0: v128 = i64x2(0, 0);
let most1: v128 = i64x2(0, 0);
let finiteCount: f64 = 0;

/** Elements between two looks at whether a value was not finite. */
const BLOCK: usize = 1024;

/**
 * Error sums in double; at the end the lanes are added as (0 + 2) + (1 + 3), and that to what is in `sums`. Pairs with a
 * value that is not finite add nothing: a block is first summed as if there were none, and done again with masks if that
 * shows one.
 */
export function compare(reference: usize, test: usize, count: usize, sums: usize): void {
  clear();
  for (let left = count; left > 0; ) {
    let block: usize = left < BLOCK ? left : BLOCK;
    if (block >= 8) block &= ~7;
    if (block < 8 || !addFinite(reference, test, block)) addMasked(reference, test, block);
    reference += block << 2;
    test += block << 2;
    left -= block;
  }
  const squaredError = joined(squared0, squared1);
  const squaredReference = joined(reference0, reference1);
  const squaredTest = joined(test0, test1);
  store<f64>(sums, load<f64>(sums) + finiteCount);
  store<f64>(sums, load<f64>(sums, 8) + squaredError, 8);
  store<f64>(sums, load<f64>(sums, 16) + squaredReference, 16);
  store<f64>(sums, load<f64>(sums, 24) + squaredTest, 24);
  // r t = (r^2 + t^2 - (t - r)^2) / 2, which saves a sum for each lane.
  store<f64>(sums, load<f64>(sums, 32) + (squaredReference + squaredTest - squaredError) / 2, 32);
  store<f64>(sums, load<f64>(sums, 40) + joined(error0, error1), 40);
  // The root of a rounded square is the number itself, and squares of float32 differences do not underflow.
  const top = f64x2.pmax(most0, most1);
  const greatest = sqrt(max(f64x2.extract_lane(top, 0), f64x2.extract_lane(top, 1)));
  store<f64>(sums, max(load<f64>(sums, 48), greatest), 48);
}

function clear(): void {
  finiteCount = 0;
  const zero = f64x2.splat(0);
  error0 = zero;
  error1 = zero;
  squared0 = zero;
  squared1 = zero;
  reference0 = zero;
  reference1 = zero;
  test0 = zero;
  test1 = zero;
  most0 = zero;
  most1 = zero;
}

/** Adds four pairs, their lower and their upper halves, to the running sums. */
// @ts-ignore: decorator
@inline
function add(r0: v128, t0: v128, r1: v128, t1: v128): void {
  reference0 = f64x2.add(reference0, f64x2.mul(r0, r0));
  reference1 = f64x2.add(reference1, f64x2.mul(r1, r1));
  test0 = f64x2.add(test0, f64x2.mul(t0, t0));
  test1 = f64x2.add(test1, f64x2.mul(t1, t1));
  const e0 = f64x2.sub(t0, r0);
  const e1 = f64x2.sub(t1, r1);
  error0 = f64x2.add(error0, e0);
  error1 = f64x2.add(error1, e1);
  const q0 = f64x2.mul(e0, e0);
  const q1 = f64x2.mul(e1, e1);
  squared0 = f64x2.add(squared0, q0);
  squared1 = f64x2.add(squared1, q1);
  most0 = f64x2.pmax(most0, q0);
  most1 = f64x2.pmax(most1, q1);
}

/**
 * Adds a block of finite values. Where a value was not finite it leaves the running sums alone and gives false: the sum
 * of squared errors is then infinite or NaN, which float32 values cannot make it otherwise. Eight pairs a turn: with four
 * it takes a tenth longer.
 */
function addFinite(reference: usize, test: usize, count: usize): bool {
  let e_0 = error0;
  let e_1 = error1;
  let s_0 = squared0;
  let s_1 = squared1;
  let rr0 = reference0;
  let rr1 = reference1;
  let tt0 = test0;
  let tt1 = test1;
  let top0 = most0;
  let top1 = most1;
  for (let left = count >> 3; left > 0; left -= 1) {
    let r = f64x2.promote_low_f32x4(v128.load64_zero(reference));
    let t = f64x2.promote_low_f32x4(v128.load64_zero(test));
    rr0 = f64x2.add(rr0, f64x2.mul(r, r));
    tt0 = f64x2.add(tt0, f64x2.mul(t, t));
    r = f64x2.sub(t, r);
    e_0 = f64x2.add(e_0, r);
    r = f64x2.mul(r, r);
    s_0 = f64x2.add(s_0, r);
    top0 = f64x2.pmax(top0, r);
    r = f64x2.promote_low_f32x4(v128.load64_zero(reference, 8));
    t = f64x2.promote_low_f32x4(v128.load64_zero(test, 8));
    rr1 = f64x2.add(rr1, f64x2.mul(r, r));
    tt1 = f64x2.add(tt1, f64x2.mul(t, t));
    r = f64x2.sub(t, r);
    e_1 = f64x2.add(e_1, r);
    r = f64x2.mul(r, r);
    s_1 = f64x2.add(s_1, r);
    top1 = f64x2.pmax(top1, r);
    r = f64x2.promote_low_f32x4(v128.load64_zero(reference, 16));
    t = f64x2.promote_low_f32x4(v128.load64_zero(test, 16));
    rr0 = f64x2.add(rr0, f64x2.mul(r, r));
    tt0 = f64x2.add(tt0, f64x2.mul(t, t));
    r = f64x2.sub(t, r);
    e_0 = f64x2.add(e_0, r);
    r = f64x2.mul(r, r);
    s_0 = f64x2.add(s_0, r);
    top0 = f64x2.pmax(top0, r);
    r = f64x2.promote_low_f32x4(v128.load64_zero(reference, 24));
    t = f64x2.promote_low_f32x4(v128.load64_zero(test, 24));
    rr1 = f64x2.add(rr1, f64x2.mul(r, r));
    tt1 = f64x2.add(tt1, f64x2.mul(t, t));
    r = f64x2.sub(t, r);
    e_1 = f64x2.add(e_1, r);
    r = f64x2.mul(r, r);
    s_1 = f64x2.add(s_1, r);
    top1 = f64x2.pmax(top1, r);
    reference += 32;
    test += 32;
  }
  if (!(joined(s_0, s_1) < f64.POSITIVE_INFINITY)) return false;
  finiteCount += <f64>count;
  error0 = e_0;
  error1 = e_1;
  squared0 = s_0;
  squared1 = s_1;
  reference0 = rr0;
  reference1 = rr1;
  test0 = tt0;
  test1 = tt1;
  most0 = top0;
  most1 = top1;
  return true;
}

/** Adds a block, leaving out pairs with a value that is not finite. */
function addMasked(reference: usize, test: usize, count: usize): void {
  let counts = i32x4.splat(0);
  for (let left = count; left > 0; ) {
    const r = left < 4 ? load32Part(reference, left) : v128.load(reference);
    const t = left < 4 ? load32Part(test, left) : v128.load(test);
    const use = finite(r, t, left);
    counts = i32x4.sub(counts, use);
    const kept = v128.and(r, use);
    const other = v128.and(t, use);
    add(
      f64x2.promote_low_f32x4(kept),
      f64x2.promote_low_f32x4(other),
      f64x2.promote_low_f32x4(upper(kept)),
      f64x2.promote_low_f32x4(upper(other)),
    );
    reference += 16;
    test += 16;
    left -= left < 4 ? left : 4;
  }
  finiteCount += <f64>laneSum(counts);
}

/** All ones in the lanes below `count` where both values are finite. */
function finite(r: v128, t: v128, count: usize): v128 {
  const infinity = f32x4.splat(f32.POSITIVE_INFINITY);
  const both = v128.and(f32x4.lt(f32x4.abs(r), infinity), f32x4.lt(f32x4.abs(t), infinity));
  return v128.and(both, i32x4.gt_u(i32x4.splat(<i32>count), i32x4(0, 1, 2, 3)));
}

function joined(low: v128, high: v128): f64 {
  const both = f64x2.add(low, high);
  return f64x2.extract_lane(both, 0) + f64x2.extract_lane(both, 1);
}
