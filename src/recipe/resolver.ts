import { ANY_OPERATION, configProblem, requireAlgorithm, ruleTitle } from './check.ts';
import type { RecipeContext } from './context.ts';
import { originalOrder } from './original-order.ts';
import { describeConfig } from './policy.ts';
import { compilePythonRegex } from './python-regex.ts';
import { type BoundaryOperation, scopeOf } from './scope.ts';
import type { Recipe, RecipeResolver, Refusal, Resolution, Rule } from './types.ts';

type Rejection = Resolution['rejected'][number];

/** Finds the deciding rule of an operator. Keeps compiled patterns and the answers of the policy. */
class Resolver implements RecipeResolver {
  readonly rules: readonly Rule[];
  readonly #context: RecipeContext;
  readonly #patterns: readonly RegExp[];
  /** By operation, per rule: why the rule cannot be followed, null if it can. */
  readonly #problems = new Map<string, (string | null)[]>();

  constructor(recipe: Recipe, context: RecipeContext) {
    this.#context = context;
    this.rules = context.compat ? originalOrder(recipe.rules) : recipe.rules;
    const compiled = new Map<string, RegExp>();
    this.#patterns = this.rules.map((rule, index) => {
      requireAlgorithm(context, rule, index);
      const known = compiled.get(rule.regex);
      const pattern = known ?? compilePythonRegex(rule.regex, { field: `rules[${index}].regex` });
      compiled.set(rule.regex, pattern);
      return pattern;
    });
  }

  resolve(operation: string, scope: string, refuse?: Refusal): Resolution {
    return this.#decide(operation, (pattern) => pattern.test(scope), refuse);
  }

  resolveBoundary(operation: BoundaryOperation, names: readonly string[]): readonly Resolution[] {
    const all = scopeOf(names);
    if (this.#context.compat) {
      const decision = this.resolve(operation, all);
      return names.map(() => decision);
    }
    const scopes = names.map((name) => scopeOf([name]));
    return scopes.map((scope) =>
      this.#decide(operation, (pattern) => {
        if (pattern.test(scope)) return true;
        return !scopes.some((other) => pattern.test(other)) && pattern.test(all);
      }),
    );
  }

  #decide(operation: string, found: (pattern: RegExp) => boolean, refuse?: Refusal): Resolution {
    if (!this.#context.operators.has(operation)) {
      return this.#undecided([], `${operation} has no quantized form`);
    }
    const rejected: Rejection[] = [];
    const applicable: number[] = [];
    for (const [index, rule] of this.rules.entries()) {
      const pattern = this.#patterns[index];
      if (rule.operation !== ANY_OPERATION && rule.operation !== operation) continue;
      if (pattern === undefined || !found(pattern)) continue;
      const reason = this.#problem(index, rule, operation, refuse);
      if (reason === undefined) applicable.push(index);
      else rejected.push({ rule: index, reason });
    }
    const deciding = applicable.pop();
    const rule = deciding === undefined ? undefined : this.rules[deciding];
    if (deciding === undefined || rule === undefined) {
      const last = rejected.at(-1);
      return this.#undecided(rejected, last === undefined ? 'no rule matches' : this.#rejection(last));
    }
    const float = rule.algorithm === 'no_quantize';
    const title = ruleTitle(rule, deciding);
    return {
      algorithm: rule.algorithm,
      config: float ? undefined : rule.config,
      rule: deciding,
      reason: float ? `${title} keeps it float` : `${title}: ${describeConfig(rule.config)}`,
      rejected,
      overridden: applicable,
    };
  }

  #problem(index: number, rule: Rule, operation: string, refuse: Refusal | undefined): string | undefined {
    const known = this.#problems.get(operation) ?? [];
    this.#problems.set(operation, known);
    let problem = known[index];
    if (problem === undefined) {
      problem = configProblem(this.#context, rule.algorithm, operation, rule.config) ?? null;
      known[index] = problem;
    }
    if (problem !== null) return problem;
    return rule.algorithm === 'no_quantize' ? undefined : refuse?.(rule.algorithm, rule.config);
  }

  #rejection({ rule: index, reason }: Rejection): string {
    const rule = this.rules[index];
    return rule === undefined ? reason : `${ruleTitle(rule, index)} cannot be followed: ${reason}`;
  }

  #undecided(rejected: readonly Rejection[], reason: string): Resolution {
    return { algorithm: 'no_quantize', config: undefined, reason, rejected, overridden: [] };
  }
}

/**
 * Makes the function from operators to decisions that a recipe is. The last rule that matches name and scope and can
 * be followed decides; one that cannot be followed leaves the earlier one in force and is reported.
 * @throws AeqError RECIPE_INVALID, RECIPE_UNSUPPORTED for a pattern that cannot be used; RECIPE_UNSUPPORTED_ALGORITHM
 */
export function createResolver(recipe: Recipe, context: RecipeContext): RecipeResolver {
  return new Resolver(recipe, context);
}
