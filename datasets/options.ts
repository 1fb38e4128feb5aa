import type { CROPS, LAYOUTS, RESIZE_METHODS, WINDOWS } from '../schema/documents/dataset-manifest.ts';
import type { Labels } from './labels.ts';
import type { Dataset, Feed } from './sample.ts';
import type { ValueRangeOptions } from './value-range.ts';

export type ResizeMethod = (typeof RESIZE_METHODS)[number];
export type Layout = (typeof LAYOUTS)[number];
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
  readonly windows?: (typeof WINDOWS)[number];
}

/** Decodes a sound file that is not WAV: values of -1 to 1 per channel, all equally long. */
export type AudioDecoder = (
  bytes: Uint8Array,
  name: string,
) => Promise<{ readonly sampleRate: number; readonly channels: readonly Float32Array[] }>;

/** What only a program can give: not a part of the options, which are JSON. */
export interface DatasetHooks {
  readonly decodeAudio?: AudioDecoder | undefined;
  /** The hash of the files, where it is known already: they are not read for it then. */
  readonly contentHash?: string | undefined;
}

/** Everything that decides, besides the sources and the model, what the samples are. Serialisable as JSON. */
export interface DatasetOptions extends ImageOptions, TextOptions, AudioOptions {
  /**
   * What fills each input, by its name: for arrays and tables the key, file or column, for text `ids`, `mask`, `types` or
   * `positions`. By default found by name.
   */
  readonly inputs?: Readonly<Record<string, string>>;
  /** Of a manifest for several signatures, the one whose data is meant. */
  readonly signature?: string;
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
  /** How many samples the manifest wants to be taken, and with which seed. */
  readonly selection: { readonly samples?: number | undefined; readonly seed?: number | undefined };
  /** Classes of the samples, where the source itself or its manifest tells them. */
  readonly labels: Labels | undefined;
  /** The value range was said, so that values that look odd are meant: by name, or as mean, std or scale. */
  readonly valueRangeSaid: boolean;
  /** Of texts: what the token ids of a sample say, by the input that holds them. */
  readonly words?: (feed: Feed) => Readonly<Record<string, string>>;
  /** Samples that failed to decode so far, ascending; they are left out of what `samples` gives. */
  readonly bad: readonly BadSample[];
}
