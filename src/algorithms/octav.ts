import type { Constant } from '../../schema/constant.ts';
import { AeqError } from '../../schema/errors.ts';
import type { Carrier } from './arithmetic.ts';
import { type GroupNumbers, type GroupRule, takeGroupNumbers } from './group-numbers.ts';
import { groupedParameters, scaleOfBound } from './grouped.ts';
import { minMaxConstant } from './min-max.ts';
import type { TensorParameters } from './parameters.ts';
import { type ConstantRequest, scaleGroups } from './request.ts';

/** Newton's method is stopped here. */
export const MOST_ROUNDS = 10;

/** A bound below this gives a scale that is lost. */
const LEAST_BOUND = Math.fround(1e-9);

/** What OCTAV asks of the groups of a constant. */
export function clipRule({ config, channelAxis }: ConstantRequest): GroupRule {
  const perTensor =
    config.granularity === 'TENSORWISE' || (config.granularity === 'CHANNELWISE' && channelAxis === undefined);
  return { kind: 'clipped-bound', bits: config.numBits, perTensor, rounds: MOST_ROUNDS };
}

/**
 * The rule to ask again with, where all groups had settled in an earlier round than the last and some went on moving
 * within the tolerance: all groups take the same number of rounds.
 */
export function earlierRule(rule: GroupRule, { rounds }: GroupNumbers): GroupRule | undefined {
  if (rule.kind !== 'clipped-bound' || rounds.settled === 0) return undefined;
  const round = 31 - Math.clz32(rounds.settled & -rounds.settled);
  const enough = round + 1 >= rule.rounds || (rounds.fixed & (1 << round)) !== 0;
  return enough ? undefined : { ...rule, rounds: round + 1 };
}

/**
 * Symmetric scales from the clipping bound that is best for the mean squared error of a group (Sakr et al., ICML 2022,
 * arXiv 2206.06501, equation 6), by at most ten rounds of Newton's method.
 * @throws AeqError ALGORITHM_REFUSED under compat for asymmetric constants; elsewhere these follow their range.
 */
export function octavConstant(request: ConstantRequest): TensorParameters {
  return octavOf(request, request.constant, 'clipped for the least squared error');
}

/** A range that is known of a constant, in the type it was stored in. */
export interface KnownRange {
  readonly min: number;
  readonly max: number;
  readonly carrier: Carrier;
}

/** As the original does it where it was given a range for the constant: bounds are no larger than that. */
export function octavWithin(request: ConstantRequest, { min, max, carrier }: KnownRange): TensorParameters {
  const bound = Math.max(Math.abs(min), Math.abs(max), carrier === 'float32' ? LEAST_BOUND : 1e-9);
  const within = { bound, carrier };
  return octavOf(request, request.constant, 'clipped, within calibrated statistics of the constant', within);
}

/** The same for other values than the request's, of the same shape. */
export function octavOf(
  request: ConstantRequest,
  source: Constant,
  reason: string,
  within: { bound: number; carrier: Carrier } = { bound: Number.POSITIVE_INFINITY, carrier: 'float32' },
): TensorParameters {
  if (!request.config.symmetric || request.config.dtype === 'UINT') {
    if (request.asOriginal) throw asymmetric('OCTAV');
    return minMaxConstant(request);
  }
  const extent = scaleGroups(request);
  const rule = clipRule(request);
  const found = takeGroupNumbers(source, extent, rule);
  const earlier = earlierRule(rule, found);
  const { values } = earlier ? takeGroupNumbers(source, extent, earlier) : found;
  const least = request.asOriginal ? 0 : LEAST_BOUND;
  const scaleOf = (group: number) => {
    const bound = Math.min(Math.max(values[group] as number, least), within.bound);
    return scaleOfBound(bound, request.config.numBits, within.carrier);
  };
  return groupedParameters(request, source, scaleOf, reason, within.carrier);
}

/** An algorithm whose scales have no zero point was given a constant that wants one. */
export const asymmetric = (algorithm: string): AeqError =>
  new AeqError('RECIPE_UNSUPPORTED', `${algorithm} cannot store constants with a zero point`, {
    hint: 'use symmetric settings, or min_max_uniform_quantize',
  });
