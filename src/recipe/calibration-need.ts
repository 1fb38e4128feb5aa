import type { RecipeContext } from './context.ts';
import { originalOrder } from './original-order.ts';
import { quantizationMode, type Recipe, type Rule } from './types.ts';

function ruleNeeds(rule: Rule, context: Pick<RecipeContext, 'algorithms' | 'compat'>): boolean {
  // The original looks at the settings of a rule even where its algorithm keeps operators float.
  if (rule.algorithm === 'no_quantize' && !context.compat) return false;
  if (quantizationMode(rule.config) === 'static') return true;
  return context.algorithms.get(rule.algorithm)?.needsCalibration === true;
}

/** Whether a model cannot be quantized by this recipe without statistics of its activations. */
export function needsCalibration(recipe: Recipe, context: Pick<RecipeContext, 'algorithms' | 'compat'>): boolean {
  const rules = context.compat ? originalOrder(recipe.rules) : recipe.rules;
  return rules.some((rule) => ruleNeeds(rule, context));
}
