import { TensorType } from '../schema/generated/tflite.ts';
import type { Finding } from './finding.ts';
import { pictureDimensions } from './images/tensor.ts';
import type { InputSpec, Sample, TensorValue } from './sample.ts';

/** Sums over the values of one input. */
export interface InputTotals {
  readonly elements: number;
  readonly finite: number;
  readonly sum: number;
  readonly squares: number;
  readonly min: number;
  readonly max: number;
  readonly nans: number;
  readonly infinities: number;
}

/** What is collected of one input while samples are read. */
export interface InputTally {
  readonly input: InputSpec;
  add(sample: Sample): void;
  totals(): InputTotals;
  /** What there is to say when `samples` have been read. */
  findings(samples: number): Finding[];
}

const MOST_NAMED = 5;
/**
 * Neighbouring pixels of photographs and drawings correlate with 0.8 and more, values of sound at usual rates with 0.3 and
 * more; independent noise with 0.
 */
const NOISE_CORRELATION = 0.1;
/** Shorter signals say nothing about their correlation. */
const SHORTEST_SIGNAL = 256;

/** Collects in double. */
export function startTally(input: InputSpec): InputTally {
  const totals = { elements: 0, finite: 0, sum: 0, squares: 0, min: Infinity, max: -Infinity, nans: 0, infinities: 0 };
  const constant: string[] = [];
  const nonFinite: string[] = [];
  const full: string[] = [];
  const correlations: number[] = [];
  let whole = true;

  const add = ({ name, feed }: Sample): void => {
    const value = feed[input.name];
    if (!value) return;
    const before = totals.nans + totals.infinities;
    let [min, max] = [Infinity, -Infinity];
    for (const item of value.data) {
      const number = Number(item);
      if (!Number.isFinite(number)) {
        if (Number.isNaN(number)) totals.nans += 1;
        else totals.infinities += 1;
        continue;
      }
      totals.finite += 1;
      totals.sum += number;
      totals.squares += number * number;
      min = Math.min(min, number);
      max = Math.max(max, number);
      whole &&= Number.isInteger(number);
    }
    totals.elements += value.data.length;
    totals.min = Math.min(totals.min, min);
    totals.max = Math.max(totals.max, max);
    if (totals.nans + totals.infinities > before) nonFinite.push(name);
    if (min === max && value.data.length > 1) constant.push(name);
    if (isMask(input) && min === 1) full.push(name);
    const correlation = neighbourCorrelation(value);
    if (correlation !== undefined) correlations.push(correlation);
  };

  const finding = (level: Finding['level'], code: Finding['code'], message: string, names: readonly string[] = []) => ({
    level,
    code,
    message,
    input: input.name,
    samples: names.slice(0, MOST_NAMED),
  });

  const findings = (samples: number): Finding[] => {
    const result: Finding[] = [];
    const label = `input "${input.name}"`;
    if (nonFinite.length > 0) {
      const what = `${totals.nans} NaN and ${totals.infinities} infinite values`;
      result.push(finding('error', 'non-finite', `${label} has ${what} in ${nonFinite.length} samples`, nonFinite));
    }
    if (constant.length > 0 && !isMask(input) && !isHelper(input)) {
      const level = constant.length === samples && samples > 1 ? 'error' : 'warning';
      const message = `${label} has one single value in ${constant.length} of ${samples} samples`;
      result.push(finding(level, 'constant', message, constant));
    }
    if (full.length * 2 > samples) {
      result.push(
        finding('warning', 'truncated', `${full.length} of ${samples} texts fill all tokens: most are cut off`, full),
      );
    }
    return [...result, ...valueFindings(), ...noiseFindings(label)];
  };

  /** Values that a picture model hardly expects. */
  const valueFindings = (): Finding[] => {
    if (input.type !== TensorType.FLOAT32 || !pictureDimensions(input.shape) || totals.finite === 0) return [];
    const { min, max } = totals;
    if (whole && min >= 0 && max > 2 && max <= 255) {
      const text = `input "${input.name}" gets raw pixels (${min} to ${max}); most float models expect 0..1 or -1..1`;
      return [finding('warning', 'raw-pixels', `${text}: say so with --preprocess`)];
    }
    const largest = Math.max(Math.abs(min), Math.abs(max));
    if (largest > 0 && largest <= 1 / 127) {
      return [
        finding('warning', 'tiny-values', `input "${input.name}" only gets values up to ${largest}: scaled twice?`),
      ];
    }
    return [];
  };

  const noiseFindings = (label: string): Finding[] => {
    if (correlations.length === 0) return [];
    const mean = correlations.reduce((sum, value) => sum + value, 0) / correlations.length;
    if (Math.abs(mean) >= NOISE_CORRELATION) return [];
    const text = `${label} looks like noise: neighbouring values have nothing in common (correlation ${mean.toFixed(2)})`;
    return [finding('warning', 'noise', `${text}; calibrate with real data`)];
  };

  return { input, add, totals: () => totals, findings };
}

/** Inputs that are rightly constant now and then. */
const isMask = ({ name }: InputSpec): boolean => /mask/i.test(name);
const isHelper = ({ name, shape }: InputSpec): boolean =>
  /type|segment|pos/i.test(name) || shape.every((length) => length === 1);

/**
 * Pearson correlation of each value with its neighbour: along the rows of a picture, or along a long signal; undefined for
 * other tensors and for constant ones.
 */
export function neighbourCorrelation({ type, shape, data }: TensorValue): number | undefined {
  const picture = pictureDimensions(shape);
  const small = picture && (picture.width < 8 || picture.height < 8);
  const signal = shape.filter((length) => length !== 1).length === 1 && data.length >= SHORTEST_SIGNAL;
  if (type !== TensorType.FLOAT32 && !(picture && type === TensorType.UINT8)) return undefined;
  if (!signal && (!picture || small)) return undefined;
  const step = picture && !signal && picture.layout === 'nhwc' ? picture.channels : 1;
  const row = picture && !signal ? picture.width * step : data.length;
  let [n, sx, sy, sxx, syy, sxy] = [0, 0, 0, 0, 0, 0];
  for (let i = 0; i + step < data.length; i++) {
    if ((i % row) + step >= row) continue;
    const [x, y] = [Number(data[i]), Number(data[i + step])];
    n += 1;
    sx += x;
    sy += y;
    sxx += x * x;
    syy += y * y;
    sxy += x * y;
  }
  const variance = (sxx - (sx * sx) / n) * (syy - (sy * sy) / n);
  return variance > 1e-20 ? (sxy - (sx * sy) / n) / Math.sqrt(variance) : undefined;
}
