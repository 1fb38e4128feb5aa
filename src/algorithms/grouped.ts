import { storedBlockScale } from '../../kernels/index.ts';
import type { Constant } from '../../schema/constant.ts';
import { blockSize } from '../recipe/types.ts';
import { type Carrier, codeRange } from './arithmetic.ts';
import { quantizedConstant } from './constants.ts';
import type { TensorParameters } from './parameters.ts';
import { type ConstantRequest, scaleGroups } from './request.ts';

/** Numbers that threads see without a copy, where the platform has such memory. */
export function sharedFloats(count: number): Float32Array {
  return typeof SharedArrayBuffer === 'undefined'
    ? new Float32Array(count)
    : new Float32Array(new SharedArrayBuffer(4 * count));
}

/** The scale with which a symmetric type reaches a bound, rounded to the carrier. */
export function scaleOfBound(bound: number, bits: number, carrier: Carrier = 'float32'): number {
  const scale = bound / codeRange(bits).greatest;
  return carrier === 'float32' ? Math.fround(scale) : scale;
}

/**
 * Symmetric parameters and codes of a constant from one scale a group, in float32: those of channels or of the tensor as
 * they are, those of blocks rounded to what is stored. `source` has the values that are quantized.
 */
export function groupedParameters(
  request: ConstantRequest,
  source: Constant,
  scaleOf: (group: number) => number,
  reason: string,
  carrier: Carrier = 'float32',
): TensorParameters {
  const { shape, config, channelAxis, blockAxis, asOriginal } = request;
  const size = blockSize(config.granularity);
  const axis = size === undefined ? (config.granularity === 'CHANNELWISE' ? channelAxis : undefined) : blockAxis;
  const extent = scaleGroups(request);
  const scales = size === undefined ? new Float64Array(extent.channels) : sharedFloats(extent.channels);
  for (let i = 0; i < scales.length; i += 1) {
    scales[i] = size === undefined ? scaleOf(i) : storedBlockScale(scaleOf(i), !asOriginal);
  }
  const parameters = {
    kind: 'integer',
    bits: config.numBits,
    symmetric: true,
    unsigned: false,
    carrier,
    scales,
    zeroPoints: size === undefined ? new Float64Array(scales.length) : Float64Array.of(0),
    axis,
    blockSize: size ?? 0,
    shape: shape.map((length, dimension) => {
      if (dimension === axis) return length / (size ?? 1);
      return size === undefined ? 1 : length;
    }),
    reason: size === undefined ? reason : `${reason}, in blocks of ${size}`,
  } as const satisfies TensorParameters;
  return { ...parameters, data: quantizedConstant(source, extent, parameters) };
}
