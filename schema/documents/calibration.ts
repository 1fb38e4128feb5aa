import * as z from 'zod';
import type { Histogram } from './calibration-histogram.ts';
import type { ProductSums } from './calibration-products.ts';
import type { SquareSums } from './calibration-squares.ts';

/** Which model a calibration belongs to. `file` is a name without a folder, for messages. */
export interface ModelIdentity {
  readonly file: string;
  /** Hexadecimal SHA-256 of the file. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** A data set that was, or was to be, calibrated with. */
export interface CalibratedDataset {
  readonly signature: string;
  readonly description: {
    readonly kind: string;
    readonly sources: readonly string[];
    readonly preprocessing: Readonly<Record<string, unknown>>;
    readonly contentHash?: string;
  };
  /** Samples in the whole set; undefined for an iterable of unknown length. */
  readonly length: number | undefined;
  /** Ascending indices of the samples that all parts together cover; undefined where nobody could know beforehand. */
  readonly selected: readonly number[] | undefined;
}

/** One sample that was run. */
export interface CalibratedSample {
  readonly signature: string;
  /** Position in the whole data set. */
  readonly index: number;
  readonly name: string;
}

/** What was seen of one tensor. */
export interface TensorStatistics {
  readonly subgraph: number;
  readonly tensor: number;
  readonly name: string;
  /** TensorType of the float model. */
  readonly type: number;
  readonly shape: readonly number[];
  /** Ascending positions in the document's samples, one for each entry of `min` and `max`. */
  readonly samples: Uint32Array;
  /** Least value of each sample, under the one-sided filters at +-3e38; float32 values for float32 tensors. */
  readonly min: Float64Array;
  readonly max: Float64Array;
  /** Elements of all samples. */
  readonly elements: number;
  readonly nans: number;
  readonly infinities: number;
  /** Of float32 tensors. */
  readonly histogram: Histogram | undefined;
  /** The least of all rows' greatest values, rows along the last axis, where that was asked for. */
  readonly leastRowMaximum: number | undefined;
  /** Second moments of the rows, over all samples, where they were asked for. */
  readonly products?: ProductSums | undefined;
  /** Of the same rows, or where only they were asked for: the diagonal, exact. */
  readonly squares?: SquareSums | undefined;
}

/**
 * What calibration has seen, in full: ranges are made from it later, by a rule. Samples are ordered by signature and
 * index, tensors by subgraph and tensor, so that equal data gives equal bytes however it was collected.
 */
export interface CalibrationDocument {
  readonly model: ModelIdentity;
  /** Version texts of the interpreters that ran the model, sorted. */
  readonly runtimes: readonly string[];
  readonly datasets: readonly CalibratedDataset[];
  readonly samples: readonly CalibratedSample[];
  readonly tensors: readonly TensorStatistics[];
}

/** Value of `format` in the file. */
export const CALIBRATION_FORMAT = 'aeq-calibration';
/** Value of `version` in the files this program writes and reads. */
export const CALIBRATION_VERSION = 1;

const whole = z.number().int().nonnegative();
/** Written out, because the compiler's own declaration of an enum with "-Infinity" is one that it does not read again. */
const number: z.ZodType<number | 'NaN' | 'Infinity' | '-Infinity'> = z.union([
  z.number(),
  z.enum(['NaN', 'Infinity', '-Infinity']),
]);
/** A guard against a file that asks for more memory than there is. */
const MOST_CHANNELS = 2 ** 15;
const runs = z.array(z.tuple([whole, whole])).describe('runs of ascending whole numbers: [first, how many]');

/** A tensor, as it stands in the file. */
export const calibrationTensor = z.object({
  subgraph: whole,
  tensor: whole,
  name: z.string(),
  type: z.string().describe('a TensorType, such as FLOAT32'),
  shape: z.array(z.number().int()),
  samples: runs.describe('positions in `samples`'),
  min: z.array(number).describe('least value of each sample'),
  max: z.array(number).describe('greatest value of each sample'),
  elements: whole,
  nans: whole,
  infinities: whole,
  histogram: z
    .string()
    .optional()
    .describe('base64; per bin the distance to the last key (from -1) and the count, as base-128 varints'),
  leastRowMaximum: number.optional(),
  products: z
    .object({
      channels: whole.positive().max(MOST_CHANNELS),
      rows: whole,
      batches: whole.describe('lengths of the first dimension, over all samples'),
      parts: z.array(
        z.object({
          step: z.number().int().min(-1000).max(1000).describe('power of two that `sums` are multiples of'),
          additions: whole,
          sums: z
            .string()
            .describe(
              'base64; for each channel i and each j <= i the sum over rows of x[i] * x[j], as base-128 varints of which the lowest bit is the sign',
            ),
        }),
      ),
    })
    .optional()
    .describe('second moments of rows of `channels` values'),
  squares: z
    .object({
      rows: whole,
      sums: z.array(z.string()).max(MOST_CHANNELS).describe('hexadecimal, p, and a power of two that it is times'),
    })
    .optional()
    .describe('sums over rows of the square of each of their values'),
});

/** The calibration file, as it stands on disk, but for its tensors. */
export const calibrationHead = z.object({
  format: z.literal(CALIBRATION_FORMAT),
  version: z.literal(CALIBRATION_VERSION),
  model: z.object({ file: z.string(), sha256: z.string().regex(/^[0-9a-f]{64}$/), sizeBytes: whole }),
  runtimes: z.array(z.string()),
  datasets: z.array(
    z.object({
      signature: z.string(),
      description: z.object({
        kind: z.string(),
        sources: z.array(z.string()),
        preprocessing: z.record(z.string(), z.unknown()),
        contentHash: z.string().optional(),
      }),
      length: whole.nullable(),
      selected: runs.nullable(),
    }),
  ),
  samples: z.array(z.object({ signature: z.string(), index: whole, name: z.string() })),
  tensors: z.array(z.unknown()),
});

/** The whole file. */
export const calibrationFile = calibrationHead.extend({ tensors: z.array(calibrationTensor) });

export type TensorEntry = z.infer<typeof calibrationTensor>;
/** A number, as it stands in the file. */
export type JsonNumber = z.infer<typeof number>;

/** True for a value parsed from JSON that says it is a calibration of ours, whatever else is wrong with it. */
export function isCalibrationFile(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'format' in value && value.format === CALIBRATION_FORMAT;
}
