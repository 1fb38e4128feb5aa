import {
  HISTOGRAM_KEYS,
  HISTOGRAM_MANTISSA_BITS,
  type Histogram,
} from '../../schema/documents/calibration-histogram.ts';

/** Bins of one sign and exponent share a page: a tensor's values touch a few dozen of the 512. */
const PAGE = 2 ** HISTOGRAM_MANTISSA_BITS;

/** The last page of each sign holds NaN and infinities. */
const EXPONENTS = 256;
const isFinitePage = (page: number) => page % EXPONENTS !== EXPONENTS - 1;

/** Sums of histograms in place. Counts are whole doubles, so that the sum is the same in any order. */
export class HistogramCounts {
  readonly #pages: (Float64Array | undefined)[] = new Array(HISTOGRAM_KEYS / PAGE);

  /** Adds the bins of one histogram. */
  add({ keys, counts }: Histogram): void {
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] ?? 0;
      const number = Math.floor(key / PAGE);
      let page = this.#pages[number];
      if (page === undefined) {
        page = new Float64Array(PAGE);
        this.#pages[number] = page;
      }
      page[key % PAGE] = (page[key % PAGE] ?? 0) + (counts[i] ?? 0);
    }
  }

  /** The sum so far. */
  build(): Histogram {
    const keys: number[] = [];
    const counts: number[] = [];
    for (let number = 0; number < this.#pages.length; number++) {
      this.#pages[number]?.forEach((count, i) => {
        if (count === 0) return;
        keys.push(number * PAGE + i);
        counts.push(count);
      });
    }
    return { keys: Uint16Array.from(keys), counts: Float64Array.from(counts) };
  }
}

/**
 * Takes the bins out of a dense table that the histogram kernel filled (one uint32 a key, at most 2^31 counts a bin)
 * and clears it for the next tensor. Bins of NaN and infinities are cleared but left out.
 */
export function takeTable(memory: ArrayBufferLike, byteOffset: number): Histogram {
  const table = new Uint32Array(memory, byteOffset, HISTOGRAM_KEYS);
  // Two counts at a time: as doubles they are zero only when both are (or one is 2^31, which no tensor reaches).
  const pairs = new Float64Array(memory, byteOffset, HISTOGRAM_KEYS / 2);
  const keys: number[] = [];
  const counts: number[] = [];
  for (let pair = 0; pair < pairs.length; pair++) {
    if (pairs[pair] === 0) continue;
    const finite = isFinitePage(Math.floor((2 * pair) / PAGE));
    for (let key = 2 * pair; key < 2 * pair + 2; key++) {
      const count = table[key] ?? 0;
      if (count === 0 || !finite) continue;
      keys.push(key);
      counts.push(count);
    }
    pairs[pair] = 0;
  }
  return { keys: Uint16Array.from(keys), counts: Float64Array.from(counts) };
}

/** Bytes of the table that the histogram kernel counts in; it must start at a multiple of 8. */
export const TABLE_BYTES = 4 * HISTOGRAM_KEYS;
