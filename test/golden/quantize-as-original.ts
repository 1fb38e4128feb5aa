import type { Model } from '../../schema/model.ts';
import { readModel } from '../../schema/reader.ts';
import { modelBytes } from '../../schema/writer.ts';
import { planQuantization } from '../../src/plan/plan.ts';
import { recipeContext } from '../../src/recipe/context.ts';
import { readRecipe } from '../../src/recipe/read.ts';
import { createResolver } from '../../src/recipe/resolver.ts';
import { applyPlan } from '../../src/transform/apply.ts';
import { type OriginalCalibration, originalRanges } from './original-ranges.ts';

export interface QuantizeInput {
  readonly model: Model;
  /** The recipe document. */
  readonly recipe: unknown;
  readonly calibration?: OriginalCalibration;
  readonly carrier?: 'float32' | 'float64';
  readonly compat?: boolean;
}

/** Quantizes with the original's documents and reads the result back from the bytes of a file. */
export function quantizeWith({ model, recipe, calibration = {}, carrier, compat = false }: QuantizeInput): Model {
  const context = recipeContext({ compat });
  const resolver = createResolver(readRecipe(recipe, context), context);
  const ranges = originalRanges(model, calibration, carrier);
  const plan = planQuantization(model, resolver, ranges, compat ? { compat: 'aeq-0.10' } : {});
  return readModel(modelBytes(applyPlan(plan)));
}
