/** The types of a model's inputs and outputs, which a recipe decides apart from its operators. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Runtime } from '../../calibration/runtime/runtime.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { readModel } from '../../schema/reader.ts';
import { modelBytes } from '../../schema/writer.ts';
import { INPUT, OUTPUT } from '../../src/ops/index.ts';
import { planQuantization } from '../../src/plan/plan.ts';
import { recipeContext } from '../../src/recipe/context.ts';
import { createResolver } from '../../src/recipe/resolver.ts';
import type { Rule } from '../../src/recipe/types.ts';
import { applyPlan } from '../../src/transform/apply.ts';
import { availableRuntimes, openAvailable } from './available.ts';
import { refusedConversion, WITHIN } from './border-exceptions.ts';
import { constant, input, operatorCase } from './case.ts';
import { allowedConfigs, type Configuration, configurationsOf } from './configurations.ts';
import { FloatSide } from './float-side.ts';
import { judge } from './judge.ts';

const dense = operatorCase(
  'FULLY_CONNECTED',
  'border',
  [input([3, 8], [-2, 3]), constant([5, 8], [-1, 1], 1), constant([5], [-1, 1], 2)],
  [[3, 5]],
);

const TYPES: Readonly<Record<string, number>> = {
  static_wi8_ai8: TensorType.INT8,
  static_wi4_ai8: TensorType.INT8,
  static_wi8_ai16: TensorType.INT16,
  static_wi4_ai16: TensorType.INT16,
  static_wi8_au8: TensorType.UINT8,
};

const rule = (operation: string, { config }: Configuration): Rule => ({
  regex: '.*',
  operation,
  algorithm: 'min_max_uniform_quantize',
  config,
});

const inner = configurationsOf({ ...INPUT, configs: WITHIN }, undefined);
const border = configurationsOf(INPUT, undefined);

it('inputs and outputs can have the same configurations', () => {
  expect(allowedConfigs(OUTPUT)).toEqual(allowedConfigs(INPUT));
});

describe.each(availableRuntimes)('%s', (id) => {
  let runtime: Runtime;
  let float: FloatSide;
  beforeAll(async () => {
    runtime = await openAvailable(id);
    float = await FloatSide.of(runtime, dense);
  });
  afterAll(() => {
    float.close();
    runtime.close();
  });

  const plan = (rules: readonly Rule[]) =>
    planQuantization(dense.model, createResolver({ rules }, recipeContext()), float.ranges);

  describe.each(inner)('$name within', (own) => {
    it.each(border)('$name outside', async (outer) => {
      const rules = [rule('FULLY_CONNECTED', own), rule('INPUT', outer), rule('OUTPUT', outer)];
      const planned = plan(rules);
      const [graph] = readModel(modelBytes(applyPlan(planned))).subgraphs;
      const types = [...(graph?.inputs ?? []), ...(graph?.outputs ?? [])].map((tensor) => graph?.tensors[tensor]?.type);
      const wanted = TYPES[outer.name.split(' ')[0] ?? ''];
      expect(types).toEqual([wanted, wanted]);
      const run = judge(runtime, dense, own, float, planned);
      const words = refusedConversion(id, own.name, outer.name);
      if (words) await expect(run).rejects.toThrow(words);
      else expect((await run).problems).toEqual([]);
    });

    it('floats outside', async () => {
      const planned = plan([rule('FULLY_CONNECTED', own)]);
      const [graph] = applyPlan(planned).subgraphs;
      const types = [...(graph?.inputs ?? []), ...(graph?.outputs ?? [])].map((tensor) => graph?.tensors[tensor]?.type);
      expect(types).toEqual([TensorType.FLOAT32, TensorType.FLOAT32]);
      expect((await judge(runtime, dense, own, float, planned)).problems).toEqual([]);
    });
  });
});
