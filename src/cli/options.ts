import type { OptionSpec } from './option-spec.ts';

const RANGES = 'auto, minmax, ema, percentile[=99.99], mse, entropy';

/**
 * The one table of options: it feeds the flags, the help, the config file (`--config`) and docs/cli.md. A key is the
 * flag in camel case and the name in a config file.
 */
export const OPTIONS = {
  // What the samples are
  data: {
    kind: 'list',
    group: 'Samples',
    value: '<source...>',
    help: 'a folder of pictures, arrays (.npy, .npz), text, sound, parquet or tar files, or a *.dataset.json; may be repeated; <signature>=<source> where the model has several signatures',
  },
  signature: {
    kind: 'text',
    group: 'Samples',
    value: '<key>',
    help: 'signature that the samples are for',
    defaultText: 'the only one, or serving_default',
  },
  samples: { kind: 'integer', group: 'Samples', value: '<n>', least: 1, help: 'use at most n samples' },
  seed: {
    kind: 'integer',
    group: 'Samples',
    value: '<n>',
    least: 0,
    help: 'draw the samples at random with this seed instead of taking the first',
  },
  allowBad: {
    kind: 'number',
    group: 'Samples',
    value: '<share>',
    least: 0,
    most: 1,
    help: 'go on when at most this share of the samples cannot be decoded, such as 0.01',
    defaultText: '0',
  },
  preprocess: {
    kind: 'choice',
    group: 'Samples',
    value: '<name>',
    choices: ['raw', 'zero-one', 'minus-one-one', 'imagenet', 'caffe'],
    help: 'value range of pictures and arrays',
    defaultText: 'zero-one for pictures of float inputs, raw for the rest',
  },
  mean: {
    kind: 'text',
    group: 'Samples',
    value: '<numbers>',
    help: 'subtract from each channel, in pixel values (0 to 255): 127 or 123.7,116.3,103.5',
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
    help: 'how pictures are brought to the size of the input',
    defaultText: 'bilinear',
  },
  crop: {
    kind: 'choice',
    group: 'Samples',
    value: '<how>',
    choices: ['none', 'center'],
    help: 'cut pictures to the proportions of the input',
    defaultText: 'none',
  },
  size: {
    kind: 'text',
    group: 'Samples',
    value: '<height>x<width>',
    help: 'size of pictures where the model leaves it open',
  },
  sampleRate: {
    kind: 'integer',
    group: 'Samples',
    value: '<hertz>',
    least: 1,
    help: 'rate that the model expects of sound',
    defaultText: 'as in the files',
  },
  windows: {
    kind: 'choice',
    group: 'Samples',
    value: '<which>',
    choices: ['first', 'all'],
    help: 'of recordings longer than the input take the first window, or each as a sample',
    defaultText: 'first',
  },
  tokenizer: { kind: 'text', group: 'Samples', value: '<file>', help: 'tokenizer.json or vocab.txt, for text' },
  maxLength: {
    kind: 'integer',
    group: 'Samples',
    value: '<tokens>',
    least: 1,
    help: 'tokens a sample',
    defaultText: 'from the model',
  },
  textField: {
    kind: 'text',
    group: 'Samples',
    value: '<name>',
    help: 'column or field that holds the text',
    defaultText: 'text, or the only one',
  },
  input: {
    kind: 'list',
    group: 'Samples',
    value: '<name=part...>',
    help: 'what fills an input: a key or column of arrays and tables; ids, mask, types or positions of text',
    defaultText: 'found by name',
  },

  // Where it runs
  runtime: {
    kind: 'choice',
    group: 'Running',
    value: '<name>',
    choices: ['auto', 'wasm', 'native', 'tfjs-tflite'],
    help: 'interpreter (aeq doctor shows which there are)',
    defaultText: 'auto: native where it is installed, else wasm',
  },
  library: {
    kind: 'text',
    group: 'Running',
    value: '<file>',
    help: 'LiteRT’s C library, or the folder it is in, for the native interpreter',
    defaultText: 'AEQ_LITERT_LIBRARY, what aeq runtime install put there, or a Python installation’s',
  },
  workers: {
    kind: 'integer',
    group: 'Running',
    value: '<n>',
    least: 1,
    help: 'samples run at the same time, on one core each',
    defaultText: 'the cores',
  },
  memory: {
    kind: 'text',
    group: 'Running',
    value: '<bytes>',
    help: 'most memory for captured tensors at a time, such as 2GB; more are taken in several runs',
    defaultText: '1GB',
  },

  python: {
    kind: 'text',
    group: 'Running',
    value: '<program>',
    help: 'Python whose pip downloads the package',
    defaultText: 'python3',
  },

  // Output
  output: {
    kind: 'text',
    group: 'Output',
    short: 'o',
    value: '<file>',
    help: 'where to write the result',
    defaultText: 'quantize: <model>_<recipe>.tflite beside the model; calibrate: calibration.json',
  },
  force: { kind: 'flag', group: 'Output', help: 'overwrite what is there' },
  json: { kind: 'flag', group: 'Output', help: 'print the result as JSON on stdout and nothing else there' },
  quiet: {
    kind: 'flag',
    group: 'Output',
    help: 'no progress, remarks and summaries: errors only, and what was asked to be shown',
  },
  progress: {
    kind: 'choice',
    group: 'Output',
    value: '<how>',
    choices: ['auto', 'plain', 'json', 'none'],
    help: 'how progress is told on stderr; auto is a live line on a terminal and plain lines elsewhere',
    defaultText: 'auto',
  },
  config: {
    kind: 'text',
    group: 'Output',
    value: '<file>',
    help: 'JSON file of options, such as {"data": ["pictures"], "maxLength": 64}; the command line overrides it',
  },

  // Quantizing
  static: {
    kind: 'choice',
    group: 'Quantizing',
    value: '[type]',
    choices: ['int8', 'int16'],
    help: 'weights int8, activations int8 or int16, with --data or --calibration; the same as --recipe static_wi8_ai8 (or _ai16)',
    defaultText: 'int8',
  },
  recipe: {
    kind: 'text',
    group: 'Quantizing',
    value: '<name|file>',
    help: 'name of a built-in recipe (aeq recipe list) or a JSON file',
  },
  policy: {
    kind: 'text',
    group: 'Quantizing',
    value: '<file>',
    help: 'JSON file of the configurations that each operator may have, in place of the built-in ones',
  },
  calibration: {
    kind: 'text',
    group: 'Quantizing',
    value: '<file>',
    help: 'file of aeq calibrate, or of the Python original',
  },
  range: {
    kind: 'text',
    group: 'Quantizing',
    value: '<rule>',
    help: `how ranges are made of the calibration: ${RANGES}`,
    defaultText: 'auto; with --compat ema',
  },
  io: {
    kind: 'choice',
    group: 'Quantizing',
    value: '<type>',
    choices: ['same', 'float32', 'int8', 'uint8', 'int16'],
    help: 'type of the model’s inputs and outputs; same is what the recipe says',
    defaultText: 'same',
  },
  include: {
    kind: 'list',
    group: 'Quantizing',
    value: '<regex...>',
    help: 'quantize only operators with a matching output name',
  },
  exclude: {
    kind: 'list',
    group: 'Quantizing',
    value: '<regex...>',
    help: 'keep operators with a matching output name in float',
  },
  plan: {
    kind: 'text',
    group: 'Quantizing',
    value: '<file>',
    help: 'JSON file of what became of every operator and tensor, and why: quantize writes it, validate reads it for its report',
  },
  dryRun: { kind: 'flag', group: 'Quantizing', help: 'print the plan and write nothing' },
  safety: {
    kind: 'flag',
    group: 'Quantizing',
    help: 'quantize also where rounding makes operators fail: divisors, roots and logarithms of what can round to zero (and what that is computed from), comparisons on different grids, arithmetic on positions',
  },
  verify: { kind: 'flag', group: 'Quantizing', help: 'do not run the result once before it appears under its name' },
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
    help: 'weights inside the flatbuffer (at most 2 GB) or behind it',
    defaultText: 'auto: by size',
  },

  // Calibrating
  shard: {
    kind: 'text',
    group: 'Calibrating',
    value: '<i/n>',
    help: 'do part i of n, from 1/n to n/n; aeq calibration merge joins them',
  },
  resume: {
    kind: 'flag',
    group: 'Calibrating',
    help: 'save as it goes, and continue from what an interrupted run left in the output file',
  },

  format: {
    kind: 'choice',
    group: 'Calibrating',
    value: '<format>',
    choices: ['aeq'],
    help: 'format to export to',
    defaultText: 'aeq',
  },

  // Validating
  report: {
    kind: 'text',
    group: 'Comparing',
    value: '<folder>',
    help: 'write report.html, summary.md, junit.xml, comparison.json and data for Model Explorer into this folder',
  },
  failOn: {
    kind: 'list',
    group: 'Comparing',
    value: '<condition...>',
    help: 'exit with status 1 when this holds: output.sqnr<20, any.cosine<0.98, top1.drop>0.01, size.ratio>0.5; may be repeated',
  },
  labels: {
    kind: 'text',
    group: 'Comparing',
    value: '<file>',
    help: 'file with the class of each sample: adds top-1 and top-5 accuracy',
  },
  baseline: {
    kind: 'text',
    group: 'Comparing',
    value: '<comparison.json>',
    help: 'also say what changed since an earlier run',
  },
  injected: { kind: 'flag', group: 'Comparing', help: 'do not measure the error that each operator adds by itself' },
  top: {
    kind: 'integer',
    group: 'Comparing',
    value: '<n>',
    least: 0,
    help: 'show this many tensors, the worst first',
    defaultText: '10; calibration show: all, in the model’s order',
  },
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
const NEGATED = new Set<OptionKey>(['verify', 'safety', 'injected']);

/** `maxLength` -> `--max-length`, `verify` -> `--no-verify`. */
export function flagName(key: OptionKey): string {
  const kebab = key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  return NEGATED.has(key) ? `--no-${kebab}` : `--${kebab}`;
}

/** What samples are like and how they are prepared. */
export const SAMPLE_OPTIONS = [
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
  'size',
  'sampleRate',
  'windows',
  'tokenizer',
  'maxLength',
  'textField',
  'input',
] as const satisfies readonly OptionKey[];

export const DATA_OPTIONS = ['data', ...SAMPLE_OPTIONS] as const satisfies readonly OptionKey[];

export const RUN_OPTIONS = ['runtime', 'library', 'workers', 'memory'] as const satisfies readonly OptionKey[];

export const COMMON_OPTIONS = ['json', 'quiet', 'config'] as const satisfies readonly OptionKey[];

/** Of commands that take long enough to tell how far they are. */
export const LONG_OPTIONS = ['progress', ...COMMON_OPTIONS] as const satisfies readonly OptionKey[];

const BY_FLAG: ReadonlyMap<string, OptionSpec> = new Map(
  (Object.keys(OPTIONS) as OptionKey[]).flatMap((key) => {
    const spec: OptionSpec = OPTIONS[key];
    const names = spec.short ? [flagName(key), `-${spec.short}`] : [flagName(key)];
    return names.map((name) => [name, spec] as const);
  }),
);

/** The option that a word such as `--data` or `-o` stands for. */
export const optionOfFlag = (flag: string): OptionSpec | undefined => BY_FLAG.get(flag);
