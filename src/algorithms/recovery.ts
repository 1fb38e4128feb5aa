import { type ChannelExtent, storedBlockScale } from '../../kernels/index.ts';
import type { Constant } from '../../schema/constant.ts';
import { AeqError } from '../../schema/errors.ts';
import { blockSize } from '../recipe/types.ts';
import { type Carrier, clipRange, quantizeFloat32 } from './arithmetic.ts';
import { floats } from './bias.ts';
import { quantizedConstant } from './constants.ts';
import { scaleOfBound } from './grouped.ts';
import type { TensorParameters } from './parameters.ts';
import { type ConstantRequest, scaleGroups } from './request.ts';

const { fround } = Math;

/** Gaps below this are noise to the original; groups of zeros count as if they reached so far. */
const LEAST_GAP = 1e-9;
/** How far codes times scales may be from the weights for the original to count them as recovered, whatever the scale. */
const ORIGINAL_TOLERANCE = 1e-4;
/** The same in steps. The first is for weights as they come out of training, the second for such as were rounded since. */
const TOLERANCES = [1 / 64, 1 / 4];

interface Recovered {
  /** One a group. */
  readonly scales: Float64Array;
  /** Why the weights are not codes times these; undefined if they are. */
  readonly problem?: string;
}

/**
 * For weights that are codes times a scale already (from training with simulated quantization): the scale of each group
 * is the largest of which all its values are multiples. The original takes the smallest gap between magnitudes.
 * @throws AeqError WEIGHTS_NOT_RECOVERABLE when codes times scales are not the weights, BLOCK_SIZE_MISMATCH.
 */
export function recoveredConstant(request: ConstantRequest): TensorParameters {
  const { constant, shape, config, channelAxis, blockAxis, asOriginal, unchecked } = request;
  const size = blockSize(config.granularity);
  const axis = size === undefined ? (config.granularity === 'CHANNELWISE' ? channelAxis : undefined) : blockAxis;
  const { scales, problem } = recover(request);
  if (problem !== undefined && !unchecked) {
    throw new AeqError('WEIGHTS_NOT_RECOVERABLE', `the weights are not codes times a scale: ${problem}`, {
      hint: 'dequantized_weight_recovery is for weights from quantization-aware training; use min_max_uniform_quantize',
    });
  }
  const parameters = {
    kind: 'integer',
    bits: config.numBits,
    unsigned: false,
    symmetric: true,
    carrier: carrierOf(request),
    scales: size === undefined || asOriginal ? scales : scales.map((scale) => storedBlockScale(scale, true)),
    zeroPoints: new Float64Array(scales.length),
    axis,
    blockSize: size ?? 0,
    shape:
      size === undefined ? shape.map((n, d) => (d === axis ? n : 1)) : shape.map((n, d) => (d === axis ? n / size : n)),
    reason: asOriginal ? 'smallest gap between values' : 'largest common step of the values',
  } as const satisfies TensorParameters;
  return { ...parameters, data: quantizedConstant(constant, scaleGroups(request), parameters) };
}

/** Why weights cannot be recovered, or undefined if they can. */
export function recoveryProblem(request: ConstantRequest): string | undefined {
  if (request.unchecked) return undefined;
  const { problem } = recover(request);
  return problem && `its weights are not codes times a scale: ${problem}`;
}

/** Decisions ask again and again. */
const known = new WeakMap<Constant, Map<string, Recovered>>();

function recover(request: ConstantRequest): Recovered {
  const { constant, config, channelAxis, blockAxis, asOriginal } = request;
  const key = [config.numBits, config.granularity, channelAxis, blockAxis, `[${request.shape}]`, asOriginal].join();
  const answers = known.get(constant) ?? new Map<string, Recovered>();
  known.set(constant, answers);
  const answer = answers.get(key) ?? recoverGroups(request);
  answers.set(key, answer);
  return answer;
}

function recoverGroups(request: ConstantRequest): Recovered {
  const { constant, asOriginal } = request;
  const extent = scaleGroups(request);
  const { numBits: bits } = request.config;
  const values = floats(constant);
  const scales = new Float64Array(extent.channels);
  let problem: string | undefined;
  for (let group = 0; group < extent.channels; group += 1) {
    const own = groupOf(values, extent, group);
    const found = asOriginal ? smallestGap(own, carrierOf(request)) : commonStep(own, bits);
    scales[group] = found ?? scaleOfBound(largestOf(own), bits);
    const off = asOriginal ? firstOff(own, scales[group] as number, bits, ORIGINAL_TOLERANCE) : undefined;
    if (found === undefined) problem ??= `no step has all values of group ${group} as multiples in ${bits} bits`;
    else if (off !== undefined) problem ??= `${off} is no multiple of ${found} in ${bits} bits`;
  }
  return { scales, ...(problem === undefined ? {} : { problem }) };
}

/** The original reckons in double for a whole tensor. */
const carrierOf = ({ config, asOriginal }: ConstantRequest): Carrier =>
  asOriginal && config.granularity === 'TENSORWISE' ? 'float64' : 'float32';

function groupOf(values: Float32Array, { outer, channels, inner }: ChannelExtent, group: number): Float32Array {
  if (outer === 1) return values.subarray(group * inner, (group + 1) * inner);
  const own = new Float32Array(outer * inner);
  for (let o = 0; o < outer; o += 1) {
    const from = (o * channels + group) * inner;
    own.set(values.subarray(from, from + inner), o * inner);
  }
  return own;
}

const largestOf = (values: Float32Array) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

/** Gaps between neighbouring magnitudes, zero included. */
function* gaps(values: Float32Array): Iterable<number> {
  let last = 0;
  for (const magnitude of values.map(Math.abs).sort()) {
    if (magnitude !== last) yield magnitude - last;
    last = magnitude;
  }
}

/** The smallest gap as the original finds it: in float32 those that are noise do not count, in double they are widened. */
function smallestGap(values: Float32Array, carrier: Carrier): number {
  let gap = Number.POSITIVE_INFINITY;
  for (const step of gaps(values)) {
    const rounded = carrier === 'float32' ? fround(step) : step;
    if (carrier === 'float64' || rounded > LEAST_GAP) gap = Math.min(gap, rounded);
  }
  const least = carrier === 'float32' ? fround(LEAST_GAP) : LEAST_GAP;
  return Number.isFinite(gap) ? Math.max(gap, least) : least;
}

/**
 * The largest step of which all values are multiples in so many bits; undefined if there is none. Gaps between codes may
 * all be larger than one step, so fractions of the smallest gap are tried. The largest value tells the step best.
 */
function commonStep(values: Float32Array, bits: number): number | undefined {
  const { least, greatest } = clipRange(bits, true);
  const largest = largestOf(values);
  if (largest === 0) return scaleOfBound(LEAST_GAP, bits);
  const noise = largest / (4 * greatest);
  let gap = largest;
  for (const step of gaps(values)) if (step > noise) gap = Math.min(gap, step);
  for (const tolerance of TOLERANCES) {
    for (let parts = 1; ; parts += 1) {
      const code = Math.round((largest / gap) * parts);
      if (!(code <= -least)) break;
      const step = fround(largest / code);
      if (step > 0 && firstOff(values, step, bits, tolerance * step) === undefined) return step;
    }
  }
  return undefined;
}

/** The first value that its code times the scale is farther from than the tolerance. */
function firstOff(values: Float32Array, scale: number, bits: number, tolerance: number): number | undefined {
  const { least, greatest } = clipRange(bits, true);
  return values.find((value) => {
    const code = quantizeFloat32(value, scale, 0, least, greatest);
    return !(Math.abs(code * scale - value) <= tolerance);
  });
}
