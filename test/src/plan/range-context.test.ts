import { expect, it } from 'vitest';
import { rangeContext } from '../../../src/plan/range-context.ts';
import { staticRule } from '../../../src/recipe/builders.ts';
import { recipeContext } from '../../../src/recipe/context.ts';
import { createResolver } from '../../../src/recipe/resolver.ts';
import { ModelBuilder, type OperatorName } from '../../support/model-builder.ts';

const WINDOW = { padding: 1, strideW: 2, strideH: 2, filterWidth: 2, filterHeight: 2 };

/** Where the values of a pool's input are read: tensor 0 is the input, 1 the result. */
function readAt(pool: Extract<OperatorName, 'AVERAGE_POOL_2D' | 'MAX_POOL_2D'>): readonly number[] | undefined {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const x = main.input('x', [1, 4, 4, 1]);
  main.outputs(main.operator(pool, [x], { name: 'y', shape: [1, 2, 2, 1] }, WINDOW));
  const resolver = createResolver({ rules: [staticRule({ activationBits: 8, weightBits: 8 })] }, recipeContext());
  return rangeContext(builder.build(), resolver).use(0, x)?.readAt;
}

it('judges the range of what is only selected from by what is selected', () => {
  expect(readAt('MAX_POOL_2D')).toEqual([1]);
});

it('judges the range of what is averaged by itself', () => {
  expect(readAt('AVERAGE_POOL_2D')).toEqual([0]);
});

/** A mask added to scores in front of a softmax; `elsewhere`: something else reads the mask too. */
function attention(elsewhere: boolean) {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const shape = [1, 4];
  const [scores, mask] = [main.input('scores', shape), main.input('mask', shape)];
  const sum = main.operator('ADD', [scores, mask], { name: 'sum', shape });
  const outputs = [main.operator('SOFTMAX', [sum], { name: 'y', shape }, { beta: 1 })];
  if (elsewhere) outputs.push(main.operator('ABS', [mask], { name: 'z', shape }));
  main.outputs(...outputs);
  const resolver = createResolver({ rules: [staticRule({ activationBits: 8, weightBits: 8 })] }, recipeContext());
  const context = rangeContext(builder.build(), resolver);
  return { of: (tensor: number) => context.maskedSums?.(0, tensor), scores, mask, sum };
}

it('knows what is added in front of a softmax and nowhere else', () => {
  const { of, scores, mask, sum } = attention(false);
  expect(of(mask)).toEqual([{ sum, other: scores }]);
  expect(of(sum)).toEqual([]);
  const also = attention(true);
  expect(also.of(also.mask)).toEqual([]);
});
