import { expect, it } from 'vitest';
import { ActivationFunctionType } from '../../../schema/generated/tflite.ts';
import { modelBytes } from '../../../schema/writer.ts';
import { planQuantization } from '../../../src/plan/plan.ts';
import { staticRule } from '../../../src/recipe/builders.ts';
import { recipeContext } from '../../../src/recipe/context.ts';
import { createResolver } from '../../../src/recipe/resolver.ts';
import { applyPlan } from '../../../src/transform/apply.ts';
import { verifyModelFile } from '../../../src/validate/verify.node.ts';
import { ModelBuilder } from '../../support/model-builder.ts';

it('int16 sums of scales near powers of two run, and keep their activation', async () => {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const a = main.input('a', [1, 4]);
  const b = main.input('b', [1, 4]);
  const options = { fusedActivationFunction: ActivationFunctionType.RELU, potScaleInt16: true };
  main.outputs(main.operator('ADD', [a, b], { name: 'sum', shape: [1, 4] }, options));
  const resolver = createResolver({ rules: [staticRule({ activationBits: 16, weightBits: 8 })] }, recipeContext());
  const range = () => ({ min: -2, max: 2, carrier: 'float32', shape: [1, 1], reason: 'given' }) as const;
  const result = applyPlan(planQuantization(builder.build(), resolver, { range }));
  expect(result.subgraphs[0]?.operators[0]?.builtinOptions).toEqual({
    table: 'AddOptions',
    fusedActivationFunction: ActivationFunctionType.RELU,
    potScaleInt16: false,
  });
  expect(await verifyModelFile(modelBytes(result), { runtime: 'wasm' })).toMatchObject({ status: 'ok' });
});
