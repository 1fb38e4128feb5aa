// The SIMD kernels. The module runs over memory that belongs to somebody else: it must have no data segment, no stack
// in memory and touch only the addresses it is given. Results that are numbers come back through exported globals.
// plain.ts is the readable twin; both give the same bits.

export let resultMin: f32 = 0;
export let resultMax: f32 = 0;
export let resultNan: i32 = 0;
export let resultInfinite: i32 = 0;

export let sumCount: f64 = 0;
export let sumSquaredError: f64 = 0;
export let sumSquaredReference: f64 = 0;
export let sumSquaredTest: f64 = 0;
export let sumDot: f64 = 0;
export let sumError: f64 = 0;
export let maxAbsoluteError: f64 = 0;

const LOW: f32 = -3e38;
const HIGH: f32 = 3e38;

/** Least of the values above -3e38 and greatest of those below 3e38 (infinities when there are none), NaN and inf counted. */
export function rangeFloat32(address: usize, count: i32): void {
  let lows = f32x4.splat(f32.POSITIVE_INFINITY);
  let highs = f32x4.splat(f32.NEGATIVE_INFINITY);
  let nans = i32x4.splat(0);
  let infinities = i32x4.splat(0);
  const least = f32x4.splat(LOW);
  const greatest = f32x4.splat(HIGH);
  const positive = f32x4.splat(f32.POSITIVE_INFINITY);
  const negative = f32x4.splat(f32.NEGATIVE_INFINITY);
  const end = address + ((<usize>count) << 2);
  const vectorEnd = address + ((<usize>(count & ~3)) << 2);
  while (address < vectorEnd) {
    const x = v128.load(address);
    lows = f32x4.min(lows, v128.bitselect(x, positive, f32x4.gt(x, least)));
    highs = f32x4.max(highs, v128.bitselect(x, negative, f32x4.lt(x, greatest)));
    nans = i32x4.sub(nans, f32x4.ne(x, x));
    infinities = i32x4.sub(infinities, f32x4.eq(f32x4.abs(x), positive));
    address += 16;
  }
  let low = min(
    min(f32x4.extract_lane(lows, 0), f32x4.extract_lane(lows, 1)),
    min(f32x4.extract_lane(lows, 2), f32x4.extract_lane(lows, 3)),
  );
  let high = max(
    max(f32x4.extract_lane(highs, 0), f32x4.extract_lane(highs, 1)),
    max(f32x4.extract_lane(highs, 2), f32x4.extract_lane(highs, 3)),
  );
  let nan = laneSum(nans);
  let infinite = laneSum(infinities);
  while (address < end) {
    const x = load<f32>(address);
    if (x > LOW) low = min(low, x);
    if (x < HIGH) high = max(high, x);
    if (x != x) nan += 1;
    if (abs(x) == f32.POSITIVE_INFINITY) infinite += 1;
    address += 4;
  }
  resultMin = low;
  resultMax = high;
  resultNan = nan;
  resultInfinite = infinite;
}

function laneSum(v: v128): i32 {
  return (
    i32x4.extract_lane(v, 0) + i32x4.extract_lane(v, 1) + i32x4.extract_lane(v, 2) + i32x4.extract_lane(v, 3)
  );
}

/** Min and max of [outer, channels, inner] by channel, merged into what is at the two addresses. NaN wins. */
export function rangePerChannel(
  address: usize,
  outer: i32,
  channels: i32,
  inner: i32,
  minAddress: usize,
  maxAddress: usize,
): void {
  for (let o = 0; o < outer; o += 1) {
    if (inner == 1) {
      rangeRow(address, channels, minAddress, maxAddress);
      address += (<usize>channels) << 2;
      continue;
    }
    for (let c = 0; c < channels; c += 1) {
      const at = (<usize>c) << 2;
      rangeRun(address, inner, minAddress + at, maxAddress + at);
      address += (<usize>inner) << 2;
    }
  }
}

/** One element a channel: lane by lane. */
function rangeRow(address: usize, channels: i32, minAddress: usize, maxAddress: usize): void {
  const vectorEnd = (<usize>(channels & ~3)) << 2;
  const end = (<usize>channels) << 2;
  let at: usize = 0;
  for (; at < vectorEnd; at += 16) {
    const x = v128.load(address + at);
    v128.store(minAddress + at, canonical4(f32x4.min(v128.load(minAddress + at), x)));
    v128.store(maxAddress + at, canonical4(f32x4.max(v128.load(maxAddress + at), x)));
  }
  for (; at < end; at += 4) {
    const x = load<f32>(address + at);
    store<f32>(minAddress + at, canonical(min(load<f32>(minAddress + at), x)));
    store<f32>(maxAddress + at, canonical(max(load<f32>(maxAddress + at), x)));
  }
}

/** A run of one channel. */
function rangeRun(address: usize, count: i32, minAddress: usize, maxAddress: usize): void {
  let low = load<f32>(minAddress);
  let high = load<f32>(maxAddress);
  const vectorEnd = address + ((<usize>(count & ~3)) << 2);
  const end = address + ((<usize>count) << 2);
  if (address < vectorEnd) {
    let lows = v128.load(address);
    let highs = lows;
    for (address += 16; address < vectorEnd; address += 16) {
      const x = v128.load(address);
      lows = f32x4.min(lows, x);
      highs = f32x4.max(highs, x);
    }
    low = min(low, min(f32x4.extract_lane(lows, 0), f32x4.extract_lane(lows, 1)));
    low = min(low, min(f32x4.extract_lane(lows, 2), f32x4.extract_lane(lows, 3)));
    high = max(high, max(f32x4.extract_lane(highs, 0), f32x4.extract_lane(highs, 1)));
    high = max(high, max(f32x4.extract_lane(highs, 2), f32x4.extract_lane(highs, 3)));
  }
  for (; address < end; address += 4) {
    const x = load<f32>(address);
    low = min(low, x);
    high = max(high, x);
  }
  store<f32>(minAddress, canonical(low));
  store<f32>(maxAddress, canonical(high));
}

/** The payload of a NaN is not determined by wasm: always give the same one. */
function canonical(x: f32): f32 {
  return x != x ? reinterpret<f32>(0x7fc00000) : x;
}

function canonical4(x: v128): v128 {
  return v128.bitselect(x, i32x4.splat(0x7fc00000), f32x4.eq(x, x));
}

/** round_half_even(x / scale + zero point) clipped, as four int32. NaN gives 0. */
// @ts-ignore: decorator
@inline
function quantize4(x: v128, scale: v128, zero: v128, least: v128, greatest: v128): v128 {
  const rounded = f32x4.nearest(f32x4.add(f32x4.div(x, scale), zero));
  return i32x4.trunc_sat_f32x4_s(f32x4.min(f32x4.max(rounded, least), greatest));
}

// @ts-ignore: decorator
@inline
function quantize1(x: f32, scale: f32, zero: f32, least: f32, greatest: f32): i32 {
  const rounded = nearest(x / scale + zero);
  if (rounded != rounded) return 0;
  return i32x4.extract_lane(i32x4.trunc_sat_f32x4_s(f32x4.splat(min(max(rounded, least), greatest))), 0);
}

// @ts-ignore: decorator
@inline
function store1(target: usize, bits: i32, value: i32): void {
  if (bits == 8) store<i8>(target, <i8>value);
  else if (bits == 16) store<i16>(target, <i16>value);
  else store<i32>(target, value);
}

/** Stores four int32 that are in range as int8, int16 or int32. */
// @ts-ignore: decorator
@inline
function store4(target: usize, bits: i32, value: v128): void {
  if (bits == 32) {
    v128.store(target, value);
    return;
  }
  const halves = i16x8.narrow_i32x4_s(value, value);
  if (bits == 16) store<i64>(target, i64x2.extract_lane(halves, 0));
  else store<i32>(target, i32x4.extract_lane(i8x16.narrow_i16x8_s(halves, halves), 0));
}

/** [outer, channels, inner] float32 to integers, one scale (float32) and zero point (int32) a channel. */
export function quantize(
  source: usize,
  outer: i32,
  channels: i32,
  inner: i32,
  scales: usize,
  zeroPoints: usize,
  bits: i32,
  least: f32,
  greatest: f32,
  target: usize,
): void {
  const width: usize = bits >> 3;
  for (let o = 0; o < outer; o += 1) {
    if (inner == 1) {
      quantizeRow(source, channels, scales, zeroPoints, bits, least, greatest, target);
      source += (<usize>channels) << 2;
      target += <usize>channels * width;
      continue;
    }
    for (let c = 0; c < channels; c += 1) {
      const at = (<usize>c) << 2;
      const zero = <f32>load<i32>(zeroPoints + at);
      quantizeRun(source, inner, load<f32>(scales + at), zero, bits, least, greatest, target);
      source += (<usize>inner) << 2;
      target += <usize>inner * width;
    }
  }
}

function quantizeRow(
  source: usize,
  channels: i32,
  scales: usize,
  zeroPoints: usize,
  bits: i32,
  least: f32,
  greatest: f32,
  target: usize,
): void {
  const width: usize = bits >> 3;
  const leasts = f32x4.splat(least);
  const greatests = f32x4.splat(greatest);
  let c = 0;
  for (; c + 4 <= channels; c += 4) {
    const at = (<usize>c) << 2;
    const zero = f32x4.convert_i32x4_s(v128.load(zeroPoints + at));
    const q = quantize4(v128.load(source + at), v128.load(scales + at), zero, leasts, greatests);
    store4(target + <usize>c * width, bits, q);
  }
  for (; c < channels; c += 1) {
    const at = (<usize>c) << 2;
    const zero = <f32>load<i32>(zeroPoints + at);
    const q = quantize1(load<f32>(source + at), load<f32>(scales + at), zero, least, greatest);
    store1(target + <usize>c * width, bits, q);
  }
}

function quantizeRun(
  source: usize,
  count: i32,
  scale: f32,
  zero: f32,
  bits: i32,
  least: f32,
  greatest: f32,
  target: usize,
): void {
  const width: usize = bits >> 3;
  const scales = f32x4.splat(scale);
  const zeros = f32x4.splat(zero);
  const leasts = f32x4.splat(least);
  const greatests = f32x4.splat(greatest);
  let i = 0;
  if (bits == 8) {
    for (; i + 16 <= count; i += 16) {
      const at = source + ((<usize>i) << 2);
      const a = quantize4(v128.load(at), scales, zeros, leasts, greatests);
      const b = quantize4(v128.load(at, 16), scales, zeros, leasts, greatests);
      const c = quantize4(v128.load(at, 32), scales, zeros, leasts, greatests);
      const d = quantize4(v128.load(at, 48), scales, zeros, leasts, greatests);
      const low = i16x8.narrow_i32x4_s(a, b);
      const high = i16x8.narrow_i32x4_s(c, d);
      v128.store(target + <usize>i, i8x16.narrow_i16x8_s(low, high));
    }
  }
  for (; i + 4 <= count; i += 4) {
    const x = v128.load(source + ((<usize>i) << 2));
    store4(target + <usize>i * width, bits, quantize4(x, scales, zeros, leasts, greatests));
  }
  for (; i < count; i += 1) {
    const q = quantize1(load<f32>(source + ((<usize>i) << 2)), scale, zero, least, greatest);
    store1(target + <usize>i * width, bits, q);
  }
}

/** type: 0 int8, 1 uint8, 2 int16, 3 int32. float32((q - zero) * scale) in double. */
export function dequantize(source: usize, type: i32, count: i32, scale: f64, zero: f64, target: usize): void {
  const scales = f64x2.splat(scale);
  const zeros = f64x2.splat(zero);
  const width: usize = type < 2 ? 1 : type == 2 ? 2 : 4;
  let i = 0;
  for (; i + 4 <= count; i += 4) {
    const at = source + <usize>i * width;
    let q: v128;
    if (type == 0) q = i32x4.extend_low_i16x8_s(i16x8.extend_low_i8x16_s(v128.load32_zero(at)));
    else if (type == 1) q = i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(at)));
    else if (type == 2) q = i32x4.extend_low_i16x8_s(v128.load64_zero(at));
    else q = v128.load(at);
    const low = f64x2.mul(f64x2.sub(f64x2.convert_low_i32x4_s(q), zeros), scales);
    const upper = f64x2.convert_low_i32x4_s(i8x16.shuffle(q, q, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15));
    const high = f64x2.mul(f64x2.sub(upper, zeros), scales);
    const pair = f32x4.demote_f64x2_zero(low);
    const other = f32x4.demote_f64x2_zero(high);
    v128.store(
      target + ((<usize>i) << 2),
      i8x16.shuffle(pair, other, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),
    );
  }
  for (; i < count; i += 1) {
    const at = source + <usize>i * width;
    let q: f64;
    if (type == 0) q = <f64>load<i8>(at);
    else if (type == 1) q = <f64>load<u8>(at);
    else if (type == 2) q = <f64>load<i16>(at);
    else q = <f64>load<i32>(at);
    store<f32>(target + ((<usize>i) << 2), <f32>((q - zero) * scale));
  }
}

/**
 * Error sums in double. Element i goes to lane i mod 4; at the end the lanes are added as (0 + 2) + (1 + 3). Pairs with
 * a value that is not finite add nothing.
 */
export function compare(reference: usize, test: usize, count: i32): void {
  let errorLow = f64x2.splat(0);
  let errorHigh = f64x2.splat(0);
  let squaredLow = f64x2.splat(0);
  let squaredHigh = f64x2.splat(0);
  let referenceLow = f64x2.splat(0);
  let referenceHigh = f64x2.splat(0);
  let testLow = f64x2.splat(0);
  let testHigh = f64x2.splat(0);
  let dotLow = f64x2.splat(0);
  let dotHigh = f64x2.splat(0);
  let most = f64x2.splat(0);
  let counts = i32x4.splat(0);
  const infinity = f32x4.splat(f32.POSITIVE_INFINITY);
  for (let i = 0; i < count; i += 4) {
    let r: v128;
    let t: v128;
    let inside = i32x4.splat(-1);
    const at = (<usize>i) << 2;
    if (i + 4 <= count) {
      r = v128.load(reference + at);
      t = v128.load(test + at);
    } else {
      // The last one to three elements, the missing lanes as zeros that do not count.
      r = loadPart(reference + at, count - i);
      t = loadPart(test + at, count - i);
      inside = partMask(count - i);
    }
    const finite = v128.and(
      inside,
      v128.and(f32x4.lt(f32x4.abs(r), infinity), f32x4.lt(f32x4.abs(t), infinity)),
    );
    counts = i32x4.sub(counts, finite);
    r = v128.and(r, finite);
    t = v128.and(t, finite);
    const r0 = f64x2.promote_low_f32x4(r);
    const r1 = f64x2.promote_low_f32x4(i8x16.shuffle(r, r, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15));
    const t0 = f64x2.promote_low_f32x4(t);
    const t1 = f64x2.promote_low_f32x4(i8x16.shuffle(t, t, 8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15));
    const e0 = f64x2.sub(t0, r0);
    const e1 = f64x2.sub(t1, r1);
    errorLow = f64x2.add(errorLow, e0);
    errorHigh = f64x2.add(errorHigh, e1);
    squaredLow = f64x2.add(squaredLow, f64x2.mul(e0, e0));
    squaredHigh = f64x2.add(squaredHigh, f64x2.mul(e1, e1));
    referenceLow = f64x2.add(referenceLow, f64x2.mul(r0, r0));
    referenceHigh = f64x2.add(referenceHigh, f64x2.mul(r1, r1));
    testLow = f64x2.add(testLow, f64x2.mul(t0, t0));
    testHigh = f64x2.add(testHigh, f64x2.mul(t1, t1));
    dotLow = f64x2.add(dotLow, f64x2.mul(r0, t0));
    dotHigh = f64x2.add(dotHigh, f64x2.mul(r1, t1));
    most = f64x2.max(most, f64x2.max(f64x2.abs(e0), f64x2.abs(e1)));
  }
  sumCount = <f64>laneSum(counts);
  sumError = pairSum(errorLow, errorHigh);
  sumSquaredError = pairSum(squaredLow, squaredHigh);
  sumSquaredReference = pairSum(referenceLow, referenceHigh);
  sumSquaredTest = pairSum(testLow, testHigh);
  sumDot = pairSum(dotLow, dotHigh);
  maxAbsoluteError = max(f64x2.extract_lane(most, 0), f64x2.extract_lane(most, 1));
}

function pairSum(low: v128, high: v128): f64 {
  const both = f64x2.add(low, high);
  return f64x2.extract_lane(both, 0) + f64x2.extract_lane(both, 1);
}

function loadPart(address: usize, count: i32): v128 {
  let v = f32x4.splat(0);
  v = f32x4.replace_lane(v, 0, load<f32>(address));
  if (count > 1) v = f32x4.replace_lane(v, 1, load<f32>(address, 4));
  if (count > 2) v = f32x4.replace_lane(v, 2, load<f32>(address, 8));
  return v;
}

function partMask(count: i32): v128 {
  let v = i32x4.splat(0);
  v = i32x4.replace_lane(v, 0, -1);
  if (count > 1) v = i32x4.replace_lane(v, 1, -1);
  if (count > 2) v = i32x4.replace_lane(v, 2, -1);
  return v;
}

/** table[bits >>> shift] += 1 for every float32. */
export function histogramFloat32(address: usize, count: i32, table: usize, shift: i32): void {
  const end = address + ((<usize>count) << 2);
  for (; address < end; address += 4) {
    const entry = table + ((<usize>(load<u32>(address) >>> shift)) << 2);
    store<u32>(entry, load<u32>(entry) + 1);
  }
}

/** int8 values to 4-bit fields, the first in the low half of a byte. */
export function pack4(source: usize, count: i32, target: usize): void {
  const nibble = i16x8.splat(0x0f);
  let i = 0;
  for (; i + 32 <= count; i += 32) {
    const a = v128.load(source + <usize>i);
    const b = v128.load(source + <usize>i, 16);
    const low = v128.or(v128.and(a, nibble), i16x8.shl(v128.and(i16x8.shr_u(a, 8), nibble), 4));
    const high = v128.or(v128.and(b, nibble), i16x8.shl(v128.and(i16x8.shr_u(b, 8), nibble), 4));
    v128.store(target + <usize>(i >> 1), i8x16.narrow_i16x8_u(low, high));
  }
  for (; i < count; i += 2) {
    const low = load<u8>(source + <usize>i) & 15;
    const high = i + 1 < count ? load<u8>(source + <usize>i, 1) & 15 : 0;
    store<u8>(target + <usize>(i >> 1), <u8>(low | (high << 4)));
  }
}

/** int8 values to 2-bit fields, the first in the lowest bits of a byte. */
export function pack2(source: usize, count: i32, target: usize): void {
  for (let i = 0; i < count; i += 4) {
    let byte: u32 = 0;
    for (let k = 0; k < 4 && i + k < count; k += 1) {
      byte |= (<u32>load<u8>(source + <usize>(i + k)) & 3) << (2 * k);
    }
    store<u8>(target + <usize>(i >> 2), <u8>byte);
  }
}

/** float32 to float16 bits, nearest even; overflow gives infinity, NaN stays NaN. */
export function toFloat16(source: usize, count: i32, target: usize): void {
  for (let i = 0; i < count; i += 1) {
    store<u16>(target + ((<usize>i) << 1), half(load<u32>(source + ((<usize>i) << 2))));
  }
}

function half(bits: u32): u16 {
  const sign = <u16>((bits >>> 16) & 0x8000);
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    // Below the least normal half: scaling by 2^24 makes the subnormal steps whole numbers.
    return sign | <u16>(<u32>nearest(reinterpret<f32>(magnitude) * 16777216.0));
  }
  const odd = (magnitude >>> 13) & 1;
  return sign | <u16>((magnitude - 0x38000000 + 0xfff + odd) >>> 13);
}
