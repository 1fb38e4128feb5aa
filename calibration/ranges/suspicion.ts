import type { TensorStatistics } from '../../schema/documents/calibration.ts';
import { HISTOGRAM_KEYS } from '../../schema/documents/calibration-histogram.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { keyMagnitude } from './bins.ts';

/** What is odd about a tensor's values: they hold masks, or single samples reach far beyond the others. */
export type Suspicion = 'mask' | 'outliers';

/** A sample that reaches this many times farther than the middle one is an outlier. */
export const OUTLIER_REACH = 10;
/** No activation is this large: such values, of -1e9 or the least float32, stand for "not here". */
const MASK_MAGNITUDE = 1e8;
/** Smaller ones are masks where they are the least value of every sample, and a power of ten such as -10000. */
const LEAST_MASK_POWER = 4;

/** Greatest magnitude of the middle sample, of those that are finite, and how many times farther the farthest sample reaches. */
export interface Reach {
  readonly typical: number;
  readonly reach: number;
}

export function reachOf({ min, max }: Pick<TensorStatistics, 'min' | 'max'>): Reach {
  const farthest = Array.from(min, (low, i) => Math.max(Math.abs(low), Math.abs(max[i] ?? 0)))
    .filter(Number.isFinite)
    .sort((a, b) => a - b);
  const typical = farthest[Math.floor(farthest.length / 2)] ?? 0;
  return { typical, reach: typical > 0 ? (farthest.at(-1) ?? 0) / typical : 1 };
}

/** What is odd about the values of a float32 tensor; undefined for others and where nothing is. */
export function suspicionOf(entry: TensorStatistics): Suspicion | undefined {
  if (entry.type !== TensorType.FLOAT32) return undefined;
  if (holdsMask(entry)) return 'mask';
  return reachOf(entry).reach > OUTLIER_REACH ? 'outliers' : undefined;
}

/** The extremes of samples leave out what lies beyond 3e38, the histogram does not. */
function holdsMask(entry: TensorStatistics): boolean {
  const { min, max } = entry;
  const large = (value: number) => Math.abs(value) >= MASK_MAGNITUDE && Number.isFinite(value);
  if (min.some(large) || max.some(large) || magnitudes(entry).some(large)) return true;
  const [first = 0] = min;
  const power = Math.log10(-first);
  return Number.isInteger(power) && power >= LEAST_MASK_POWER && min.every((value) => value === first);
}

/**
 * No value lies between -1 and 1 but 0, as with whole numbers; undefined without a histogram. Fractions beyond cannot be
 * told from it.
 */
export function looksWhole(entry: TensorStatistics): boolean | undefined {
  return entry.histogram && !magnitudes(entry).some((magnitude) => magnitude > 0 && magnitude < 1);
}

/** Where the bins of the histogram begin, without their signs. */
const magnitudes = ({ histogram }: TensorStatistics): number[] =>
  Array.from(histogram?.keys ?? [], (key) => keyMagnitude(key % (HISTOGRAM_KEYS / 2)));
