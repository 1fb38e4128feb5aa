import { PAGE_BINS, Workspace } from '../../kernels/index.ts';
import { HISTOGRAM_KEYS, type Histogram } from '../../schema/documents/calibration-histogram.ts';

/**
 * The pages (neighbouring bins) of a histogram that hold something, about a hundred of 2,048: their numbers, and the
 * counts of their bins. One may be there in parts.
 */
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

/** Bytes of a page's sums, and of the addresses of all pages' sums. */
const SUMS_BYTES = 8 * PAGE_BINS;
const PLACES_BYTES = 4 * PAGES;

/** Pages that room is made for at a time. */
const LEAST_ROOM_PAGES = 512;

/** Memory in reach of the kernels for the sums of many histograms. */
export class CountsMemory {
  #workspace: Workspace | undefined;
  /** Where the next page's sums will be, and where the room for such ends. */
  #next = 0;
  #end = 0;
  #scratch = { address: 0, sizeBytes: 0 };

  /** Takes back everything: histograms that were summed up in it are lost. */
  reset(): void {
    this.#workspace?.reset();
    this.#next = 0;
    this.#end = 0;
    this.#scratch = { address: 0, sizeBytes: 0 };
  }

  /** Room for the addresses of a histogram's sums, all of them 0. */
  allocatePlaces(): number {
    const address = this.#memory().allocate(PLACES_BYTES);
    this.#memory().bytes(address, PLACES_BYTES).fill(0);
    return address;
  }

  /** Makes room for the sums of so many pages more: until they are taken, views stay valid. */
  reserve(pages: number): void {
    if (this.#end - this.#next >= pages * SUMS_BYTES) return;
    const sizeBytes = Math.max(pages, LEAST_ROOM_PAGES) * SUMS_BYTES;
    this.#next = this.#memory().allocate(sizeBytes);
    this.#end = this.#next + sizeBytes;
  }

  /** The sums of one page more, all of them 0, out of what was reserved. */
  takePage(): number {
    const address = this.#next;
    this.#next += SUMS_BYTES;
    this.#memory().bytes(address, SUMS_BYTES).fill(0);
    return address;
  }

  /** Adds pages to the sums that `places` has the addresses of. */
  addPages(places: number, { numbers, counts }: HistogramPages): void {
    this.reserve(numbers.length);
    const from = this.#room(numbers.byteLength + counts.byteLength);
    const to = from + counts.byteLength;
    const { memory, kernels } = this.#memory();
    new Int32Array(memory.buffer, from, counts.length).set(counts);
    new Uint32Array(memory.buffer, to, numbers.length).set(numbers);
    this.#next = kernels.addPages(to, from, numbers.length, places, this.#next);
  }

  /** Addresses of a histogram's sums, and all sums there are, by their address / 8. */
  views(places: number): { places: Uint32Array; sums: Float64Array } {
    const { buffer } = this.#memory().memory;
    return { places: new Uint32Array(buffer, places, PAGES), sums: new Float64Array(buffer) };
  }

  #memory(): Workspace {
    this.#workspace ??= new Workspace();
    return this.#workspace;
  }

  #room(sizeBytes: number): number {
    if (sizeBytes > this.#scratch.sizeBytes) {
      const larger = Math.max(2 * this.#scratch.sizeBytes, sizeBytes);
      this.#scratch = { address: this.#memory().allocate(larger), sizeBytes: larger };
    }
    return this.#scratch.address;
  }
}

/** The sum of histograms. Counts are whole doubles, so that it is the same in any order. */
export class HistogramCounts {
  readonly #memory: CountsMemory;
  readonly #places: number;

  constructor(memory: CountsMemory) {
    this.#memory = memory;
    this.#places = memory.allocatePlaces();
  }

  /** Adds the bins of one histogram. */
  add({ keys, counts }: Histogram): void {
    this.#memory.reserve(Math.min(keys.length, PAGES));
    const { places, sums } = this.#memory.views(this.#places);
    for (let i = 0; i < keys.length; i++) {
      const key = keys[i] as number;
      const page = Math.floor(key / PAGE_BINS);
      if (places[page] === 0) places[page] = this.#memory.takePage();
      const bin = (places[page] as number) / 8 + (key % PAGE_BINS);
      sums[bin] = (sums[bin] as number) + (counts[i] as number);
    }
  }

  /** Adds counts that lie together in pages. */
  addPages(pages: HistogramPages): void {
    this.#memory.addPages(this.#places, pages);
  }

  /** The sum so far. */
  build(): Histogram {
    const { places, sums } = this.#memory.views(this.#places);
    const keys: number[] = [];
    const counts: number[] = [];
    places.forEach((address, page) => {
      if (address === 0) return;
      for (let bin = 0; bin < PAGE_BINS; bin++) {
        const count = sums[address / 8 + bin] as number;
        if (count === 0) continue;
        keys.push(page * PAGE_BINS + bin);
        counts.push(count);
      }
    });
    return { keys: Uint16Array.from(keys), counts: Float64Array.from(counts) };
  }
}
