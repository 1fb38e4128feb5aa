import { roundHalfEven } from '../../kernels/index.ts';

/** The type in which scales are derived: every elementary operation is rounded to it. */
export type Carrier = 'float32' | 'float64';

const identity = (x: number) => x;
const rounding = (carrier: Carrier) => (carrier === 'float32' ? Math.fround : identity);

/** Least and greatest code of an integer type of 1 to 53 bits. */
export function codeRange(bits: number, unsigned = false): { readonly least: number; readonly greatest: number } {
  return (unsigned ? UNSIGNED : SIGNED)[bits] as { least: number; greatest: number };
}

// Made once: there may be millions of blocks, and powers are slow.
const WIDTHS = Array.from({ length: 54 }, (_, bits) => bits);
const SIGNED = WIDTHS.map((bits) => ({ least: -(2 ** (bits - 1)), greatest: 2 ** (bits - 1) - 1 }));
const UNSIGNED = WIDTHS.map((bits) => ({ least: 0, greatest: 2 ** bits - 1 }));

/** Codes that data are clipped to: symmetric types of 8 bits and more leave out the lowest code. */
export function clipRange(bits: number, symmetric: boolean, unsigned = false): { least: number; greatest: number } {
  const { least, greatest } = codeRange(bits, unsigned);
  return { least: symmetric && bits >= 8 ? least + 1 : least, greatest };
}

/** Ranges narrower than this are widened to it. */
const LEAST_SPAN = 1e-9;

export interface ScaleAndZeroPoint {
  readonly scale: number;
  readonly zeroPoint: number;
}

/**
 * Scale and zero point of a range, each operation rounded to the carrier. Symmetric: the larger magnitude over the
 * greatest code, zero point 0. Otherwise the range, widened to contain 0, over all codes. A NaN range gives NaN and 0.
 */
export function scaleOfRange(
  min: number,
  max: number,
  type: { readonly bits: number; readonly symmetric: boolean; readonly unsigned?: boolean },
  carrier: Carrier,
): ScaleAndZeroPoint {
  const round = rounding(carrier);
  const { least, greatest } = codeRange(type.bits, type.unsigned);
  if (type.symmetric) {
    const bound = Math.max(Math.abs(min), Math.abs(max), round(LEAST_SPAN));
    return { scale: round(bound / greatest), zeroPoint: 0 };
  }
  const low = Math.min(min, 0);
  const high = Math.max(max, 0);
  const scale = round(Math.max(round(high - low), round(LEAST_SPAN)) / (greatest - least));
  const zeroPoint = roundHalfEven(round(least - round(low / scale)));
  return { scale, zeroPoint: Number.isFinite(zeroPoint) ? zeroPoint : 0 };
}

/** The range that a scale and a zero point stand for, in double. */
export function rangeOfScale(
  { scale, zeroPoint }: ScaleAndZeroPoint,
  bits: number,
  symmetric: boolean,
): { min: number; max: number } {
  const { least, greatest } = codeRange(bits);
  const max = (greatest - zeroPoint) * scale;
  return { min: symmetric ? -max : (least - zeroPoint) * scale, max };
}

/** clip(round_half_even(x / scale + zeroPoint)) with every step in double; NaN gives 0. */
export function quantizeDouble(x: number, scale: number, zeroPoint: number, least: number, greatest: number): number {
  const code = Math.min(Math.max(roundHalfEven(x / scale + zeroPoint), least), greatest);
  return Number.isNaN(code) ? 0 : code;
}

/** The same with every step rounded to float32, as the kernels do it. */
export function quantizeFloat32(x: number, scale: number, zeroPoint: number, least: number, greatest: number): number {
  const { fround } = Math;
  const rounded = roundHalfEven(fround(fround(x / fround(scale)) + fround(zeroPoint)));
  const code = Math.min(Math.max(rounded, fround(least)), fround(greatest));
  return Number.isNaN(code) ? 0 : code;
}
