import type {
  OpConfigDocument,
  RecipeOrigin,
  RuleDocument,
  TensorConfigDocument,
} from '../../schema/documents/recipe.ts';
import { parseRecipeDocument } from '../../schema/documents/recipe.ts';
import { AeqError } from '../../schema/errors.ts';
import { BuiltinOperator } from '../../schema/generated/tflite.ts';
import { suggestion } from '../../schema/nearest.ts';
import { ANY_OPERATION } from './check.ts';
import type { RecipeContext } from './context.ts';
import { compilePythonRegex } from './python-regex.ts';
import { readOriginalRules } from './read-original.ts';
import { FLOAT_CONFIG, type Granularity, type OpConfig, type Recipe, type Rule, type TensorConfig } from './types.ts';
import { recipeToJson } from './write.ts';

function tensorConfigOf(document: TensorConfigDocument): TensorConfig {
  const { num_bits: numBits, symmetric, dtype, algorithm_params: params, block_size: size = 0 } = document;
  const direct = document.max_hadamard_size === undefined ? {} : { max_hadamard_size: document.max_hadamard_size };
  return {
    numBits,
    symmetric,
    granularity: size > 0 ? (`BLOCKWISE_${size}` as Granularity) : document.granularity,
    dtype,
    algorithmParams: { ...params, ...direct },
  };
}

function opConfigOf(document: OpConfigDocument): OpConfig {
  const { activation_tensor_config: activation, weight_tensor_config: weight } = document;
  return {
    ...(activation === undefined ? {} : { activation: tensorConfigOf(activation) }),
    ...(weight === undefined ? {} : { weight: tensorConfigOf(weight) }),
    computePrecision: document.compute_precision,
    explicitDequantize: document.explicit_dequantize,
    skipChecks: document.skip_checks,
    minWeightElements: document.min_weight_elements,
  };
}

function ruleOf(document: RuleDocument): Rule {
  const { regex, operation, algorithm_key: algorithm, op_config: config, comment } = document;
  return {
    regex,
    operation,
    algorithm,
    config: algorithm === 'no_quantize' || config === undefined ? FLOAT_CONFIG : opConfigOf(config),
    ...(comment === undefined ? {} : { comment }),
  };
}

/** What recipes call an operator that the file format calls otherwise (`TRANSPOSE_CONV`). */
function recipeNameOf(builtinName: string, context: RecipeContext): string | undefined {
  const code = (BuiltinOperator as Readonly<Record<string, number>>)[builtinName];
  return [...context.operators.values()].find(({ builtin, name }) => builtin === code && name !== builtinName)?.name;
}

/**
 * Operations may be `*`, those the quantizer knows, and other builtin operators (a rule may say that they stay float).
 * @throws AeqError RECIPE_UNKNOWN_OPERATION with the name that may have been meant
 */
function checkOperation(operation: string, context: RecipeContext, index: number, origin: RecipeOrigin): void {
  if (operation === ANY_OPERATION || context.operators.has(operation)) return;
  const official = recipeNameOf(operation, context);
  const field = `${origin.root ?? 'rules'}[${index}]`;
  if (official === undefined && Object.hasOwn(BuiltinOperator, operation)) return;
  const hint =
    official === undefined ? suggestion(operation, context.operators.keys()) : `recipes call it "${official}"`;
  throw new AeqError(
    'RECIPE_UNKNOWN_OPERATION',
    `${origin.file ?? origin.what ?? 'the recipe'}: ${field}.operation is "${operation}", which is no operator`,
    {
      where: { ...(origin.file === undefined ? {} : { file: origin.file }), field: `${field}.operation` },
      hint: hint ?? 'operators are named as in LiteRT, such as CONV_2D; * stands for all',
    },
  );
}

/** Where a recipe came from, and what to call it. */
export interface ReadRecipeOptions extends RecipeOrigin {
  readonly name?: string;
}

/**
 * Reads the JSON of a recipe (a list of rules). Strictly, so that a misspelled word is an error; under compat as
 * leniently as the original, where a rule that can never match is kept and reported.
 * @throws AeqError RECIPE_INVALID, RECIPE_UNKNOWN_OPERATION, RECIPE_UNSUPPORTED (a pattern)
 */
export function readRecipe(value: unknown, context: RecipeContext, options: ReadRecipeOptions = {}): Recipe {
  const { name, ...origin } = options;
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    throw new AeqError('RECIPE_INVALID', `${origin.file ?? 'the recipe'} is an object, not a list of rules`, {
      ...(origin.file === undefined ? {} : { where: { file: origin.file } }),
      hint: 'an object names recipes for the components of a .litertlm file; use it with such a file',
    });
  }
  const rules = context.compat ? readOriginalRules(value, origin) : parseRecipeDocument(value, origin).map(ruleOf);
  for (const [index, { operation, regex }] of rules.entries()) {
    const where = {
      ...(origin.file === undefined ? {} : { file: origin.file }),
      field: `${origin.root ?? 'rules'}[${index}].regex`,
    };
    compilePythonRegex(regex, where);
    if (!context.compat) checkOperation(operation, context, index, origin);
  }
  return { ...(name === undefined ? {} : { name }), rules };
}

/**
 * A recipe made by a program: its rules are checked like those of a file, so that a misspelled word is an error too.
 * @throws AeqError as readRecipe
 */
export function checkedRecipe(recipe: Recipe, context: RecipeContext): Recipe {
  for (const [index, { config }] of recipe.rules.entries()) {
    if (typeof config === 'object' && config !== null) continue;
    throw new AeqError('RECIPE_INVALID', `the recipe is not valid: rules[${index}].config is missing (an object)`, {
      where: { field: `rules[${index}].config` },
      hint: 'make rules with dynamicRule, weightOnlyRule, staticRule or floatRule, or give the list of rules of the JSON format',
    });
  }
  readRecipe(recipeToJson(recipe), context);
  return recipe;
}
