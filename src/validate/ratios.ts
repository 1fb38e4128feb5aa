/** Most elements of a tensor in one sample whose relative difference is looked at. */
export const RATIO_ELEMENTS = 4096;

/** 32 bins an octave from 2^-30 to 2^24; the first holds what is below, the last what is above or no number. */
const RATIO_BINS = 54 * 32 + 2;
const FIRST_KEY = (127 - 30) << 5;
const ratioFloat = new Float32Array(1);
const ratioBits = new Uint32Array(ratioFloat.buffer);

/** Counts of relative differences by bin, of one tensor in one sample: bins that hold any. */
export interface RatioCounts {
  readonly bins: Uint16Array;
  readonly counts: Uint16Array;
}

/** Counts ratios of one tensor in one sample, of at most RATIO_ELEMENTS elements or hardly more. */
export class RatioCounter {
  /** All counters share it, because nearly all of it is empty: it is cleared where it was used. */
  static readonly #table = new Uint16Array(RATIO_BINS);
  #least = RATIO_BINS;
  #greatest = -1;

  /** Counts |t - r| / (|r| + 1e-6) of every `stride`th element from `first` on; values that are not finite in r are left out. */
  add(reference: Float32Array, test: Float32Array, first: number, stride: number): void {
    const table = RatioCounter.#table;
    for (let i = first; i < reference.length; i += stride) {
      const r = reference[i] as number;
      if (r - r !== 0) continue;
      const bin = ratioBin(Math.abs((test[i] as number) - r) / (Math.abs(r) + 1e-6));
      table[bin] = (table[bin] as number) + 1;
      if (bin < this.#least) this.#least = bin;
      if (bin > this.#greatest) this.#greatest = bin;
    }
  }

  /** What was counted; the next counter may begin then. */
  finish(): RatioCounts {
    const used = RatioCounter.#table.subarray(this.#least, this.#greatest + 1);
    let size = 0;
    for (let i = 0; i < used.length; i += 1) if (used[i] !== 0) size += 1;
    const bins = new Uint16Array(size);
    const counts = new Uint16Array(size);
    for (let i = 0, at = 0; at < size; i += 1) {
      if (used[i] === 0) continue;
      bins[at] = this.#least + i;
      counts[at] = used[i] as number;
      at += 1;
    }
    used.fill(0);
    return { bins, counts };
  }
}

/** Counts over samples. */
export class RatioSum {
  readonly #total = new Float64Array(RATIO_BINS);

  add({ bins, counts }: RatioCounts): void {
    for (let i = 0; i < bins.length; i += 1) {
      const bin = bins[i] as number;
      this.#total[bin] = (this.#total[bin] as number) + (counts[i] as number);
    }
  }

  /** The median, within 1.6 % (half a bin); NaN without elements. */
  median(): number {
    const bins = this.#total;
    const total = bins.reduce((sum, count) => sum + count, 0);
    let seen = 0;
    for (let bin = 0; bin < bins.length; bin += 1) {
      seen += bins[bin] as number;
      if (total > 0 && 2 * seen >= total) return ratioValue(bin);
    }
    return Number.NaN;
  }
}

function ratioBin(ratio: number): number {
  if (!(ratio < 2 ** 24)) return RATIO_BINS - 1;
  ratioFloat[0] = ratio;
  return Math.max(0, ((ratioBits[0] as number) >>> 18) - FIRST_KEY + 1);
}

/** The middle of a bin. */
function ratioValue(bin: number): number {
  if (bin === 0) return 0;
  if (bin === RATIO_BINS - 1) return Number.POSITIVE_INFINITY;
  ratioBits[0] = ((bin - 1 + FIRST_KEY) << 18) | (1 << 17);
  return ratioFloat[0] as number;
}
