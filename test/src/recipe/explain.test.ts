import { describe, expect, it } from 'vitest';
import { dynamicRule, floatRule, recipes, staticRule } from '../../../src/recipe/builders.ts';
import { recipeContext } from '../../../src/recipe/context.ts';
import { explainRecipe } from '../../../src/recipe/explain.ts';
import { loadRecipe } from '../../../src/recipe/library.node.ts';
import type { Rule } from '../../../src/recipe/types.ts';
import { ModelBuilder } from '../../support/model-builder.ts';
import { convolutionModel } from '../../support/models.ts';

const ours = recipeContext();
const model = convolutionModel().build();
const warningsOf = (...rules: Rule[]) => explainRecipe(model, { rules }, ours).warnings;
const int8 = dynamicRule({ weightBits: 8 });

describe('explaining a recipe', () => {
  it('says of every operator what it becomes and why', () => {
    const rules = [
      staticRule({ weightBits: 8, activationBits: 8 }),
      floatRule({ regex: '^scores', operation: 'SOFTMAX' }),
    ];
    const { operators } = explainRecipe(model, { rules }, ours);
    expect(operators.map(({ name, scope, mode, reason }) => [name, scope, mode, reason])).toEqual([
      ['CONV_2D', 'conv;', 'static', 'rule 1 (* in /.*/): static_wi8_ai8'],
      ['DEPTHWISE_CONV_2D', 'depthwise;', 'static', 'rule 1 (* in /.*/): static_wi8_ai8'],
      ['MEAN', 'mean;', 'static', 'rule 1 (* in /.*/): static_wi8_ai8'],
      ['SOFTMAX', 'scores;', 'float', 'rule 2 (SOFTMAX in /^scores/) keeps it float'],
      ['INPUT', 'image', 'static', 'rule 1 (* in /.*/): static_wi8_ai8'],
      ['OUTPUT', 'scores', 'static', 'rule 1 (* in /.*/): static_wi8_ai8'],
    ]);
  });

  it('says why an operator stays float', () => {
    const { operators } = explainRecipe(model, recipes.dynamicWi4Afp32(), ours);
    expect(operators.find(({ name }) => name === 'DEPTHWISE_CONV_2D')?.reason).toMatch(
      /^rule 1 .* cannot be followed: DEPTHWISE_CONV_2D cannot be dynamic_wi4_afp32; it can be /,
    );
  });

  it('counts what each rule was good for', () => {
    const rules = [int8, dynamicRule({ regex: 'conv', weightBits: 4 })];
    const { usage } = explainRecipe(model, { rules }, ours);
    expect(usage.map(({ decided, overridden, rejected }) => [decided, overridden, rejected])).toEqual([
      [1, 1, 4],
      [1, 0, 0],
    ]);
  });
});

describe('warnings', () => {
  it('are none for a recipe that does something', () => {
    expect(warningsOf(int8)).toEqual([]);
  });

  it.each<[string, Rule, RegExp]>([
    ['a pattern that is found nowhere', dynamicRule({ regex: 'dense', weightBits: 8 }), /found in no tensor name/],
    [
      'a pattern that no operator of the kind has',
      floatRule({ regex: 'x', operation: 'CONV_2D' }),
      /in none of the 1 CONV_2D/,
    ],
    ['an operator that the model has not', floatRule({ operation: 'TANH' }), /the model has no TANH/],
    [
      'a rule that no operator can follow',
      dynamicRule({ regex: 'mean', weightBits: 8 }),
      /the one operator that matches cannot follow it/,
    ],
  ])('name a rule without effect: %s', (_, rule, says) => {
    expect(warningsOf(int8, rule)).toEqual([expect.stringMatching(says)]);
  });

  it('tell once of a rule that nothing can follow, and the reason once', () => {
    const never = dynamicRule({ weightBits: 8, granularity: 'BLOCKWISE_32' });
    expect(warningsOf(never)).toEqual([
      'rule 1 (* in /.*/) has no effect: no operator can be dynamic with weights int8 symmetric BLOCKWISE_32',
      'nothing was quantized: 4 of 4 operators stay float',
    ]);
    expect(warningsOf(dynamicRule({ regex: 'mean|scores', weightBits: 8 }))).toEqual([
      expect.stringMatching(/^rule 1 .* decides nothing: none of 3 that match can follow it \(MEAN cannot be /),
      'nothing was quantized: 4 of 4 operators stay float, 2 because: no rule matches',
    ]);
  });

  it('name a rule that is overridden everywhere', () => {
    expect(warningsOf(floatRule({ operation: 'CONV_2D' }), int8)).toEqual([
      'rule 1 (CONV_2D in /.*/) decides nothing: later rules override it wherever it matches',
    ]);
  });

  it('say that nothing was quantized, and the commonest reason', () => {
    expect(warningsOf(floatRule())).toEqual([
      'nothing was quantized: 4 of 4 operators stay float, 4 because: rule 1 (* in /.*/) keeps it float',
    ]);
    expect(warningsOf()).toEqual([expect.stringContaining('4 because: no rule matches')]);
    const empty = new ModelBuilder();
    const main = empty.subgraph();
    main.outputs(main.input('x', [1]));
    expect(explainRecipe(empty.build(), recipes.dynamicWi8Afp32(), ours).warnings).toContain(
      'nothing was quantized: the model has no operators',
    );
  });

  it('are not given where a built-in recipe finds no operator of a kind', () => {
    const { warnings } = explainRecipe(model, loadRecipe('sample_advanced_usage', ours), ours);
    expect(warnings).toEqual([]);
  });
});
