import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  recipeJsonSchema,
  recipeMappingJsonSchema,
  recipeMappingSchema,
  recipeSchema,
} from '../../../schema/documents/recipe.ts';
import { specOfName } from '../../../src/ops/index.ts';
import { dynamicRule, recipes } from '../../../src/recipe/builders.ts';
import { needsCalibration } from '../../../src/recipe/calibration-need.ts';
import { CATALOGUE } from '../../../src/recipe/catalogue.ts';
import { checkRules, configProblem } from '../../../src/recipe/check.ts';
import { recipeContext } from '../../../src/recipe/context.ts';
import { loadComponentRecipes, loadPolicy, loadRecipe } from '../../../src/recipe/library.node.ts';
import { readRecipe } from '../../../src/recipe/read.ts';
import { createResolver } from '../../../src/recipe/resolver.ts';
import type { Recipe } from '../../../src/recipe/types.ts';
import { recipeToJson } from '../../../src/recipe/write.ts';
import { projectRoot } from '../../support/shared.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const ours = recipeContext();
const original = recipeContext({ compat: true });
const single = CATALOGUE.filter(({ kind }) => kind === 'recipe');
const WEIGHTED = [
  'BATCH_MATMUL',
  'CONV_2D',
  'CONV_2D_TRANSPOSE',
  'DEPTHWISE_CONV_2D',
  'EMBEDDING_LOOKUP',
  'FULLY_CONNECTED',
];
const DENSE_CONVOLUTION_EMBEDDING = ['CONV_2D', 'EMBEDDING_LOOKUP', 'FULLY_CONNECTED'];
const WITHOUT_DEPTHWISE = ['BATCH_MATMUL', ...DENSE_CONVOLUTION_EMBEDDING];
const ROTATED = ['EMBEDDING_LOOKUP', 'FULLY_CONNECTED'];

/** Operators that each recipe quantizes in the original; a number where there are too many to name. */
const QUANTIZED: Readonly<Record<string, readonly string[] | number>> = {
  static_wi8_ai8: 49,
  static_wi8_ai16: 46,
  dynamic_wi8_afp32: WEIGHTED,
  dynamic_wi8c_afp32: WEIGHTED,
  dynamic_wi4_afp32: DENSE_CONVOLUTION_EMBEDDING,
  dynamic_wi4c_afp32: DENSE_CONVOLUTION_EMBEDDING,
  dynamic_wi2c_afp32: DENSE_CONVOLUTION_EMBEDDING,
  dynamic_wi8b32_afp32: [],
  dynamic_wi8b64_afp32: [],
  dynamic_wi4b32_afp32: ROTATED,
  dynamic_wi4b64_afp32: ROTATED,
  dynamic_wi2b32_afp32: ['FULLY_CONNECTED'],
  dynamic_wi2b64_afp32: ['FULLY_CONNECTED'],
  dynamic_wi8c_hr_afp32: ROTATED,
  dynamic_wi4c_hr_afp32: ROTATED,
  dynamic_wi2c_hr_afp32: ROTATED,
  dynamic_wi8_afp32_hadamard: ROTATED,
  dynamic_wi4_afp32_hadamard: ROTATED,
  dynamic_legacy_wi8_afp32: WEIGHTED,
  weight_only_wi8_afp32: WEIGHTED,
  weight_only_wi4_afp32: WITHOUT_DEPTHWISE,
  default_a8w8: 49,
  default_a16w8: 46,
  default_af32w8float: WEIGHTED,
  default_af32w4float: WITHOUT_DEPTHWISE,
  sample_advanced_usage: 48,
};

function quantizedOperations(name: string, compat: boolean): string[] {
  const context = compat ? original : ours;
  const resolver = createResolver(loadRecipe(name, context), context);
  const names = [...context.operators.keys()].filter((operation) => resolver.resolve(operation, 'x;').config);
  return names.sort();
}

describe('the library of recipes', () => {
  it('has one file per name of the catalogue, and each name in its readme', () => {
    const files = readdirSync(join(projectRoot, 'recipes')).filter((name) => name.endsWith('.json'));
    expect(files.sort()).toEqual(CATALOGUE.map(({ name }) => `${name}.json`).sort());
    const readme = readFileSync(join(projectRoot, 'recipes', 'README.md'), 'utf8');
    for (const { name, summary } of CATALOGUE) expect(readme).toContain(`| \`${name}\` | ${summary} |`);
    expect(CATALOGUE).toHaveLength(31);
  });

  it.each(single.map(({ name }) => name))('%s quantizes under compat what it does in the original', (name) => {
    const expected = QUANTIZED[name];
    const found = quantizedOperations(name, true);
    if (typeof expected === 'number') expect(found).toHaveLength(expected);
    else expect(found).toEqual(expected);
  });

  it.each(single.map(({ name }) => name))(
    '%s quantizes at least that without compat, where the kernels work',
    (name) => {
      const found = quantizedOperations(name, false);
      const missing = quantizedOperations(name, true).filter((operation) => !found.includes(operation));
      for (const operation of missing) expect(specOfName(operation)?.brokenConfigs, operation).not.toBeUndefined();
    },
  );

  it.each(['dynamic_wi8b32_afp32', 'dynamic_wi8b64_afp32', 'dynamic_wi8_afp32_hadamard', 'dynamic_wi4_afp32_hadamard'])(
    '%s is repaired: every operator with weights is quantized',
    (name) => {
      expect(quantizedOperations(name, false)).toEqual(expect.arrayContaining(WEIGHTED));
    },
  );

  it.each(CATALOGUE)(
    '$name needs calibration as the catalogue says',
    ({ name, kind, needsCalibration: needs = false }) => {
      const loaded = kind === 'recipe' ? [loadRecipe(name, ours)] : loadComponentRecipes(name, ours).values();
      for (const recipe of loaded) expect(needsCalibration(recipe, ours)).toBe(needs);
    },
  );

  it.each(CATALOGUE)('$name can be followed: every algorithm it names is there', ({ name, kind }) => {
    for (const context of [ours, original]) {
      const loaded = kind === 'recipe' ? [loadRecipe(name, context)] : loadComponentRecipes(name, context).values();
      for (const { rules } of loaded) {
        checkRules(rules, context);
        expect(rules.filter(({ algorithm }) => !context.algorithms.has(algorithm)).length).toBe(
          rules.filter(({ algorithm }) => algorithm === 'no_quantize').length,
        );
      }
    }
  });

  it.each(CATALOGUE)('$name fits the published schema as a file', ({ name, kind }) => {
    const value: unknown = JSON.parse(readFileSync(join(projectRoot, 'recipes', `${name}.json`), 'utf8'));
    const schema = kind === 'recipe' ? recipeSchema : recipeMappingSchema;
    expect(schema.safeParse(value).error).toBeUndefined();
  });

  it('has a schema to publish', () => {
    expect(recipeJsonSchema()).toMatchObject({
      type: 'array',
      items: { required: ['regex', 'operation', 'algorithm_key'] },
    });
    expect(recipeMappingJsonSchema()).toMatchObject({ type: 'object' });
  });

  it('is what the builders make', () => {
    const built = Object.values(recipes).map((build) => build());
    for (const recipe of built) {
      const { name = '' } = recipe;
      const file = recipeToJson(loadRecipe(name, ours)).map(({ comment: _, ...rule }) => rule);
      expect(recipeToJson(recipe), name).toEqual(file);
    }
    // Those of the original's module that take arguments: rotated ones and blocks too.
    const dynamic = CATALOGUE.filter(({ name }) =>
      /^(dynamic_wi\d(c|b\d+|c_hr)?|weight_only_wi\d|static_wi8)_a/.test(name),
    );
    const names = dynamic.map(({ name }) => name).filter((name) => !/hadamard|litertlm/.test(name));
    expect(built.map(({ name }) => name).sort()).toEqual(names.sort());
  });

  it('maps the components of language models', () => {
    const mixed = loadComponentRecipes('gemma4_mixed48', ours);
    expect([...mixed.keys()]).toEqual(['tf_lite_embedder', 'tf_lite_per_layer_embedder', 'tf_lite_prefill_decode']);
    expect(
      mixed.get('tf_lite_prefill_decode')?.rules.map(({ regex, config }) => [regex, config.weight?.numBits]),
    ).toEqual([
      ['.*', 4],
      ['per_layer', 8],
    ]);
    const everywhere = loadComponentRecipes('dynamic_wi8_afp32_litertlm', ours);
    expect(recipeToJson(everywhere.get('default') ?? { rules: [] })).toEqual(recipeToJson(recipes.dynamicWi8Afp32()));
  });
});

describe('loading', () => {
  const save = (name: string, value: unknown): string => {
    const file = join(temporaryFolder(), name);
    writeFileSync(file, JSON.stringify(value));
    return file;
  };
  const rules = recipeToJson(recipes.weightOnlyWi4Afp32());

  it('takes a name, a path, a URL, JSON or a recipe', () => {
    const file = save('mine.json', rules);
    const made8 = recipes.staticWi8Ai8();
    const general = made8.rules.map((rule) => ({ ...rule, general: true }));
    expect(loadRecipe('static_wi8_ai8', ours)).toEqual({ ...made8, rules: general });
    expect(loadRecipe(file, ours)).toEqual({ ...recipes.weightOnlyWi4Afp32(), name: 'mine' });
    expect(loadRecipe(pathToFileURL(file), ours).name).toBe('mine');
    expect(loadRecipe(rules, ours).rules).toEqual(recipes.weightOnlyWi4Afp32().rules);
    const made = recipes.dynamicWi8Afp32({ regex: 'a' });
    expect(loadRecipe(made, ours)).toBe(made);
  });

  it('checks the operations of a recipe made by a program', () => {
    expect(() => loadRecipe(recipes.dynamicWi8Afp32({ operation: 'CONV2D' }), ours)).toThrowError(
      expect.objectContaining({ code: 'RECIPE_UNKNOWN_OPERATION', hint: 'did you mean "CONV_2D"?' }),
    );
  });

  it.each([
    [
      'a granularity',
      { rules: [dynamicRule({ weightBits: 8, granularity: 'CHANELWISE' as 'CHANNELWISE' })] },
      /granularity/,
    ],
    ['an algorithm', { rules: [dynamicRule({ weightBits: 8, algorithm: 'OCTAVE' as 'OCTAV' })] }, /algorithm_key/],
    ['a pattern', { rules: [dynamicRule({ weightBits: 8, regex: '(' })] }, /parenthesis/],
    ['rules of a file', { rules }, /rules\[0\].config is missing/],
    ['a number', 5, /number is no recipe/],
    ['nothing', undefined, /undefined is no recipe/],
  ])('names what is wrong with a recipe made by a program: %s', (_, source, says) => {
    expect(() => loadRecipe(source as Recipe, ours)).toThrowError(
      expect.objectContaining({ code: 'RECIPE_INVALID', message: expect.stringMatching(says) }),
    );
  });

  it.each([
    ['static_wi8_a8', /static_wi8_ai8/],
    ['Static_wi8_ai8', /static_wi8_ai8/],
    ['no/such/file.json', /aeq recipe list/],
    ['', /aeq recipe list/],
  ])('says which names are near %j', (source, hint) => {
    expect(() => loadRecipe(source, ours)).toThrowError(
      expect.objectContaining({ code: 'RECIPE_NOT_FOUND', hint: expect.stringMatching(hint) }),
    );
  });

  it('refuses a mapping where one recipe is wanted', () => {
    expect(() => loadRecipe('gemma4_mixed48', ours)).toThrowError(/components of a .litertlm file/);
    expect(() => loadRecipe(save('map.json', { default: rules }), ours)).toThrowError(/not a list of rules/);
  });

  it('finds a recipe beside the mapping that names it', () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, 'inner.json'), JSON.stringify(rules));
    const file = join(folder, 'map.json');
    writeFileSync(file, JSON.stringify({ tf_lite_embedder: 'inner.json', default: 'dynamic_wi8_afp32' }));
    const loaded = loadComponentRecipes(file, ours);
    expect(loaded.get('tf_lite_embedder')?.rules).toEqual(recipes.weightOnlyWi4Afp32().rules);
    expect(loaded.get('default')?.rules.every(({ general }) => general)).toBe(true);
  });

  it.each([
    ['an empty recipe', []],
    ['an empty recipe of a component', { default: [] }],
    ['an unknown component', { embedder: rules }],
    ['a mapping inside a mapping', { default: 'gemma4_mixed48' }],
    ['a number', 7],
    ['a mistake in a component', { tf_lite_aux: [{ ...rules[0], operation: 1 }] }],
  ])('for components refuses %s', (_, value) => {
    expect(() => loadComponentRecipes(save('map.json', value), ours)).toThrowError(
      expect.objectContaining({ code: 'RECIPE_INVALID' }),
    );
  });

  it('names the component and field of a mistake', () => {
    const value = { tf_lite_aux: [{ ...rules[0], operation: 1 }] };
    expect(() => loadComponentRecipes(value, ours)).toThrowError(
      expect.objectContaining({ where: { field: 'tf_lite_aux[0].operation' } }),
    );
  });

  it('reads a policy file', () => {
    const file = save('policy.json', {
      configs: {
        only: { weight_tensor_config: { num_bits: 8 }, explicit_dequantize: false, compute_precision: 'INTEGER' },
      },
      ops_per_config: { only: ['CONV_2D'] },
    });
    const context = recipeContext({ policy: loadPolicy(file) });
    const { config } = readRecipe(recipeToJson(recipes.dynamicWi8Afp32()), context).rules[0] ?? {};
    expect(config && configProblem(context, 'min_max_uniform_quantize', 'CONV_2D', config)).toMatch(/it can be only/);
  });

  it('keeps the comments of a library file when saving, which the original ignores', () => {
    const recipe = loadRecipe('dynamic_wi8b32_afp32', ours);
    expect(recipeToJson(recipe)[0]).toHaveProperty('comment');
    expect(loadRecipe('dynamic_wi8b32_afp32', original).rules[0]).not.toHaveProperty('comment');
  });
});
