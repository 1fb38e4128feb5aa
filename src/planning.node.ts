import { parseRangeRule, type RangeRule } from '../calibration/ranges/rule.ts';
import { AeqError } from '../schema/errors.ts';
import type { Model } from '../schema/model.ts';
import type { UnfinishedFile } from '../schema/write-file.node.ts';
import { type BufferPlacement, layoutModel } from '../schema/writer.ts';
import { type Calibration, requireCalibration } from './calibration-input.node.ts';
import { type Plan, planQuantization } from './plan/plan.ts';
import { weightsToMeasure } from './plan/weights.ts';
import { type PlannedRanges, plannedRanges } from './planned-ranges.node.ts';
import { needsCalibration, usesCalibration } from './recipe/calibration-need.ts';
import type { RecipeContext } from './recipe/context.ts';
import { createResolver } from './recipe/resolver.ts';
import type { Recipe, RecipeResolver } from './recipe/types.ts';
import { RecipeUsage } from './recipe/usage.ts';
import { measureWeights } from './streaming/measure-weights.node.ts';
import { type WrittenAhead, writeAhead } from './streaming/write-ahead.node.ts';
import { applyPlan } from './transform/apply.ts';

export interface QuantizeOptions {
  /** How ranges come out of the calibration: `auto` (default), `minmax`, `ema`, `percentile=99.99`, `mse`, `entropy`. */
  readonly range?: string | RangeRule | undefined;
  /**
   * Keep operators float where rounding would make them fail: divisors that can round to zero, roots and logarithms of
   * what can, with what that is computed from where its steps would swallow small values, comparisons on different grids, arithmetic on positions. Default true; never with `compat`.
   */
  readonly safety?: boolean | undefined;
  /** Weights inside the flatbuffer or behind it. Default `auto`. */
  readonly buffers?: BufferPlacement | undefined;
  /** Threads that look for the ranges of weights; default: one a core where the model is large. */
  readonly threads?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /**
   * The file that the result will be written to with `fill`: codes of large weights may be written to it while their
   * ranges are found, so that they are read once.
   */
  readonly into?: UnfinishedFile | undefined;
}

/** What is quantized, and by what. */
export interface PlanningTask {
  readonly model: Model;
  readonly recipe: Recipe;
  readonly context: RecipeContext;
  /** Of the model's file, in hexadecimal; asked for where a calibration has to be of this model. */
  readonly sha256: () => string;
}

/**
 * What quantizing would do: every operator and tensor with its reason.
 * @param forecast with stand-ins for scales of weights that are not read yet: see `PlanOptions`
 * @throws AeqError RECIPE_EMPTY, CALIBRATION_MISSING, CALIBRATION_MISMATCH, STATISTICS_MISSING ...
 */
export function planOf(
  task: PlanningTask,
  calibration: Calibration | undefined,
  options: QuantizeOptions,
  forecast = false,
): Plan {
  const { model, recipe, context } = task;
  if (recipe.rules.length === 0) {
    throw new AeqError('RECIPE_EMPTY', 'there are no rules to quantize by', {
      hint: "load a recipe that has some, such as 'dynamic_wi8_afp32'",
    });
  }
  const resolver = createResolver(recipe, context);
  const safety = options.safety ?? true;
  const { ranges, protection } = rangesOf(task, resolver, calibration, { ...options, safety });
  const plan = planQuantization(model, resolver, ranges, {
    ...(context.compat ? { compat: 'aeq-0.10' as const } : {}),
    safety,
    ...(protection && { protection }),
    forecast,
  });
  const usage = new RecipeUsage(resolver.rules, context);
  for (const { name, resolution, mode, reason } of plan.operators) {
    if (resolution) usage.record(name, resolution, mode === 'float' ? reason : true);
  }
  return { ...plan, warnings: [...plan.warnings, ...usage.warnings()] };
}

function rangesOf(
  { model, recipe, context, sha256 }: PlanningTask,
  resolver: RecipeResolver,
  calibration: Calibration | undefined,
  { range = context.compat ? 'ema' : 'auto', safety }: QuantizeOptions,
): PlannedRanges {
  const used = calibration ? usesCalibration(recipe, context) : needsCalibration(recipe, context);
  if (!used) return { ranges: { range: () => undefined } };
  if (!calibration) {
    const learns = recipe.rules.find(({ algorithm }) => context.algorithms.get(algorithm)?.needsCalibration);
    const who = learns ? `${learns.algorithm} needs statistics` : 'static quantization needs the ranges';
    throw new AeqError('CALIBRATION_MISSING', `${who} of the activations`, {
      hint: 'calibrate first (aeq calibrate), or give samples with --data',
    });
  }
  requireCalibration(calibration);
  const rule = typeof range === 'string' ? parseRangeRule(range) : range;
  const settings = { rule, compat: context.compat, safety: safety === true && !context.compat };
  return plannedRanges(calibration, model, resolver, sha256, settings);
}

/** Finds what planning will ask of large weights, and writes their codes where that can be done before there is a plan. */
export async function lookAhead(task: PlanningTask, options: QuantizeOptions): Promise<WrittenAhead | undefined> {
  const { model, recipe, context } = task;
  const weights = [...weightsToMeasure(model, createResolver(recipe, context), context.compat)];
  // Static parameters follow from each other: there the numbers of weights decide more.
  if (options.into && !usesCalibration(recipe, context)) {
    const forecast = () => {
      const plan = planOf(task, undefined, options, true);
      return layoutModel(applyPlan(plan), { buffers: options.buffers ?? 'auto' });
    };
    const ahead = await writeAhead(weights, forecast, options.into, options);
    if (ahead) return ahead;
  }
  await measureWeights(weights, options);
  return undefined;
}
