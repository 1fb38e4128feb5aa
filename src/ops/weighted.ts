import { BuiltinOperator as B } from '../../schema/generated/tflite.ts';
import type { Operator } from '../../schema/model.ts';
import type { ConfigName } from '../recipe/types.ts';
import { type OperatorSpec, type OperatorView, STATIC, spec } from './spec.ts';

const STATIC_INT4: readonly ConfigName[] = ['static_wi4_ai8', 'static_wi4_ai16'];
const WEIGHT_ONLY: readonly ConfigName[] = ['weightonly_wi8_afp32', 'weightonly_wi4_afp32'];
const DYNAMIC_4_2: readonly ConfigName[] = ['dynamic_wi4_afp32', 'dynamic_wi2_afp32'];
const CONVOLUTION: readonly ConfigName[] = [...STATIC, 'dynamic_wi8_afp32', 'weightonly_wi8_afp32'];

const firstAxis = () => 0;

/** Filters that read a part of the channels only. */
const hasGroups = ({ shape }: OperatorView) => shape(0)?.at(-1) !== shape(1)?.at(-1);

const count = (lengths: readonly number[] | undefined) => (lengths ?? []).reduce((product, n) => product * n, 1);

/** How many products a result is the sum of at most, from the shape of the weight. */
type Products = (weight: readonly number[]) => number;

/**
 * Input step times weight step over output step has to stay below 256 in every channel, and a sum of products times that
 * within 32 bits, or it wraps around instead of being cut off.
 */
const leastOfProducts =
  (products: Products, input = 0, weight = 1) =>
  (scales: readonly number[], bits: number, { shape, isConstant }: OperatorView): number => {
    const codes = bits === 8 ? 2 ** 8 : 2 ** 15;
    const weights = isConstant(weight) ? 2 ** 7 : codes;
    const greatest = Math.min(128, 2 ** 31 / (codes * weights * products(shape(weight) ?? [])));
    return ((scales[input] ?? 0) * (scales[weight] ?? 0)) / greatest;
  };

const leastOfRows = leastOfProducts((weight) => weight.at(-1) ?? 1);
const leastOfFilters = leastOfProducts((weight) => count(weight.slice(1)));
const leastOfDepthwise = leastOfProducts((weight) => count(weight.slice(1, 3)));
const leastOfTransposed = leastOfProducts((weight) => count(weight.slice(1)), 2);
const leastOfMatrices = leastOfProducts((weight) => Math.max(...weight.slice(-2)));

/** With int16 activations sums have 64 bits and a factor below 2^-32 is 0: a channel of zeros would lose its bias. */
const leastFactor = (bits: number) => (bits === 16 ? 2 ** -30 : 0);

/** Columns of the right-hand matrix: its last axis, or the one before when it is read transposed. */
function columnAxis(rank: number, operator: Operator): number {
  const options = operator.builtinOptions;
  const transposed = options?.table === 'BatchMatMulOptions' && options.adjY;
  return transposed ? rank - 2 : rank - 1;
}

/** Operators that multiply by constant weights. */
export const weightedSpecs: readonly OperatorSpec[] = [
  spec({
    name: 'FULLY_CONNECTED',
    builtin: B.FULLY_CONNECTED,
    leastOutputScale: leastOfRows,
    weighted: {
      input: 0,
      weight: 1,
      bias: 2,
      leastFactor,
      channelAxis: firstAxis,
      blockAxis: 1,
      packing: 'rows',
      leavesSmallWeights: true,
      keepsQuantizedWeights: true,
    },
    configs: [
      ...STATIC,
      ...STATIC_INT4,
      'dynamic_wi8_afp32',
      ...DYNAMIC_4_2,
      'dynamic_wi4_afp32_blockwise',
      'dynamic_wi2_afp32_blockwise',
      ...WEIGHT_ONLY,
    ],
    brokenConfigs: ['dynamic_wi2_afp32_blockwise'],
  }),
  spec({
    name: 'CONV_2D',
    builtin: B.CONV_2D,
    leastOutputScale: leastOfFilters,
    weighted: {
      input: 0,
      weight: 1,
      bias: 2,
      leastFactor,
      channelAxis: firstAxis,
      packing: 'filters',
      dynamicChannelwiseOnly: hasGroups,
      leavesSmallWeights: true,
      keepsQuantizedWeights: true,
    },
    configs: [...STATIC, ...STATIC_INT4, 'dynamic_wi8_afp32', ...DYNAMIC_4_2, ...WEIGHT_ONLY],
    brokenConfigs: ['dynamic_wi2_afp32'],
  }),
  spec({
    name: 'DEPTHWISE_CONV_2D',
    builtin: B.DEPTHWISE_CONV_2D,
    leastOutputScale: leastOfDepthwise,
    weighted: {
      input: 0,
      weight: 1,
      bias: 2,
      leastFactor,
      channelAxis: () => 3,
      packing: 'depthwise',
      leavesSmallWeights: true,
      dynamicChannelwiseOnly: () => true,
      keepsQuantizedWeights: true,
    },
    configs: CONVOLUTION,
    ownConfigs: ['static_wi4_ai8', 'weightonly_wi4_afp32'],
  }),
  spec({
    name: 'CONV_2D_TRANSPOSE',
    builtin: B.TRANSPOSE_CONV,
    leastOutputScale: leastOfTransposed,
    plainInputs: [0],
    weighted: {
      input: 2,
      weight: 1,
      bias: 3,
      leastFactor,
      channelAxis: firstAxis,
      packing: 'transposed',
      leavesSmallWeights: true,
      keepsQuantizedWeights: false,
    },
    configs: CONVOLUTION,
    ownConfigs: ['weightonly_wi4_afp32'],
  }),
  spec({
    name: 'BATCH_MATMUL',
    builtin: B.BATCH_MATMUL,
    leastOutputScale: leastOfMatrices,
    weighted: {
      input: 0,
      weight: 1,
      channelAxis: columnAxis,
      packing: 'columns',
      leavesSmallWeights: false,
      keepsQuantizedWeights: false,
      staticTensorwiseOnly: true,
      weightMayBeActivation: true,
    },
    configs: [...STATIC, 'dynamic_wi8_afp32', ...WEIGHT_ONLY],
  }),
  spec({
    name: 'EMBEDDING_LOOKUP',
    builtin: B.EMBEDDING_LOOKUP,
    plainInputs: [0],
    looksUp: { table: 1, rows: 0, axis: () => 0 },
    weighted: {
      input: 0,
      weight: 1,
      channelAxis: firstAxis,
      blockAxis: 1,
      rowsFillBytes: true,
      packing: 'rows',
      staticIsDynamic: true,
      rotatedResult: true,
      leavesSmallWeights: false,
      keepsQuantizedWeights: false,
    },
    configs: ['dynamic_wi8_afp32', ...DYNAMIC_4_2, 'dynamic_wi4_afp32_blockwise', ...WEIGHT_ONLY],
    ownConfigs: [...STATIC, ...STATIC_INT4, 'dynamic_wi2_afp32_blockwise'],
  }),
];
