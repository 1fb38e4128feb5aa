/** Most elements of a tensor in one sample whose relative difference is looked at. */
export const RATIO_ELEMENTS = 4096;

/** 32 bins an octave from 2^-30 to 2^24; the first holds what is below, the last what is above or no number. */
export const RATIO_BINS = 54 * 32 + 2;
const FIRST_KEY = (127 - 30) << 5;
const ratioFloat = new Float32Array(1);
const ratioBits = new Uint32Array(ratioFloat.buffer);

/** Counts |t - r| / (|r| + 1e-6) of every `stride`th element from `first` on; values that are not finite in r are left out. */
export function addRatios(
  bins: Uint32Array,
  reference: Float32Array,
  test: Float32Array,
  first: number,
  stride: number,
): void {
  for (let i = first; i < reference.length; i += stride) {
    const r = reference[i] as number;
    if (!Number.isFinite(r)) continue;
    const bin = ratioBin(Math.abs((test[i] as number) - r) / (Math.abs(r) + 1e-6));
    bins[bin] = (bins[bin] as number) + 1;
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

/** The median, within 1.6 % (half a bin); NaN without elements. */
export function medianRatio(bins: Uint32Array): number {
  const total = bins.reduce((sum, count) => sum + count, 0);
  let seen = 0;
  for (let bin = 0; bin < bins.length; bin += 1) {
    seen += bins[bin] as number;
    if (total > 0 && 2 * seen >= total) return ratioValue(bin);
  }
  return Number.NaN;
}
