import { TensorType } from '../../schema/generated/tflite.ts';
import type { OperatorName } from '../support/model-builder.ts';
import type { Situation } from './bounds.ts';

/** What a kernel that quantizes float activations to int8 itself is off by: half a step of their greatest magnitude. */
export function ownRounding(values: Float64Array): number {
  const greatest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  // Float32 scales, and codes that are computed with them.
  return (greatest / 127 / 2) * (1 + 2 ** -10);
}

/** The results of a kernel: how many steps the i-th one may be off when the operands are exactly what their codes say. */
export type Rounding = (index: number) => number;

export interface Result {
  readonly type: number;
  /** Step between two codes of the result, and of the first operand. */
  readonly step: number;
  readonly inputStep: number;
  readonly values: Float64Array;
}

/** Rounding to the result's grid. */
const ROUNDED = 0.5;

/**
 * Rescaling with an integer factor rounds twice: to a finer grid, whose step is a power of two part of the result's, and
 * then to that. The finer grid has half steps at worst, so that the first rounding is off by a quarter.
 */
const RESCALED = ROUNDED + 0.25;

/** In int16, sums in 64 bits are rescaled with factors of 15 bits. */
const WIDE_FACTOR = 2 ** -15;

type Law = (result: Result, situation: Situation) => Rounding;

const steps =
  (count: number): Law =>
  () =>
  () =>
    count;

const rescaled: Law = ({ type, step, values }) => {
  if (type !== TensorType.INT16) return () => RESCALED;
  return (index) => RESCALED + (Math.abs(values[index] ?? 0) / step) * WIDE_FACTOR;
};

/**
 * int8 has an entry for each code. int16 has one for every 128 codes and draws lines between them: off by an eighth of the
 * function's curvature over such a cell. The entries lie on 512 parts of 65535 codes, so that the last ones are a code
 * off. The entry, what it is corrected by for the middle of its cell (three roundings, halved) and the line are rounded.
 */
const tabulated =
  (slope: (x: number) => number, curvature: (x: number) => number): Law =>
  ({ type, step, inputStep }, { operands: [x] }) => {
    if (type !== TensorType.INT16) return () => ROUNDED;
    const cell = 128 * inputStep;
    const ends = (value: number) => [value - cell, value + cell];
    const worst = (of: (x: number) => number, value: number) =>
      Math.max(...ends(value).map((end) => Math.abs(of(end))));
    return (index) => {
      const value = x?.values[index] ?? 0;
      const line = (worst(curvature, value) * cell ** 2) / 8;
      return 4 * ROUNDED + (line + worst(slope, value) * inputStep) / step;
    };
  };

/**
 * LOGISTIC and TANH in int16 draw lines through a table of the logistic function at multiples of 1/24 (TANH: 1/48), between
 * which there are 512 positions that the input is rounded to.
 */
const logisticTable =
  (slope: number, curvature: number, cell: number): Law =>
  ({ type, step }) =>
  () =>
    type === TensorType.INT16 ? RESCALED + ((curvature * cell ** 2) / 8 + (slope * cell) / 512 / 2) / step : ROUNDED;

/**
 * In int16 shares come from a table of e^x for x from -10 to 0 with 513 entries: below it ends, between entries it draws
 * lines. Each of n terms is off by that, and so is their sum, which is 1 at least.
 */
const softmax: Law = ({ type, step, values }, { operands: [x] }) => {
  if (type !== TensorType.INT16) return () => RESCALED;
  const classes = x?.shape.at(-1) ?? 1;
  const term = Math.exp(-10) + (10 / 512) ** 2 / 8 + step / 2;
  return (index) => RESCALED + (term * (1 + classes * Math.abs(values[index] ?? 0))) / step;
};

/** Positions between pixels are rounded to 1/1024: in each direction half of that times the span of the image. */
const interpolated: Law = ({ step }, { operands: [x] }) => {
  const { values = new Float64Array() } = x ?? {};
  const span = Math.max(...values) - Math.min(...values);
  return () => RESCALED + (2 * span * 2 ** -11) / step;
};

/** By operator. All that are not here write codes of their operands as they are. */
const LAWS: Partial<Record<OperatorName, Law>> = {
  ...Object.fromEntries(
    [
      'FULLY_CONNECTED',
      'CONV_2D',
      'DEPTHWISE_CONV_2D',
      'TRANSPOSE_CONV',
      'BATCH_MATMUL',
      'ADD',
      'SUB',
      'MUL',
      'DIV',
      'SQUARED_DIFFERENCE',
      'RELU',
      'RELU6',
      'RELU_N1_TO_1',
      'RELU_0_TO_1',
      'LEAKY_RELU',
      'PRELU',
      'HARD_SWISH',
      'ABS',
      'NEG',
      'MEAN',
      'SUM',
      'REDUCE_PROD',
    ].map((name) => [name, rescaled]),
  ),
  ELU: steps(ROUNDED),
  GELU: tabulated(
    () => 1.13,
    () => 0.8,
  ),
  EXP: tabulated(Math.exp, Math.exp),
  LOG: tabulated(
    (x) => 1 / x,
    (x) => x ** -2,
  ),
  RSQRT: tabulated(
    (x) => x ** -1.5 / 2,
    (x) => 0.75 * x ** -2.5,
  ),
  // It cuts off what is behind the point.
  SQRT: steps(1),
  LOGISTIC: logisticTable(1 / 4, 0.0963, 1 / 24),
  TANH: logisticTable(1, 0.77, 1 / 48),
  SOFTMAX: softmax,
  LOG_SOFTMAX: steps(RESCALED),
  L2_NORMALIZATION: steps(RESCALED),
  // The mean is rounded to a code, the ends of a fused activation too.
  AVERAGE_POOL_2D: steps(ROUNDED),
  MAX_POOL_2D: steps(ROUNDED),
  RESIZE_BILINEAR: interpolated,
};

/** How far off a kernel may be by itself, in steps of its result. Float results: in none. */
export function kernelRounding(operator: OperatorName, result: Result, situation: Situation): Rounding {
  if (result.step === 0) return () => 0;
  const law = LAWS[operator];
  return law ? law(result, situation) : () => 0;
}
