import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { dynamicRule, floatRule, recipes, staticRule, weightOnlyRule } from '../../../src/recipe/builders.ts';
import { needsCalibration } from '../../../src/recipe/calibration-need.ts';
import { checkRules } from '../../../src/recipe/check.ts';
import { recipeContext } from '../../../src/recipe/context.ts';
import { readRecipe } from '../../../src/recipe/read.ts';
import type { Rule, TensorConfig } from '../../../src/recipe/types.ts';
import { recipeToJson, recipeToText } from '../../../src/recipe/write.ts';

const ours = recipeContext();
const original = recipeContext({ compat: true });

const json = (changes: object = {}, config: object = {}, weight: object = {}): unknown[] => [
  {
    regex: '.*',
    operation: '*',
    algorithm_key: 'min_max_uniform_quantize',
    op_config: {
      weight_tensor_config: { num_bits: 8, granularity: 'CHANNELWISE', ...weight },
      compute_precision: 'INTEGER',
      ...config,
    },
    ...changes,
  },
];

const tensorConfig: fc.Arbitrary<TensorConfig> = fc.record({
  numBits: fc.integer({ min: 1, max: 32 }),
  symmetric: fc.boolean(),
  granularity: fc.constantFrom('TENSORWISE', 'CHANNELWISE', 'BLOCKWISE_32', 'BLOCKWISE_256'),
  dtype: fc.constant('INT'),
  algorithmParams: fc.constantFrom({}, { max_hadamard_size: 64 }),
});
const anyRule: fc.Arbitrary<Rule> = fc
  .record(
    {
      regex: fc.constantFrom('.*', '^a', 'é"\\\\/', '(?i)dense'),
      operation: fc.constantFrom('*', 'FULLY_CONNECTED', 'INPUT', 'CUMSUM'),
      algorithm: fc.constantFrom('no_quantize', 'min_max_uniform_quantize', 'OCTAV', 'GPTQ'),
      config: fc.record(
        {
          activation: tensorConfig,
          weight: tensorConfig,
          computePrecision: fc.constant('INTEGER'),
          explicitDequantize: fc.boolean(),
          skipChecks: fc.boolean(),
          minWeightElements: fc.nat(),
        },
        { requiredKeys: ['weight', 'computePrecision', 'explicitDequantize', 'skipChecks', 'minWeightElements'] },
      ),
      comment: fc.string(),
    },
    { requiredKeys: ['regex', 'operation', 'algorithm', 'config'] },
  )
  .map((rule) =>
    rule.algorithm === 'no_quantize'
      ? { ...floatRule(rule), ...(rule.comment === undefined ? {} : { comment: rule.comment }) }
      : rule,
  ) as fc.Arbitrary<Rule>;

describe('recipe files', () => {
  it('come back as they were saved', () => {
    fc.assert(
      fc.property(fc.array(anyRule), (rules) => {
        expect(readRecipe(JSON.parse(recipeToText({ rules })), ours).rules).toEqual(rules);
      }),
    );
  });

  it('fill in the defaults of the original', () => {
    const [rule] = readRecipe(
      [{ regex: 'x', operation: '*', algorithm_key: 'OCTAV', op_config: { weight_tensor_config: { num_bits: 8 } } }],
      ours,
    ).rules;
    expect(rule?.config).toEqual({
      weight: { numBits: 8, symmetric: true, granularity: 'TENSORWISE', dtype: 'INT', algorithmParams: {} },
      computePrecision: 'FLOAT',
      explicitDequantize: false,
      skipChecks: false,
      minWeightElements: 0,
    });
  });

  it('are written with the keys of the original in its order', () => {
    const rules = [...readRecipe(json({ regex: 'é' }), ours).rules, floatRule({ operation: 'SOFTMAX' })];
    expect(JSON.stringify(JSON.parse(recipeToText({ rules })))).toBe(
      '[{"regex":"é","operation":"*","algorithm_key":"min_max_uniform_quantize","op_config":' +
        '{"weight_tensor_config":{"num_bits":8,"symmetric":true,"granularity":"CHANNELWISE","dtype":"INT"},' +
        '"compute_precision":"INTEGER","explicit_dequantize":false,"skip_checks":false,"min_weight_elements":0}},' +
        '{"regex":".*","operation":"SOFTMAX","algorithm_key":"no_quantize","op_config":{"compute_precision":' +
        '"FLOAT","explicit_dequantize":false,"skip_checks":false,"min_weight_elements":0}}]',
    );
  });

  it('take the old block_size, which is never written back', () => {
    const [rule] = readRecipe(json({}, {}, { block_size: 64 }), ours).rules;
    expect(rule?.config.weight?.granularity).toBe('BLOCKWISE_64');
    expect(readRecipe(json({}, {}, { block_size: 0 }), ours).rules[0]?.config.weight?.granularity).toBe('CHANNELWISE');
    expect(recipeToText({ rules: rule ? [rule] : [] })).not.toContain('block_size');
  });
});

const MISTAKES: readonly (readonly [
  name: string,
  recipe: unknown,
  field: string | undefined,
  says: RegExp,
  hint: RegExp,
])[] = [
  [
    'a granularity in lower case',
    json({}, {}, { granularity: 'channelwise' }),
    'rules[0].op_config.weight_tensor_config.granularity',
    /"CHANNELWISE".*not "channelwise"/,
    /did you mean "CHANNELWISE"/,
  ],
  [
    'a misspelled key of a tensor config',
    json({}, {}, { granularty: 'CHANNELWISE' }),
    'rules[0].op_config.weight_tensor_config',
    /unknown field "granularty"/,
    /did you mean "granularity"/,
  ],
  [
    'a misspelled key of an op config',
    json({}, { min_weight_element: 3 }),
    'rules[0].op_config',
    /unknown field "min_weight_element"/,
    /did you mean "min_weight_elements"/,
  ],
  [
    'a misspelled key of a rule',
    json({ opconfig: {} }),
    'rules[0]',
    /unknown field "opconfig"/,
    /did you mean "op_config"/,
  ],
  [
    'an unknown algorithm',
    json({ algorithm_key: 'min_max_uniform' }),
    'rules[0].algorithm_key',
    /min_max_uniform_quantize/,
    /did you mean "min_max_uniform_quantize"/,
  ],
  [
    'a precision in lower case',
    json({}, { compute_precision: 'integer' }),
    'rules[0].op_config.compute_precision',
    /not "integer"/,
    /did you mean "INTEGER"/,
  ],
  [
    'bits as text',
    json({}, {}, { num_bits: '8' }),
    'rules[0].op_config.weight_tensor_config.num_bits',
    /must be a number, not "8"/,
    /./,
  ],
  [
    'no bits',
    json({}, { weight_tensor_config: {} }),
    'rules[0].op_config.weight_tensor_config.num_bits',
    /is missing/,
    /./,
  ],
  [
    'a block size that no kernel has',
    json({}, {}, { block_size: 16 }),
    'rules[0].op_config.weight_tensor_config.block_size',
    /32, 64, 128, 256/,
    /./,
  ],
  [
    'null for activations',
    json({}, { activation_tensor_config: null }),
    'rules[0].op_config.activation_tensor_config',
    /an object, not null/,
    /./,
  ],
  ['no weight config', json({ op_config: {} }), 'rules[0].op_config.weight_tensor_config', /is missing/, /./],
  ['no config', [{ regex: '', operation: '*', algorithm_key: 'OCTAV' }], 'rules[0].op_config', /is missing/, /./],
  [
    'float weights under integer activations',
    json({}, { activation_tensor_config: { num_bits: 8 } }, { dtype: 'FLOAT' }),
    'rules[0].op_config.weight_tensor_config.dtype',
    /must be "INT"/,
    /./,
  ],
  [
    'float compute with integer activations',
    json({}, { activation_tensor_config: { num_bits: 8 }, compute_precision: 'FLOAT' }),
    'rules[0].op_config.compute_precision',
    /must be "INTEGER"/,
    /./,
  ],
  [
    'a second rule without a pattern',
    [...json(), { operation: '*', algorithm_key: 'no_quantize' }],
    'rules[1].regex',
    /is missing/,
    /./,
  ],
  ['a text', 'static_wi8_ai8', 'rules', /must be a list/, /./],
  ['a recipe for components', { default: json() }, undefined, /not a list of rules/, /litertlm/],
];

describe('mistakes in a recipe', () => {
  it.each(MISTAKES)('%s is named with its field', (_, recipe, field, says, hint) => {
    expect(() => readRecipe(recipe, ours)).toThrowError(
      expect.objectContaining({
        code: 'RECIPE_INVALID',
        where: field === undefined ? {} : { field },
        message: expect.stringMatching(says),
        hint: expect.stringMatching(hint),
      }),
    );
  });

  it.each([
    ['FULLY_CONECTED', 'did you mean "FULLY_CONNECTED"?'],
    ['TRANSPOSE_CONV', 'recipes call it "CONV_2D_TRANSPOSE"'],
    ['conv_2d', 'did you mean "CONV_2D"?'],
    ['input', 'did you mean "INPUT"?'],
  ])('the operation %s is unknown, with what may have been meant', (operation, hint) => {
    expect(() => readRecipe(json({ operation }), ours, { file: 'my.json' })).toThrowError(
      expect.objectContaining({
        code: 'RECIPE_UNKNOWN_OPERATION',
        where: { file: 'my.json', field: 'rules[0].operation' },
        hint,
      }),
    );
  });

  it('operators of the format without a quantized form may be named to stay float only', () => {
    const stay = [{ regex: '', operation: 'CUMSUM', algorithm_key: 'no_quantize' }];
    expect(checkRules(readRecipe(stay, ours).rules, ours)).toEqual([]);
    const quantize = readRecipe(json({ operation: 'CUMSUM' }), ours).rules;
    expect(() => checkRules(quantize, ours)).toThrowError(/CUMSUM has no quantized form/);
  });

  it('a named operation that can never follow its rule is an error', () => {
    const rules = readRecipe(json({ operation: 'SOFTMAX' }), ours).rules;
    expect(() => checkRules(rules, ours)).toThrowError(
      expect.objectContaining({
        code: 'RECIPE_UNSUPPORTED',
        message: expect.stringContaining('SOFTMAX cannot be dynamic'),
      }),
    );
  });

  it('a rule for everything that nothing can follow is a warning', () => {
    const rules = readRecipe(json({}, {}, { granularity: 'BLOCKWISE_32' }), ours).rules;
    expect(checkRules(rules, ours)).toEqual([expect.stringContaining('rule 1 (* in /.*/) has no effect')]);
  });
});

describe('the leniency of the original, under compat', () => {
  it('ignores unknown keys of a rule and turns those of a tensor config into parameters', () => {
    const [rule] = readRecipe(json({ note: 1 }, {}, { granularty: 'CHANNELWISE' }), original).rules;
    expect(rule?.config.weight?.algorithmParams).toEqual({ granularty: 'CHANNELWISE' });
  });

  it('keeps a misspelled granularity, saves it unchanged, and no operator with weights takes it', () => {
    const recipe = readRecipe(json({}, {}, { granularity: 'channelwise' }), original);
    expect(recipeToText(recipe)).toContain('"granularity": "channelwise"');
    expect(checkRules(recipe.rules, original)).toHaveLength(1);
  });

  it.each([
    ['an unknown key of an op config', json({}, { x: 1 })],
    ['a block size of 16', json({}, {}, { block_size: 16 })],
    ['no bits', json({}, { weight_tensor_config: {} })],
    ['null for activations', json({}, { activation_tensor_config: null })],
    ['an unknown algorithm', json({ algorithm_key: 'MINMAX' })],
    ['an object', { default: [] }],
  ])('still refuses %s', (_, recipe) => {
    expect(() => readRecipe(recipe, original)).toThrowError(expect.objectContaining({ code: 'RECIPE_INVALID' }));
  });
});

describe('builders', () => {
  it('make the rules of the helper calls', () => {
    expect(recipeToJson({ rules: [dynamicRule({ weightBits: 8 })] })).toEqual(readBack(json()));
    expect(weightOnlyRule({ weightBits: 16, algorithm: 'float_casting' }).config).toMatchObject({
      weight: { numBits: 16, dtype: 'FLOAT', granularity: 'CHANNELWISE' },
      computePrecision: 'FLOAT',
      explicitDequantize: true,
    });
    expect(staticRule({ weightBits: 4, activationBits: 16 }).config).toMatchObject({
      weight: { numBits: 4, symmetric: true },
      activation: { numBits: 16, symmetric: true, granularity: 'TENSORWISE' },
    });
    expect(staticRule({ weightBits: 8, activationBits: 8 }).config.activation?.symmetric).toBe(false);
    expect(() => staticRule({ weightBits: 8, activationBits: 4 as 8 })).toThrowError(/8 or 16 bits, not 4/);
  });

  it('say whether a recipe needs calibration', () => {
    expect(needsCalibration(recipes.staticWi8Ai8(), ours)).toBe(true);
    expect(needsCalibration(recipes.dynamicWi8Afp32(), ours)).toBe(false);
    const carried: Rule = { ...recipes.staticWi8Ai8().rules[0], algorithm: 'no_quantize' } as Rule;
    expect(needsCalibration({ rules: [carried] }, ours)).toBe(false);
    expect(needsCalibration({ rules: [carried] }, original)).toBe(true);
  });
});

const readBack = (value: unknown): unknown => recipeToJson(readRecipe(value, ours));
