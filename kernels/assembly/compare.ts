import { laneSum, load32Part, upper } from './lanes';

export let sumCount: f64 = 0;
export let sumSquaredError: f64 = 0;
export let sumSquaredReference: f64 = 0;
export let sumSquaredTest: f64 = 0;
export let sumDot: f64 = 0;
export let sumError: f64 = 0;
export let maxAbsoluteError: f64 = 0;

// Running sums: element i of the whole array goes to lane i mod 4, lanes 0 and 1 in the first of two vectors.
let error0: v128 = i64x2(0, 0);
let error1: v128 = i64x2(0, 0);
let squared0: v128 = i64x2(0, 0);
let squared1: v128 = i64x2(0, 0);
let reference0: v128 = i64x2(0, 0);
let reference1: v128 = i64x2(0, 0);
let test0: v128 = i64x2(0, 0);
let test1: v128 = i64x2(0, 0);
let dot0: v128 = i64x2(0, 0);
let dot1: v128 = i64x2(0, 0);
/** Greatest squared errors. */
let most: v128 = i64x2(0, 0);

/** Elements between two looks at whether a value was not finite. */
const BLOCK: usize = 1024;

/**
 * Error sums in double; at the end the lanes are added as (0 + 2) + (1 + 3). Pairs with a value that is not finite add
 * nothing: a block is first summed as if there were none, and done again with masks if that shows one.
 */
export function compare(reference: usize, test: usize, count: usize): void {
  clear();
  for (let left = count; left > 0; ) {
    let block: usize = left < BLOCK ? left : BLOCK;
    if (block >= 4) block &= ~3;
    if (block < 4 || !addBlock(reference, test, block, false)) addBlock(reference, test, block, true);
    reference += block << 2;
    test += block << 2;
    left -= block;
  }
  sumError = joined(error0, error1);
  sumSquaredError = joined(squared0, squared1);
  sumSquaredReference = joined(reference0, reference1);
  sumSquaredTest = joined(test0, test1);
  sumDot = joined(dot0, dot1);
  // The root of a rounded square is the number itself, and squares of float32 differences do not underflow.
  maxAbsoluteError = sqrt(max(f64x2.extract_lane(most, 0), f64x2.extract_lane(most, 1)));
}

function clear(): void {
  sumCount = 0;
  const zero = f64x2.splat(0);
  error0 = zero;
  error1 = zero;
  squared0 = zero;
  squared1 = zero;
  reference0 = zero;
  reference1 = zero;
  test0 = zero;
  test1 = zero;
  dot0 = zero;
  dot1 = zero;
  most = zero;
}

/**
 * Adds a block to the running sums. Unmasked, it leaves them alone and gives false where a value was not finite: the sum
 * of squared errors is then infinite or NaN, which float32 values cannot make it otherwise.
 */
// @ts-ignore: decorator
@inline
function addBlock(reference: usize, test: usize, count: usize, masked: bool): bool {
  let e_0 = error0;
  let e_1 = error1;
  let s_0 = squared0;
  let s_1 = squared1;
  let rr0 = reference0;
  let rr1 = reference1;
  let tt0 = test0;
  let tt1 = test1;
  let rt0 = dot0;
  let rt1 = dot1;
  let top = most;
  let counts = i32x4.splat(0);
  for (let at: usize = 0; at < count << 2; at += 16) {
    let r: v128;
    let t: v128;
    let use: v128 = i64x2(0, 0);
    const rest = count - (at >> 2);
    if (masked) {
      r = rest < 4 ? load32Part(reference + at, rest) : v128.load(reference + at);
      t = rest < 4 ? load32Part(test + at, rest) : v128.load(test + at);
      use = finite(r, t, rest);
      counts = i32x4.sub(counts, use);
      r = f64x2.promote_low_f32x4(v128.and(r, use));
      t = f64x2.promote_low_f32x4(v128.and(t, use));
    } else {
      r = f64x2.promote_low_f32x4(v128.load64_zero(reference + at));
      t = f64x2.promote_low_f32x4(v128.load64_zero(test + at));
    }
    rr0 = f64x2.add(rr0, f64x2.mul(r, r));
    tt0 = f64x2.add(tt0, f64x2.mul(t, t));
    rt0 = f64x2.add(rt0, f64x2.mul(r, t));
    let e = f64x2.sub(t, r);
    e_0 = f64x2.add(e_0, e);
    let q = f64x2.mul(e, e);
    s_0 = f64x2.add(s_0, q);
    top = f64x2.pmax(top, q);
    if (masked) {
      r = rest < 4 ? load32Part(reference + at, rest) : v128.load(reference + at);
      t = rest < 4 ? load32Part(test + at, rest) : v128.load(test + at);
      r = f64x2.promote_low_f32x4(upper(v128.and(r, use)));
      t = f64x2.promote_low_f32x4(upper(v128.and(t, use)));
    } else {
      r = f64x2.promote_low_f32x4(v128.load64_zero(reference + at, 8));
      t = f64x2.promote_low_f32x4(v128.load64_zero(test + at, 8));
    }
    rr1 = f64x2.add(rr1, f64x2.mul(r, r));
    tt1 = f64x2.add(tt1, f64x2.mul(t, t));
    rt1 = f64x2.add(rt1, f64x2.mul(r, t));
    e = f64x2.sub(t, r);
    e_1 = f64x2.add(e_1, e);
    q = f64x2.mul(e, e);
    s_1 = f64x2.add(s_1, q);
    top = f64x2.pmax(top, q);
  }
  if (!masked && !(joined(s_0, s_1) < f64.POSITIVE_INFINITY)) return false;
  sumCount += masked ? <f64>laneSum(counts) : <f64>count;
  error0 = e_0;
  error1 = e_1;
  squared0 = s_0;
  squared1 = s_1;
  reference0 = rr0;
  reference1 = rr1;
  test0 = tt0;
  test1 = tt1;
  dot0 = rt0;
  dot1 = rt1;
  most = top;
  return true;
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
