import { describe, expect, it } from 'vitest';
import { dynamicRule, floatRule, staticRule, weightOnlyRule } from '../../../src/recipe/builders.ts';
import { recipeContext } from '../../../src/recipe/context.ts';
import { createResolver } from '../../../src/recipe/resolver.ts';
import { scopeOf } from '../../../src/recipe/scope.ts';
import type { Resolution, Rule } from '../../../src/recipe/types.ts';
import { recipeToJson } from '../../../src/recipe/write.ts';

const ours = recipeContext();
const original = recipeContext({ compat: true });

/** What is left of a decision for the tables: bits of the weights, or `float`. */
const brief = ({ algorithm, config }: Resolution): string =>
  algorithm === 'no_quantize'
    ? 'float'
    : `${algorithm === 'float_casting' ? 'float' : 'int'}${config?.weight?.numBits}`;

const FC = 'FULLY_CONNECTED';
const int8 = (regex: string, operation = '*'): Rule => dynamicRule({ regex, operation, weightBits: 8 });
const int4 = (regex: string, operation: string): Rule => dynamicRule({ regex, operation, weightBits: 4 });
const float16 = (regex: string): Rule => weightOnlyRule({ regex, weightBits: 16, algorithm: 'float_casting' });

interface Trap {
  readonly name: string;
  readonly rules: readonly Rule[];
  readonly operation: string;
  readonly scope: string;
  readonly ours: string;
  readonly original: string;
}

const TRAPS: readonly Trap[] = [
  {
    name: 'a regex used again later',
    rules: [int4('A', FC), int8('B'), int4('A', 'CONV_2D')],
    operation: 'CONV_2D',
    scope: 'AB;',
    ours: 'int4',
    original: 'int8',
  },
  {
    name: 'a rule for all operations that comes back',
    rules: [int8('.*'), int4('foo', FC), float16('.*')],
    operation: FC,
    scope: 'foo;',
    ours: 'float16',
    original: 'int4',
  },
  {
    name: 'an exception before the rule',
    rules: [floatRule({ operation: FC }), int8('.*')],
    operation: FC,
    scope: 'x;',
    ours: 'int8',
    original: 'int8',
  },
  {
    name: 'an exception after the rule',
    rules: [int8('.*'), floatRule({ operation: FC })],
    operation: FC,
    scope: 'x;',
    ours: 'float',
    original: 'float',
  },
  {
    name: 'a wider rule after a narrow exception',
    rules: [floatRule({ regex: 'out' }), int8('.*')],
    operation: FC,
    scope: 'out;',
    ours: 'int8',
    original: 'int8',
  },
  {
    name: 'a rule for all operations after one for a named operation',
    rules: [int4('a', FC), int8('.*')],
    operation: FC,
    scope: 'a;',
    ours: 'int8',
    original: 'int8',
  },
  {
    name: 'two rules for everything',
    rules: [int8('.*'), float16('.*')],
    operation: 'BATCH_MATMUL',
    scope: 'a;',
    ours: 'int8',
    original: 'float',
  },
  {
    name: 'a pattern that forgets the semicolon',
    rules: [int8('^foo$', FC)],
    operation: FC,
    scope: 'foo;',
    ours: 'float',
    original: 'float',
  },
  {
    name: 'a pattern that knows the semicolon',
    rules: [int8('^foo;$', FC)],
    operation: FC,
    scope: 'foo;',
    ours: 'int8',
    original: 'int8',
  },
  {
    name: 'a rule that the operator cannot follow',
    rules: [int8('.*'), dynamicRule({ regex: 'x', weightBits: 4 })],
    operation: 'DEPTHWISE_CONV_2D',
    scope: 'x;',
    ours: 'int8',
    original: 'int8',
  },
];

describe('precedence', () => {
  it.each(TRAPS)('$name', ({ rules, operation, scope, ...expected }) => {
    expect(brief(createResolver({ rules }, ours).resolve(operation, scope))).toBe(expected.ours);
    expect(brief(createResolver({ rules }, original).resolve(operation, scope))).toBe(expected.original);
  });

  it('saves the order of the original under compat', () => {
    const rules = [int4('A', FC), int8('B'), int4('A', 'CONV_2D')];
    const saved = recipeToJson(createResolver({ rules }, original)).map(
      ({ regex, operation }) => `${regex} ${operation}`,
    );
    expect(saved).toEqual([`A ${FC}`, 'A CONV_2D', 'B *']);
  });

  it('names the deciding rule, those it overrides and those that cannot be followed', () => {
    const rules = [int8('.*'), int8('x'), dynamicRule({ regex: 'x', weightBits: 4 }), int8('y')];
    expect(createResolver({ rules }, ours).resolve('DEPTHWISE_CONV_2D', 'x;')).toMatchObject({
      rule: 1,
      reason: 'rule 2 (* in /x/): dynamic_wi8_afp32',
      overridden: [0],
      rejected: [
        { rule: 2, reason: expect.stringContaining('DEPTHWISE_CONV_2D cannot be dynamic_wi4_afp32; it can be') },
      ],
    });
  });

  it('asks the caller whether the operator can take a config, and falls back to the rule before', () => {
    const rules = [int8('.*'), dynamicRule({ weightBits: 4, granularity: 'BLOCKWISE_32' })];
    const resolver = createResolver({ rules }, ours);
    const refused = resolver.resolve(FC, 'x;', (_, config) =>
      config.weight?.granularity === 'BLOCKWISE_32' ? '48 is no multiple of 32' : undefined,
    );
    expect(refused).toMatchObject({ rule: 0, rejected: [{ rule: 1, reason: '48 is no multiple of 32' }] });
    expect(resolver.resolve(FC, 'x;').rule).toBe(1);
  });

  it('leaves operators float that no rule reaches', () => {
    const resolver = createResolver({ rules: [int8('.*', FC)] }, ours);
    expect(resolver.resolve('CONV_2D', 'x;')).toMatchObject({ algorithm: 'no_quantize', reason: 'no rule matches' });
    expect(resolver.resolve('CUMSUM', 'x;').reason).toBe('CUMSUM has no quantized form');
    expect(createResolver({ rules: [] }, ours).resolve(FC, '').config).toBeUndefined();
  });

  it('refuses an algorithm that is not implemented', () => {
    const context = recipeContext({ algorithms: [] });
    expect(() => createResolver({ rules: [int8('.*')] }, context)).toThrowError(
      expect.objectContaining({ code: 'RECIPE_UNSUPPORTED_ALGORITHM' }),
    );
  });
});

describe('model inputs and outputs', () => {
  const everything = staticRule({ weightBits: 8, activationBits: 8 });
  const names = ['image', 'mask'];
  const kinds = (rules: readonly Rule[], context = ours) =>
    createResolver({ rules }, context).resolveBoundary('INPUT', names).map(brief);

  it('are decided one by one', () => {
    expect(kinds([everything, floatRule({ regex: '^mask', operation: 'INPUT' })])).toEqual(['int8', 'float']);
  });

  it('are decided together under compat', () => {
    const rules = [everything, floatRule({ regex: 'mask', operation: 'INPUT' })];
    expect(kinds(rules, original)).toEqual(['float', 'float']);
  });

  it('follow together a rule that only their joined names match', () => {
    expect(kinds([everything, floatRule({ regex: '^image;mask;$', operation: 'INPUT' })])).toEqual(['float', 'float']);
  });
});

describe('scopes', () => {
  it('join output names, each with a semicolon', () => {
    expect(scopeOf(['a', 'b/c'])).toBe('a;b/c;');
    expect(scopeOf(['a', undefined, '', 'b'])).toBe('a;b;');
  });

  it('fall back to input names, then to nothing', () => {
    expect(scopeOf([''], ['x'])).toBe('x;');
    expect(scopeOf([], [])).toBe('');
  });

  it('end after 10000 characters', () => {
    expect(scopeOf(['\u{1F600}'.repeat(20_000)])).toBe('\u{1F600}'.repeat(10_000));
  });
});
