import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { needsCalibration } from '../../../src/recipe/calibration-need.ts';
import { checkRules } from '../../../src/recipe/check.ts';
import { recipeContext } from '../../../src/recipe/context.ts';
import { readRecipe } from '../../../src/recipe/read.ts';
import { createResolver } from '../../../src/recipe/resolver.ts';
import { recipeToJson } from '../../../src/recipe/write.ts';
import { oraclePython, projectRoot, skipUnless } from '../../support/shared.ts';

type Json = Record<string, unknown>;

interface Answer {
  readonly error?: string;
  readonly saved: Json[];
  readonly needsCalibration: boolean;
  readonly decisions: Record<string, [algorithm: string, config: Json]>;
}

const SCOPES = ['a;', 'b;', 'ab;', 'x;a;', 'c;'];
const RECIPES = 300;
const skipped = skipUnless(oraclePython, 'recipes against the original need AEQ_PYTHON, a Python that has it');

const weight = fc.record(
  {
    num_bits: fc.constantFrom(8, 8, 8, 4, 2),
    symmetric: fc.constantFrom(true, true, true, false),
    granularity: fc.constantFrom('CHANNELWISE', 'CHANNELWISE', 'TENSORWISE', 'BLOCKWISE_32', 'channelwise'),
    granularty: fc.constant('CHANNELWISE'),
    block_size: fc.constantFrom(0, 32, -1),
  },
  { requiredKeys: ['num_bits', 'symmetric', 'granularity'] },
);
const activation = fc.constantFrom(
  { num_bits: 8, symmetric: false },
  { num_bits: 8, symmetric: true, granularity: 'TENSORWISE' },
  { num_bits: 16 },
  { num_bits: 8, symmetric: false, dtype: 'UINT' },
  { num_bits: 4 },
);
const uniform = fc.oneof(
  fc.record({ weight_tensor_config: weight, activation_tensor_config: activation }).map(integer),
  fc.record({ weight_tensor_config: weight }).map(integer),
  fc
    .record({ weight_tensor_config: weight, skip_checks: fc.boolean() })
    .map((config) => ({ ...config, explicit_dequantize: true })),
);
const anyRule = fc.record({
  regex: fc.constantFrom('.*', 'a', 'b', '^a', 'a;$', '(?i)A', 'x|b', ''),
  operation: fc.constantFrom('*', '*', '*', '*', '*', 'FULLY_CONNECTED', 'CONV_2D', 'SOFTMAX', 'INPUT', 'HARD_SWISH'),
  settings: fc.oneof(
    fc.constant({ algorithm_key: 'no_quantize' }),
    uniform.map((op_config) => ({ algorithm_key: 'min_max_uniform_quantize', op_config })),
    uniform.map((op_config) => ({ algorithm_key: 'dequantized_weight_recovery', op_config })),
    fc.constant({
      algorithm_key: 'float_casting',
      op_config: { weight_tensor_config: { num_bits: 16, dtype: 'FLOAT' }, explicit_dequantize: true },
    }),
  ),
});
const anyRecipe = fc.array(
  anyRule.map(({ settings, ...rest }) => ({ ...rest, ...settings })),
  { minLength: 1, maxLength: 6 },
);

function integer<T extends object>(config: T): T & { compute_precision: string } {
  return { ...config, compute_precision: 'INTEGER' };
}

function askOriginal(recipes: readonly unknown[]): Answer[] {
  const script = join(projectRoot, 'scripts/oracle/recipe_lookups.py');
  const input = JSON.stringify({ recipes, scopes: SCOPES });
  const output = execFileSync(oraclePython as string, [script], { input, maxBuffer: 2 ** 30, encoding: 'utf8' });
  return JSON.parse(output) as Answer[];
}

describe.skipIf(skipped)('under compat, as the original', () => {
  it(`stores, saves and decides ${RECIPES} random recipes the same way, or refuses them too`, () => {
    const context = recipeContext({ compat: true });
    const recipes = fc.sample(anyRecipe, { numRuns: RECIPES, seed: 7 });
    let accepted = 0;
    for (const [index, answer] of askOriginal(recipes).entries()) {
      const text = JSON.stringify(recipes[index]);
      const read = () => {
        const recipe = readRecipe(recipes[index], context);
        checkRules(recipe.rules, context);
        return recipe;
      };
      if (answer.error !== undefined) {
        expect(read, `${text}: ${answer.error}`).toThrowError();
        continue;
      }
      accepted++;
      const recipe = read();
      const resolver = createResolver(recipe, context);
      expect(recipeToJson(resolver), text).toEqual(answer.saved);
      expect(needsCalibration(recipe, context), text).toBe(answer.needsCalibration);
      const saved = answer.saved.map(({ op_config }) => op_config);
      const different = Object.entries(answer.decisions).filter(([key, [algorithm, config]]) => {
        const [operation = '', scope = ''] = key.split(' ');
        const found = resolver.resolve(operation, scope);
        const same = found.rule === undefined || isDeepStrictEqual(saved[found.rule], config);
        return found.algorithm !== algorithm || !same;
      });
      expect(different, text).toEqual([]);
    }
    expect(accepted).toBeGreaterThan(RECIPES / 5);
  });
});
