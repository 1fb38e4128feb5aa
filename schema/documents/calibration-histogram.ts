import { fromBase64, toBase64 } from './base64.ts';
import { putVarint, VarintReader } from './varint.ts';

/**
 * How often each value occurred, on a grid that needs no range beforehand: a bin is the sign, the exponent and the top
 * `HISTOGRAM_MANTISSA_BITS` bits of the mantissa of a float32. NaN and infinities are not in it (they are counted
 * apart), values beyond 3e38 are. Of a tensor that is large in one sample, a part of the values was counted for all of them,
 * so that the counts are still as many as there are values. `keys` ascend; `counts` are whole numbers, exact up to 2^53.
 */
export interface Histogram {
  readonly keys: Uint16Array;
  readonly counts: Float64Array;
}

/** Mantissa bits of a histogram key: bins at most 2^-6 of their value wide. */
export const HISTOGRAM_MANTISSA_BITS = 6;

/** One more than the largest key of a finite value's bin, over both signs. */
export const HISTOGRAM_KEYS = 2 ** (9 + HISTOGRAM_MANTISSA_BITS);

/** Bytes of a bin at most: a step below 2^21 and a count below 2^56, 7 bits in each. */
const MOST_BIN_BYTES = 3 + 8;

/** Text of a histogram: base64 of, per bin, the distance to the last key and the count, both as base-128 varints. */
export function encodeHistogram({ keys, counts }: Histogram): string {
  const bytes = new Uint8Array(MOST_BIN_BYTES * keys.length);
  let end = 0;
  let last = -1;
  keys.forEach((key, i) => {
    end = putVarint(bytes, end, key - last);
    end = putVarint(bytes, end, counts[i] ?? 0);
    last = key;
  });
  return toBase64(bytes.subarray(0, end));
}

/** Reverses encodeHistogram. @throws RangeError when the text is no histogram. */
export function decodeHistogram(text: string): Histogram {
  const bytes = fromBase64(text);
  // A number ends with the only of its bytes that is below 128.
  const numbers = bytes.reduce((sum, byte) => sum + (byte < 128 ? 1 : 0), 0);
  const keys = new Uint16Array(Math.ceil(numbers / 2));
  const counts = new Float64Array(keys.length);
  const varints = new VarintReader(bytes, Number.MAX_SAFE_INTEGER);
  let key = -1;
  for (let bin = 0; !varints.ended; bin++) {
    const step = varints.next();
    key += step;
    const count = varints.next();
    if (step === 0 || count === 0) throw new RangeError('it has an empty or repeated bin');
    if (key >= HISTOGRAM_KEYS) throw new RangeError('it has a bin beyond the last one');
    keys[bin] = key;
    counts[bin] = count;
  }
  return { keys, counts };
}

/** Number of values in a histogram. */
export function histogramTotal(histogram: Histogram): number {
  return histogram.counts.reduce((sum, count) => sum + count, 0);
}
