import { AeqError } from '../../schema/errors.ts';
import { blockSize, type OpConfig } from '../recipe/types.ts';
import { takeGroupNumbers } from './group-numbers.ts';
import { groupedParameters } from './grouped.ts';
import { minMaxConstant } from './min-max.ts';
import { asymmetric } from './octav.ts';
import type { TensorParameters } from './parameters.ts';
import { type ConstantRequest, scaleGroups } from './request.ts';

const { fround } = Math;

/** Steps per root mean square, by bits: near the optimum of Laplacian (8 bits) and Gaussian (4 bits) weights. */
const STEPS: Readonly<Record<number, number>> = { 8: fround(0.05408), 4: fround(0.37755) };
/** As small as min/max makes scales. */
const LEAST_SCALE = fround(1e-9);

/** Why the settings are not for MSE, or undefined. */
export function mseProblem({ weight }: Pick<OpConfig, 'weight'>): string | undefined {
  if (!weight) return undefined;
  if (blockSize(weight.granularity) !== undefined) return 'MSE has no scales per block';
  if (!weight.symmetric) return 'MSE has no zero points';
  return STEPS[weight.numBits] === undefined ? `MSE is for 8 and 4 bits, not for ${weight.numBits}` : undefined;
}

/**
 * Symmetric scales proportional to the root mean square of a group.
 * @throws AeqError RECIPE_UNSUPPORTED under compat for settings it has no numbers for.
 */
export function mseConstant(request: ConstantRequest): TensorParameters {
  const { config, constant, asOriginal } = request;
  if (!config.symmetric) {
    if (asOriginal) throw asymmetric('MSE');
    return minMaxConstant(request);
  }
  const problem = mseProblem({ weight: config });
  if (problem !== undefined) throw new AeqError('RECIPE_UNSUPPORTED', problem, { hint: 'use OCTAV instead' });
  const steps = STEPS[config.numBits] as number;
  const { values } = takeGroupNumbers(constant, scaleGroups(request), { kind: 'mean-square' });
  const least = asOriginal ? 0 : fround(LEAST_SCALE / (2 ** (config.numBits - 1) - 1));
  const scaleOf = (group: number) => Math.max(fround(steps * fround(Math.sqrt(values[group] as number))), least);
  return groupedParameters(request, constant, scaleOf, 'root mean square times a constant');
}
