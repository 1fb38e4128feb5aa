import type { VALUE_RANGES } from '../schema/documents/dataset-manifest.ts';
import { AeqError } from '../schema/errors.ts';

export type ValueRangeName = (typeof VALUE_RANGES)[number];

/** What a user may say about the value range of pixels (or of integer arrays). */
export interface ValueRangeOptions {
  readonly preprocess?: ValueRangeName;
  /** Subtracted from each channel, in pixel values: one number or one per channel. */
  readonly mean?: readonly number[];
  /** Then each channel is divided by this: one number or one per channel. */
  readonly std?: readonly number[];
  /** Then multiplied by this. */
  readonly scale?: number;
}

/**
 * From pixel values to what the model is fed with: ((value / divisor) - mean[channel]) / std[channel] * scale, every step
 * rounded to float32 as NumPy and TensorFlow do. Lists have one entry or one per channel.
 */
export interface ValueRange {
  readonly divisor: number;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly scale: number;
  /** Colours are fed as blue, green, red. */
  readonly reverseColors: boolean;
}

const range = (part: Partial<ValueRange>): ValueRange => ({
  divisor: 1,
  mean: [0],
  std: [1],
  scale: 1,
  reverseColors: false,
  ...part,
});

/** Means and deviations of `imagenet` and `caffe` are those of Keras' preprocess_input modes "torch" and "caffe". */
const PRESETS: Readonly<Record<ValueRangeName, ValueRange>> = {
  raw: range({}),
  'zero-one': range({ divisor: 255 }),
  'minus-one-one': range({ divisor: 127.5, mean: [1] }),
  imagenet: range({ divisor: 255, mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] }),
  caffe: range({ mean: [103.939, 116.779, 123.68], reverseColors: true }),
};

/**
 * The value range that the options ask for, `fallback` where they say nothing. @throws AeqError USAGE for a preset
 * together with numbers of one's own, for a deviation of 0 and for numbers that are none.
 */
export function resolveValueRange(options: ValueRangeOptions, fallback: ValueRangeName): ValueRange {
  const { preprocess, mean, std, scale } = options;
  const own = mean !== undefined || std !== undefined || scale !== undefined;
  if (!own) return PRESETS[preprocess ?? fallback];
  if (preprocess !== undefined && preprocess !== 'raw') {
    throw new AeqError('USAGE', `the value range is given twice: as "${preprocess}" and as mean, std or scale`, {
      hint: 'give the name or the numbers',
    });
  }
  const result = range({ mean: mean ?? [0], std: std ?? [1], scale: scale ?? 1 });
  const numbers = [...result.mean, ...result.std, result.scale];
  if (numbers.some((number) => !Number.isFinite(number)) || result.std.some((number) => number === 0)) {
    throw new AeqError('USAGE', 'mean, std and scale must be finite numbers, and std not 0');
  }
  if (result.mean.length === 0 || result.std.length === 0) throw new AeqError('USAGE', 'mean or std is empty');
  return result;
}

/** Something was said about the value range, even that values are fed as they are. */
export const saysValueRange = ({ preprocess, mean, std, scale }: ValueRangeOptions): boolean =>
  [preprocess, mean, std, scale].some((said) => said !== undefined);

/** Values of a picture tensor, for telling what they are. */
export interface PictureValues {
  readonly min: number;
  readonly max: number;
  /** All of them are whole numbers. */
  readonly whole: boolean;
}

/** Fractions come from resizing, which seldom leaves the brightest pixels below this. */
const BRIGHT = 200;

/** Values of 0 to 255, which most float models do not take: they expect 0..1 or -1..1. */
export const lookLikePixels = ({ min, max, whole }: PictureValues): boolean =>
  min >= 0 && max <= 255 && max > (whole ? 2 : BRIGHT);

/** Nothing is changed. */
export const isIdentity = (range: ValueRange): boolean =>
  range.divisor === 1 &&
  range.scale === 1 &&
  !range.reverseColors &&
  range.mean.every((number) => number === 0) &&
  range.std.every((number) => number === 1);

/** @throws AeqError USAGE when the lists have neither one entry nor one per channel. */
export function checkChannels(range: ValueRange, channels: number): void {
  for (const [name, list] of [['mean', range.mean] as const, ['std', range.std] as const]) {
    if (list.length === 1 || list.length === channels) continue;
    throw new AeqError('USAGE', `${name} has ${list.length} numbers, but the input has ${channels} channels`, {
      hint: 'give one number or one for each channel',
    });
  }
  if (range.reverseColors && channels !== 3) {
    throw new AeqError('USAGE', `"caffe" needs 3 channels, the input has ${channels}`);
  }
}

/** One value in one channel, in float32. */
export function applyValueRange(range: ValueRange, value: number, channel: number): number {
  const mean = range.mean.length === 1 ? range.mean[0] : range.mean[channel];
  const std = range.std.length === 1 ? range.std[0] : range.std[channel];
  const shifted = Math.fround(Math.fround(value / range.divisor) - Math.fround(mean ?? 0));
  return Math.fround(Math.fround(shifted / Math.fround(std ?? 1)) * Math.fround(range.scale));
}
