import { algorithmSupport } from '../algorithms/registry.ts';
import { type OperatorSpec, operatorSpecs } from '../ops/index.ts';
import { defaultPolicy, type Policy } from './policy.ts';
import type { AlgorithmKey, AlgorithmSupport } from './types.ts';

/** What recipes are read and resolved against: operators, algorithms and the policy, as values. */
export interface RecipeContext {
  /** Behave as the original 0.10.0 does, where that differs. */
  readonly compat: boolean;
  /** Operators that can be quantized, by recipe name; `INPUT` and `OUTPUT` included. */
  readonly operators: ReadonlyMap<string, OperatorSpec>;
  readonly algorithms: ReadonlyMap<AlgorithmKey, AlgorithmSupport>;
  /** What holds for an algorithm: a custom policy replaces that of `min_max_uniform_quantize` only. */
  readonly policyOf: (algorithm: AlgorithmKey) => Policy;
}

export interface RecipeContextOptions {
  readonly compat?: boolean;
  /** A policy of the user's own, for this context only. */
  readonly policy?: Policy;
  readonly specs?: Iterable<OperatorSpec>;
  readonly algorithms?: Iterable<AlgorithmSupport>;
}

/** The context of one quantizer. */
export function recipeContext(options: RecipeContextOptions = {}): RecipeContext {
  const { compat = false, policy, specs = operatorSpecs, algorithms = algorithmSupport } = options;
  const base = defaultPolicy(specs, compat);
  const known = [...specs].filter(({ name }) => base.operations.has(name));
  return {
    compat,
    operators: new Map(known.map((spec) => [spec.name, spec])),
    algorithms: new Map([...algorithms].map((support) => [support.key, support])),
    policyOf: (algorithm) => (policy !== undefined && algorithm === 'min_max_uniform_quantize' ? policy : base),
  };
}
