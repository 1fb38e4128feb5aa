/** The library: everything a program needs to calibrate, quantize and validate. */

export type { RangeRule } from '../calibration/ranges/rule.ts';
export type { CalibrationDocument } from '../schema/documents/calibration.ts';
export { readCalibration } from '../schema/documents/calibration-read.ts';
export { writeCalibration } from '../schema/documents/calibration-write.ts';
export { type Comparison, comparisonJson } from '../schema/documents/comparison.ts';
export { AeqError, type ErrorCode, type ErrorKind, type ErrorWhere } from '../schema/errors.ts';
export type { CalibrateModelOptions } from './calibrate.node.ts';
export { type Calibration, readCalibrationFile } from './calibration-input.node.ts';
export {
  type ComponentReport,
  type ExplainedComponent,
  explainContainer,
  type QuantizeContainerOptions,
  quantizeContainer,
} from './container.node.ts';
export { inspectModel, type ModelSummary } from './inspect.ts';
export type { ModelInput } from './opened-model.node.ts';
export type { Plan, PlannedOperator } from './plan/plan.ts';
export { QuantizationResult } from './quantization-result.node.ts';
export { type QuantizeOptions, Quantizer, type QuantizerOptions, type RecipeUpdate } from './quantizer.ts';
export {
  dynamicRule,
  floatRule,
  type RuleTarget,
  recipes,
  type StaticRuleOptions,
  staticRule,
  type WeightRuleOptions,
  weightOnlyRule,
} from './recipe/builders.ts';
export type { RecipeSource } from './recipe/library.node.ts';
export type { AlgorithmKey, Granularity, OpConfig, Recipe, Rule, TensorConfig } from './recipe/types.ts';
export type { SampleSources } from './sample-sources.ts';
export type { ValidateModelsOptions } from './validation.node.ts';
