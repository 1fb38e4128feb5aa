import { RATIO_BINS } from '../../kernels/index.ts';

/** Most elements of a tensor in one sample whose relative difference is looked at. */
const RATIO_ELEMENTS = 4096;

/** Elements of a tensor of `count` whose relative difference is looked at are so many apart. */
export const ratioStride = (count: number): number => Math.ceil(count / RATIO_ELEMENTS);

/** Number of the first float32 of bin 1 by its upper 14 bits; see `countRatios`. */
const FIRST_KEY = (127 - 30) << 5;
const bits = new DataView(new ArrayBuffer(4));

/** Counts of |t - r| / (|r| + 1e-6) by bin, over samples. */
export class RatioSum {
  readonly #total = new Float64Array(RATIO_BINS);

  /** Adds pairs of a bin and its count. */
  add(pairs: Uint16Array, at: number, count: number): void {
    const total = this.#total;
    for (let i = at; i < at + 2 * count; i += 2) {
      const bin = pairs[i] as number;
      total[bin] = (total[bin] as number) + (pairs[i + 1] as number);
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

/** The middle of a bin. */
function ratioValue(bin: number): number {
  if (bin === 0) return 0;
  if (bin === RATIO_BINS - 1) return Number.POSITIVE_INFINITY;
  bits.setUint32(0, ((bin - 1 + FIRST_KEY) << 18) | (1 << 17));
  return bits.getFloat32(0);
}
