/** The words of a recipe file, in the original's spelling. */

/** How many values share one scale: the whole tensor, one channel, or a run of n values inside a channel. */
export const GRANULARITIES = [
  'TENSORWISE',
  'CHANNELWISE',
  'BLOCKWISE_32',
  'BLOCKWISE_64',
  'BLOCKWISE_128',
  'BLOCKWISE_256',
] as const;
export type Granularity = (typeof GRANULARITIES)[number];

/** `INT` signed, `UINT` unsigned (model inputs and outputs only), `FLOAT` for weights stored as float16. */
export const TENSOR_DTYPES = ['INT', 'UINT', 'FLOAT'] as const;
export type TensorDtype = (typeof TENSOR_DTYPES)[number];

/** `INTEGER`: the operator computes on integers. `FLOAT`: its weights are stored small and dequantized before use. */
export const COMPUTE_PRECISIONS = ['INTEGER', 'FLOAT'] as const;
export type ComputePrecision = (typeof COMPUTE_PRECISIONS)[number];

/** The keys a rule may name. */
export const ALGORITHM_KEYS = [
  'no_quantize',
  'min_max_uniform_quantize',
  'float_casting',
  'dequantized_weight_recovery',
  'OCTAV',
  'HADAMARD_ROTATION',
  'DECOMPOSED_HADAMARD_ROTATION',
  'MSE',
  'GPTQ',
  'OSCAR',
] as const;
export type AlgorithmKey = (typeof ALGORITHM_KEYS)[number];

/** Sizes that the old field `block_size` may have. */
export const BLOCK_SIZES = [32, 64, 128, 256] as const;
export type BlockSize = (typeof BLOCK_SIZES)[number];
