import type { OpConfig } from '../recipe/types.ts';
import { fittedCodes } from './fitted-codes.ts';
import { originalCodes } from './gptq-original.ts';
import { minMaxConstant } from './min-max.ts';
import type { CodeParameters, TensorParameters } from './parameters.ts';
import { type ConstantRequest, required } from './request.ts';
import { rowsConstant } from './rows.ts';

/** Why the settings are not for GPTQ, or undefined. */
export function gptqProblem({ weight }: Pick<OpConfig, 'weight'>): string | undefined {
  return weight && weight.numBits > 8 ? `GPTQ is for 8 bits and fewer, not for ${weight.numBits}` : undefined;
}

/**
 * Scales as min/max, and codes that make up for each other's rounding, as far as the operator's inputs are alike (see
 * `fittedCodes`).
 * @throws AeqError STATISTICS_MISSING without products of the inputs.
 */
export function gptqConstant(request: ConstantRequest): TensorParameters {
  const products = required(request, request.products);
  const parameters = minMaxConstant(request);
  const find = request.asOriginal ? originalCodes : fittedCodes;
  const codesWith = (numbers: CodeParameters) => rowsConstant(request, numbers.bits, find(request, products, numbers));
  const reason = `${parameters.reason}, codes fitted to ${products.rows} rows of its input`;
  return { ...parameters, data: codesWith(parameters), codesWith, reason };
}
