import type { Dataset } from './sample.ts';
import type { ValueRangeOptions } from './value-range.ts';

/** Names of `--resize`. Every method but `nearest` averages over the area of a pixel when it shrinks. */
export const RESIZE_METHODS = ['nearest', 'bilinear', 'cubic', 'lanczos'] as const;
export type ResizeMethod = (typeof RESIZE_METHODS)[number];

export const LAYOUTS = ['nhwc', 'nchw'] as const;
export type Layout = (typeof LAYOUTS)[number];

export const CROPS = ['none', 'center'] as const;
export type Crop = (typeof CROPS)[number];

/** What a user may say about pictures. */
export interface ImageOptions extends ValueRangeOptions {
  readonly layout?: Layout;
  readonly resize?: ResizeMethod;
  readonly crop?: Crop;
  /** [height, width] for models that leave their picture size open. */
  readonly size?: readonly [height: number, width: number];
}

/** What a user may say about text. */
export interface TextOptions {
  /** Path of a `tokenizer.json` or of a WordPiece `vocab.txt`. */
  readonly tokenizer?: string;
  /** Tokens per sample where the model leaves it open, or fewer than the model takes. */
  readonly maxLength?: number;
  /** Column of a table or field of a JSON line that holds the text; `text` or the only one by default. */
  readonly textField?: string;
}

/** What a user may say about sound. */
export interface AudioOptions {
  /** Samples per second the model expects; the files' own rate by default. */
  readonly sampleRate?: number;
  /** Where a recording is longer than the input: only its first window (default) or all, one sample each. */
  readonly windows?: 'first' | 'all';
}

/** Everything that decides, besides the sources and the model, what the samples are. Serialisable as JSON. */
export interface DatasetOptions extends ImageOptions, TextOptions, AudioOptions {
  /** Share of the samples that may fail to decode, 0 to 1. Default 0. */
  readonly allowBad?: number;
}

/** A sample that could not be decoded. */
export interface BadSample {
  readonly index: number;
  readonly name: string;
  readonly reason: string;
}

/** A data set on disk: length and names are known, and samples can be read in any order. */
export interface FileDataset extends Dataset {
  readonly length: number;
  /** What each sample is called: its file relative to the source, with line or position where a file has several. */
  readonly names: readonly string[];
  /** Samples that failed to decode so far, ascending; they are left out of what `samples` gives. */
  readonly bad: readonly BadSample[];
}
