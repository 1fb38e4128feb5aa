import { describe, expect, it } from 'vitest';
import { dynamicRule, floatRule, recipes, staticRule } from '../../../src/recipe/builders.ts';
import { recipeContext } from '../../../src/recipe/context.ts';
import { createResolver } from '../../../src/recipe/resolver.ts';
import { type Shorthand, withShorthand } from '../../../src/recipe/shorthand.ts';
import type { Rule } from '../../../src/recipe/types.ts';

const contexts = [recipeContext(), recipeContext({ compat: true })];

/** Scopes that are quantized, which has to be the same with and without compat. */
function quantized(rules: readonly Rule[], shorthand: Shorthand, scopes: readonly string[]): string[] {
  const [ours, original] = contexts.map((context) => {
    const resolver = createResolver(withShorthand({ rules }, shorthand), context);
    return scopes.filter((scope) => resolver.resolve('FULLY_CONNECTED', scope).config !== undefined);
  });
  expect(original).toEqual(ours);
  return ours ?? [];
}

const int8 = dynamicRule({ weightBits: 8 });
const SCOPES = ['conv/1;', 'dense/1;', 'Dense/2;', 'head\n;'];

describe('include and exclude', () => {
  it('keep what is included', () => {
    expect(quantized([int8], { include: ['dense'] }, SCOPES)).toEqual(['dense/1;']);
    expect(quantized([int8], { include: ['^conv', '(?i)DENSE'] }, SCOPES)).toEqual(['conv/1;', 'dense/1;', 'Dense/2;']);
    expect(quantized([int8], { include: ['(?x) d e n s e # dense layers'] }, SCOPES)).toEqual(['dense/1;']);
    expect(quantized([int8], { include: ['[^d].*;$|2'] }, SCOPES)).toEqual(SCOPES);
    expect(quantized([int8], { include: ['1;\\Z'] }, SCOPES)).toEqual(['conv/1;', 'dense/1;']);
  });

  it('leave out what is excluded, also of what is included', () => {
    expect(quantized([int8], { exclude: ['dense', 'Dense'] }, SCOPES)).toEqual(['conv/1;', 'head\n;']);
    expect(quantized([int8], { include: ['1'], exclude: ['conv'] }, SCOPES)).toEqual(['dense/1;']);
  });

  it('come after the rules even where a rule has the same pattern', () => {
    const rules = [
      dynamicRule({ regex: 'conv', weightBits: 4 }),
      dynamicRule({ regex: 'conv(?#1)', weightBits: 8 }),
      int8,
    ];
    expect(quantized(rules, { exclude: ['conv'] }, SCOPES)).toEqual(SCOPES.slice(1));
  });

  it('keep model inputs and outputs float that are not included', () => {
    const recipe = withShorthand(recipes.staticWi8Ai8(), { include: ['dense'] });
    expect(createResolver(recipe, recipeContext()).resolve('INPUT', 'x;').config).toBeUndefined();
  });

  it.each([{ include: ['('] }, { exclude: ['a{2,1}'] }])('refuse a wrong pattern', (shorthand) => {
    expect(() => withShorthand({ rules: [] }, shorthand)).toThrowError(
      expect.objectContaining({ code: 'RECIPE_INVALID' }),
    );
  });

  it('refuse references by number next to other patterns', () => {
    expect(quantized([int8], { include: ['(s)e/1|(n)\\2'] }, SCOPES)).toEqual(['dense/1;']);
    expect(() => withShorthand({ rules: [] }, { include: ['a', '(b)\\1'] })).toThrowError(
      expect.objectContaining({ code: 'USAGE' }),
    );
  });
});

describe('the type of model inputs and outputs', () => {
  const io = (rules: readonly Rule[], type: Shorthand['io'] = 'same') =>
    contexts.map((context) => {
      const resolver = createResolver(withShorthand({ rules }, { io: type }), context);
      const [input, output] = [resolver.resolve('INPUT', 'a;'), resolver.resolve('OUTPUT', 'b;')];
      expect(output.config).toEqual(input.config);
      const activation = input.config?.activation;
      return activation === undefined ? 'float' : `${activation.dtype}${activation.numBits}`;
    });

  const everything = staticRule({ weightBits: 8, activationBits: 8 });
  const later = floatRule({ regex: 'a|b' });

  it.each([
    ['same', 'INT8'],
    ['float32', 'float'],
    ['int8', 'INT8'],
    ['uint8', 'UINT8'],
    ['int16', 'INT16'],
  ] as const)('%s gives %s', (type, expected) => {
    expect(io([everything], type)).toEqual([expected, expected]);
  });

  it('overrides every rule of the recipe', () => {
    expect(io([everything, later], 'int16')).toEqual(['INT16', 'INT16']);
    expect(io([later, everything, floatRule({ regex: '.*', operation: 'INPUT' })], 'int8')).toEqual(['INT8', 'INT8']);
  });
});
