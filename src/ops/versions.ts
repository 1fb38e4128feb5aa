import { TensorType } from '../../schema/generated/tflite.ts';
import { operatorName } from '../../schema/graph.ts';
import type { Model, Operator, Subgraph, Tensor } from '../../schema/model.ts';
import type { OperatorSpec } from './spec.ts';

/** What an operator computes on, as far as its version depends on that. `channels`: weights with a scale a channel. */
type Form =
  | 'int8'
  | 'int16'
  | 'int8 int4'
  | 'int16 int4'
  | 'float int8'
  | 'float int8 channels'
  | 'float int4'
  | 'float16';

/** A version of an operator and the first runtime that has it. */
type Version = readonly [version: number, runtime: string];

const TYPED = (int8: Version, int16?: Version) => ({ int8, ...(int16 && { int16 }) });
const OLD: Version = [2, '1.14.0'];

/**
 * Versions from which kernels take a form, as the runtime's own versioning has them; version 1 where nothing is said.
 * A runtime refuses a file that asks for a version it does not have, instead of computing something else.
 */
const VERSIONS: Readonly<Record<string, Partial<Record<Form, Version>>>> = {
  FULLY_CONNECTED: {
    int8: [4, '1.14.0'],
    int16: [7, '2.3.0'],
    'int8 int4': [10, '2.11.0'],
    'int16 int4': [13, '2.18.0'],
    'float int8': [3, '1.14.0'],
    'float int8 channels': [12, '2.17.0'],
    'float int4': [12, '2.17.0'],
  },
  CONV_2D: {
    int8: [3, '1.14.0'],
    int16: [4, '2.3.0'],
    'int8 int4': [7, '2.11.0'],
    'int16 int4': [7, '2.11.0'],
    'float int8': OLD,
    'float int8 channels': [5, '2.4.0'],
    'float int4': [7, '2.11.0'],
  },
  DEPTHWISE_CONV_2D: {
    int8: [3, '1.14.0'],
    int16: [5, '2.3.0'],
    'int8 int4': [7, '2.11.0'],
    'float int8': [4, '2.2.0'],
    'float int8 channels': [6, '2.3.0'],
  },
  TRANSPOSE_CONV: TYPED([3, '2.3.0'], [3, '2.3.0']),
  BATCH_MATMUL: TYPED([2, '2.3.0'], [3, '2.4.0']),
  EMBEDDING_LOOKUP: {
    'float int8': [3, '1.14.0'],
    'float int8 channels': [4, '2.18.0'],
    'float int4': [4, '2.18.0'],
  },
  LSTM: { 'float int8': [3, '1.14.0'] },
  UNIDIRECTIONAL_SEQUENCE_LSTM: { 'float int8': OLD },
  BIDIRECTIONAL_SEQUENCE_LSTM: { 'float int8': OLD },
  RNN: { 'float int8': OLD },
  UNIDIRECTIONAL_SEQUENCE_RNN: { 'float int8': OLD },
  BIDIRECTIONAL_SEQUENCE_RNN: { 'float int8': OLD },
  SVDF: { 'float int8': OLD },
  ADD: TYPED(OLD, [3, '2.4.0']),
  SUB: TYPED(OLD, [5, '2.4.0']),
  MUL: TYPED([3, '1.15.0'], [4, '2.3.0']),
  SQUARED_DIFFERENCE: TYPED([2, '2.5.0']),
  MAXIMUM: TYPED(OLD, [4, '2.3.0']),
  MINIMUM: TYPED(OLD, [4, '2.3.0']),
  AVERAGE_POOL_2D: TYPED(OLD, [3, '2.3.0']),
  MAX_POOL_2D: TYPED(OLD, [3, '2.3.0']),
  CONCATENATION: TYPED(OLD, [3, '2.3.0']),
  PAD: TYPED(OLD, [3, '2.4.0']),
  PADV2: TYPED(OLD, [3, '2.4.0']),
  MIRROR_PAD: TYPED([2, '2.3.0'], [3, '2.12.0']),
  SOFTMAX: TYPED(OLD, [3, '2.3.0']),
  LOG_SOFTMAX: TYPED(OLD),
  L2_NORMALIZATION: TYPED(OLD),
  LOGISTIC: TYPED(OLD, [3, '2.3.0']),
  TANH: TYPED(OLD, [3, '2.3.0']),
  GELU: TYPED([2, '2.9.0']),
  RELU: TYPED([2, '2.1.0'], [3, '2.5.0']),
  RELU6: TYPED(OLD, [3, '2.5.0']),
  LEAKY_RELU: TYPED([1, '1.13.1'], [2, '2.3.0']),
  ABS: TYPED([2, '2.4.0'], [3, '2.5.0']),
  EXP: TYPED([2, '2.12.0'], [2, '2.12.0']),
  LOG: TYPED([2, '2.15.0'], [2, '2.15.0']),
  RSQRT: TYPED([2, '2.5.0'], [3, '2.15.0']),
  MEAN: TYPED(OLD, [3, '2.4.0']),
  SUM: TYPED([2, '1.15.0'], [2, '1.15.0']),
  REDUCE_MAX: TYPED(OLD, [3, '2.5.0']),
  REDUCE_MIN: TYPED(OLD, [3, '2.5.0']),
  REDUCE_PROD: TYPED([2, '2.6.0'], [2, '2.6.0']),
  ARG_MAX: TYPED(OLD),
  ARG_MIN: TYPED(OLD),
  TOPK_V2: TYPED(OLD, [3, '2.13.0']),
  EQUAL: TYPED(OLD, [4, '2.13.0']),
  NOT_EQUAL: TYPED(OLD, OLD),
  GREATER: TYPED(OLD, OLD),
  GREATER_EQUAL: TYPED(OLD, [3, '2.13.0']),
  LESS: TYPED(OLD, [3, '2.13.0']),
  LESS_EQUAL: TYPED(OLD, OLD),
  RESIZE_BILINEAR: TYPED(OLD, [4, '2.5.0']),
  RESIZE_NEAREST_NEIGHBOR: TYPED(OLD, [4, '2.4.0']),
  SPACE_TO_DEPTH: TYPED(OLD),
  DEPTH_TO_SPACE: TYPED([2, '2.5.0']),
  SPACE_TO_BATCH_ND: TYPED(OLD, [4, '2.12.0']),
  BATCH_TO_SPACE_ND: TYPED(OLD, [4, '2.12.0']),
  TRANSPOSE: TYPED(OLD, [5, '2.4.0']),
  SLICE: TYPED(OLD, [4, '2.4.0']),
  STRIDED_SLICE: TYPED(OLD, OLD),
  SPLIT: TYPED(OLD, [4, '2.3.0']),
  SPLIT_V: TYPED([2, '2.3.0'], [2, '2.3.0']),
  PACK: TYPED(OLD, [3, '2.3.0']),
  UNPACK: TYPED(OLD, [4, '2.3.0']),
  GATHER: TYPED(OLD, [4, '2.4.0']),
  GATHER_ND: TYPED([1, '1.14.0'], [3, '2.5.0']),
  SELECT: TYPED(OLD, OLD),
  TILE: TYPED([3, '2.8.0'], [3, '2.8.0']),
  REVERSE_V2: TYPED([3, '2.5.0']),
  BROADCAST_TO: TYPED([3, '2.5.0'], [3, '2.5.0']),
  DYNAMIC_UPDATE_SLICE: TYPED([1, '2.9.0'], [4, '2.20.0']),
  QUANTIZE: TYPED([1, '1.14.0'], [2, '1.15.0']),
  DEQUANTIZE: {
    int8: OLD,
    int16: [3, '1.15.0'],
    float16: [3, '1.15.0'],
    'float int8 channels': [5, '2.7.0'],
    'float int4': [6, '2.18.0'],
  },
};

/** The version an operator of a quantized model needs; undefined where it needs none in particular. */
export function neededVersion(
  model: Model,
  graph: Subgraph,
  operator: Operator,
  spec: OperatorSpec | undefined,
): Version | undefined {
  const name = operatorName(model, operator);
  const form = spec ? formOf(graph, operator, spec) : borderForm(graph, operator);
  return form && VERSIONS[name]?.[form];
}

const { FLOAT32, FLOAT16, INT8, INT16, INT4, INT2 } = TensorType;

function formOf(graph: Subgraph, { inputs, outputs }: Operator, spec: OperatorSpec): Form | undefined {
  const { weighted } = spec;
  const at = (position: number) => graph.tensors[inputs[position] ?? -1];
  const weight = weighted && at(weighted.weight);
  const data = weighted
    ? graph.tensors[outputs[0] ?? -1]
    : at(inputs.findIndex((_, i) => !spec.plainInputs.includes(i)));
  const narrow = weight?.type === INT4 || weight?.type === INT2;
  if (data?.type === INT8) return narrow ? 'int8 int4' : 'int8';
  if (data?.type === INT16) return narrow ? 'int16 int4' : 'int16';
  return data?.type === FLOAT32 && weight ? storedForm(weight) : undefined;
}

const storedForm = ({ type, quantization }: Tensor): Form | undefined => {
  if (type === INT4 || type === INT2) return 'float int4';
  if (type !== INT8) return undefined;
  return (quantization?.scale?.length ?? 1) > 1 ? 'float int8 channels' : 'float int8';
};

/** QUANTIZE and DEQUANTIZE: what is on their integer side. */
function borderForm(graph: Subgraph, { inputs, outputs }: Operator): Form | undefined {
  const sides = [outputs[0], inputs[0]].map((tensor) => graph.tensors[tensor ?? -1]);
  const stored = sides.find((tensor) => tensor !== undefined && tensor.type !== FLOAT32);
  if (!stored) return undefined;
  if (stored.type === INT16) return 'int16';
  if (stored.type === FLOAT16) return 'float16';
  const form = storedForm(stored);
  return form === 'float int8' ? 'int8' : form;
}
