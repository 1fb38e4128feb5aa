import * as z from 'zod';
import { AeqError } from '../errors.ts';
import { type DocumentDescription, parseDocument } from './parse.ts';
import { COMPUTE_PRECISIONS, GRANULARITIES, TENSOR_DTYPES } from './recipe-terms.ts';

/** A policy file: configurations by name, and the operations that each is allowed for. Made when there is one to read. */
function policySchema() {
  const tensorPattern = z.strictObject({
    num_bits: z.int().min(1).max(32),
    symmetric: z.array(z.boolean()).min(1).default([true]),
    granularity: z.array(z.enum(GRANULARITIES)).min(1).default(['TENSORWISE']),
    dtype: z.enum(TENSOR_DTYPES).default('INT'),
  });
  const configPattern = z.strictObject({
    activation_tensor_config: tensorPattern.optional(),
    weight_tensor_config: tensorPattern,
    explicit_dequantize: z.boolean(),
    compute_precision: z.enum(COMPUTE_PRECISIONS),
  });
  return z
    .strictObject({
      configs: z.record(z.string(), configPattern),
      ops_per_config: z.record(z.string(), z.array(z.string())),
    })
    .meta({
      title: 'aeq policy',
      description: 'Which configurations each operator may have. symmetric and granularity list the accepted values.',
    });
}

export type PolicyDocument = z.output<ReturnType<typeof policySchema>>;
export type ConfigPatternDocument = PolicyDocument['configs'][string];

/**
 * Checks the JSON of a policy.
 * @throws AeqError POLICY_INVALID naming the field; also for operations of a configuration that is not described
 */
export function parsePolicyDocument(value: unknown, origin: Omit<DocumentDescription, 'code'> = {}): PolicyDocument {
  const document = parseDocument(policySchema(), value, { what: 'the policy', ...origin, code: 'POLICY_INVALID' });
  for (const name of Object.keys(document.ops_per_config)) {
    if (Object.hasOwn(document.configs, name)) continue;
    throw new AeqError('POLICY_INVALID', `${origin.file ?? 'the policy'} does not describe the configuration ${name}`, {
      where: { ...(origin.file === undefined ? {} : { file: origin.file }), field: `ops_per_config.${name}` },
      hint: `describe it under "configs"; described are ${Object.keys(document.configs).join(', ')}`,
    });
  }
  return document;
}
