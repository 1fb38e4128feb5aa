/**
 * Ranges that do not fit each other: results that were always 0, inputs that were, results far smaller or larger than what
 * they are made of. Kernels then have factors beyond their integers, and refuse the model, wrap around or abort, unless the
 * plan has chosen other scales. Results have to be those of float, cut off at the ends of the range.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RangeSource } from '../../calibration/ranges/range.ts';
import type { Runtime, RuntimeId } from '../../calibration/runtime/runtime.ts';
import { BuiltinOperator, TensorType } from '../../schema/generated/tflite.ts';
import type { Model } from '../../schema/model.ts';
import { readModel } from '../../schema/reader.ts';
import { modelBytes } from '../../schema/writer.ts';
import { specOfBuiltin } from '../../src/ops/index.ts';
import { planQuantization } from '../../src/plan/plan.ts';
import { staticRule } from '../../src/recipe/builders.ts';
import { recipeContext } from '../../src/recipe/context.ts';
import { createResolver } from '../../src/recipe/resolver.ts';
import { applyPlan } from '../../src/transform/apply.ts';
import { operatorZoo, type ZooEntry } from '../support/operator-zoo.ts';
import { type OutputValues, randomFeed, runModel } from '../support/run-model.ts';
import { availableRuntimes, openAvailable } from './available.ts';
import { QuantizedOperator } from './quantized-operator.ts';

/** Greatest magnitude in the calibrated ranges of inputs and of results; 0: it was always 0. */
const SCENARIOS: Readonly<Record<string, readonly [input: number, output: number]>> = {
  'dead results': [1, 0],
  'dead results of inputs to 1e4': [1e4, 0],
  'dead results of inputs to 1e7': [1e7, 0],
  'results to 1e-5': [1, 1e-5],
  'results to 1e-8': [1, 1.1e-8],
  'dead inputs': [0, 1],
  'inputs to 1e-6': [1e-6, 1],
  'inputs to 1e-6, results to 1e6': [1e-6, 1e6],
  'inputs to 1e6': [1e6, 1],
};

const KEY = 'serving_default';
/** Part of the range that int8 inputs, rounded, come to at most. */
const TOLERANCE = 0.05;

/** Scenarios that an operator is not asked, with the reason. */
const UNASKED: Readonly<Record<string, string>> = {
  REDUCE_PROD: 'partial products are cut off at the ends of the range, and the next factor brings them back into it',
};

const entries = operatorZoo.filter(
  ({ operator }) => specOfBuiltin(BuiltinOperator[operator]) && UNASKED[operator] === undefined,
);
/** The one of 2023 lacks kernels, which the operator suite says. */
const current = availableRuntimes.filter((id): id is RuntimeId => id !== 'tfjs-tflite');

function rangesOf({ model, range: [low, high] }: ZooEntry, input: number, output: number): RangeSource {
  const results = new Set(model.subgraphs[0]?.outputs);
  const size = Math.max(Math.abs(low), Math.abs(high));
  return {
    range: (_, tensor) => {
      if (model.subgraphs[0]?.tensors[tensor]?.type !== TensorType.FLOAT32) return undefined;
      const factor = (results.has(tensor) ? output : input) / size;
      return { min: low * factor, max: high * factor, carrier: 'float32', shape: [], reason: 'a test' };
    },
  };
}

/** The model under a static rule, unless its operator stays float. */
function quantized(entry: ZooEntry, bits: 8 | 16, ranges: RangeSource): Model | undefined {
  const rules = [staticRule({ activationBits: bits, weightBits: 8 })];
  const plan = planQuantization(entry.model, createResolver({ rules }, recipeContext()), ranges);
  return plan.operators[0]?.mode === 'static' ? readModel(modelBytes(applyPlan(plan))) : undefined;
}

/** How far off the results are, as a part of their range, where the float results are cut off at its ends. */
function worst(
  expected: readonly OutputValues[],
  found: readonly OutputValues[],
  model: Model,
  builtin: number,
): number {
  const operator = new QuantizedOperator(model, builtin);
  return Math.max(
    ...expected.map(({ type, values }, index) => {
      if (type !== TensorType.FLOAT32) return 0;
      const [low, high] = operator.limits(operator.operator.outputs[index] ?? -1);
      const off = (value: number, i: number) =>
        Math.abs(Math.min(Math.max(value, low), high) - (found[index]?.values[i] ?? Number.NaN)) / (high - low);
      return Math.max(...values.map((value, i) => (Number.isFinite(value) ? off(value, i) : 0)));
    }),
  );
}

describe.each(current)('%s', (id) => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await openAvailable(id);
  });
  afterAll(() => runtime.close());

  describe.each(Object.keys(SCENARIOS))('%s', (scenario) => {
    const [input, output] = SCENARIOS[scenario] ?? [1, 1];
    it.each(entries.map(({ name }) => name))('%s', async (name) => {
      const entry = entries.find((other) => other.name === name) as ZooEntry;
      const size = Math.max(...entry.range.map(Math.abs)) / (input || 1);
      const feed = randomFeed(entry.model, KEY, 5, [entry.range[0] / size, entry.range[1] / size]);
      const expected = await runModel(runtime, entry.model, KEY, feed);
      for (const bits of [8, 16] as const) {
        const model = quantized(entry, bits, rangesOf(entry, input, output));
        if (!model) continue;
        const found = await runModel(runtime, model, KEY, feed);
        expect(worst(expected, found, model, BuiltinOperator[entry.operator]), `int${bits}`).toBeLessThan(TOLERANCE);
      }
    });
  });
});
