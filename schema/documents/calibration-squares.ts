/** Sums over rows of the square of each channel, exact: of n rows of values x, of x[i] * x[i], each rounded to double. */
export interface SquareSums {
  readonly rows: number;
  /** By channel, in units of 2^-298, the square of the smallest float32. */
  readonly sums: readonly bigint[];
}

/** Power of two of the unit. */
const SQUARE_UNIT = -298;

const bits = new DataView(new ArrayBuffer(8));

/** A double that is not negative, in units. What is below a unit is cut off. */
export function squareUnits(value: number): bigint {
  bits.setFloat64(0, value);
  const word = bits.getBigUint64(0);
  const exponent = Number(word >> 52n) & 0x7ff;
  const mantissa = word & 0xfffffffffffffn;
  const shift = Math.max(exponent, 1) - 1075 - SQUARE_UNIT;
  const whole = exponent === 0 ? mantissa : mantissa | 0x10000000000000n;
  return shift >= 0 ? whole << BigInt(shift) : whole >> BigInt(-shift);
}

/** The mean square of each channel, in double. */
export const meanSquares = ({ rows, sums }: SquareSums): Float64Array =>
  Float64Array.from(sums, (sum) => (Number(sum) * 2 ** SQUARE_UNIT) / rows);

/** A sum in hexadecimal, and the power of two that it is in units of: zeros at the end are left out. */
export function squareText(sum: bigint): string {
  if (sum === 0n) return '0';
  const digits = sum.toString(16);
  const kept = digits.replace(/0+$/, '');
  return `${kept}p${SQUARE_UNIT + 4 * (digits.length - kept.length)}`;
}

/** Reverses squareText. @throws RangeError for other texts. */
export function squareOfText(text: string): bigint {
  if (text === '0') return 0n;
  const [, digits = '', power = ''] = /^([0-9a-f]{1,100})p(-?[0-9]{1,4})$/.exec(text) ?? [];
  const shift = Number(power) - SQUARE_UNIT;
  if (digits === '' || shift < 0 || shift > 1400) throw new RangeError(`${JSON.stringify(text)} is no sum of squares`);
  return BigInt(`0x${digits}`) << BigInt(shift);
}
