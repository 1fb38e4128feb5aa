/** Quantizes small models both ways, for tests of what differs. */
import type { ActivationRange, RangeSource } from '../../../calibration/ranges/range.ts';
import type { Runtime } from '../../../calibration/runtime/runtime.ts';
import { TensorType } from '../../../schema/generated/tflite.ts';
import { builtinName, operatorBuiltin, signatures } from '../../../schema/graph.ts';
import type { Model, Tensor } from '../../../schema/model.ts';
import { readModel } from '../../../schema/reader.ts';
import { modelBytes } from '../../../schema/writer.ts';
import { type Plan, planQuantization } from '../../../src/plan/plan.ts';
import { dynamicRule, staticRule, weightOnlyRule } from '../../../src/recipe/builders.ts';
import { recipeContext } from '../../../src/recipe/context.ts';
import { createResolver } from '../../../src/recipe/resolver.ts';
import type { Rule } from '../../../src/recipe/types.ts';
import { applyPlan } from '../../../src/transform/apply.ts';
import { ModelBuilder } from '../../support/model-builder.ts';
import { type OutputValues, runModel } from '../../support/run-model.ts';

export interface Quantized {
  readonly plan: Plan;
  /** Read back from the bytes of a file. */
  readonly model: Model;
}

type Ranges = Readonly<Record<string, readonly [min: number, max: number]>>;

export interface QuantizeSettings {
  readonly compat?: boolean;
  /** By tensor name; [-1, 2] for all others. */
  readonly ranges?: Ranges;
  readonly carrier?: ActivationRange['carrier'];
  readonly safety?: boolean;
  /** Statistics that constants have as well. */
  readonly constants?: ActivationRange;
}

export function quantizeSmall(
  source: ModelBuilder | Model,
  rules: readonly Rule[],
  settings: QuantizeSettings = {},
): Quantized {
  const float = 'build' in source ? source.build() : source;
  const { compat = false, safety = true } = settings;
  const resolver = createResolver({ rules }, recipeContext({ compat }));
  const plan = planQuantization(float, resolver, rangesOf(float, settings), {
    ...(compat && { compat: 'aeq-0.10' }),
    safety,
  });
  return { plan, model: readModel(modelBytes(applyPlan(plan))) };
}

function rangesOf(model: Model, { ranges = {}, carrier = 'float32', constants }: QuantizeSettings): RangeSource {
  return {
    range(subgraph, tensor) {
      const entry = model.subgraphs[subgraph]?.tensors[tensor];
      if (entry === undefined || entry.buffer !== 0) return entry && constants;
      const [min, max] = ranges[entry.name ?? ''] ?? [-1, 2];
      return { min, max, carrier, shape: (entry.shape ?? []).map(() => 1), reason: 'a test' };
    },
  };
}

export function tensorNamed(model: Model, name: string, subgraph = 0): Tensor {
  const found = model.subgraphs[subgraph]?.tensors.find((tensor) => tensor.name === name);
  if (!found) throw new Error(`no tensor ${name}`);
  return found;
}

/** Operators of a subgraph by name, in order. */
export const operatorNames = (model: Model, subgraph = 0): string[] =>
  (model.subgraphs[subgraph]?.operators ?? []).map((operator) => builtinName(operatorBuiltin(model, operator)));

/** Why an operator stays float; undefined for one that is quantized. */
export const floatReasonOf = ({ plan }: Quantized, name: string): string | undefined =>
  plan.operators.find((operator) => operator.name === name && operator.mode === 'float')?.reason;

export const scalesOf = (tensor: Tensor): number[] => [...(tensor.quantization?.scale ?? [])];
export const bytesOf = (model: Model, tensor: Tensor): Uint8Array =>
  (model.buffers[tensor.buffer]?.read() ?? new Uint8Array()).slice();

export const INT8 = [staticRule({ activationBits: 8, weightBits: 8 })];
export const INT16 = [staticRule({ activationBits: 16, weightBits: 8 })];
export const DYNAMIC = [dynamicRule({ weightBits: 8 })];
export const WEIGHT_ONLY = [weightOnlyRule({ weightBits: 8 })];
/** As the original does it. */
export const COMPAT: QuantizeSettings = { compat: true };

/** Runs the first signature with one float value in every element of every input. */
export function runFilled(runtime: Runtime, model: Model, value: number): Promise<OutputValues[]> {
  const [view] = signatures(model);
  const feed = Object.fromEntries(
    (view?.inputs ?? []).map(({ name, tensor }) => {
      const shape = model.subgraphs[view?.subgraph ?? 0]?.tensors[tensor]?.shape ?? [];
      const count = shape.reduce((product, length) => product * length, 1);
      return [name, { type: TensorType.FLOAT32, shape, data: new Float32Array(count).fill(value) }];
    }),
  );
  return runModel(runtime, model, view?.key ?? '', feed);
}

/** x [1, 2] -> FULLY_CONNECTED with these weights and bias -> y. */
export function dense(weights: readonly number[], bias: readonly number[]): ModelBuilder {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const x = main.input('x', [1, 2]);
  const operands = [x, main.constant('w', [bias.length, 2], weights), main.constant('b', [bias.length], bias)];
  main.outputs(main.operator('FULLY_CONNECTED', operands, { name: 'y', shape: [1, bias.length] }));
  return builder.signature('main', { inputs: { x }, outputs: { y: 'y' } });
}

/** x [1, 4] through RELU -> r, the rest as the test says. */
export function chain(
  add: (main: ReturnType<ModelBuilder['subgraph']>, r: number, x: number) => readonly number[],
): ModelBuilder {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const x = main.input('x', [1, 4]);
  const outputs = add(main, main.operator('RELU', [x], { name: 'r', shape: [1, 4] }), x);
  main.outputs(...outputs);
  return builder.signature('main', {
    inputs: { x },
    outputs: Object.fromEntries(outputs.map((output, index) => [`out${index}`, output])),
  });
}
