import { expect, it } from 'vitest';
import type { Model } from '../../../schema/model.ts';
import { planQuantization } from '../../../src/plan/plan.ts';
import { dynamicRule } from '../../../src/recipe/builders.ts';
import { recipeContext } from '../../../src/recipe/context.ts';
import { createResolver } from '../../../src/recipe/resolver.ts';
import { ModelBuilder, randomFloats } from '../../support/model-builder.ts';

function modeOf(model: Model, weightBits: number): { mode: string; reason: string } {
  const resolver = createResolver({ rules: [dynamicRule({ weightBits })] }, recipeContext());
  const [operator] = planQuantization(model, resolver, { range: () => undefined }).operators;
  if (!operator) throw new Error('no operator');
  return operator;
}

function embedding(width: number): Model {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const ids = main.input('ids', [3], { type: 'INT32' });
  const table = main.constant('table', [5, width], randomFloats(5 * width, 1));
  main.outputs(main.operator('EMBEDDING_LOOKUP', [ids, table], { name: 'rows', shape: [3, width] }));
  return builder.build();
}

it.each([
  [8, 4, 'dynamic'],
  [7, 8, 'dynamic'],
  [7, 4, 'float'],
  [6, 2, 'float'],
])('a table with rows of %i values in %i bits is %s', (width, bits, mode) => {
  expect(modeOf(embedding(width), bits)).toMatchObject({ mode });
});
