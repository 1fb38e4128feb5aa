import { AeqError } from '../../schema/errors.ts';
import { blockSize, type OpConfig } from '../recipe/types.ts';
import { clipRange, codeRange, quantizeDouble } from './arithmetic.ts';
import { groupedParameters, scaleOfBound } from './grouped.ts';
import { channelFactors, clipBound, floorPositive } from './oscar-scales.ts';
import type { TensorParameters } from './parameters.ts';
import { type ConstantRequest, required, scaleGroups } from './request.ts';
import { groupOf, type RowCodes, readRows, rowLength, rowsConstant } from './rows.ts';

const LEAST_BOUND = 1e-9;

/** Why the settings are not for OSCAR, or undefined. */
export function oscarProblem({ weight, activation }: Pick<OpConfig, 'weight' | 'activation'>): string | undefined {
  if (activation) return 'OSCAR leaves activations float';
  if (weight && !weight.symmetric) return 'OSCAR has no zero points';
  return weight && weight.numBits > 8 ? `OSCAR is for 8 bits and fewer, not for ${weight.numBits}` : undefined;
}

/**
 * Weights whose columns are multiplied by factors, by which the operator's inputs are divided (`multiplier`), so that
 * rounding does least to the results, and scales that clip for the least squared error of the results. Under compat,
 * where nothing is known of the inputs, all count the same.
 * @throws AeqError STATISTICS_MISSING without mean squares of the inputs; RECIPE_UNSUPPORTED for zero points.
 */
export function oscarConstant(request: ConstantRequest): TensorParameters {
  const { config, constant, asOriginal } = request;
  requireSettings(request);
  const means = asOriginal ? request.meanSquares : required(request, request.meanSquares);
  const length = rowLength(request);
  const values = readRows(request, 0, constant.sizeBytes / 4 / length);
  const { channels, inner } = scaleGroups(request);
  const weight = { values, length, group: blockSize(config.granularity) ?? length };
  const factors = (means && channelFactors(weight, means)) ?? new Float64Array(length).fill(1);
  const squares = means
    ? floorPositive(means.map((mean, c) => mean / (factors[c] as number) ** 2))
    : new Float64Array(length).fill(1);
  const size = channels === 1 ? values.length : inner;
  const [magnitudes, weights] = [new Float64Array(size), new Float64Array(size)];
  const greatest = codeRange(config.numBits).greatest;
  const carrier = asOriginal ? 'float64' : 'float32';
  const scaleOf = (group: number): number => {
    for (let i = 0; i < size; i += 1) {
      const at = group * size + i;
      magnitudes[i] = Math.abs((values[at] as number) * (factors[at % length] as number));
      weights[i] = squares[at % length] as number;
    }
    return scaleOfBound(Math.max(clipBound(magnitudes, weights, greatest), LEAST_BOUND), config.numBits, carrier);
  };
  const parameters = groupedParameters(
    request,
    constant,
    scaleOf,
    'scaled by the inputs, clipped for results',
    carrier,
  );
  const scaled = factors.some((factor) => factor !== 1);
  return {
    ...parameters,
    data: rowsConstant(request, config.numBits, scaledCodes(request, parameters, factors)),
    ...((scaled || asOriginal) && { multiplier: Float32Array.from(factors, (factor) => 1 / factor) }),
  };
}

function requireSettings({ config }: ConstantRequest): void {
  const problem = oscarProblem({ weight: config });
  if (problem !== undefined) throw new AeqError('RECIPE_UNSUPPORTED', problem, { hint: 'use OCTAV instead' });
}

function scaledCodes(request: ConstantRequest, { scales }: TensorParameters, factors: Float64Array): RowCodes {
  const length = factors.length;
  const group = groupOf(request);
  const { least, greatest } = clipRange(request.config.numBits, true);
  return (first, last) =>
    Int8Array.from(readRows(request, first, last), (value, i) => {
      const scale = scales[group(first * length + i)] as number;
      return quantizeDouble(value * (factors[i % length] as number), scale, 0, least, greatest);
    });
}
