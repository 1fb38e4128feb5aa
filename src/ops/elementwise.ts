import { gelu, geluTanh, hardSwish, logistic, relu, relu6, tanh } from '../../calibration/ranges/functions.ts';
import { ActivationFunctionType, BuiltinOperator as B } from '../../schema/generated/tflite.ts';
import type { Operator } from '../../schema/model.ts';
import {
  type FixedParameters,
  type OperatorSpec,
  type OperatorView,
  OWN_STATIC,
  OWN_STATIC_INT8,
  STATIC_INT8,
  spec,
} from './spec.ts';

const FRACTION_INT8: FixedParameters = { scale: 1 / 256, zeroPoint: -128, symmetric: false };
const FRACTION_INT16: FixedParameters = { scale: 1 / 32768, zeroPoint: 0, symmetric: true };
const SIGNED_FRACTION_INT8: FixedParameters = { scale: 1 / 128, zeroPoint: 0, symmetric: false };

/** Values in [0, 1): the kernel writes 1/256 steps from -128, or 1/32768 steps from 0. */
const probability = { 8: FRACTION_INT8, 16: FRACTION_INT16 } as const;

/** A code times input step over output step has to fit in 32 bits: beyond, it wraps around instead of being cut off. */
const leastOfRescaling = (inputs: readonly number[], bits: number) =>
  Math.max(...inputs) * (bits === 8 ? 2 ** -22 : 2 ** -14);
/** The same, and the end of the function is a number of steps in 32 bits. */
const leastUpTo = (end: number) => (inputs: readonly number[], bits: number) =>
  Math.max(leastOfRescaling(inputs, bits), end * 2 ** -30);
/** Products of two codes; the native int8 kernel rescales by less than 2^8. */
const leastOfFactors = ([a = 0, b = 0]: readonly number[], bits: number) => a * b * (bits === 8 ? 2 ** -7 : 1);
/** A product with the codes of -1. */
const leastOfNegation = ([input = 0]: readonly number[]) => input * 2 ** -14;
const leastOfQuotient = ([a = 0, b = 1]: readonly number[], bits: number) =>
  (a / b) * (bits === 8 ? 2 ** -20 : 2 ** -17);
/** The root of the greatest code, and one over the root of the least, are numbers of steps in 32 bits. */
const leastOfRoot = ([input = 0]: readonly number[], bits: number) => Math.sqrt(input * 2 ** (bits - 1)) * 2 ** -30;
const leastOfReciprocalRoot = ([input = 1]: readonly number[]) => 2 ** -30 / Math.sqrt(input);
const RESCALED = { leastOutputScale: leastOfRescaling } as const;

/** The int16 kernels of functions that level off take numbers of up to 2^17. */
const greatestOfCurve = (bits: number) => (bits === 16 ? 4 : Number.POSITIVE_INFINITY);

/** The native int8 kernel rescales by less than 2^8; the int16 kernel shifts by 15 bits, then rescales by less than 1. */
const leastOfSum = (inputs: readonly number[], bits: number) => Math.max(...inputs) * (bits === 8 ? 2 ** -7 : 2 ** -13);
/** Squares of differences that were shifted by 7 bits. */
const leastOfSquare = (inputs: readonly number[]) => Math.max(...inputs) ** 2 * 2 ** -11;
/** The kernel works with 1/128 of the input's step and rescales by less than 1. */
const leastOfHardSwish = ([input = 0]: readonly number[]) => input * 2 ** -6;

/**
 * The kernel compares round(code * 2^8 * step) in integers, with a factor for the step that has to be below 1: codes next
 * to each other are told apart from a step of 2^-8 on.
 */
const COMPARED = { least: 2 ** -8, limit: 1 } as const;

/** The kernel does not touch its output when there is nothing to multiply. */
function nothingToMultiply({ shape, integers }: OperatorView): string | undefined {
  const axes = integers(1);
  const lengths = shape(0);
  if (!axes || !lengths) return 'its axes are computed at run time';
  const factors = axes.reduce((product, axis) => product * (lengths[axis < 0 ? axis + lengths.length : axis] ?? 1), 1);
  return factors === 1 ? 'its axes have one element, which the integer kernel does not copy' : undefined;
}

const geluOf = (x: number, { builtinOptions: options }: Operator) =>
  options?.table === 'GeluOptions' && options.approximate ? geluTanh(x) : gelu(x);

const ANY_SCALE = { fusedActivationFunction: ActivationFunctionType.NONE, potScaleInt16: false } as const;

const TIMES = { table: 'MulOptions', fusedActivationFunction: ActivationFunctionType.NONE } as const;

/** Arithmetic and functions of single elements, and reductions to a new range. */
export const elementwiseSpecs: readonly OperatorSpec[] = [
  spec({
    name: 'ADD',
    builtin: B.ADD,
    ranges: { shifts: true, sum: true, factors: 'sum' },
    leastOutputScale: leastOfSum,
    int16Options: { table: 'AddOptions', ...ANY_SCALE },
  }),
  spec({
    name: 'SUB',
    builtin: B.SUB,
    ranges: { normalization: 'application', sum: true },
    leastOutputScale: leastOfSum,
    int16Options: { table: 'SubOptions', ...ANY_SCALE },
  }),
  spec({
    name: 'MUL',
    builtin: B.MUL,
    ranges: { normalization: 'application', factors: 'product' },
    leastOutputScale: leastOfFactors,
  }),
  spec({
    name: 'DIV',
    builtin: B.DIV,
    ranges: { relativeInputs: [1] },
    leastOutputScale: leastOfQuotient,
    // The kernel would have to shift by more than 31.
    lostQuotient: 1 / 4,
  }),
  spec({
    name: 'SQUARED_DIFFERENCE',
    builtin: B.SQUARED_DIFFERENCE,
    configs: STATIC_INT8,
    ranges: { normalization: 'deviation' },
    leastOutputScale: leastOfSquare,
  }),
  spec({ name: 'GELU', builtin: B.GELU, ranges: { image: { name: 'GELU', of: gelu } }, int16Table: geluOf }),
  spec({ name: 'RELU', builtin: B.RELU, ...RESCALED, ranges: { image: { name: 'RELU', of: relu } } }),
  spec({
    name: 'SQRT',
    builtin: B.SQRT,
    leastOutputScale: leastOfRoot,
    ranges: { relativeInputs: [0], factors: 'root' },
  }),
  spec({
    name: 'RSQRT',
    builtin: B.RSQRT,
    leastOutputScale: leastOfReciprocalRoot,
    ranges: { relativeInputs: [0], reciprocalRoot: true },
    int16Table: (x) => 1 / Math.sqrt(x),
  }),
  spec({
    name: 'HARD_SWISH',
    builtin: B.HARD_SWISH,
    configs: STATIC_INT8,
    ranges: { image: { name: 'HARD_SWISH', of: hardSwish } },
    leastOutputScale: leastOfHardSwish,
  }),
  spec({ name: 'EQUAL', builtin: B.EQUAL, compares: COMPARED }),
  spec({ name: 'NOT_EQUAL', builtin: B.NOT_EQUAL, compares: COMPARED }),
  spec({ name: 'GREATER', builtin: B.GREATER, compares: COMPARED, ...OWN_STATIC }),
  spec({ name: 'GREATER_EQUAL', builtin: B.GREATER_EQUAL, compares: COMPARED, ...OWN_STATIC }),
  spec({ name: 'LESS', builtin: B.LESS, compares: COMPARED, ...OWN_STATIC }),
  spec({ name: 'LESS_EQUAL', builtin: B.LESS_EQUAL, compares: COMPARED, ...OWN_STATIC }),
  spec({ name: 'ARG_MAX', builtin: B.ARG_MAX, plainInputs: [1], countingOutputs: [0], ...OWN_STATIC_INT8 }),
  spec({ name: 'ARG_MIN', builtin: B.ARG_MIN, plainInputs: [1], countingOutputs: [0], ...OWN_STATIC_INT8 }),
  spec({
    name: 'RELU6',
    builtin: B.RELU6,
    leastOutputScale: leastUpTo(6),
    ranges: { image: { name: 'RELU6', of: relu6 } },
    ...OWN_STATIC,
  }),
  spec({ name: 'RELU_N1_TO_1', builtin: B.RELU_N1_TO_1, leastOutputScale: leastUpTo(1), ...OWN_STATIC_INT8 }),
  spec({ name: 'RELU_0_TO_1', builtin: B.RELU_0_TO_1, leastOutputScale: leastUpTo(1), ...OWN_STATIC_INT8 }),
  spec({ name: 'LEAKY_RELU', builtin: B.LEAKY_RELU, ...RESCALED, ...OWN_STATIC }),
  spec({ name: 'PRELU', builtin: B.PRELU, ...RESCALED, ...OWN_STATIC_INT8 }),
  spec({ name: 'ELU', builtin: B.ELU, ...OWN_STATIC_INT8 }),
  spec({ name: 'ABS', builtin: B.ABS, ...RESCALED, ranges: { factors: 'same' }, ...OWN_STATIC }),
  spec({
    name: 'NEG',
    builtin: B.NEG,
    leastOutputScale: leastOfNegation,
    // The kernel of NEG swaps the sign of codes, and the lowest code becomes itself: clipped values change their sign.
    integerForm: { builtin: B.MUL, options: TIMES, constant: -1 },
    ranges: { factors: 'same' },
    ...OWN_STATIC,
  }),
  spec({ name: 'EXP', builtin: B.EXP, int16Table: Math.exp, ...OWN_STATIC }),
  spec({ name: 'LOG', builtin: B.LOG, ranges: { relativeInputs: [0] }, int16Table: Math.log, ...OWN_STATIC }),
  spec({
    name: 'REDUCE_PROD',
    builtin: B.REDUCE_PROD,
    plainInputs: [1],
    integerRefusal: nothingToMultiply,
    ...RESCALED,
    ...OWN_STATIC,
  }),
  spec({
    name: 'MEAN',
    builtin: B.MEAN,
    ...RESCALED,
    plainInputs: [1],
    ranges: { normalization: 'average', factors: 'mean' },
  }),
  spec({ name: 'SUM', builtin: B.SUM, ...RESCALED, plainInputs: [1], ranges: { factors: 'sum' } }),
  spec({
    name: 'SOFTMAX',
    builtin: B.SOFTMAX,
    scale: 'fixed-output',
    greatestInputScale: greatestOfCurve,
    fixedOutput: probability,
    ranges: { ignoresLowValues: true },
  }),
  spec({
    name: 'LOGISTIC',
    builtin: B.LOGISTIC,
    scale: 'fixed-output',
    greatestInputScale: greatestOfCurve,
    fixedOutput: probability,
    ranges: { image: { name: 'LOGISTIC', of: logistic } },
  }),
  spec({
    name: 'TANH',
    builtin: B.TANH,
    scale: 'fixed-output',
    greatestInputScale: greatestOfCurve,
    fixedOutput: { 8: SIGNED_FRACTION_INT8, 16: FRACTION_INT16 },
    ranges: { image: { name: 'TANH', of: tanh } },
  }),
  spec({
    name: 'LOG_SOFTMAX',
    builtin: B.LOG_SOFTMAX,
    scale: 'fixed-output',
    fixedOutput: { 8: { scale: 16 / 256, zeroPoint: 127, symmetric: false } },
    ...OWN_STATIC_INT8,
  }),
  spec({
    name: 'L2_NORMALIZATION',
    builtin: B.L2_NORMALIZATION,
    scale: 'fixed-output',
    fixedOutput: { 8: SIGNED_FRACTION_INT8 },
    ...OWN_STATIC_INT8,
  }),
];
