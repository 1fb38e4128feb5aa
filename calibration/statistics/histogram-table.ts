import { type Kernels, PAGE_BINS, PAGE_WORDS } from '../../kernels/index.ts';
import { HISTOGRAM_KEYS, HISTOGRAM_MANTISSA_BITS } from '../../schema/documents/calibration-histogram.ts';
import type { CountsMemory } from './histogram-counts.ts';

/** Tensors with so many elements are counted whole. */
const MOST_WHOLE = 2 ** 14;
/** Elements of a larger one that are counted at most, beside the extremes of its pieces. */
const MOST_PICKED = 2 ** 13;

/**
 * Of a tensor with more than MOST_WHOLE elements, one in so many groups is counted, for all of them, and the extremes of each
 * piece (see `surveyFloat32`). The values of one sample depend on each other, so that how well a histogram is known is
 * decided by the number of samples. The range is always that of all elements.
 */
const countedEvery = (elements: number): number => (elements <= MOST_WHOLE ? 1 : Math.ceil(elements / MOST_PICKED));

const PAGES = HISTOGRAM_KEYS / PAGE_BINS;
const TABLE_BYTES = 4 * HISTOGRAM_KEYS;

/** The last pages of each sign, those of its greatest exponent, hold NaN and infinities. */
const SIGN_PAGES = PAGES / 2;
const FINITE_PAGES = SIGN_PAGES - 2 ** HISTOGRAM_MANTISSA_BITS / PAGE_BINS;
const isFinitePage = (page: number) => page % SIGN_PAGES < FINITE_PAGES;

/** Bytes that a HistogramTable needs in the memory of the kernels. */
export const TABLE_ROOM_BYTES = TABLE_BYTES + 4 * PAGE_WORDS * PAGES;

/** Counts the values of one tensor after the other, in room of TABLE_ROOM_BYTES in the memory where they lie. */
export class HistogramTable {
  readonly #kernels: Kernels;
  readonly #address: number;

  /** `address`: a multiple of 16. */
  constructor(kernels: Kernels, address: number) {
    this.#kernels = kernels;
    this.#address = address;
    this.#clear();
  }

  /**
   * The range of float32 values and their histogram, whose counts are `elements` together less NaN and infinities. Tensors
   * that have any of these are counted whole, so that just these are left out. The pages are staged in `counts`.
   */
  survey(address: number, elements: number, counts: CountsMemory) {
    const kernels = this.#kernels;
    const every = countedEvery(elements);
    const range = kernels.surveyFloat32(address, elements, this.#address, HISTOGRAM_MANTISSA_BITS, every);
    const allFinite = range.nanCount + range.infiniteCount === 0;
    if (every > 1 && !allFinite) {
      this.#clear();
      kernels.histogramFloat32(address, elements, this.#address, HISTOGRAM_MANTISSA_BITS);
    }
    const taken = this.#take(range.greatestKey, elements);
    return { range, pages: counts.stage(allFinite ? taken : finitePages(taken)) };
  }

  /** Empties the table. */
  #take(greatestKey: number, elements: number): Uint32Array {
    const { memory } = this.#kernels;
    const pages = this.#address + TABLE_BYTES;
    const count = this.#kernels.takePages(this.#address, HISTOGRAM_MANTISSA_BITS, greatestKey, elements, pages);
    return new Uint32Array(memory.buffer, pages, count * PAGE_WORDS);
  }

  #clear(): void {
    new Uint8Array(this.#kernels.memory.buffer, this.#address, TABLE_BYTES).fill(0);
  }
}

/** All pages but those of NaN and infinities. */
function finitePages(pages: Uint32Array): Uint32Array {
  return pages.filter((_, i) => isFinitePage(pages[i - (i % PAGE_WORDS)] as number));
}
