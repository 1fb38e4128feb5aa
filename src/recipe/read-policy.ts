import type { DocumentDescription } from '../../schema/documents/parse.ts';
import { type ConfigPatternDocument, parsePolicyDocument } from '../../schema/documents/policy.ts';
import { AeqError } from '../../schema/errors.ts';
import { suggestion } from '../../schema/nearest.ts';
import { type OperatorSpec, operatorSpecs } from '../ops/index.ts';
import type { ConfigPattern, Policy, TensorPattern } from './policy.ts';

type PatternDocument = ConfigPatternDocument['weight_tensor_config'];

/** The original knows this name but no operator that it could stand for. */
const NAME_WITHOUT_OPERATOR = 'CUSTOM_OP';

const tensorPatternOf = ({ num_bits: numBits, symmetric, granularity, dtype }: PatternDocument): TensorPattern => ({
  numBits,
  symmetric,
  granularity,
  dtype,
});

function configPatternOf(document: ConfigPatternDocument): ConfigPattern {
  const activation = document.activation_tensor_config;
  return {
    ...(activation === undefined ? {} : { activation: tensorPatternOf(activation) }),
    weight: tensorPatternOf(document.weight_tensor_config),
    computePrecision: document.compute_precision,
    explicitDequantize: document.explicit_dequantize,
  };
}

/**
 * Reads the JSON of a policy: which configurations each operator may have. It replaces the default policy of
 * `min_max_uniform_quantize` wholly, for the context it is given to and no other.
 * @throws AeqError POLICY_INVALID, also for an operation that is no operator
 */
export function readPolicy(
  value: unknown,
  origin: Omit<DocumentDescription, 'code'> = {},
  specs: Iterable<OperatorSpec> = operatorSpecs,
): Policy {
  const document = parsePolicyDocument(value, origin);
  const known = new Set([...[...specs].map(({ name }) => name), NAME_WITHOUT_OPERATOR]);
  const operations = new Map<string, string[]>();
  for (const [config, names] of Object.entries(document.ops_per_config)) {
    for (const [index, name] of names.entries()) {
      if (!known.has(name)) {
        const field = `ops_per_config.${config}[${index}]`;
        throw new AeqError('POLICY_INVALID', `${origin.file ?? 'the policy'}: ${field} is "${name}", no operator`, {
          where: { ...(origin.file === undefined ? {} : { file: origin.file }), field },
          hint: suggestion(name, known) ?? 'operators are named as in recipes',
        });
      }
      operations.set(name, [...(operations.get(name) ?? []), config]);
    }
  }
  const configs = new Map(Object.entries(document.configs).map(([name, entry]) => [name, configPatternOf(entry)]));
  return { name: `the policy ${origin.file ?? 'given'}`, configs, operations };
}
