import { TensorType } from '../schema/generated/tflite.ts';
import type { Finding, FindingCode, FindingLevel } from './finding.ts';
import { pictureDimensions } from './images/tensor.ts';
import type { InputSpec, Sample, TensorValue } from './sample.ts';
import { lookLikePixels } from './value-range.ts';

/** Sums over the values of one input. */
export interface InputTotals {
  elements: number;
  finite: number;
  sum: number;
  squares: number;
  min: number;
  max: number;
  nans: number;
  infinities: number;
}

const MOST_NAMED = 5;
/**
 * Neighbouring pixels of photographs and drawings correlate with 0.8 and more, values of sound at usual rates with 0.3 and
 * more; independent noise with 0.
 */
const NOISE_CORRELATION = 0.1;
/** Pixels have no greater values, and centred ones are nearer to 0. */
const LARGEST_PIXEL = 255;
/** Shorter signals say nothing about their correlation. */
const SHORTEST_SIGNAL = 256;

/** What is collected of one input while samples are read, in double. */
export class InputTally {
  readonly input: InputSpec;
  readonly totals: InputTotals = {
    elements: 0,
    finite: 0,
    sum: 0,
    squares: 0,
    min: Infinity,
    max: -Infinity,
    nans: 0,
    infinities: 0,
  };
  readonly #constant: string[] = [];
  readonly #nonFinite: string[] = [];
  readonly #full: string[] = [];
  readonly #beyond: string[] = [];
  readonly #correlations: number[] = [];
  #whole = true;

  constructor(input: InputSpec) {
    this.input = input;
  }

  add({ name, feed }: Sample): void {
    const value = feed[this.input.name];
    if (!value) return;
    const before = this.totals.nans + this.totals.infinities;
    const [min, max] = this.#count(value);
    this.totals.elements += value.data.length;
    this.totals.min = Math.min(this.totals.min, min);
    this.totals.max = Math.max(this.totals.max, max);
    if (this.totals.nans + this.totals.infinities > before) this.#nonFinite.push(name);
    if (min === max && value.data.length > 1) this.#constant.push(name);
    if (min < 0 || max >= (this.input.rows ?? Number.POSITIVE_INFINITY)) this.#beyond.push(name);
    if (isMask(this.input) && min === 1) this.#full.push(name);
    const correlation = neighbourCorrelation(value);
    if (correlation !== undefined) this.#correlations.push(correlation);
  }

  /** Adds up the values of one sample; gives their extremes. */
  #count({ data }: TensorValue): [min: number, max: number] {
    const { totals } = this;
    let [min, max] = [Infinity, -Infinity];
    for (const item of data) {
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
      this.#whole &&= Number.isInteger(number);
    }
    return [min, max];
  }

  /** What there is to say when `samples` have been read; nothing about values that look unscaled where that was said. */
  findings(samples: number, valueRangeSaid = false): Finding[] {
    const { input, totals } = this;
    const label = `input "${input.name}"`;
    const result: Finding[] = [];
    if (this.#nonFinite.length > 0) {
      const what = `${totals.nans} NaN and ${totals.infinities} infinite values`;
      const message = `${label} has ${what} in ${this.#nonFinite.length} samples`;
      result.push(this.#finding('error', 'non-finite', message, this.#nonFinite));
    }
    if (input.rows !== undefined && this.#beyond.length > 0) {
      const what = `numbers of ${totals.min} to ${totals.max} in ${this.#beyond.length} of ${samples} samples`;
      const message = `${label} gets ${what}, but the model has rows for 0 to ${input.rows - 1} only`;
      result.push(this.#finding('error', 'no-row', `${message}: is the tokenizer the model’s own?`, this.#beyond));
    }
    if (this.#constant.length > 0 && !isMask(input) && !isHelper(input)) {
      const level = this.#constant.length === samples && samples > 1 ? 'error' : 'warning';
      const message = `${label} has one single value in ${this.#constant.length} of ${samples} samples`;
      result.push(this.#finding(level, 'constant', message, this.#constant));
    }
    if (this.#full.length * 2 > samples) {
      const message = `${this.#full.length} of ${samples} texts fill all tokens: most are cut off`;
      result.push(this.#finding('warning', 'truncated', message, this.#full));
    }
    return [...result, ...(valueRangeSaid ? [] : this.#valueFindings(label)), ...this.#noiseFindings(label)];
  }

  #finding(level: FindingLevel, code: FindingCode, message: string, names: readonly string[] = []): Finding {
    return { level, code, message, input: this.input.name, samples: names.slice(0, MOST_NAMED) };
  }

  /** Values that a model of pictures or sound hardly expects. */
  #valueFindings(label: string): Finding[] {
    const { min, max, finite } = this.totals;
    if (this.input.type !== TensorType.FLOAT32 || finite === 0) return [];
    const largest = Math.max(Math.abs(min), Math.abs(max));
    if (!pictureDimensions(this.input.shape)) return this.#soundFindings(label, largest);
    if (lookLikePixels({ min, max, whole: this.#whole })) {
      const message = `${label} gets raw pixels (${min} to ${max}); most float models expect 0..1 or -1..1`;
      return [this.#finding('warning', 'raw-pixels', `${message}: say so with --preprocess`)];
    }
    if (largest > LARGEST_PIXEL) {
      const message = `${label} gets values of ${min} to ${max}, beyond what pixels are`;
      return [
        this.#finding('warning', 'large-values', `${message}: say with --mean, --std or --scale how to prepare them`),
      ];
    }
    if (largest === 0 || largest > 1 / 127) return [];
    return [this.#finding('warning', 'tiny-values', `${label} only gets values up to ${largest}: scaled twice?`)];
  }

  /** Numbers of 16-bit sound; sound read from WAV files is -1..1. */
  #soundFindings(label: string, largest: number): Finding[] {
    if (this.#correlations.length === 0 || !this.#whole || largest <= LARGEST_PIXEL || largest > 2 ** 15) return [];
    const message = `${label} gets whole numbers up to ${largest}, as 16-bit sound has; most models expect -1..1`;
    return [this.#finding('warning', 'large-values', `${message}: divide by 32768, with --scale 0.000030517578125`)];
  }

  #noiseFindings(label: string): Finding[] {
    if (this.#correlations.length === 0) return [];
    const mean = this.#correlations.reduce((sum, value) => sum + value, 0) / this.#correlations.length;
    if (Math.abs(mean) >= NOISE_CORRELATION) return [];
    const text = `neighbouring values have nothing in common (correlation ${mean.toFixed(2)})`;
    return [this.#finding('warning', 'noise', `${label} looks like noise: ${text}; calibrate with real data`)];
  }
}

/** Inputs that are rightly constant now and then. */
const isMask = ({ name }: InputSpec): boolean => /mask/i.test(name);
const isHelper = ({ name, shape }: InputSpec): boolean =>
  /type|segment|pos/i.test(name) || shape.every((length) => length === 1);

/**
 * Pearson correlation of each value with its neighbour: along the rows of a picture, or along a long signal; undefined for
 * other tensors and for constant ones.
 */
function neighbourCorrelation({ type, shape, data }: TensorValue): number | undefined {
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
