import type { ModelSource } from '../calibration/worker-protocol.ts';
import type { CalibrationDocument, ModelIdentity } from '../schema/documents/calibration.ts';
import type { Comparison } from '../schema/documents/comparison.ts';
import { AeqError } from '../schema/errors.ts';
import type { Model } from '../schema/model.ts';
import { readModel } from '../schema/reader.ts';
import type { CalibrateModelOptions, SampleSources } from './calibrate.node.ts';
import type { Calibration } from './calibration-input.node.ts';
import { comparedModel, type ModelInput, type OpenedModel, openSource } from './opened-model.node.ts';
import type { Plan } from './plan/plan.ts';
import { lookAhead, type PlanningTask, planOf, type QuantizeOptions } from './planning.node.ts';
import { QuantizationResult } from './quantization-result.node.ts';
import {
  dynamicRule,
  type StaticRuleOptions,
  staticRule,
  type WeightRuleOptions,
  weightOnlyRule,
} from './recipe/builders.ts';
import { needsCalibration, usesCalibration } from './recipe/calibration-need.ts';
import { checkRules } from './recipe/check.ts';
import { type RecipeContext, recipeContext } from './recipe/context.ts';
import { loadPolicy, loadRecipe, type RecipeSource } from './recipe/library.node.ts';
import { checkedRecipe, readRecipe } from './recipe/read.ts';
import { createResolver } from './recipe/resolver.ts';
import type { Recipe, Rule } from './recipe/types.ts';
import { recipeToJson } from './recipe/write.ts';
import { applyPlan } from './transform/apply.ts';
import type { ValidateModelsOptions } from './validation.node.ts';

export type { QuantizeOptions } from './planning.node.ts';

export interface QuantizerOptions {
  /** `aeq-0.10`: the parameters, bytes, names and graph of the Python original of that version, faults included. */
  readonly compat?: 'aeq-0.10' | undefined;
  /** A quantized form of the model that is there already: what `validate` compares until `quantize` has made another. */
  readonly previousQuantizedModel?: ModelInput | undefined;
}

/** One rule to add; without an algorithm it is `min_max_uniform_quantize`. `config` is a rule's `op_config` in JSON. */
export interface RecipeUpdate {
  readonly regex: string;
  readonly operation: string;
  readonly config?: unknown;
  readonly algorithm?: string;
}

/**
 * Quantizes one float model. The same sequence of calls as the Python class: open, load a recipe, calibrate where the
 * recipe needs it, quantize, export, validate. Nothing that is passed in is changed, and everything can be repeated. What
 * runs models is loaded when a model is run.
 */
export class Quantizer {
  readonly model: Model;
  /** What the model is called in messages. */
  readonly file: string;
  readonly #source: () => ModelSource;
  readonly #sizeBytes: number;
  readonly #identity: () => ModelIdentity;
  readonly #close: () => void;
  readonly #compat: boolean;
  readonly #previous: OpenedModel | undefined;
  #context: RecipeContext;
  #recipe: Recipe = { rules: [] };
  #result: QuantizationResult | undefined;

  private constructor(opened: OpenedModel, options: QuantizerOptions) {
    this.model = opened.model;
    this.file = opened.file;
    this.#source = opened.source;
    this.#sizeBytes = opened.sizeBytes;
    this.#identity = opened.identity;
    const { compat, previousQuantizedModel: previous } = options;
    this.#previous = previous === undefined ? undefined : openSource(previous);
    this.#close = () => {
      opened.close();
      this.#previous?.close();
    };
    this.#compat = compat !== undefined;
    this.#context = recipeContext({ compat: this.#compat });
  }

  /**
   * Opens a `.tflite` model by path, file URL, bytes or a source of bytes (a section of a container). Weights are read
   * when they are needed.
   * @throws AeqError FILE_NOT_FOUND, MODEL_NOT_TFLITE, MODEL_TRUNCATED, MODEL_INVALID.
   */
  static async open(model: ModelInput, options: QuantizerOptions = {}): Promise<Quantizer> {
    return new Quantizer(openSource(model), options);
  }

  /** Closes the model's file. Results that are not exported yet cannot be afterwards. */
  close(): void {
    this.#close();
  }

  /** Hash, size and name of the model, as a calibration records them. */
  get identity(): ModelIdentity {
    return this.#identity();
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get recipeContext(): RecipeContext {
    return this.#context;
  }

  /** The rules in force. */
  get recipe(): Recipe {
    return this.#recipe;
  }

  /**
   * Replaces the recipe: name of a built-in one, path, JSON, or a recipe made by `recipes`. Returns warnings.
   * @throws AeqError RECIPE_NOT_FOUND, RECIPE_INVALID naming the field, RECIPE_UNKNOWN_OPERATION.
   */
  loadQuantizationRecipe(source: RecipeSource): string[] {
    const recipe = loadRecipe(source, this.#context);
    const warnings = checkRules(recipe.rules, this.#context);
    this.#recipe = recipe;
    return warnings;
  }

  /** The recipe as the JSON that it can be loaded from. */
  getQuantizationRecipe(): unknown {
    return recipeToJson(this.#recipe);
  }

  /**
   * Adds a rule after the others, so that it overrides them. Returns warnings.
   * @throws AeqError RECIPE_INVALID, RECIPE_UNKNOWN_OPERATION; RECIPE_UNSUPPORTED for a named operation that cannot have
   *   the settings. Fields count in the whole recipe: the rule is `rules[n]` of n rules before.
   */
  updateQuantizationRecipe({
    regex,
    operation,
    config,
    algorithm = 'min_max_uniform_quantize',
  }: RecipeUpdate): string[] {
    const json = { regex, operation, algorithm_key: algorithm, ...(config === undefined ? {} : { op_config: config }) };
    const { rules } = readRecipe([...recipeToJson(this.#recipe), json], this.#context);
    return this.#add(...rules.slice(-1));
  }

  /** Adds a rule: weights become integers, activations stay float. Returns warnings. @throws as updateQuantizationRecipe */
  addDynamicConfig(options: WeightRuleOptions): string[] {
    return this.#add(dynamicRule(options));
  }

  /**
   * Adds a rule: weights are stored as integers and dequantized for float kernels. Returns warnings.
   * @throws as updateQuantizationRecipe
   */
  addWeightOnlyConfig(options: WeightRuleOptions): string[] {
    return this.#add(weightOnlyRule(options));
  }

  /** Adds a rule: weights and activations become integers. Returns warnings. @throws as updateQuantizationRecipe */
  addStaticConfig(options: StaticRuleOptions): string[] {
    return this.#add(staticRule(options));
  }

  /** Replaces the policy, which says what configurations each operator may have, for this quantizer. */
  loadConfigPolicy(file: string | URL): void {
    this.#context = recipeContext({ compat: this.#compat, policy: loadPolicy(file) });
  }

  /** Whether `quantize` needs the ranges of activations. */
  get needCalibration(): boolean {
    return needsCalibration(this.#recipe, this.#context);
  }

  /** Whether a calibration makes a difference to `quantize`: with `compat`, OSCAR can do without, but not as well. */
  get usesCalibration(): boolean {
    return usesCalibration(this.#recipe, this.#context);
  }

  /**
   * Runs the model on samples and records what was seen of every activation that the recipe quantizes; of all of them
   * where the recipe quantizes none. Samples are an (async) iterable of `{ inputName: values }`, read once, or one per
   * signature key.
   * @throws AeqError CALIBRATION_EMPTY, CALIBRATION_NAN, FEED_INVALID naming sample and input.
   */
  async calibrate(samples: SampleSources, options: CalibrateModelOptions = {}): Promise<CalibrationDocument> {
    const { document } = await this.calibrateWithReport(samples, options);
    return document;
  }

  /** As `calibrate`, with the tensors that could not be had. */
  async calibrateWithReport(samples: SampleSources, options: CalibrateModelOptions = {}) {
    const { calibrateModel } = await import('./calibrate.node.ts');
    const recipe = this.usesCalibration ? this.#recipe : undefined;
    const resolver = recipe && createResolver(recipe, this.#context);
    const opened = { model: this.model, source: this.#source(), identity: this.#identity() };
    return calibrateModel(opened, resolver, samples, options);
  }

  /**
   * What quantizing would do: every operator and tensor with its reason, nothing written.
   * @throws AeqError RECIPE_EMPTY, CALIBRATION_MISSING, CALIBRATION_MISMATCH, STATISTICS_MISSING ...
   */
  plan(calibration?: Calibration, options: QuantizeOptions = {}): Plan {
    return planOf(this.#task(), calibration, options);
  }

  /**
   * Makes the quantized model. Weights are read and quantized when the result is exported.
   * @throws AeqError as `plan`.
   */
  async quantize(calibration?: Calibration, options: QuantizeOptions = {}): Promise<QuantizationResult> {
    const ahead = calibration || !this.needCalibration ? await lookAhead(this.#task(), options) : undefined;
    const plan = this.plan(calibration, options);
    this.#result = new QuantizationResult(plan, applyPlan(plan), this.#recipe, options.buffers ?? 'auto', ahead);
    return this.#result;
  }

  /**
   * Runs the float model and the one that `quantize` made, or the previous one, on samples and measures how far they are
   * apart.
   * @throws AeqError USAGE when there is neither, FEED_INVALID, RUNTIME_FAILED.
   */
  async validate(samples: SampleSources, options: ValidateModelsOptions = {}): Promise<Comparison> {
    const result = this.#result;
    const other = result ? madeHere(result) : this.#previous && comparedModel(this.#previous);
    if (!other) throw new AeqError('USAGE', 'there is no quantized model to validate', { hint: 'call quantize first' });
    const [{ validateAgainst }, { withPlanReasons }, { planDocument }] = await Promise.all([
      import('./validation.node.ts'),
      import('./validate/plan-reasons.ts'),
      import('./plan/plan-document.ts'),
    ]);
    const float = { file: this.file, model: this.model, sizeBytes: this.#sizeBytes, source: this.#source() };
    const comparison = await validateAgainst(float, other, samples, options);
    return result ? withPlanReasons(comparison, planDocument(result.plan)) : comparison;
  }

  #task(): PlanningTask {
    return {
      model: this.model,
      recipe: this.#recipe,
      context: this.#context,
      sha256: () => this.#identity().sha256,
    };
  }

  #add(...added: Rule[]): string[] {
    const { rules } = this.#recipe;
    const recipe = checkedRecipe({ ...this.#recipe, rules: [...rules, ...added] }, this.#context);
    const warnings = checkRules(recipe.rules, this.#context, rules.length);
    this.#recipe = recipe;
    return warnings;
  }
}

function madeHere(result: QuantizationResult) {
  const bytes = result.quantizedModel;
  return { file: 'quantized', model: readModel(bytes), sizeBytes: result.sizeBytes, source: { bytes } };
}
