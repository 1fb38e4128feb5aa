import { PAGE_BINS, PAGE_WORDS, Workspace } from '../../kernels/index.ts';
import { HISTOGRAM_KEYS, type Histogram } from '../../schema/documents/calibration-histogram.ts';
import { AeqError } from '../../schema/errors.ts';

/**
 * The pages (neighbouring bins) of a histogram that hold something, about a hundred of 2,048, where a CountsMemory has them
 * staged: PAGE_WORDS a page as the kernels take them out of a table, its number and the counts of its bins, which are less
 * than 2^31. A bin's key is the number of its page times PAGE_BINS, plus its place in the page. A page may be there in parts.
 */
export interface HistogramPages {
  readonly memory: CountsMemory;
  readonly address: number;
  readonly count: number;
  /** More of them. */
  readonly rest?: HistogramPages;
}

/** The sum of two. */
export function joinPages(a: HistogramPages, b: HistogramPages): HistogramPages {
  return { ...a, rest: a.rest ? joinPages(a.rest, b) : b };
}

/** Pages there can be. */
const PAGES = HISTOGRAM_KEYS / PAGE_BINS;

/** Bytes of a page's sums, and of the addresses of all pages' sums. */
const SUMS_BYTES = 4 * PAGE_BINS;
const PLACES_BYTES = 4 * PAGES;

/** Pages that room is made for at a time. */
const LEAST_ROOM_PAGES = 1024;

/** Pages of one sample that room is made for at first. */
const LEAST_STAGED_PAGES = 1024;

/** Memory in reach of the kernels for the sums of many histograms, and for the pages of a sample until they are added. */
export class CountsMemory {
  #workspace: Workspace | undefined;
  /** Where the next page's sums will be, and where the room for such ends. */
  #next = 0;
  #end = 0;
  /** Words of staged pages: where they begin, how many are used and there are. */
  #stage = { start: 0, used: 0, size: 0 };
  /** All of the memory. */
  #words = new Uint32Array(0);

  /** Takes back everything: histograms that were summed up in it are lost. */
  reset(): void {
    this.#workspace?.reset();
    this.#next = 0;
    this.#end = 0;
    this.#stage = { start: 0, used: 0, size: 0 };
  }

  /** Forgets the pages that were staged. */
  clearStage(): void {
    this.#stage.used = 0;
  }

  /** A copy of these pages, which stays until the stage is cleared. */
  stage(pages: Uint32Array): HistogramPages {
    if (this.#stage.used + pages.length > this.#stage.size) this.#growStage(pages.length);
    const at = this.#stage.start + this.#stage.used;
    this.#stage.used += pages.length;
    this.#allWords().set(pages, at);
    return { memory: this, address: 4 * at, count: pages.length / PAGE_WORDS };
  }

  /** Room for the addresses of a histogram's sums, all of them 0. */
  allocatePlaces(): number {
    const address = this.#memory().allocate(PLACES_BYTES);
    this.#memory().bytes(address, PLACES_BYTES).fill(0);
    return address;
  }

  /** Adds staged pages to the sums that `places` has the addresses of. A sum has to stay below 2^32. */
  addPages(places: number, { memory, address, count, rest }: HistogramPages): void {
    if (memory !== this) throw new AeqError('INTERNAL', 'pages were staged for another sum');
    this.#reserve(count);
    this.#next = this.#memory().kernels.addPages(address, count, places, this.#next);
    if (rest) this.addPages(places, rest);
  }

  /** Takes what there is out of a histogram's sums. */
  take(places: number): Histogram {
    const words = this.#allWords();
    const found = words.subarray(places / 4, places / 4 + PAGES);
    const used = [...found.keys()].filter((page) => found[page] !== 0);
    const keys = new Uint16Array(used.length * PAGE_BINS);
    const counts = new Float64Array(keys.length);
    let bins = 0;
    for (const page of used) {
      const first = (found[page] as number) / 4;
      for (let bin = 0; bin < PAGE_BINS; bin++) {
        const count = words[first + bin] as number;
        if (count === 0) continue;
        keys[bins] = page * PAGE_BINS + bin;
        counts[bins++] = count;
      }
      words.fill(0, first, first + PAGE_BINS);
    }
    return { keys: keys.slice(0, bins), counts: counts.slice(0, bins) };
  }

  #memory(): Workspace {
    this.#workspace ??= new Workspace();
    return this.#workspace;
  }

  #allWords(): Uint32Array {
    const { buffer } = this.#memory().memory;
    if (this.#words.buffer !== buffer) this.#words = new Uint32Array(buffer);
    return this.#words;
  }

  /** Makes room for the sums of so many pages more. */
  #reserve(pages: number): void {
    if (this.#end - this.#next >= pages * SUMS_BYTES) return;
    const sizeBytes = Math.max(pages, LEAST_ROOM_PAGES) * SUMS_BYTES;
    this.#next = this.#memory().allocate(sizeBytes);
    this.#end = this.#next + sizeBytes;
  }

  /** What was staged before stays where it is. */
  #growStage(words: number): void {
    const size = Math.max(2 * (this.#stage.size + words), LEAST_STAGED_PAGES * PAGE_WORDS);
    this.#stage = { start: this.#memory().allocate(4 * size) / 4, used: 0, size };
  }
}

/** Values that sums in uint32 have room for. */
const MOST_PENDING = 2 ** 32 - 1;

/** The sum of histograms. Counts are whole doubles, so that it is the same in any order. */
export class HistogramCounts {
  readonly #memory: CountsMemory;
  #places: number | undefined;
  /** Values in the sums of the memory; all others are in the settled histogram. */
  #pending = 0;
  #settled: Histogram | undefined;

  constructor(memory: CountsMemory) {
    this.#memory = memory;
  }

  /** Adds the bins of one histogram. */
  add(histogram: Histogram): void {
    this.#settled = this.#settled ? sumOf(this.#settled, histogram) : histogram;
  }

  /** Adds counts that lie together in pages, of so many values at most. */
  addPages(pages: HistogramPages, values: number): void {
    if (this.#pending + values > MOST_PENDING) this.#settle();
    this.#pending += values;
    this.#places ??= this.#memory.allocatePlaces();
    this.#memory.addPages(this.#places, pages);
  }

  /** The sum so far. */
  build(): Histogram {
    this.#settle();
    return this.#settled ?? { keys: new Uint16Array(0), counts: new Float64Array(0) };
  }

  #settle(): void {
    if (this.#places !== undefined) this.add(this.#memory.take(this.#places));
    this.#pending = 0;
  }
}

/** All bins of two histograms. */
function sumOf(a: Histogram, b: Histogram): Histogram {
  const keys = new Uint16Array(a.keys.length + b.keys.length);
  const counts = new Float64Array(keys.length);
  let bins = 0;
  for (let i = 0, j = 0; i < a.keys.length || j < b.keys.length; bins++) {
    const [first, second] = [a.keys[i] ?? HISTOGRAM_KEYS, b.keys[j] ?? HISTOGRAM_KEYS];
    keys[bins] = Math.min(first, second);
    if (first <= second) counts[bins] = a.counts[i++] as number;
    if (second <= first) counts[bins] = (counts[bins] as number) + (b.counts[j++] as number);
  }
  return { keys: keys.slice(0, bins), counts: counts.slice(0, bins) };
}
