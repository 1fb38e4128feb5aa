import type { CommandRun } from './context.ts';
import { COMMON_OPTIONS, DATA_OPTIONS, LONG_OPTIONS, type OptionKey, RUN_OPTIONS, SAMPLE_OPTIONS } from './options.ts';

/** One command: what it takes, and the module that does it, loaded only when it is called. */
export interface CommandSpec {
  readonly name: string;
  readonly summary: string;
  readonly arguments?: readonly { readonly name: string; readonly help: string }[];
  readonly options?: readonly OptionKey[];
  readonly example?: readonly string[];
  readonly subcommands?: readonly CommandSpec[];
  readonly load?: () => Promise<CommandRun>;
}

const MODEL = { name: '<model>', help: 'float .tflite model' };
const OUTPUT_OPTIONS = ['output', 'force'] as const satisfies readonly OptionKey[];

export const COMMANDS: readonly CommandSpec[] = [
  {
    name: 'calibrate',
    summary: 'run the float model on samples and record the range of every activation',
    arguments: [MODEL],
    options: [
      'recipe',
      'policy',
      'shard',
      'resume',
      ...DATA_OPTIONS,
      ...RUN_OPTIONS,
      ...OUTPUT_OPTIONS,
      ...LONG_OPTIONS,
    ],
    example: ['aeq calibrate model.tflite --data pictures/ -o calibration.json'],
    load: async () => (await import('./commands/calibrate.ts')).run,
  },
  {
    name: 'quantize',
    summary: 'write a quantized model',
    arguments: [{ name: '<model>', help: 'float .tflite model or .litertlm container' }],
    options: [
      'static',
      'recipe',
      'policy',
      'calibration',
      'range',
      'io',
      'include',
      'exclude',
      'plan',
      'dryRun',
      'safety',
      'verify',
      'compat',
      'buffers',
      ...DATA_OPTIONS,
      ...RUN_OPTIONS,
      ...OUTPUT_OPTIONS,
      ...LONG_OPTIONS,
    ],
    example: [
      'aeq quantize model.tflite --static --data pictures/            int8, calibrated on the way',
      'aeq quantize model.tflite --static int16 --calibration calibration.json',
      'aeq quantize model.tflite --recipe dynamic_wi8_afp32           needs no data',
    ],
    load: async () => (await import('./commands/quantize.ts')).run,
  },
  {
    name: 'validate',
    summary: 'run the float and the quantized model on samples and report the error layer by layer',
    arguments: [
      { name: '<float>', help: 'float .tflite model' },
      { name: '<quantized>', help: 'quantized .tflite model' },
    ],
    options: [
      'labels',
      'failOn',
      'report',
      'baseline',
      'injected',
      'top',
      'plan',
      ...DATA_OPTIONS,
      ...RUN_OPTIONS,
      'force',
      ...LONG_OPTIONS,
    ],
    example: ["aeq validate model.tflite model_q.tflite --data test/ --labels labels.csv --fail-on 'top1.drop>0.01'"],
    load: async () => (await import('./commands/validate.ts')).run,
  },
  {
    name: 'inspect',
    summary: 'operators, tensors, sizes, quantization, signatures and metadata of a model',
    arguments: [{ name: '<model>', help: '.tflite model or .litertlm container' }],
    options: [...COMMON_OPTIONS],
    load: async () => (await import('./commands/inspect.ts')).run,
  },
  {
    name: 'recipe',
    summary: 'built-in recipes',
    subcommands: [
      {
        name: 'list',
        summary: 'names of the built-in recipes',
        options: [...COMMON_OPTIONS],
        load: async () => (await import('./commands/recipe.ts')).list,
      },
      {
        name: 'show',
        summary: 'print a recipe as JSON',
        arguments: [{ name: '<name>', help: 'name of a built-in recipe, or a file' }],
        options: [...COMMON_OPTIONS],
        load: async () => (await import('./commands/recipe.ts')).show,
      },
      {
        name: 'explain',
        summary: 'which rule decides each operator of a model, and why an operator stays float',
        arguments: [
          { name: '<model>', help: 'float .tflite model or .litertlm container' },
          { name: '<recipe>', help: 'name of a built-in recipe, or a file' },
        ],
        options: ['include', 'exclude', 'io', 'policy', 'compat', ...COMMON_OPTIONS],
        load: async () => (await import('./commands/recipe.ts')).explain,
      },
    ],
  },
  {
    name: 'calibration',
    summary: 'look at, join and convert calibration files',
    subcommands: [
      {
        name: 'show',
        summary: 'range, spread and outliers of each tensor',
        arguments: [{ name: '<file>', help: 'calibration file' }],
        options: ['range', 'top', ...COMMON_OPTIONS],
        load: async () => (await import('./commands/calibration.ts')).show,
      },
      {
        name: 'merge',
        summary: 'join the parts of a sharded calibration',
        arguments: [{ name: '<files...>', help: 'calibration files' }],
        options: [...OUTPUT_OPTIONS, ...COMMON_OPTIONS],
        load: async () => (await import('./commands/calibration.ts')).merge,
      },
      {
        name: 'export',
        summary: 'write the original’s JSON',
        arguments: [{ name: '<file>', help: 'calibration file' }],
        options: ['format', 'range', ...OUTPUT_OPTIONS, ...COMMON_OPTIONS],
        load: async () => (await import('./commands/calibration.ts')).exportTo,
      },
    ],
  },
  {
    name: 'dataset',
    summary: 'look at samples before they are used',
    subcommands: [
      {
        name: 'check',
        summary: 'decode all samples and say what would make a bad calibration; status 1 for certain faults',
        arguments: [
          { name: '<source>', help: 'a folder, file or *.dataset.json, as for --data' },
          { name: '<model>', help: 'float .tflite model that they are for' },
        ],
        options: [...SAMPLE_OPTIONS, ...COMMON_OPTIONS],
        example: ['aeq dataset check pictures/ model.tflite --preprocess imagenet'],
        load: async () => (await import('./commands/dataset.ts')).check,
      },
    ],
  },
  {
    name: 'runtime',
    summary: 'interpreters',
    subcommands: [
      {
        name: 'install',
        summary: 'install the native interpreter: LiteRT’s C library out of the Python package ai-edge-litert',
        arguments: [{ name: '[wheel]', help: 'wheel file; left out, pip downloads it' }],
        options: ['python', ...LONG_OPTIONS],
        load: async () => (await import('./commands/runtime.ts')).install,
      },
    ],
  },
  {
    name: 'doctor',
    summary: 'which interpreters this machine has, with versions and speed',
    options: ['library', ...COMMON_OPTIONS],
    load: async () => (await import('./commands/doctor.ts')).run,
  },
];
