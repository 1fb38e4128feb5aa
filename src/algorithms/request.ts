import type { ChannelExtent } from '../../kernels/index.ts';
import type { Constant } from '../../schema/constant.ts';
import type { ProductSums } from '../../schema/documents/calibration-products.ts';
import { AeqError } from '../../schema/errors.ts';
import { blockSize, type TensorConfig } from '../recipe/types.ts';
import { extentOfAxis } from './extent.ts';

/** What is asked of an algorithm for one constant: float32 data of a shape, to be stored as the config says. */
export interface ConstantRequest {
  readonly constant: Constant;
  readonly shape: readonly number[];
  readonly config: TensorConfig;
  /** Dimension that CHANNELWISE means; undefined where the operator has none. */
  readonly channelAxis: number | undefined;
  /** Dimension that BLOCKWISE cuts. */
  readonly blockAxis: number | undefined;
  /** What the original does to constants that it does not handle well. */
  readonly asOriginal?: boolean;
  /** Weights are not read: any numbers do, as many as there will be. */
  readonly forecast?: boolean;
  /** The rule says `skip_checks`: what came of it is not checked either. */
  readonly unchecked?: boolean;
  /** Second moments of the rows that the operator multiplies the weight by, for algorithms that learn from them. */
  readonly products?: ProductSums;
  /** Of the same rows, the mean square of each value. */
  readonly meanSquares?: Float64Array;
  /** Under compat: for how many weights with this input these were used, this one included. */
  readonly dampings?: number;
}

/** What an algorithm cannot do without. @throws AeqError STATISTICS_MISSING when it is not there. */
export function required<T>({ shape }: ConstantRequest, statistics: T | undefined): T {
  if (statistics !== undefined) return statistics;
  throw new AeqError('STATISTICS_MISSING', `nothing is known of the inputs of a weight of shape [${shape}]`, {
    hint: 'calibrate with the recipe that the model is quantized by',
  });
}

/**
 * The groups of values that get a scale each: the tensor, its channels or its blocks.
 * @throws AeqError BLOCK_SIZE_MISMATCH when the axis is not a multiple of the block size.
 */
export function scaleGroups({ shape, config, channelAxis, blockAxis }: ConstantRequest): ChannelExtent {
  const size = blockSize(config.granularity);
  if (size === undefined) return extentOfAxis(shape, config.granularity === 'CHANNELWISE' ? channelAxis : undefined);
  const length = shape[blockAxis ?? -1];
  if (blockAxis === undefined || length === undefined || length % size !== 0) throw blockMismatch(shape, length, size);
  return { outer: 1, channels: shape.reduce((a, b) => a * b, 1) / size, inner: size };
}

function blockMismatch(shape: readonly number[], length: number | undefined, size: number): AeqError {
  return new AeqError(
    'BLOCK_SIZE_MISMATCH',
    `a weight of shape [${shape}] cannot be cut into blocks of ${size}: ${length ?? 'no'} values along the block axis`,
    { hint: 'use a smaller block size, or a CHANNELWISE rule for this operator' },
  );
}
