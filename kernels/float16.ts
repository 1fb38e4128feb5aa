// Conversions of single values. The functions on bits are exact definitions (also for NaN); those on numbers serve
// code that handles a few scales.

const scratch = new DataView(new ArrayBuffer(4));

function float32Bits(value: number): number {
  scratch.setFloat32(0, value);
  return scratch.getUint32(0);
}

function bitsFloat32(bits: number): number {
  scratch.setUint32(0, bits);
  return scratch.getFloat32(0);
}

/** Nearest integer, half to even, of a float32 or of a double below 2^52 in magnitude (others are integers already); a zero may lose its sign. */
export function roundHalfEven(x: number): number {
  if (!(Math.abs(x) < 2 ** 52)) return x;
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest < 0.5) return floor;
  if (rest > 0.5) return floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/** float32 bits to the bits of the nearest float16, half to even; overflow gives infinity, NaN keeps its upper payload. */
export function float32ToFloat16Bits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00 | ((magnitude >>> 13) & 0x3ff);
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  // Below the least normal half, values are whole numbers of 2^-24.
  if (magnitude < 0x38800000) return sign | roundHalfEven(bitsFloat32(magnitude) * 2 ** 24);
  return sign | ((magnitude - 0x38000000 + 0xfff + ((magnitude >>> 13) & 1)) >>> 13);
}

/** float16 bits to float32 bits, exact; a NaN comes out quiet. */
export function float16ToFloat32Bits(bits: number): number {
  const sign = bits & 0x8000 ? 0x80000000 : 0;
  const magnitude = bits & 0x7fff;
  if (magnitude > 0x7c00) return sign + (0x7fc00000 | (magnitude << 13));
  if (magnitude === 0x7c00) return sign + 0x7f800000;
  if (magnitude < 0x400) return sign + float32Bits(magnitude * 2 ** -24);
  return sign + (magnitude << 13) + 0x38000000;
}

/** Bits of the float16 nearest to a number that is first rounded to float32; overflow gives infinity. */
export const float16Bits = (value: number): number => float32ToFloat16Bits(float32Bits(value));

/** The value of float16 bits, exact. */
export const float16Value = (bits: number): number => bitsFloat32(float16ToFloat32Bits(bits));

/** float32 rounded to bfloat16 (its top 16 bits), half to even, as a number. */
export function roundToBfloat16(value: number): number {
  const bits = float32Bits(value);
  if ((bits & 0x7fffffff) > 0x7f800000) return Number.NaN;
  return bitsFloat32(((bits + 0x7fff + ((bits >>> 16) & 1)) & 0xffff0000) >>> 0);
}

/** float32 rounded to float16 and back. */
export const roundToFloat16 = (value: number): number => float16Value(float16Bits(value));

/**
 * A blockwise scale as it is stored and divided by: rounded to bfloat16, then to float16, so that it has at most seven
 * mantissa bits. Underflow gives 0, overflow infinity.
 */
export const roundToBlockScale = (scale: number): number => roundToFloat16(roundToBfloat16(scale));

/** The smallest float16 above zero and the largest below infinity. */
const LEAST_FLOAT16 = 2 ** -24;
const GREATEST_FLOAT16 = 65504;

/** A scale of a block as it is stored; `limited`: one that is lost by that becomes the nearest that is not. */
export function storedBlockScale(scale: number, limited: boolean): number {
  const rounded = roundToBlockScale(scale);
  return limited ? Math.min(Math.max(rounded, LEAST_FLOAT16), GREATEST_FLOAT16) : rounded;
}
