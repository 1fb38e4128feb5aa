/** int8 values to 4-bit fields, the first in the low half of a byte. */
export function pack4(source: usize, count: usize, target: usize): void {
  let left = count;
  for (; left >= 32; left -= 32) {
    v128.store(target, joined4(v128.load(source), v128.load(source, 16)));
    source += 32;
    target += 16;
  }
  while (left > 0) {
    let byte: u32 = load<u8>(source) & 15;
    if (left > 1) byte |= <u32>(load<u8>(source, 1) & 15) << 4;
    store<u8>(target, <u8>byte);
    source += 2;
    target += 1;
    left -= left > 1 ? 2 : 1;
  }
}

/** 32 int8 values as 4-bit fields. */
// @ts-ignore: decorator
@inline
export function joined4(a: v128, b: v128): v128 {
  return join(a, b, 0x0f, 4);
}

/** int8 values to 2-bit fields, the first in the lowest bits of a byte. */
export function pack2(source: usize, count: usize, target: usize): void {
  let left = count;
  for (; left >= 64; left -= 64) {
    const low = join(v128.load(source), v128.load(source, 16), 3, 2);
    const high = join(v128.load(source, 32), v128.load(source, 48), 3, 2);
    v128.store(target, join(low, high, 0x0f, 4));
    source += 64;
    target += 16;
  }
  while (left > 0) {
    const step: usize = left < 4 ? left : 4;
    let byte: u32 = 0;
    for (let k: usize = 0; k < step; k += 1) byte |= <u32>(load<u8>(source + k) & 3) << <u32>(k << 1);
    store<u8>(target, <u8>byte);
    source += 4;
    target += 1;
    left -= step;
  }
}

/** Joins neighbouring bytes: the low `width` bits of the even ones, then those of the odd ones. */
// @ts-ignore: decorator
@inline
function join(a: v128, b: v128, mask: i16, width: i32): v128 {
  const keep = i16x8.splat(mask);
  const odd = i16x8.splat(mask << <i16>width);
  const low = v128.or(v128.and(a, keep), v128.and(i16x8.shr_u(a, 8 - width), odd));
  const high = v128.or(v128.and(b, keep), v128.and(i16x8.shr_u(b, 8 - width), odd));
  return i8x16.narrow_i16x8_u(low, high);
}

/** 4-bit fields to int8. */
export function unpack4(source: usize, count: usize, target: usize): void {
  const nibble = i8x16.splat(0x0f);
  let left = count;
  for (; left >= 32; left -= 32) {
    const v = v128.load(source);
    const low = signed(v128.and(v, nibble), 8);
    const high = signed(v128.and(i16x8.shr_u(v, 4), nibble), 8);
    v128.store(target, zipLow(low, high));
    v128.store(target, zipHigh(low, high), 16);
    source += 16;
    target += 32;
  }
  for (let i: usize = 0; i < left; i += 1) {
    const field = (load<u8>(source + (i >> 1)) >>> <u8>((i & 1) << 2)) & 15;
    store<i8>(target + i, <i8>((field ^ 8) - 8));
  }
}

/** 2-bit fields to int8. */
export function unpack2(source: usize, count: usize, target: usize): void {
  const pair = i8x16.splat(3);
  let left = count;
  for (; left >= 64; left -= 64) {
    const v = v128.load(source);
    const a = signed(v128.and(v, pair), 2);
    const b = signed(v128.and(i16x8.shr_u(v, 2), pair), 2);
    const c = signed(v128.and(i16x8.shr_u(v, 4), pair), 2);
    const d = signed(v128.and(i16x8.shr_u(v, 6), pair), 2);
    const ab = zipLow(a, b);
    const cd = zipLow(c, d);
    const ab2 = zipHigh(a, b);
    const cd2 = zipHigh(c, d);
    v128.store(target, zipLow2(ab, cd));
    v128.store(target, zipHigh2(ab, cd), 16);
    v128.store(target, zipLow2(ab2, cd2), 32);
    v128.store(target, zipHigh2(ab2, cd2), 48);
    source += 16;
    target += 64;
  }
  for (let i: usize = 0; i < left; i += 1) {
    const field = (load<u8>(source + (i >> 2)) >>> <u8>((i & 3) << 1)) & 3;
    store<i8>(target + i, <i8>((field ^ 2) - 2));
  }
}

/** Two's complement fields in the low bits of bytes, whose sign bit is `sign`, as int8. */
// @ts-ignore: decorator
@inline
function signed(v: v128, sign: i8): v128 {
  const s = i8x16.splat(sign);
  return i8x16.sub(v128.xor(v, s), s);
}

// @ts-ignore: decorator
@inline
function zipLow(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

// @ts-ignore: decorator
@inline
function zipHigh(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}

// @ts-ignore: decorator
@inline
function zipLow2(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 0, 1, 16, 17, 2, 3, 18, 19, 4, 5, 20, 21, 6, 7, 22, 23);
}

// @ts-ignore: decorator
@inline
function zipHigh2(a: v128, b: v128): v128 {
  return i8x16.shuffle(a, b, 8, 9, 24, 25, 10, 11, 26, 27, 12, 13, 28, 29, 14, 15, 30, 31);
}
