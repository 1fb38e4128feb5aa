import { fromBase64, toBase64 } from './base64.ts';
import { putVarint, VarintReader } from './varint.ts';

/** Sums over rows of products of each two channels, in steps of one size. */
export interface ProductPart {
  /** Power of two that the numbers are multiples of. */
  readonly step: number;
  /** How many rounded sums are in it: they stay exact up to a number of them. */
  readonly additions: number;
  /** Whole numbers, of channel i and j <= i at i * (i + 1) / 2 + j. */
  readonly sums: Float64Array;
}

/** Second moments of the rows of a tensor: of n rows of values x, the sums over rows of x[i] * x[j]. */
export interface ProductSums {
  /** Length of a row. */
  readonly channels: number;
  readonly rows: number;
  /** Lengths of the tensor's first dimension, over all samples. */
  readonly batches: number;
  /** By ascending step; the moments are the sum of all. None for rows of zeros. */
  readonly parts: readonly ProductPart[];
}

/** How many products of each two of so many channels there are. */
export const productCount = (channels: number): number => (channels * (channels + 1)) / 2;

/** The sum of all parts, in double. */
export function productTotals({ channels, parts }: ProductSums): Float64Array {
  const totals = new Float64Array(productCount(channels));
  for (const { step, sums } of parts) {
    const unit = 2 ** step;
    for (let i = 0; i < sums.length; i += 1) totals[i] = (totals[i] as number) + (sums[i] as number) * unit;
  }
  return totals;
}

/** Largest number of the text: twice the largest sum. */
const MOST_CODE = 2 ** 54;

/** Base64 of the numbers as base-128 varints, of which the lowest bit is the sign. */
export function encodeProducts(sums: Float64Array): string {
  const bytes = new Uint8Array(8 * sums.length);
  let length = 0;
  for (const value of sums) {
    length = putVarint(bytes, length, value < 0 ? -2 * value - 1 : 2 * value);
  }
  return toBase64(bytes.subarray(0, length));
}

/** Reverses encodeProducts. @throws RangeError when the text is not of so many numbers. */
export function decodeProducts(text: string, count: number): Float64Array {
  const varints = new VarintReader(fromBase64(text), MOST_CODE);
  const sums = new Float64Array(count);
  for (let i = 0; i < count; i += 1) {
    const value = varints.next();
    sums[i] = value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }
  if (!varints.ended) throw new RangeError('it does not end where it should');
  return sums;
}
