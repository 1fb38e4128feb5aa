import { describe, expect, it } from 'vitest';
import type { RangeSource } from '../../../calibration/ranges/range.ts';
import type { Suspicion } from '../../../calibration/ranges/suspicion.ts';
import { planQuantization } from '../../../src/plan/plan.ts';
import { recipeContext } from '../../../src/recipe/context.ts';
import { createResolver } from '../../../src/recipe/resolver.ts';
import type { Rule } from '../../../src/recipe/types.ts';
import { DYNAMIC, dense, INT8 } from './quantize-small.ts';

describe('warnings of masks and outliers', () => {
  const model = dense([1, 2, 3, 4], [0, 0]).build();
  const name = (tensor: number) => model.subgraphs[0]?.tensors[tensor]?.name ?? '';

  function warnings(rules: readonly Rule[], odd: Readonly<Record<string, Suspicion>>, compat = false): string[] {
    const ranges: RangeSource = {
      range: (_, tensor) => ({
        min: -1,
        max: 2,
        carrier: 'float32',
        shape: (model.subgraphs[0]?.tensors[tensor]?.shape ?? []).map(() => 1),
        reason: 'a test',
      }),
      suspicion: (_, tensor) => odd[name(tensor)],
    };
    const resolver = createResolver({ rules }, recipeContext({ compat }));
    return [...planQuantization(model, resolver, ranges, compat ? { compat: 'aeq-0.10' } : {}).warnings];
  }

  it('count the activations that become integers', () => {
    expect(warnings(INT8, {})).toEqual([]);
    const [mask, ...more] = warnings(INT8, { x: 'mask' });
    expect(mask).toMatch(/^1 tensor holds masks .*--dry-run and --plan say which/);
    expect(more).toEqual([]);
    const [both] = warnings(INT8, { x: 'outliers', y: 'mask' });
    expect(both).toMatch(/^1 tensor holds masks .*; 1 tensor has samples that reach more than 10 times farther/);
    expect(warnings(INT8, { x: 'outliers', y: 'outliers' })[0]).toMatch(/^2 tensors have samples/);
  });

  it('say nothing of tensors that stay float, nor where the original is followed', () => {
    expect(warnings(DYNAMIC, { x: 'mask', y: 'outliers' })).toEqual([]);
    expect(warnings(INT8, { x: 'mask' }, true)).toEqual([]);
  });
});
