import type { OpConfig, Recipe, Rule, TensorConfig } from './types.ts';

type Json = Record<string, unknown>;

function tensorConfigToJson(config: TensorConfig): Json {
  return {
    num_bits: config.numBits,
    symmetric: config.symmetric,
    granularity: config.granularity,
    dtype: config.dtype,
    ...(Object.keys(config.algorithmParams).length === 0 ? {} : { algorithm_params: config.algorithmParams }),
  };
}

function opConfigToJson(config: OpConfig): Json {
  return {
    ...(config.activation === undefined ? {} : { activation_tensor_config: tensorConfigToJson(config.activation) }),
    ...(config.weight === undefined ? {} : { weight_tensor_config: tensorConfigToJson(config.weight) }),
    compute_precision: config.computePrecision,
    explicit_dequantize: config.explicitDequantize,
    skip_checks: config.skipChecks,
    min_weight_elements: config.minWeightElements,
  };
}

/** One rule in the original's format: its keys in its order, all settings written out. */
function ruleToJson(rule: Rule): Json {
  return {
    regex: rule.regex,
    operation: rule.operation,
    algorithm_key: rule.algorithm,
    op_config: opConfigToJson(rule.config),
    ...(rule.comment === undefined ? {} : { comment: rule.comment }),
  };
}

/** A recipe in the original's JSON format. Under compat give it the resolver's rules: the original saves its own order. */
export function recipeToJson(recipe: Pick<Recipe, 'rules'>): Json[] {
  return recipe.rules.map(ruleToJson);
}

/** A recipe as the text of a file, indented. */
export function recipeToText(recipe: Pick<Recipe, 'rules'>): string {
  return `${JSON.stringify(recipeToJson(recipe), null, 2)}\n`;
}
