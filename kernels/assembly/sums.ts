// Sums of float32 in float32, in the order of pairwise summation: every addition is rounded, and the order is part of
// the result.

/** Runs up to this length are summed with eight running sums; longer ones are halved. */
const LEAF: usize = 128;

// @ts-ignore: decorator
@inline
function load4(address: usize, squared: bool): v128 {
  const x = v128.load(address);
  return squared ? f32x4.mul(x, x) : x;
}

// @ts-ignore: decorator
@inline
function load1(address: usize, squared: bool): f32 {
  const x = load<f32>(address);
  return squared ? x * x : x;
}

/** (lane 0 + lane 1) + (lane 2 + lane 3) */
// @ts-ignore: decorator
@inline
function quad(v: v128): f32 {
  return f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3));
}

// @ts-ignore: decorator
@inline
function leaf(address: usize, count: usize, squared: bool): f32 {
  let left = count;
  let sum: f32 = -0.0;
  if (left >= 8) {
    let a = load4(address, squared);
    let b = load4(address + 16, squared);
    for (left -= 8, address += 32; left >= 8; left -= 8) {
      a = f32x4.add(a, load4(address, squared));
      b = f32x4.add(b, load4(address + 16, squared));
      address += 32;
    }
    sum = quad(a) + quad(b);
  }
  for (; left > 0; left -= 1) {
    sum += load1(address, squared);
    address += 4;
  }
  return sum;
}

/** Sum of consecutive float32; -0 for none. */
export function pairwiseSum(address: usize, count: usize): f32 {
  if (count <= LEAF) return leaf(address, count, false);
  const half = (count >> 1) & ~7;
  return pairwiseSum(address, half) + pairwiseSum(address + (half << 2), count - half);
}

function pairwiseSquares(address: usize, count: usize): f32 {
  if (count <= LEAF) return leaf(address, count, true);
  const half = (count >> 1) & ~7;
  return pairwiseSquares(address, half) + pairwiseSquares(address + (half << 2), count - half);
}

const NAN_BITS: u32 = 0x7fc00000;

/** The payload of a computed NaN is not determined by wasm: always give the same one. */
// @ts-ignore: decorator
@inline
export function canonicalNan(x: f32): f32 {
  return x != x ? reinterpret<f32>(NAN_BITS) : x;
}

/** Sum of squares of each channel of [outer, channels, inner]: run by run, each run pairwise. */
export function sumSquares(address: usize, outer: usize, channels: usize, inner: usize, target: usize): void {
  for (let c: usize = 0; c < channels; c += 1) {
    let sum: f32 = 0;
    let run = address + ((c * inner) << 2);
    for (let o: usize = 0; o < outer; o += 1) {
      sum += pairwiseSquares(run, inner);
      run += (channels * inner) << 2;
    }
    store<f32>(target + (c << 2), canonicalNan(sum));
  }
}
