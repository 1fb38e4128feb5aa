import { type Kernels, PAGE_BINS } from '../../kernels/index.ts';
import { HISTOGRAM_KEYS, HISTOGRAM_MANTISSA_BITS } from '../../schema/documents/calibration-histogram.ts';
import type { HistogramPages } from './histogram-counts.ts';

/** Most values of one tensor that one sample's histogram looks at. */
const MOST_COUNTED = 2 ** 14;

/**
 * Of a tensor with more than MOST_COUNTED elements, one in so many groups is counted, for all of them (see
 * `surveyFloat32`). The values of one sample depend on each other, so that how well a histogram is known is decided by the
 * number of samples. The range is always that of all elements.
 */
export const countedEvery = (elements: number): number => Math.max(1, Math.ceil(elements / MOST_COUNTED));

const PAGES = HISTOGRAM_KEYS / PAGE_BINS;
const TABLE_BYTES = 4 * HISTOGRAM_KEYS;
const NUMBERS_BYTES = 4 * PAGES;

/** The last pages of each sign, those of its greatest exponent, hold NaN and infinities. */
const SIGN_PAGES = PAGES / 2;
const FINITE_PAGES = SIGN_PAGES - 2 ** HISTOGRAM_MANTISSA_BITS / PAGE_BINS;
const isFinitePage = (page: number) => page % SIGN_PAGES < FINITE_PAGES;

/** Bytes that a HistogramTable needs in the memory of the kernels. */
export const TABLE_ROOM_BYTES = 2 * TABLE_BYTES + NUMBERS_BYTES;

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
   * that have any of these are counted whole, so that just these are left out. The pages are valid until the stage is
   * cleared.
   */
  survey(address: number, elements: number, stage: PageStage) {
    const kernels = this.#kernels;
    const every = countedEvery(elements);
    const range = kernels.surveyFloat32(address, elements, this.#address, HISTOGRAM_MANTISSA_BITS, every);
    if (every > 1 && range.nanCount + range.infiniteCount > 0) {
      this.#clear();
      kernels.histogramFloat32(address, elements, this.#address, HISTOGRAM_MANTISSA_BITS);
    }
    return { range, pages: this.#take(stage) };
  }

  /** Moves the pages with counts to the stage, but those of NaN and infinities. */
  #take(stage: PageStage): HistogramPages {
    const { memory } = this.#kernels;
    const numbers = this.#address + TABLE_BYTES;
    const counts = numbers + NUMBERS_BYTES;
    const count = this.#kernels.takePages(this.#address, PAGES, numbers, counts);
    const taken = {
      numbers: new Uint32Array(memory.buffer, numbers, count),
      counts: new Int32Array(memory.buffer, counts, count * PAGE_BINS),
    };
    return stage.put(taken.numbers.every(isFinitePage) ? taken : finitePages(taken));
  }

  #clear(): void {
    new Uint8Array(this.#kernels.memory.buffer, this.#address, TABLE_BYTES).fill(0);
  }
}

function finitePages({ numbers, counts }: HistogramPages): HistogramPages {
  const kept = [...numbers.keys()].filter((i) => isFinitePage(numbers[i] ?? 0));
  return {
    numbers: Uint32Array.from(kept, (i) => numbers[i] ?? 0),
    counts: Int32Array.from(kept.flatMap((i) => [...counts.subarray(i * PAGE_BINS, (i + 1) * PAGE_BINS)])),
  };
}

/** Room for the pages of all tensors of one sample, used again for the next. */
export class PageStage {
  #numbers = new Uint32Array(1024);
  #counts = new Int32Array(1024 * PAGE_BINS);
  #used = 0;

  /** Forgets all pages: what `put` gave is not valid any more. */
  clear(): void {
    this.#used = 0;
  }

  /** A copy of these pages. */
  put({ numbers, counts }: HistogramPages): HistogramPages {
    if (this.#used + numbers.length > this.#numbers.length) this.#grow(numbers.length);
    const start = this.#used;
    this.#used += numbers.length;
    this.#numbers.set(numbers, start);
    this.#counts.set(counts, start * PAGE_BINS);
    return {
      numbers: this.#numbers.subarray(start, this.#used),
      counts: this.#counts.subarray(start * PAGE_BINS, this.#used * PAGE_BINS),
    };
  }

  /** What was given out before keeps the old arrays. */
  #grow(count: number): void {
    const length = 2 * (this.#used + count);
    this.#numbers = new Uint32Array(length);
    this.#counts = new Int32Array(length * PAGE_BINS);
    this.#used = 0;
  }
}
