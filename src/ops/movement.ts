import { BuiltinOperator as B } from '../../schema/generated/tflite.ts';
import type { Operator } from '../../schema/model.ts';
import { type OperatorSpec, OWN_STATIC, OWN_STATIC_INT8, STATIC_INT8, spec } from './spec.ts';

const sameAsInput = (name: string, builtin: number, plainInputs: readonly number[] = [], rest: object = {}) =>
  spec({ name, builtin, scale: 'same-as-input', plainInputs, ...rest });
const sameAsOutput = (name: string, builtin: number, plainInputs: readonly number[] = [], rest: object = {}) =>
  spec({ name, builtin, scale: 'same-as-output', plainInputs, ...rest });

/** In batches each row is one of another table. */
const gatheredAxis = ({ builtinOptions: options }: Operator): number | undefined => {
  if (options?.table !== 'GatherOptions') return 0;
  return options.batchDims === 0 ? options.axis : undefined;
};

/** Operators that move, select or pool values without changing what a code stands for. */
export const movementSpecs: readonly OperatorSpec[] = [
  sameAsInput('RESHAPE', B.RESHAPE, [1]),
  sameAsInput('TRANSPOSE', B.TRANSPOSE, [1]),
  sameAsInput('PAD', B.PAD, [1]),
  sameAsInput('MIRROR_PAD', B.MIRROR_PAD, [1]),
  sameAsInput('BROADCAST_TO', B.BROADCAST_TO, [1]),
  sameAsInput('REDUCE_MIN', B.REDUCE_MIN, [1]),
  sameAsInput('RESIZE_BILINEAR', B.RESIZE_BILINEAR, [1], { ranges: { averages: true, factors: 'mean' } }),
  sameAsInput('RESIZE_NEAREST_NEIGHBOR', B.RESIZE_NEAREST_NEIGHBOR, [1]),
  sameAsInput('GATHER', B.GATHER, [1], { looksUp: { table: 0, rows: 1, axis: gatheredAxis } }),
  sameAsInput('GATHER_ND', B.GATHER_ND, [1]),
  sameAsInput('AVERAGE_POOL_2D', B.AVERAGE_POOL_2D, [], { ranges: { averages: true, factors: 'mean' } }),
  sameAsInput('MAX_POOL_2D', B.MAX_POOL_2D),
  sameAsInput('SPACE_TO_DEPTH', B.SPACE_TO_DEPTH, [], { configs: STATIC_INT8 }),
  sameAsInput('UNPACK', B.UNPACK),
  sameAsInput('SLICE', B.SLICE, [1, 2]),
  sameAsInput('STRIDED_SLICE', B.STRIDED_SLICE, [1, 2, 3]),
  sameAsInput('SPLIT', B.SPLIT, [0]),
  sameAsInput('REDUCE_MAX', B.REDUCE_MAX, [1], OWN_STATIC),
  sameAsInput('SQUEEZE', B.SQUEEZE, [], OWN_STATIC),
  sameAsInput('EXPAND_DIMS', B.EXPAND_DIMS, [1], OWN_STATIC),
  sameAsInput('TILE', B.TILE, [1], OWN_STATIC),
  sameAsInput('REVERSE_V2', B.REVERSE_V2, [1], OWN_STATIC),
  sameAsInput('SPLIT_V', B.SPLIT_V, [1, 2], OWN_STATIC),
  sameAsInput('DEPTH_TO_SPACE', B.DEPTH_TO_SPACE, [], OWN_STATIC_INT8),
  sameAsInput('SPACE_TO_BATCH_ND', B.SPACE_TO_BATCH_ND, [1, 2], OWN_STATIC),
  sameAsInput('BATCH_TO_SPACE_ND', B.BATCH_TO_SPACE_ND, [1, 2], OWN_STATIC),
  sameAsInput('TOPK_V2', B.TOPK_V2, [1], { ...OWN_STATIC, countingOutputs: [1] }),
  sameAsOutput('MINIMUM', B.MINIMUM, [], OWN_STATIC),
  sameAsOutput('CONCATENATION', B.CONCATENATION),
  sameAsOutput('PACK', B.PACK),
  sameAsOutput('MAXIMUM', B.MAXIMUM),
  sameAsOutput('PADV2', B.PADV2, [1]),
  sameAsOutput('SELECT', B.SELECT, [0]),
  sameAsOutput('SELECT_V2', B.SELECT_V2, [0]),
  sameAsOutput('DYNAMIC_UPDATE_SLICE', B.DYNAMIC_UPDATE_SLICE, [2]),
];
