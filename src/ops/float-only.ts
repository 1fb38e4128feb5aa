import type { FactorRule } from './spec.ts';

/** Why operators without a spec stay float, by reason. Together with the specs this covers every builtin operator. */
const REASONS: Readonly<Record<string, readonly string[]>> = {
  'the runtime has no integer kernel for it': [
    'SIN',
    'COS',
    'SQUARE',
    'FLOOR',
    'CEIL',
    'ROUND',
    'SIGN',
    'POW',
    'ATAN2',
    'CUMSUM',
    'L2_POOL_2D',
    'LOCAL_RESPONSE_NORMALIZATION',
    'RFFT2D',
    'REAL',
    'IMAG',
    'COMPLEX_ABS',
    'CONV_3D_TRANSPOSE',
    'CONV_3D',
    'CONCAT_EMBEDDINGS',
    'EMBEDDING_LOOKUP_SPARSE',
    'DENSIFY',
    'REDUCE_WINDOW',
    'DILATE',
  ],
  'its integer kernel divides by codes that can be zero': ['FLOOR_DIV', 'FLOOR_MOD'],
  'it changes the type of values itself': ['CAST', 'QUANTIZE', 'DEQUANTIZE', 'FAKE_QUANT', 'BITCAST', 'BUCKETIZE'],
  'it works on shapes, indices, counts or truth values': [
    'SHAPE',
    'RANK',
    'RANGE',
    'FILL',
    'ZEROS_LIKE',
    'ONE_HOT',
    'WHERE',
    'UNIQUE',
    'LOGICAL_OR',
    'LOGICAL_AND',
    'LOGICAL_NOT',
    'REDUCE_ANY',
    'REDUCE_ALL',
    'SEGMENT_SUM',
    'UNSORTED_SEGMENT_PROD',
    'UNSORTED_SEGMENT_MAX',
    'UNSORTED_SEGMENT_SUM',
    'UNSORTED_SEGMENT_MIN',
    'SPARSE_TO_DENSE',
    'MATRIX_DIAG',
    'MATRIX_SET_DIAG',
    'REVERSE_SEQUENCE',
    'SCATTER_ND',
    'BITWISE_XOR',
    'RIGHT_SHIFT',
    'BROADCAST_ARGS',
  ],
  'it hands tensors to another subgraph, which is planned on its own': ['CALL', 'CALL_ONCE', 'IF', 'WHILE', 'DELEGATE'],
  'it keeps state or tables outside the graph': [
    'VAR_HANDLE',
    'READ_VARIABLE',
    'ASSIGN_VARIABLE',
    'HASHTABLE',
    'HASHTABLE_FIND',
    'HASHTABLE_IMPORT',
    'HASHTABLE_SIZE',
    'HASHTABLE_LOOKUP',
    'LSH_PROJECTION',
    'SKIP_GRAM',
  ],
  'its result is random': ['RANDOM_UNIFORM', 'RANDOM_STANDARD_NORMAL', 'MULTINOMIAL'],
  'its boxes and scores are compared, not computed with': ['NON_MAX_SUPPRESSION_V4', 'NON_MAX_SUPPRESSION_V5'],
  'it adds any number of operands and has a float kernel only': ['ADD_N'],
  'what it computes is not known': ['CUSTOM', 'PLACEHOLDER_FOR_GREATER_OP_CODES'],
};

const BY_NAME = new Map(
  Object.entries(REASONS).flatMap(([reason, names]) => names.map((name) => [name, reason] as const)),
);

/** Operators of the StableHLO dialect are run by converting them first; none has an integer kernel. */
const STABLEHLO = 'operators of StableHLO have no integer kernels';

/** Why a builtin operator without a spec stays float; undefined for one that nothing is known of. */
export function floatReason(name: string): string | undefined {
  return BY_NAME.get(name) ?? (name.startsWith('STABLEHLO_') ? STABLEHLO : undefined);
}

/** How such an operator passes on factors, where it does. */
export const floatFactors = (name: string): FactorRule | undefined => (name === 'SQUARE' ? 'square' : undefined);
