import { type ChannelExtent, storedBlockScale } from '../../kernels/index.ts';
import { blockSize, type TensorConfig } from '../recipe/types.ts';
import { type Carrier, scaleOfRange } from './arithmetic.ts';
import { type ChannelRanges, channelRanges, quantizedConstant } from './constants.ts';
import { type GroupRule, type Measurement, takeGroupNumbers } from './group-numbers.ts';
import { sharedFloats } from './grouped.ts';
import type { CodeParameters, TensorParameters } from './parameters.ts';
import { type ConstantRequest, scaleGroups } from './request.ts';

/** Scale and zero point of an activation from its range. `shape` is the nesting of the range in the original. */
export function activationParameters(
  range: { readonly min: number; readonly max: number; readonly carrier: Carrier; readonly shape: readonly number[] },
  config: TensorConfig,
  reason: string,
): TensorParameters {
  const unsigned = config.dtype === 'UINT';
  const type = { bits: config.numBits, symmetric: config.symmetric, unsigned };
  const { scale, zeroPoint } = scaleOfRange(range.min, range.max, type, range.carrier);
  return {
    kind: 'integer',
    ...type,
    carrier: range.carrier,
    scales: Float64Array.of(scale),
    zeroPoints: Float64Array.of(zeroPoint),
    axis: undefined,
    blockSize: 0,
    shape: range.shape,
    reason,
  };
}

/** Scales from the least and greatest value of the tensor, each channel or each block. */
export function minMaxConstant(request: ConstantRequest): TensorParameters {
  const size = blockSize(request.config.granularity);
  return size === undefined ? perChannel(request) : perBlock(request, size);
}

function perChannel(request: ConstantRequest): TensorParameters {
  const { constant, shape, config, channelAxis } = request;
  const axis = config.granularity === 'CHANNELWISE' ? channelAxis : undefined;
  const extent = scaleGroups(request);
  const type = { bits: config.numBits, symmetric: config.symmetric, unsigned: config.dtype === 'UINT' };
  const { scales, zeroPoints } = request.forecast
    ? standIns(extent.channels, type)
    : numbersOfRanges(channelRanges(constant, extent), type);
  const parameters = {
    kind: 'integer',
    ...type,
    carrier: 'float32',
    scales,
    zeroPoints,
    axis,
    blockSize: 0,
    shape: shape.map((length, dimension) => (dimension === axis ? length : 1)),
    reason: axis === undefined ? 'min/max of the constant' : 'min/max of each channel',
  } as const satisfies TensorParameters;
  return { ...parameters, data: quantizedConstant(constant, extent, parameters) };
}

type IntegerForm = Pick<TensorParameters, 'bits' | 'symmetric' | 'unsigned'>;
type ChannelNumbers = Pick<CodeParameters, 'scales' | 'zeroPoints'>;

/** For a forecast: the numbers of channels of any range, all of them the same. */
function standIns(channels: number, type: IntegerForm): ChannelNumbers {
  const { scales, zeroPoints } = channelNumbers({ mins: Float32Array.of(-1), maxs: Float32Array.of(1) }, type);
  return {
    scales: new Float64Array(channels).fill(scales[0] as number),
    zeroPoints: new Float64Array(channels).fill(zeroPoints[0] as number),
  };
}

/** Scale and zero point of each channel from its range, in float32. */
export function channelNumbers({ mins, maxs }: ChannelRanges, type: IntegerForm): ChannelNumbers {
  const scales = new Float64Array(mins.length);
  const zeroPoints = new Float64Array(mins.length);
  for (let channel = 0; channel < mins.length; channel += 1) {
    const { scale, zeroPoint } = scaleOfRange(mins[channel] as number, maxs[channel] as number, type, 'float32');
    scales[channel] = scale;
    zeroPoints[channel] = zeroPoint;
  }
  return { scales, zeroPoints };
}

/** Numbers of ranges that were found before the plan asked for them, and what they are for. */
const made = new WeakMap<ChannelRanges, { readonly type: IntegerForm; readonly numbers: ChannelNumbers }>();

/** As `channelNumbers`, but the same arrays whenever the same type of the same ranges is asked for: they are not to be changed. */
export function numbersOfRanges(ranges: ChannelRanges, type: IntegerForm): ChannelNumbers {
  const before = made.get(ranges);
  if (before && sameType(before.type, type)) return before.numbers;
  const numbers = channelNumbers(ranges, type);
  made.set(ranges, { type, numbers });
  return numbers;
}

const sameType = (a: IntegerForm, b: IntegerForm) =>
  a.bits === b.bits && a.symmetric === b.symmetric && a.unsigned === b.unsigned;

/** What the parameters of a constant are made of: ranges of its groups, or at once the scales where they are blocks. */
export function minMaxMeasurement(request: ConstantRequest): Measurement {
  const { constant, config } = request;
  const extent = scaleGroups(request);
  const blocks = blockSize(config.granularity) !== undefined && config.symmetric;
  return { constant, extent, ...(blocks && { rule: blockRule(request) }) };
}

const blockRule = ({ config, asOriginal }: ConstantRequest): GroupRule => ({
  kind: 'block-scale',
  bits: config.numBits,
  limited: !asOriginal,
});

function blockScales(request: ConstantRequest, extent: ChannelExtent): Float32Array {
  if (request.forecast) return sharedFloats(extent.channels);
  if (!request.config.symmetric) return spanScales(request);
  return takeGroupNumbers(request.constant, extent, blockRule(request)).values;
}

/** Blocks that a rule without checks wants asymmetric: there is nowhere to store zero points. */
function spanScales(request: ConstantRequest): Float32Array {
  const { mins, maxs } = channelRanges(request.constant, scaleGroups(request));
  const type = { bits: request.config.numBits, symmetric: false };
  return mins.map((min, block) =>
    storedBlockScale(scaleOfRange(min, maxs[block] as number, type, 'float32').scale, !request.asOriginal),
  );
}

/**
 * Blocks of `size` values along the block axis, the scale of each stored as float16 with at most 7 mantissa bits; the
 * codes are computed with the stored scale.
 */
function perBlock(request: ConstantRequest, size: number): TensorParameters {
  const { constant, shape, config, blockAxis } = request;
  const extent = scaleGroups(request);
  const scales = blockScales(request, extent);
  const type = { bits: config.numBits, symmetric: config.symmetric, unsigned: false };
  const blocks = shape.map((n, dimension) => (dimension === blockAxis ? n / size : n));
  const parameters = {
    kind: 'integer',
    ...type,
    carrier: 'float32',
    scales,
    zeroPoints: Float64Array.of(0),
    axis: blockAxis,
    blockSize: size,
    shape: blocks,
    reason: `min/max of each block of ${size}`,
  } as const satisfies TensorParameters;
  return { ...parameters, data: quantizedConstant(constant, extent, parameters) };
}
