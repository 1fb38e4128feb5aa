import { AeqError } from '../../schema/errors.ts';
import { blockSize } from '../recipe/types.ts';
import { clipRange, quantizeFloat32 } from './arithmetic.ts';
import { floats } from './bias.ts';
import { quantizedConstant } from './constants.ts';
import { extentOfAxis } from './extent.ts';
import type { TensorParameters } from './parameters.ts';
import type { ConstantRequest } from './request.ts';

/** Gaps and scales below this are noise. */
const LEAST_GAP = 1e-9;
/** How far codes times scales may be from the weights for them to count as recovered. */
const TOLERANCE = 1e-4;

/**
 * For weights that are codes times a scale already (from training with simulated quantization): the scale of each group
 * is the smallest gap between neighbouring magnitudes, zero included.
 * @throws AeqError WEIGHTS_NOT_RECOVERABLE when codes times scales are not the weights, BLOCK_SIZE_MISMATCH.
 */
export function recoveredConstant(request: ConstantRequest): TensorParameters {
  const { constant, shape, config, channelAxis, blockAxis } = request;
  const size = blockSize(config.granularity);
  const axis = size === undefined ? (config.granularity === 'CHANNELWISE' ? channelAxis : undefined) : blockAxis;
  const extent = size === undefined ? extentOfAxis(shape, axis) : blockExtent(shape, size);
  const values = floats(constant);
  const groups: number[][] = Array.from({ length: extent.channels }, () => [0]);
  values.forEach((value, i) => {
    groups[Math.floor(i / extent.inner) % extent.channels]?.push(Math.abs(value));
  });
  const scales = Float64Array.from(groups, smallestGap);
  const parameters = {
    kind: 'integer',
    bits: config.numBits,
    unsigned: false,
    symmetric: true,
    carrier: 'float32',
    scales,
    zeroPoints: new Float64Array(scales.length),
    axis,
    blockSize: size ?? 0,
    shape:
      size === undefined ? shape.map((n, d) => (d === axis ? n : 1)) : shape.map((n, d) => (d === axis ? n / size : n)),
    reason: 'smallest gap between values',
  } as const satisfies TensorParameters;
  checkRecovered(values, parameters, (i) => Math.floor(i / extent.inner) % extent.channels);
  return { ...parameters, data: quantizedConstant(constant, extent, parameters) };
}

function blockExtent(shape: readonly number[], size: number) {
  const count = shape.reduce((a, b) => a * b, 1);
  if ((shape[1] ?? 0) % size !== 0) {
    throw new AeqError('BLOCK_SIZE_MISMATCH', `a weight of shape [${shape}] cannot be cut into blocks of ${size}`);
  }
  return { outer: 1, channels: count / size, inner: size };
}

function smallestGap(magnitudes: readonly number[]): number {
  const sorted = Float32Array.from(magnitudes).sort();
  let gap = Number.POSITIVE_INFINITY;
  for (let i = 1; i < sorted.length; i += 1) {
    const step = Math.fround((sorted[i] as number) - (sorted[i - 1] as number));
    if (step > LEAST_GAP) gap = Math.min(gap, step);
  }
  return Number.isFinite(gap) ? gap : Math.fround(LEAST_GAP);
}

function checkRecovered(values: Float32Array, parameters: TensorParameters, channelOf: (i: number) => number): void {
  const { least, greatest } = clipRange(parameters.bits, true);
  values.forEach((value, i) => {
    const scale = parameters.scales[channelOf(i)] as number;
    const code = quantizeFloat32(value, scale, 0, least, greatest);
    if (Math.abs(code * scale - value) <= TOLERANCE) return;
    throw new AeqError(
      'WEIGHTS_NOT_RECOVERABLE',
      `the weights are not codes times a scale: ${value} is no multiple of ${scale} in ${parameters.bits} bits`,
      {
        hint: 'dequantized_weight_recovery is for weights from quantization-aware training; use min_max_uniform_quantize',
      },
    );
  });
}
