/**
 * The one table of options: it feeds the flags, the help, the config file (`--config`) and docs/cli.md. A key is the
 * flag in camel case and the name in a config file.
 */
export type OptionKind = 'flag' | 'text' | 'list' | 'integer' | 'number' | 'choice';

/** Headings of the help and of docs/cli.md, in their order. */
export type OptionGroup = 'Quantizing' | 'Calibrating' | 'Comparing' | 'Samples' | 'Running' | 'Output';

export interface OptionSpec {
  readonly kind: OptionKind;
  readonly group: OptionGroup;
  /** What the help shows between angle brackets; square brackets make the value optional. */
  readonly value?: string;
  readonly short?: string;
  readonly choices?: readonly string[];
  readonly help: string;
  /** What holds when the option is not given, for the help; commands apply it themselves. */
  readonly defaultText?: string;
  /** Least and greatest value of a number. */
  readonly least?: number;
  readonly most?: number;
}

const RANGES = 'auto, minmax, ema, percentile[=99.99], mse, entropy';

export const OPTIONS = {
  // Data
  data: {
    kind: 'list',
    group: 'Samples',
    value: '<source...>',
    help: 'samples: a folder of pictures, files or folders of .npy/.npz, text, audio, a *.dataset.json; for several signatures <signature>=<source>',
  },
  signature: {
    kind: 'text',
    group: 'Samples',
    value: '<key>',
    help: 'signature to run',
    defaultText: 'the only one, or serving_default',
  },
  samples: { kind: 'integer', group: 'Samples', value: '<n>', least: 1, help: 'use at most n samples' },
  seed: {
    kind: 'integer',
    group: 'Samples',
    value: '<n>',
    least: 0,
    help: 'choose the samples at random with this seed instead of the first',
  },
  allowBad: {
    kind: 'number',
    group: 'Samples',
    value: '<share>',
    least: 0,
    help: 'share of files that may fail to decode',
    defaultText: '0',
  },
  preprocess: {
    kind: 'choice',
    group: 'Samples',
    value: '<name>',
    choices: ['raw', 'zero-one', 'minus-one-one', 'imagenet', 'caffe'],
    help: 'value range of pictures',
    defaultText: 'zero-one for float inputs, raw for integers',
  },
  mean: {
    kind: 'text',
    group: 'Samples',
    value: '<numbers>',
    help: 'subtract from each channel, in pixel values 0-255: 127 or 123.7,116.3,103.5',
  },
  std: { kind: 'text', group: 'Samples', value: '<numbers>', help: 'then divide each channel' },
  scale: { kind: 'number', group: 'Samples', value: '<factor>', help: 'then multiply' },
  layout: {
    kind: 'choice',
    group: 'Samples',
    value: '<layout>',
    choices: ['nhwc', 'nchw'],
    help: 'layout of the picture tensor',
    defaultText: 'from the model',
  },
  resize: {
    kind: 'choice',
    group: 'Samples',
    value: '<method>',
    choices: ['nearest', 'bilinear', 'cubic', 'lanczos'],
    help: 'how pictures are resized',
    defaultText: 'bilinear',
  },
  crop: {
    kind: 'choice',
    group: 'Samples',
    value: '<how>',
    choices: ['none', 'center'],
    help: 'cut the centre to the model’s proportions',
    defaultText: 'none',
  },
  tokenizer: { kind: 'text', group: 'Samples', value: '<file>', help: 'tokenizer.json or vocab.txt for text' },
  maxLength: {
    kind: 'integer',
    group: 'Samples',
    value: '<tokens>',
    least: 1,
    help: 'tokens per sentence',
    defaultText: 'from the model',
  },

  // Where it runs
  runtime: {
    kind: 'choice',
    group: 'Running',
    value: '<name>',
    choices: ['auto', 'wasm', 'native', 'tfjs-tflite'],
    help: 'interpreter',
    defaultText: 'auto',
  },
  workers: { kind: 'integer', group: 'Running', value: '<n>', least: 1, help: 'samples run at the same time', defaultText: 'the cores' },
  memory: {
    kind: 'text',
    group: 'Running',
    value: '<bytes>',
    help: 'budget for captured tensors, such as 2GB',
    defaultText: 'half of the free memory',
  },

  // Output
  output: { kind: 'text', group: 'Output', short: 'o', value: '<file>', help: 'where to write the result' },
  force: { kind: 'flag', group: 'Output', help: 'overwrite what is there' },
  json: { kind: 'flag', group: 'Output', help: 'print the result as JSON on stdout and nothing else there' },
  quiet: { kind: 'flag', group: 'Output', help: 'print nothing but errors and the result' },
  progress: {
    kind: 'choice',
    group: 'Output',
    value: '<how>',
    choices: ['auto', 'plain', 'json', 'none'],
    help: 'progress on stderr',
    defaultText: 'auto',
  },
  config: { kind: 'text', group: 'Output', value: '<file>', help: 'JSON file with any of these options, in camel case' },

  // Quantizing
  static: {
    kind: 'choice',
    group: 'Quantizing',
    value: '[type]',
    choices: ['int8', 'int16'],
    help: 'weights int8, activations int8 (or int16), from calibration',
  },
  recipe: { kind: 'text', group: 'Quantizing', value: '<name|file>', help: 'built-in recipe (aeq recipe list) or a JSON file' },
  calibration: { kind: 'text', group: 'Quantizing', value: '<file>', help: 'calibration file, ours or the original’s' },
  range: {
    kind: 'text',
    group: 'Quantizing',
    value: '<rule>',
    help: `how ranges come out of the calibration: ${RANGES}`,
    defaultText: 'auto',
  },
  io: {
    kind: 'choice',
    group: 'Quantizing',
    value: '<type>',
    choices: ['same', 'float32', 'int8', 'uint8', 'int16'],
    help: 'type of model inputs and outputs',
    defaultText: 'same: what the recipe says',
  },
  include: { kind: 'list', group: 'Quantizing', value: '<regex...>', help: 'quantize only operators whose output names match' },
  exclude: { kind: 'list', group: 'Quantizing', value: '<regex...>', help: 'keep operators whose output names match in float' },
  dryRun: { kind: 'flag', group: 'Quantizing', help: 'print the plan and write nothing' },
  verify: { kind: 'flag', group: 'Quantizing', help: 'do not load and run the result before delivering it' },
  compat: {
    kind: 'choice',
    group: 'Quantizing',
    value: '<version>',
    choices: ['aeq-0.10'],
    help: 'the same bytes and graph as the Python original, its faults included',
  },
  buffers: {
    kind: 'choice',
    group: 'Quantizing',
    value: '<where>',
    choices: ['auto', 'inline', 'external'],
    help: 'weights inside the flatbuffer or behind it',
    defaultText: 'auto',
  },

  // Calibrating
  shard: { kind: 'text', group: 'Calibrating', value: '<i/n>', help: 'compute part i of n (from 1); join them with aeq calibration merge' },
  resume: { kind: 'flag', group: 'Calibrating', help: 'continue from what an interrupted run left in the output file' },

  format: { kind: 'choice', group: 'Calibrating', value: '<format>', choices: ['aeq'], help: 'format to export to', defaultText: 'aeq' },

  // Validating
  report: { kind: 'text', group: 'Comparing', value: '<folder>', help: 'write comparison.json and the reports' },
  failOn: { kind: 'list', group: 'Comparing', value: '<condition...>', help: 'gate, such as output.sqnr<20 or top1.drop>0.01' },
  labels: { kind: 'text', group: 'Comparing', value: '<file>', help: 'labels of a classifier’s samples' },
  baseline: { kind: 'text', group: 'Comparing', value: '<comparison.json>', help: 'compare with an earlier run' },
  injected: { kind: 'flag', group: 'Comparing', help: 'do not measure each operator’s own error' },
  top: { kind: 'integer', group: 'Comparing', value: '<n>', least: 0, help: 'rows of the layer table', defaultText: '10' },
} as const satisfies Record<string, OptionSpec>;

export type OptionKey = keyof typeof OPTIONS;

type ValueOf<S extends OptionSpec> = S extends { kind: 'flag' }
  ? boolean
  : S extends { kind: 'list' }
    ? string[]
    : S extends { kind: 'integer' | 'number' }
      ? number
      : S extends { kind: 'choice'; choices: readonly (infer C)[] }
        ? C
        : string;

/** Options as a command gets them: only what the user gave, on the command line or in the config file. */
export type OptionValues = { [K in OptionKey]?: ValueOf<(typeof OPTIONS)[K]> };

/** Flags that switch something off: `--no-verify` is `verify: false`. */
export const NEGATED = new Set<OptionKey>(['verify', 'injected']);

/** `maxLength` -> `--max-length`, `verify` -> `--no-verify`. */
export function flagName(key: OptionKey): string {
  const kebab = key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return NEGATED.has(key) ? `--no-${kebab}` : `--${kebab}`;
}

export const DATA_OPTIONS = [
  'data',
  'signature',
  'samples',
  'seed',
  'allowBad',
  'preprocess',
  'mean',
  'std',
  'scale',
  'layout',
  'resize',
  'crop',
  'tokenizer',
  'maxLength',
] as const satisfies readonly OptionKey[];

export const RUN_OPTIONS = ['runtime', 'workers', 'memory'] as const satisfies readonly OptionKey[];

export const COMMON_OPTIONS = ['json', 'quiet', 'progress', 'config'] as const satisfies readonly OptionKey[];
