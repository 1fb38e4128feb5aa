import type { RecipeContext } from './context.ts';
import { originalOrder } from './original-order.ts';
import { quantizationMode, type Recipe, type Rule } from './types.ts';

function ruleNeeds(rule: Rule, context: Pick<RecipeContext, 'algorithms' | 'compat'>): boolean {
  // The original looks at the settings of a rule even where its algorithm keeps operators float.
  if (rule.algorithm === 'no_quantize' && !context.compat) return false;
  if (quantizationMode(rule.config) === 'static') return true;
  const support = context.algorithms.get(rule.algorithm);
  return support?.needsCalibration === true && !(context.compat && support.guessesUnderCompat);
}

/** Whether a model cannot be quantized by this recipe without statistics of its activations. */
export function needsCalibration(recipe: Recipe, context: Pick<RecipeContext, 'algorithms' | 'compat'>): boolean {
  const rules = context.compat ? originalOrder(recipe.rules) : recipe.rules;
  return rules.some((rule) => ruleNeeds(rule, context));
}

/** Whether statistics of activations make a difference: under compat that may be so without a need for them. */
export function usesCalibration(recipe: Recipe, context: Pick<RecipeContext, 'algorithms' | 'compat'>): boolean {
  const learns = ({ algorithm }: Rule) => context.algorithms.get(algorithm)?.needsCalibration === true;
  return needsCalibration(recipe, context) || recipe.rules.some(learns);
}
