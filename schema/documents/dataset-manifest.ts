import * as z from 'zod';

/** Value of `format` in a manifest. */
const MANIFEST_FORMAT = 'aeq-dataset';
/** Value of `version` in the manifests this program reads. */
const MANIFEST_VERSION = 1;
/** How the name of a manifest ends. */
export const MANIFEST_EXTENSION = '.dataset.json';

/** Names of `--preprocess`. */
export const VALUE_RANGES = ['raw', 'zero-one', 'minus-one-one', 'imagenet', 'caffe'] as const;
/** Names of `--resize`. Every method but `nearest` averages over the area of a pixel when it shrinks. */
export const RESIZE_METHODS = ['nearest', 'bilinear', 'cubic', 'lanczos'] as const;
export const LAYOUTS = ['nhwc', 'nchw'] as const;
export const CROPS = ['none', 'center'] as const;
export const WINDOWS = ['first', 'all'] as const;

const count = z.number().int().positive();
const text = z.string().min(1);
const numbers = z.array(z.number()).min(1);

const labelsSchema = z
  .union([
    text,
    z.strictObject({
      file: text.describe('table file,label, or one label a line in the order of the samples'),
      column: text.optional().describe('column of the labels, where it is not called label'),
      classes: text.optional().describe('file with one class name a line, where labels are names'),
    }),
  ])
  .describe('labels of a classifier’s samples: a file, or a file with what there is to say about it');

/** What can be said of data besides where it is; the names are those of the flags in camel case. */
const options = {
  samples: count.optional().describe('use at most this many samples'),
  seed: z.number().int().nonnegative().optional().describe('choose the samples at random with this seed'),
  allowBad: z.number().min(0).max(1).optional().describe('share of samples that may fail to decode; default 0'),
  preprocess: z.enum(VALUE_RANGES).optional().describe('value range of pictures; default zero-one for float inputs'),
  mean: numbers.optional().describe('subtracted from each channel, in pixel values; one number or one per channel'),
  std: numbers.optional().describe('then each channel is divided by this; one number or one per channel'),
  scale: z.number().optional().describe('then multiplied by this'),
  layout: z.enum(LAYOUTS).optional().describe('layout of the picture tensor; default from the model'),
  resize: z.enum(RESIZE_METHODS).optional().describe('how pictures are resized; default bilinear'),
  crop: z.enum(CROPS).optional().describe('center: cut the centre to the model’s proportions; default none'),
  size: z.tuple([count, count]).optional().describe('[height, width] for models that leave their picture size open'),
  tokenizer: text.optional().describe('tokenizer.json or vocab.txt for texts'),
  maxLength: count.optional().describe('tokens per text; default from the model'),
  textField: text.optional().describe('column or JSON field of the texts; default text, or the only one'),
  sampleRate: count.optional().describe('values per second that the model expects of sound; default the files’ own'),
  windows: z.enum(WINDOWS).optional().describe('of long recordings take the first window (default) or all'),
  inputs: z
    .record(z.string(), text)
    .optional()
    .describe(
      'what fills each input: key, file or column of arrays and tables; ids, mask, types or positions of texts',
    ),
  labels: labelsSchema.optional(),
  contentHash: z
    .string()
    .regex(/^sha256(-ends)?:[0-9a-f]{64}$/)
    .optional()
    .describe('hash over names and contents of the data, as calibration files record it; other data is refused'),
};

const data = z.union([text.transform((source) => [source]), z.array(text).min(1)]);

const partSchema = z.strictObject({ data: data.describe('files and folders, relative to the manifest'), ...options });

/**
 * A data set declared in a file `*.dataset.json`: where the data is and how it becomes a model's inputs. Every data flag of
 * the command line has its field; a flag that is given as well wins. Paths are relative to the manifest.
 */
export const manifestSchema = z
  .strictObject({
    format: z.literal(MANIFEST_FORMAT),
    version: z.literal(MANIFEST_VERSION),
    description: z.string().optional().describe('for people'),
    data: data.optional().describe('files and folders, relative to the manifest'),
    signature: text.optional().describe('signature the data is for; default the only one, or serving_default'),
    ...options,
    signatures: z
      .record(text, partSchema)
      .optional()
      .describe('data of several signatures by their keys; what is said above holds for each that does not say else'),
  })
  .refine((manifest) => (manifest.data === undefined) !== (manifest.signatures === undefined), {
    message: 'must have either "data" or "signatures"',
  });

/** A manifest as it is after reading: `data` is a list. */
export type DatasetManifest = z.infer<typeof manifestSchema>;

/** The published JSON Schema of manifests. */
export function manifestJsonSchema(): object {
  return z.toJSONSchema(manifestSchema, { io: 'input' });
}
