import * as z from 'zod';
import { AeqError } from '../errors.ts';
import { suggestion } from '../nearest.ts';
import { type DocumentDescription, parseDocument } from './parse.ts';
import { ALGORITHM_KEYS, BLOCK_SIZES, COMPUTE_PRECISIONS, GRANULARITIES, TENSOR_DTYPES } from './recipe-terms.ts';

/** Parameters of algorithms that a tensor config may carry. */
const algorithmParams = z.strictObject({
  max_hadamard_size: z.int().min(0).optional().meta({
    description: 'Largest size of the Hadamard matrix of the rotation algorithms; 0 for the largest that fits.',
  }),
});

const tensorConfig = z
  .strictObject({
    num_bits: z.int().min(1).max(32),
    symmetric: z.boolean().default(true),
    granularity: z.enum(GRANULARITIES).default('TENSORWISE'),
    dtype: z.enum(TENSOR_DTYPES).default('INT'),
    algorithm_params: algorithmParams.default({}),
    ...algorithmParams.shape,
    block_size: z
      .int()
      .refine((size) => size <= 0 || (BLOCK_SIZES as readonly number[]).includes(size), {
        message: `must be one of ${BLOCK_SIZES.join(', ')}, or 0 for none`,
      })
      .optional()
      .meta({ description: 'Old way to write a blockwise granularity; overrides it if above 0.' }),
  })
  .meta({ description: 'How weights, or activations, are stored.' });

const opConfig = z
  .strictObject({
    activation_tensor_config: tensorConfig.optional(),
    weight_tensor_config: tensorConfig.optional(),
    compute_precision: z.enum(COMPUTE_PRECISIONS).default('FLOAT'),
    explicit_dequantize: z.boolean().default(false),
    skip_checks: z.boolean().default(false),
    min_weight_elements: z.int().min(0).default(0),
  })
  .superRefine((config, context) => {
    const { activation_tensor_config: activation, weight_tensor_config: weight } = config;
    if (activation === undefined || weight === undefined || activation.dtype === 'FLOAT') return;
    if (weight.dtype === 'FLOAT') {
      const message = 'must be "INT" where activations are quantized';
      context.addIssue({ code: 'custom', path: ['weight_tensor_config', 'dtype'], message });
    } else if (config.compute_precision !== 'INTEGER') {
      const message = 'must be "INTEGER" where activations and weights are quantized';
      context.addIssue({ code: 'custom', path: ['compute_precision'], message });
    }
  })
  .meta({ description: 'How an operator is quantized.' });

const rule = z
  .strictObject({
    regex: z.string().meta({ description: 'Searched in the names of the output tensors; dialect of Python.' }),
    operation: z.string().meta({ description: 'Name of an operator, INPUT, OUTPUT, or * for all.' }),
    algorithm_key: z.enum(ALGORITHM_KEYS),
    op_config: opConfig.optional().meta({ description: 'Required but for no_quantize.' }),
    comment: z.string().optional().meta({ description: 'For people; has no effect.' }),
  })
  .superRefine((value, context) => {
    if (value.algorithm_key === 'no_quantize') return;
    const message = 'is missing (an object)';
    if (value.op_config === undefined) context.addIssue({ code: 'custom', path: ['op_config'], message });
    else if (value.op_config.weight_tensor_config === undefined) {
      context.addIssue({ code: 'custom', path: ['op_config', 'weight_tensor_config'], message });
    }
  });

/** A recipe file: rules, a later one overriding an earlier one. */
export const recipeSchema = z.array(rule).meta({
  title: 'aeq recipe',
  description: 'Which operators of a model are quantized, and how.',
});

const componentName = z.string().regex(/^(default|tf_lite_\w+)$/, 'a component is called default or tf_lite_...');

/** A recipe file for a container: component type (or `default`) to rules, or to the name or path of a recipe. */
export const recipeMappingSchema = z
  .record(componentName, z.union([recipeSchema.min(1), z.string()]))
  .meta({ title: 'aeq recipe mapping', description: 'Recipes of the components of a .litertlm file.' });

/** The published JSON Schema of recipe files. */
export function recipeJsonSchema(): object {
  return z.toJSONSchema(recipeSchema, { io: 'input' });
}

/** The published JSON Schema of recipe mappings. */
export function recipeMappingJsonSchema(): object {
  return z.toJSONSchema(recipeMappingSchema, { io: 'input' });
}

/** As read: defaults filled in. */
export type RecipeDocument = z.output<typeof recipeSchema>;
export type RuleDocument = RecipeDocument[number];
export type OpConfigDocument = NonNullable<RuleDocument['op_config']>;
export type TensorConfigDocument = z.output<typeof tensorConfig>;
export type RecipeMappingDocument = z.output<typeof recipeMappingSchema>;

/** Where a recipe document came from, for messages. */
export interface RecipeOrigin extends Omit<DocumentDescription, 'code'> {
  /** What field names start with: `rules` if not given, the component's name inside a mapping. */
  readonly root?: string;
}

const KEYS_OF_FIELD: Readonly<Record<string, readonly string[]>> = {
  algorithm_params: Object.keys(algorithmParams.shape),
  weight_tensor_config: Object.keys(tensorConfig.shape),
  activation_tensor_config: Object.keys(tensorConfig.shape),
  op_config: Object.keys(opConfig.shape),
};

/** What the user may have meant by the first wrong word of a document; undefined if nothing is near. */
function hintFor(error: z.ZodError, document: unknown): string | undefined {
  const [issue] = error.issues;
  if (issue?.code === 'unrecognized_keys') {
    const parent = issue.path.at(-1);
    const known = typeof parent === 'string' ? KEYS_OF_FIELD[parent] : Object.keys(rule.shape);
    return suggestion(issue.keys[0] ?? '', known ?? []);
  }
  if (issue?.code !== 'invalid_value') return undefined;
  const written = issue.path.reduce<unknown>((value, part) => (value as Record<PropertyKey, unknown>)[part], document);
  return typeof written === 'string' ? suggestion(written, issue.values.map(String)) : undefined;
}

/** @throws AeqError RECIPE_INVALID naming rule and field, with the nearest known word where there is one. */
function parse<T>(schema: z.ZodType<T>, value: unknown, origin: RecipeOrigin): T {
  try {
    const { file, what = 'the recipe' } = origin;
    return parseDocument(schema, value, { what, ...(file === undefined ? {} : { file }), code: 'RECIPE_INVALID' });
  } catch (error) {
    if (!(error instanceof AeqError && error.cause instanceof z.ZodError)) throw error;
    const hint = hintFor(error.cause, value);
    if (hint === undefined) throw error;
    throw new AeqError(error.code, error.message, { where: error.where, hint, cause: error.cause });
  }
}

/**
 * Checks the JSON of a recipe strictly. Fields are named `rules[0].op_config...`, counted from 0.
 * @throws AeqError RECIPE_INVALID
 */
export function parseRecipeDocument(value: unknown, origin: RecipeOrigin = {}): RecipeDocument {
  const { root = 'rules' } = origin;
  return parse(z.object({ [root]: recipeSchema }), { [root]: value }, origin)[root] ?? [];
}

const mappingFrame = z.record(componentName, z.union([z.array(z.unknown()).min(1), z.string()]));

/** Checks the frame of a recipe mapping; its rules are checked when they are read. @throws AeqError RECIPE_INVALID */
export function parseRecipeMapping(value: unknown, origin: RecipeOrigin = {}): z.output<typeof mappingFrame> {
  return parse(mappingFrame, value, origin);
}
