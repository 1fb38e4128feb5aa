import { expect, it } from 'vitest';
import type { Model } from '../../../schema/model.ts';
import { planQuantization } from '../../../src/plan/plan.ts';
import { dynamicRule, staticRule, weightOnlyRule } from '../../../src/recipe/builders.ts';
import { recipeContext } from '../../../src/recipe/context.ts';
import { createResolver } from '../../../src/recipe/resolver.ts';
import type { Rule } from '../../../src/recipe/types.ts';
import { ModelBuilder, randomFloats } from '../../support/model-builder.ts';

const RANGE = { min: -1, max: 2, carrier: 'float32', shape: [], reason: 'a test' } as const;

function modeOf(model: Model, rule: Rule): { mode: string; reason: string } {
  const resolver = createResolver({ rules: [rule] }, recipeContext());
  const [operator] = planQuantization(model, resolver, { range: () => RANGE }).operators;
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
  expect(modeOf(embedding(width), dynamicRule({ weightBits: bits }))).toMatchObject({ mode });
});

it('a table that is decoded before rows are looked up may have rows of any width', () => {
  expect(modeOf(embedding(7), weightOnlyRule({ weightBits: 4 }))).toMatchObject({ mode: 'weight-only' });
});

/** x [3, 1, 4] multiplied along an axis, which is a constant or an input. */
function product(axis: number | undefined): Model {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const x = main.input('x', [3, 1, 4]);
  const axes =
    axis === undefined ? main.input('axes', [1], { type: 'INT32' }) : main.constant('axes', [1], Int32Array.of(axis));
  main.outputs(main.operator('REDUCE_PROD', [x, axes], { name: 'y', shape: [3, 4] }));
  return builder.build();
}

it.each([
  [0, 'static', /./],
  [-1, 'static', /./],
  [1, 'float', /its axes have one element/],
  [-2, 'float', /its axes have one element/],
  [undefined, 'float', /its axes are computed at run time/],
])('a product along axis %s is %s', (axis, mode, reason) => {
  const rule = staticRule({ activationBits: 8, weightBits: 8 });
  expect(modeOf(product(axis), rule)).toMatchObject({ mode, reason: expect.stringMatching(reason) });
});
