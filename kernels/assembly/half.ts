import { load32Part } from './lanes';

/** float32 to float16 bits, nearest even; overflow gives infinity, NaN keeps its sign and upper payload, made quiet. */
export function toFloat16(source: usize, count: usize, target: usize): void {
  let left = count;
  for (; left >= 8; left -= 8) {
    v128.store(target, i16x8.narrow_i32x4_u(half4(v128.load(source)), half4(v128.load(source, 16))));
    source += 32;
    target += 16;
  }
  while (left > 0) {
    const step: usize = left < 4 ? left : 4;
    let h = half4(step < 4 ? load32Part(source, step) : v128.load(source));
    for (let i: usize = 0; i < step; i += 1) {
      store<u16>(target + (i << 1), <u16>i32x4.extract_lane(h, 0));
      h = i8x16.shuffle(h, h, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3);
    }
    source += 16;
    target += step << 1;
    left -= step;
  }
}

/** Float16 bits of four float32, one a 32-bit lane. */
// @ts-ignore: decorator
@inline
function half4(x: v128): v128 {
  const magnitude = v128.and(x, i32x4.splat(0x7fffffff));
  const sign = v128.and(i32x4.shr_u(x, 16), i32x4.splat(0x8000));
  // Below the least normal half, 2^-14: the last bit of 0.5 is worth 2^-24, one subnormal step, so adding rounds to it.
  const subnormal = i32x4.sub(f32x4.add(magnitude, f32x4.splat(0.5)), i32x4.splat(0x3f000000));
  // Else drop 13 bits, half to even, and change the exponent's bias; from 2^16 on everything becomes infinity.
  const limited = i32x4.min_s(magnitude, i32x4.splat(0x47800000));
  const odd = v128.and(i32x4.shr_u(limited, 13), i32x4.splat(1));
  const normal = i32x4.shr_u(i32x4.add(i32x4.add(limited, i32x4.splat(0xfff - 0x38000000)), odd), 13);
  const h = v128.or(sign, v128.bitselect(subnormal, normal, i32x4.lt_s(magnitude, i32x4.splat(0x38800000))));
  const nan = i32x4.gt_s(magnitude, i32x4.splat(0x7f800000));
  if (!v128.any_true(nan)) return h;
  const payload = v128.or(v128.and(i32x4.shr_u(magnitude, 13), i32x4.splat(0x3ff)), i32x4.splat(0x200));
  return v128.or(h, v128.and(nan, payload));
}

/** float16 bits to float32, exact; NaN keeps its sign and payload, made quiet. */
export function fromFloat16(source: usize, count: usize, target: usize): void {
  let left = count;
  for (; left >= 4; left -= 4) {
    v128.store(target, float4(i32x4.extend_low_i16x8_u(v128.load64_zero(source))));
    source += 8;
    target += 16;
  }
  for (; left > 0; left -= 1) {
    store<i32>(target, i32x4.extract_lane(float4(i32x4.splat(load<u16>(source))), 0));
    source += 2;
    target += 4;
  }
}

// @ts-ignore: decorator
@inline
function float4(h: v128): v128 {
  const magnitude = v128.and(h, i32x4.splat(0x7fff));
  const sign = i32x4.shl(v128.and(h, i32x4.splat(0x8000)), 16);
  const shifted = i32x4.shl(magnitude, 13);
  const subnormal = f32x4.mul(f32x4.convert_i32x4_s(magnitude), f32x4.splat(5.9604644775390625e-8));
  let x = i32x4.add(shifted, i32x4.splat(0x38000000));
  x = v128.bitselect(subnormal, x, i32x4.lt_s(magnitude, i32x4.splat(0x400)));
  x = v128.bitselect(v128.or(shifted, i32x4.splat(0x7f800000)), x, i32x4.ge_s(magnitude, i32x4.splat(0x7c00)));
  x = v128.bitselect(v128.or(x, i32x4.splat(0x400000)), x, i32x4.gt_s(magnitude, i32x4.splat(0x7c00)));
  return v128.or(sign, x);
}
