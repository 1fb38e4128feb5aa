import { ActivationFunctionType as Activation, Padding } from '../../../schema/generated/tflite.ts';
import type { OperatorName } from '../../support/model-builder.ts';
import {
  absent,
  again,
  constant,
  input,
  integers,
  operatorCase,
  plain,
  type Range,
  type SuiteCase,
  values,
} from '../case.ts';
import { zooCases } from './zoo.ts';

const BIG: Range = [-300, 500];

const size = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1);

/** Weights whose channels along an axis differ in size by powers of ten, one of them all zero. */
function uneven(shape: readonly number[], axis: number) {
  const inner = size(shape.slice(axis + 1));
  const numbers = Array.from({ length: size(shape) }, (_, index) => {
    const channel = Math.floor(index / inner) % (shape[axis] ?? 1);
    return channel === 1 ? 0 : (((index * 37) % 101) / 50 - 1) * 10 ** (channel % 3);
  });
  return values(shape, numbers);
}

interface Dense {
  readonly x: readonly number[];
  readonly units: number;
  readonly y?: readonly number[];
  readonly range?: Range;
  readonly weights?: Range;
  /** `none`: without one. */
  readonly bias?: Range | 'none';
  readonly activation?: number;
  readonly keepNumDims?: boolean;
  readonly depth?: number;
}

function dense(form: string, { x, units, y, range, weights, bias, activation = 0, keepNumDims, depth }: Dense) {
  const width = depth ?? x.at(-1) ?? 1;
  const operands = [
    input(x, range),
    constant([units, width], weights, 1),
    bias === 'none' ? absent : constant([units], bias, 2),
  ];
  const result = y ?? [size(x) / width, units];
  const options = { fusedActivationFunction: activation, keepNumDims: keepNumDims ?? false };
  return operatorCase('FULLY_CONNECTED', form, operands, [result], options);
}

const fullyConnected: readonly SuiteCase[] = [
  dense('odd sizes', { x: [3, 7], units: 5 }),
  dense('one unit', { x: [2, 9], units: 1 }),
  dense('one input', { x: [4, 1], units: 3 }),
  dense('one of each, no bias', { x: [1, 1], units: 1, bias: 'none' }),
  dense('rank 3 kept', { x: [2, 3, 8], units: 4, y: [2, 3, 4], keepNumDims: true }),
  dense('rank 4 flattened', { x: [2, 2, 2, 4], units: 3, depth: 8 }),
  dense('256 wide', { x: [2, 256], units: 6 }),
  dense('big values', { x: [2, 8], units: 4, range: BIG, weights: [-10, 10], bias: [-1000, 1000] }),
  dense('negative results', { x: [2, 8], units: 4, range: [1, 3], weights: [-2, -1], bias: [-1, 0] }),
  dense('small weights, large bias', { x: [2, 8], units: 4, weights: [-1e-4, 1e-4], bias: [-5, 5] }),
  dense('relu6', { x: [3, 8], units: 5, activation: Activation.RELU6 }),
  dense('relu -1 to 1', { x: [3, 8], units: 5, activation: Activation.RELU_N1_TO_1 }),
  operatorCase(
    'FULLY_CONNECTED',
    'uneven channels',
    [input([3, 8]), uneven([5, 8], 0), constant([5], [-1, 1], 2)],
    [[3, 5]],
  ),
];

interface Convolution {
  readonly x: readonly number[];
  readonly w: readonly number[];
  readonly y: readonly number[];
  readonly stride?: number;
  readonly dilation?: number;
  readonly valid?: boolean;
  readonly range?: Range;
  readonly weights?: Range;
  readonly bias?: Range | 'none';
  readonly activation?: number;
  readonly depthMultiplier?: number;
  readonly uneven?: boolean;
}

function convolutionOperands(form: Convolution, channelAxis: number) {
  const channels = form.w[channelAxis] ?? 1;
  return [
    input(form.x, form.range),
    form.uneven ? uneven(form.w, channelAxis) : constant(form.w, form.weights, 1),
    ...(form.bias === 'none' ? [] : [constant([channels], form.bias, 2)]),
  ];
}

const convolutionOptions = ({ stride = 1, dilation = 1, valid = false, activation = 0 }: Convolution) => ({
  padding: valid ? Padding.VALID : Padding.SAME,
  strideW: stride,
  strideH: stride,
  dilationWFactor: dilation,
  dilationHFactor: dilation,
  fusedActivationFunction: activation,
});

const convolution = (form: string, given: Convolution) =>
  operatorCase('CONV_2D', form, convolutionOperands(given, 0), [given.y], convolutionOptions(given));

const depthwise = (form: string, given: Convolution) =>
  operatorCase('DEPTHWISE_CONV_2D', form, convolutionOperands(given, 3), [given.y], {
    ...convolutionOptions(given),
    depthMultiplier: given.depthMultiplier ?? 1,
  });

const convolutions: readonly SuiteCase[] = [
  convolution('odd sizes, stride 2', { x: [1, 5, 7, 3], w: [4, 3, 3, 3], y: [1, 3, 4, 4], stride: 2 }),
  convolution('pointwise', { x: [1, 3, 3, 8], w: [5, 1, 1, 8], y: [1, 3, 3, 5] }),
  convolution('dilated', { x: [1, 6, 6, 2], w: [3, 3, 3, 2], y: [1, 6, 6, 3], dilation: 2 }),
  convolution('without padding', { x: [1, 5, 5, 2], w: [3, 2, 3, 2], y: [1, 4, 3, 3], valid: true }),
  convolution('batch of 2', { x: [2, 4, 4, 3], w: [4, 3, 3, 3], y: [2, 4, 4, 4] }),
  convolution('one channel, one filter', { x: [1, 4, 4, 1], w: [1, 3, 3, 1], y: [1, 4, 4, 1] }),
  convolution('one pixel', { x: [1, 1, 1, 6], w: [4, 1, 1, 6], y: [1, 1, 1, 4] }),
  convolution('groups', { x: [1, 4, 4, 4], w: [6, 3, 3, 2], y: [1, 4, 4, 6] }),
  convolution('relu', { x: [1, 4, 4, 3], w: [4, 3, 3, 3], y: [1, 4, 4, 4], activation: Activation.RELU }),
  convolution('relu -1 to 1', {
    x: [1, 4, 4, 3],
    w: [4, 3, 3, 3],
    y: [1, 4, 4, 4],
    activation: Activation.RELU_N1_TO_1,
  }),
  convolution('big values', {
    x: [1, 4, 4, 3],
    w: [4, 3, 3, 3],
    y: [1, 4, 4, 4],
    range: BIG,
    weights: [-9, 9],
    bias: [-99, 99],
  }),
  convolution('uneven channels', { x: [1, 4, 4, 3], w: [5, 3, 3, 3], y: [1, 4, 4, 5], uneven: true }),
  convolution('positive inputs', { x: [1, 4, 4, 3], w: [4, 3, 3, 3], y: [1, 4, 4, 4], range: [0, 6] }),
];

const depthwiseConvolutions: readonly SuiteCase[] = [
  depthwise('odd sizes, stride 2', { x: [1, 5, 7, 3], w: [1, 3, 3, 3], y: [1, 3, 4, 3], stride: 2 }),
  depthwise('multiplier 2', { x: [1, 4, 4, 3], w: [1, 3, 3, 6], y: [1, 4, 4, 6], depthMultiplier: 2 }),
  depthwise('dilated', { x: [1, 6, 6, 4], w: [1, 3, 3, 4], y: [1, 6, 6, 4], dilation: 2 }),
  depthwise('without padding', { x: [1, 5, 5, 2], w: [1, 2, 3, 2], y: [1, 4, 3, 2], valid: true }),
  depthwise('batch of 2', { x: [2, 4, 4, 3], w: [1, 3, 3, 3], y: [2, 4, 4, 3] }),
  depthwise('one channel', { x: [1, 4, 4, 1], w: [1, 3, 3, 1], y: [1, 4, 4, 1] }),
  depthwise('eight channels', { x: [1, 4, 4, 8], w: [1, 3, 3, 8], y: [1, 4, 4, 8] }),
  depthwise('relu6', { x: [1, 4, 4, 3], w: [1, 3, 3, 3], y: [1, 4, 4, 3], activation: Activation.RELU6 }),
  depthwise('big values', {
    x: [1, 4, 4, 3],
    w: [1, 3, 3, 3],
    y: [1, 4, 4, 3],
    range: BIG,
    weights: [-9, 9],
    bias: [-99, 99],
  }),
  depthwise('uneven channels', { x: [1, 4, 4, 5], w: [1, 3, 3, 5], y: [1, 4, 4, 5], uneven: true }),
];

function transposed(form: string, given: Convolution) {
  const [x, w, ...bias] = convolutionOperands(given, 0);
  const { padding, strideW, strideH, fusedActivationFunction } = convolutionOptions(given);
  const operands = [integers(given.y), w ?? absent, x ?? absent, ...bias];
  const options = { padding, strideW, strideH, fusedActivationFunction };
  return operatorCase('TRANSPOSE_CONV', form, operands, [given.y], options);
}

const transposedConvolutions: readonly SuiteCase[] = [
  transposed('odd sizes, stride 2', { x: [1, 3, 5, 3], w: [5, 3, 3, 3], y: [1, 6, 10, 5], stride: 2 }),
  transposed('stride 1', { x: [1, 4, 4, 3], w: [2, 3, 3, 3], y: [1, 4, 4, 2] }),
  transposed('without padding', { x: [1, 3, 3, 2], w: [3, 2, 2, 2], y: [1, 6, 6, 3], stride: 2, valid: true }),
  transposed('batch of 2, no bias', { x: [2, 3, 3, 2], w: [3, 3, 3, 2], y: [2, 6, 6, 3], stride: 2, bias: 'none' }),
  transposed('one channel', { x: [1, 3, 3, 1], w: [1, 3, 3, 1], y: [1, 6, 6, 1], stride: 2 }),
  transposed('relu', { x: [1, 3, 3, 2], w: [3, 3, 3, 2], y: [1, 6, 6, 3], stride: 2, activation: Activation.RELU }),
  transposed('big values', {
    x: [1, 3, 3, 2],
    w: [3, 3, 3, 2],
    y: [1, 6, 6, 3],
    stride: 2,
    range: BIG,
    weights: [-9, 9],
    bias: [-99, 99],
  }),
  transposed('uneven channels', { x: [1, 3, 3, 2], w: [5, 3, 3, 2], y: [1, 6, 6, 5], stride: 2, uneven: true }),
];

const matmul = (
  form: string,
  operands: Parameters<typeof operatorCase>[2],
  y: readonly number[],
  options: { adjX?: boolean; adjY?: boolean } = {},
) => operatorCase('BATCH_MATMUL', form, operands, [y], options);

const matrixProducts: readonly SuiteCase[] = [
  matmul('rank 2', [input([3, 5]), input([5, 7])], [3, 7]),
  matmul('rank 4', [input([2, 2, 3, 5]), input([2, 2, 5, 4])], [2, 2, 3, 4]),
  matmul('broadcast batch', [input([1, 3, 5]), input([2, 5, 4])], [2, 3, 4]),
  matmul('broadcast rank', [input([2, 3, 5]), input([5, 4])], [2, 3, 4]),
  matmul('left transposed', [input([2, 5, 3]), input([2, 5, 4])], [2, 3, 4], { adjX: true }),
  matmul('right transposed', [input([2, 3, 5]), input([2, 4, 5])], [2, 3, 4], { adjY: true }),
  matmul('dims of 1', [input([1, 1, 6]), input([1, 6, 1])], [1, 1, 1]),
  matmul('big values', [input([1, 3, 5], BIG), input([1, 5, 4], [-40, 30])], [1, 3, 4]),
  matmul('the same twice', [input([2, 4, 4]), again], [2, 4, 4]),
  matmul('constant of rank 2', [input([2, 3, 5]), constant([5, 4])], [2, 3, 4]),
  matmul('constant, odd sizes', [input([1, 3, 7]), constant([1, 7, 5])], [1, 3, 5]),
  matmul('constant of rank 4', [input([2, 2, 3, 8]), constant([2, 2, 8, 4])], [2, 2, 3, 4]),
  matmul('constant, uneven columns', [input([1, 3, 6]), uneven([1, 6, 5], 2)], [1, 3, 5]),
  matmul('constant, big values', [input([1, 3, 8], BIG), constant([1, 8, 4], [-9, 9])], [1, 3, 4]),
];

const lookup = (form: string, table: ReturnType<typeof constant>, rows: number, width: readonly number[]) =>
  operatorCase('EMBEDDING_LOOKUP', form, [plain([rows], 'INT32'), table], [[rows, ...width]]);

const lookups: readonly SuiteCase[] = [
  lookup('odd sizes', constant([5, 7]), 3, [7]),
  lookup('one row', constant([2, 9]), 1, [9]),
  lookup('one column', constant([5, 1]), 4, [1]),
  lookup('256 wide', constant([3, 256]), 2, [256]),
  lookup('negative values', constant([4, 8], [-9, -3]), 3, [8]),
  lookup('rows of unlike size', uneven([4, 32], 0), 3, [32]),
  lookup('rank 3', constant([3, 4, 8]), 2, [4, 8]),
];

const WEIGHTED: readonly OperatorName[] = [
  'FULLY_CONNECTED',
  'CONV_2D',
  'DEPTHWISE_CONV_2D',
  'TRANSPOSE_CONV',
  'BATCH_MATMUL',
  'EMBEDDING_LOOKUP',
];

/** Operators that multiply by weights. */
export const weightedCases: readonly SuiteCase[] = [
  ...zooCases(WEIGHTED),
  ...fullyConnected,
  ...convolutions,
  ...depthwiseConvolutions,
  ...transposedConvolutions,
  ...matrixProducts,
  ...lookups,
];
