import { AeqError } from '../../schema/errors.ts';
import type { OperatorSpec } from '../ops/index.ts';
import type { RecipeContext } from './context.ts';
import { describeConfig, matchesPattern, type Policy } from './policy.ts';
import { type AlgorithmKey, type AlgorithmSupport, blockSize, type OpConfig, type Rule } from './types.ts';

/** Stands for every operation in a rule. */
export const ANY_OPERATION = '*';

/** `rule 3`, counted from 1, with what it is about, for messages. */
export function ruleTitle(rule: Rule, index: number): string {
  return `rule ${index + 1} (${rule.operation} in /${rule.regex}/)`;
}

function policyProblem(spec: OperatorSpec, config: OpConfig, policy: Policy): string | undefined {
  const names = policy.operations.get(spec.name);
  if (names === undefined) return `${policy.name} does not allow ${spec.name} at all`;
  const weighted = spec.weighted !== undefined;
  const matches = names.some((name) => {
    const pattern = policy.configs.get(name);
    return pattern !== undefined && matchesPattern(pattern, config, weighted);
  });
  return matches ? undefined : `${spec.name} cannot be ${describeConfig(config)}; it can be ${names.join(', ')}`;
}

function blockProblem(spec: OperatorSpec, config: OpConfig): string | undefined {
  if (config.weight === undefined || blockSize(config.weight.granularity) === undefined) return undefined;
  if (spec.weighted?.blockAxis === undefined) return `${spec.name} cannot have one scale per block`;
  if (config.activation !== undefined) return 'one scale per block needs float activations';
  return config.weight.symmetric ? undefined : 'one scale per block needs symmetric weights';
}

function uniformProblem(spec: OperatorSpec, config: OpConfig, policy: Policy): string | undefined {
  if (spec.weighted !== undefined) {
    if (config.weight === undefined) return `${spec.name} needs weight settings`;
    if (config.weight.dtype !== 'INT') return `weights of ${spec.name} need dtype INT`;
  }
  if (config.minWeightElements < 0) return 'min_weight_elements is negative';
  return policyProblem(spec, config, policy) ?? blockProblem(spec, config);
}

function float16Problem(config: OpConfig): string | undefined {
  if (config.computePrecision !== 'FLOAT') return 'float_casting needs compute_precision FLOAT';
  if (config.activation !== undefined) return 'float_casting leaves activations float: no activation settings';
  const fits = config.weight?.numBits === 16 && config.weight.dtype === 'FLOAT';
  return fits ? undefined : 'float_casting needs weights with num_bits 16 and dtype FLOAT';
}

/** The implementation of an algorithm. @throws AeqError RECIPE_UNSUPPORTED_ALGORITHM if there is none. */
export function requireAlgorithm(context: RecipeContext, rule: Rule, index: number): AlgorithmSupport | undefined {
  if (rule.algorithm === 'no_quantize') return undefined;
  const support = context.algorithms.get(rule.algorithm);
  if (support !== undefined) return support;
  throw new AeqError('RECIPE_UNSUPPORTED_ALGORITHM', `the algorithm ${rule.algorithm} is not implemented`, {
    where: { field: `rules[${index}].algorithm_key` },
    hint: `${ruleTitle(rule, index)} asks for it. Implemented: ${[...context.algorithms.keys()].join(', ')}`,
  });
}

/**
 * Why an operator cannot have a config under an algorithm, or undefined if it can: the checks of the original in their
 * order, in the variant of its published package (weight settings do not count for operators without weights).
 */
export function configProblem(
  context: RecipeContext,
  algorithm: AlgorithmKey,
  operation: string,
  config: OpConfig,
): string | undefined {
  if (algorithm === 'no_quantize' || config.skipChecks) return undefined;
  const spec = context.operators.get(operation);
  if (spec === undefined) return `${operation} has no quantized form`;
  const support = context.algorithms.get(algorithm);
  if (support === undefined) return `the algorithm ${algorithm} is not implemented`;
  if (support.operations !== 'all' && !support.operations.includes(operation)) {
    return `${algorithm} does not treat ${operation}`;
  }
  const problem =
    support.check === 'float_casting'
      ? float16Problem(config)
      : uniformProblem(spec, config, context.policyOf(algorithm));
  // The original finds out when it gets there, and fails.
  return problem ?? (context.compat ? undefined : support.refuse?.(operation, config));
}

/** Whether a rule for all operations is for none: no operator can have its config. Loading the recipe warns of it. */
export function nobodyFollows({ operation, algorithm, config }: Rule, context: RecipeContext): boolean {
  if (operation !== ANY_OPERATION || algorithm === 'no_quantize') return false;
  return [...context.operators.keys()].every((name) => configProblem(context, algorithm, name, config) !== undefined);
}

/**
 * Checks the rules of a recipe as far as that needs no model. Returns warnings: rules for all operations that no
 * operator can follow. Rules before `first` are only counted.
 * @throws AeqError RECIPE_UNSUPPORTED for a rule that names an operation which cannot have its config;
 *   RECIPE_UNSUPPORTED_ALGORITHM
 */
export function checkRules(rules: readonly Rule[], context: RecipeContext, first = 0): string[] {
  const warnings: string[] = [];
  for (const [index, rule] of rules.entries()) {
    if (index < first) continue;
    requireAlgorithm(context, rule, index);
    if (nobodyFollows(rule, context)) {
      warnings.push(`${ruleTitle(rule, index)} has no effect: no operator can be ${describeConfig(rule.config)}`);
    }
    if (rule.algorithm === 'no_quantize' || rule.operation === ANY_OPERATION) continue;
    const problem = configProblem(context, rule.algorithm, rule.operation, rule.config);
    if (problem === undefined) continue;
    throw new AeqError('RECIPE_UNSUPPORTED', `${ruleTitle(rule, index)} cannot be followed: ${problem}.`, {
      where: { field: `rules[${index}].op_config` },
      hint: 'change the settings, or leave the operation float with the algorithm no_quantize',
    });
  }
  return warnings;
}
