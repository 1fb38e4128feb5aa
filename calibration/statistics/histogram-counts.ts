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
 * Takes the bins out of a dense table that the histogram kernel filled (one uint32 a key, less than 2^31 counts a bin)
 * and clears it for the next tensor. Bins of NaN and infinities are cleared but left out. `elements` is how many values
 * were counted, `largest` about their greatest magnitude: where to look first, so that most of the table is not looked at.
 */
export function takeTable(memory: ArrayBufferLike, byteOffset: number, elements: number, largest: number): Histogram {
  const table = new Int32Array(memory, byteOffset, HISTOGRAM_KEYS);
  const pages = touchedPages(table, elements, largest);
  let bins = 0;
  for (const page of pages) {
    const before = bins;
    for (let key = page * PAGE; key < (page + 1) * PAGE; key++) {
      const count = table[key] as number;
      table[key] = 0;
      takenKeys[bins] = key;
      takenCounts[bins] = count;
      // One more where the count is not zero. No branch: which bins are empty is too random to be guessed.
      bins += -count >>> 31;
    }
    if (!isFinitePage(page)) bins = before;
  }
  return { keys: takenKeys.slice(0, bins), counts: takenCounts.slice(0, bins) };
}

/** Room for the bins of one tensor, so that nothing but the result is allocated. */
const takenKeys = new Uint16Array(HISTOGRAM_KEYS + 1);
const takenCounts = new Float64Array(HISTOGRAM_KEYS + 1);

/** Ascending numbers of the pages with counts: zero first, then down from the largest exponent, until all are found. */
function touchedPages(table: Int32Array, elements: number, largest: number): number[] {
  const found: number[] = [];
  let missing = elements;
  const look = (exponent: number) => {
    for (const page of [exponent, exponent + EXPONENTS]) {
      let sum = 0;
      for (let key = page * PAGE; key < (page + 1) * PAGE; key++) sum += table[key] as number;
      if (sum > 0) found.push(page);
      missing -= sum;
    }
  };
  const start = exponentOf(largest);
  look(0);
  for (let exponent = start; exponent > 0 && missing > 0; exponent--) look(exponent);
  for (let exponent = EXPONENTS - 1; exponent > start && missing > 0; exponent--) look(exponent);
  return found.sort((a, b) => a - b);
}

const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);

/** Biased exponent of a float32, the number of its page among those of its sign. */
function exponentOf(value: number): number {
  float[0] = Math.abs(value);
  return (bits[0] ?? 0) >>> 23;
}

/** Bytes of the table that the histogram kernel counts in; it must start at a multiple of 4. */
export const TABLE_BYTES = 4 * HISTOGRAM_KEYS;
