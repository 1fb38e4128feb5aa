import type { Model } from '../../schema/model.ts';
import { COMPAT_0_10, CORRECT } from '../plan/conduct.ts';
import { decisions } from '../plan/decisions.ts';
import { checkRules } from './check.ts';
import type { RecipeContext } from './context.ts';
import { createResolver } from './resolver.ts';
import type { QuantizationMode, Recipe, Resolution, Rule } from './types.ts';
import { RecipeUsage, type RuleUsage } from './usage.ts';

/** What a recipe makes of one operator, model input or model output. */
export interface ExplainedOperator {
  readonly subgraph: number;
  /** Position in the subgraph; negative for model inputs and outputs. */
  readonly operator: number;
  /** Recipe name, or the file format's for operators that recipes do not know. */
  readonly name: string;
  /** The text in which patterns are searched. */
  readonly scope: string;
  readonly mode: QuantizationMode;
  /** The deciding rule, or why the operator stays float. */
  readonly reason: string;
  /** Undefined where the recipe is not asked. */
  readonly resolution: Resolution | undefined;
}

export interface RecipeExplanation {
  /** In the order in which `Resolution.rule` counts them. */
  readonly rules: readonly Rule[];
  readonly operators: readonly ExplainedOperator[];
  readonly usage: readonly RuleUsage[];
  readonly warnings: readonly string[];
}

/**
 * Says for each operator of a model which rule decides it and why, as far as that needs no calibration (an operator may
 * still stay float for what its statistics show).
 * @throws AeqError as createResolver and checkRules
 */
export function explainRecipe(model: Model, recipe: Recipe, context: RecipeContext): RecipeExplanation {
  const resolver = createResolver(recipe, context);
  const warnings = checkRules(resolver.rules, context);
  const usage = new RecipeUsage(resolver.rules, context);
  const operators: ExplainedOperator[] = [];
  for (const { visit, decision } of decisions(model, resolver, context.compat ? COMPAT_0_10 : CORRECT)) {
    const { subgraph, operator, name, scope } = visit;
    const { task, reason, resolution } = decision;
    operators.push({ subgraph, operator, name, scope, mode: task?.mode ?? 'float', reason, resolution });
    usage.record(name, resolution, task === undefined ? reason : true);
  }
  return { rules: resolver.rules, operators, usage: usage.rules(), warnings: [...warnings, ...usage.warnings()] };
}
