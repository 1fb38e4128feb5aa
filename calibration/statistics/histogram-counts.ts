import { HISTOGRAM_KEYS, type Histogram } from '../../schema/documents/calibration-histogram.ts';

/** Neighbouring bins share a page, as the kernel `takePages` has it: a tensor's values touch about a hundred of the 2,048. */
export const PAGE_BINS = 16;

/** The pages of a histogram that hold something: their numbers, and the counts of their bins. One may be there in parts. */
export interface HistogramPages {
  /** A bin's key is that of its page times PAGE_BINS, plus its place in the page. */
  readonly numbers: Uint32Array;
  /** PAGE_BINS counts a page, less than 2^31. */
  readonly counts: Int32Array;
}

/** The sum of two. */
export function joinPages(a: HistogramPages, b: HistogramPages): HistogramPages {
  const numbers = new Uint32Array(a.numbers.length + b.numbers.length);
  const counts = new Int32Array(a.counts.length + b.counts.length);
  numbers.set(a.numbers);
  numbers.set(b.numbers, a.numbers.length);
  counts.set(a.counts);
  counts.set(b.counts, a.counts.length);
  return { numbers, counts };
}

/** Pages there can be. */
const PAGES = HISTOGRAM_KEYS / PAGE_BINS;

/** Sums of histograms in place. Counts are whole doubles, so that the sum is the same in any order. */
export class HistogramCounts {
  /** By page: its place in `#counts`, counted from 1; 0 for a page with nothing in it. */
  readonly #places = new Uint16Array(PAGES);
  #counts = new Float64Array(64 * PAGE_BINS);
  #used = 0;

  /** Adds the bins of one histogram. */
  add({ keys, counts }: Histogram): void {
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] ?? 0;
      const bin = this.#start(Math.floor(key / PAGE_BINS)) + (key % PAGE_BINS);
      this.#counts[bin] = (this.#counts[bin] ?? 0) + (counts[i] ?? 0);
    }
  }

  /** Adds counts that lie together in pages. */
  addPages({ numbers, counts }: HistogramPages): void {
    for (let i = 0; i < numbers.length; i++) {
      const target = this.#start(numbers[i] as number);
      const source = i * PAGE_BINS;
      const sum = this.#counts;
      for (let bin = 0; bin < PAGE_BINS; bin++) {
        sum[target + bin] = (sum[target + bin] as number) + (counts[source + bin] as number);
      }
    }
  }

  /** The sum so far. */
  build(): Histogram {
    const keys: number[] = [];
    const counts: number[] = [];
    this.#places.forEach((place, page) => {
      if (place === 0) return;
      for (let bin = 0; bin < PAGE_BINS; bin++) {
        const count = this.#counts[(place - 1) * PAGE_BINS + bin] ?? 0;
        if (count === 0) continue;
        keys.push(page * PAGE_BINS + bin);
        counts.push(count);
      }
    });
    return { keys: Uint16Array.from(keys), counts: Float64Array.from(counts) };
  }

  /** Where the counts of a page begin. */
  #start(page: number): number {
    const place = this.#places[page] as number;
    if (place > 0) return (place - 1) * PAGE_BINS;
    if (this.#used * PAGE_BINS === this.#counts.length) {
      const larger = new Float64Array(2 * this.#counts.length);
      larger.set(this.#counts);
      this.#counts = larger;
    }
    this.#used += 1;
    this.#places[page] = this.#used;
    return (this.#used - 1) * PAGE_BINS;
  }
}
