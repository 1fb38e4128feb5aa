import type { RecipeOrigin } from '../../schema/documents/recipe.ts';
import { ALGORITHM_KEYS, BLOCK_SIZES, COMPUTE_PRECISIONS } from '../../schema/documents/recipe-terms.ts';
import { AeqError } from '../../schema/errors.ts';
import {
  FLOAT_CONFIG,
  type Granularity,
  type OpConfig,
  type Rule,
  type TensorConfig,
  type TensorDtype,
} from './types.ts';

type Json = Readonly<Record<string, unknown>>;

const OP_FIELDS = [
  'activation_tensor_config',
  'weight_tensor_config',
  'compute_precision',
  'explicit_dequantize',
  'skip_checks',
  'min_weight_elements',
];

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isOneOf = <T extends string>(values: readonly T[], value: unknown): value is T =>
  (values as readonly unknown[]).includes(value);

/** Reads one file with the leniency of the original; remembers where it is for messages. */
class OriginalReader {
  readonly #origin: RecipeOrigin;

  constructor(origin: RecipeOrigin) {
    this.#origin = origin;
  }

  #fail(field: string, problem: string): never {
    const { file, what = 'the recipe' } = this.#origin;
    throw new AeqError('RECIPE_INVALID', `${file ?? what} is not valid: ${field} ${problem}`, {
      where: { ...(file === undefined ? {} : { file }), field },
      hint: 'the original cannot use this either',
    });
  }

  rules(value: unknown): Rule[] {
    const { root = 'rules' } = this.#origin;
    if (!Array.isArray(value)) this.#fail(root, 'must be a list');
    return value.map((entry: unknown, index) => this.#rule(entry, `${root}[${index}]`));
  }

  #text(value: Json, key: string, field: string): string {
    const text = value[key];
    return typeof text === 'string' ? text : this.#fail(`${field}.${key}`, 'must be a text');
  }

  #rule(value: unknown, field: string): Rule {
    if (!isObject(value)) this.#fail(field, 'must be an object');
    const regex = this.#text(value, 'regex', field);
    const operation = this.#text(value, 'operation', field);
    const algorithm = value.algorithm_key;
    if (!isOneOf(ALGORITHM_KEYS, algorithm)) this.#fail(`${field}.algorithm_key`, 'is no known algorithm');
    const config = algorithm === 'no_quantize' ? FLOAT_CONFIG : this.#opConfig(value.op_config, `${field}.op_config`);
    return { regex, operation, algorithm, config };
  }

  #opConfig(value: unknown, field: string): OpConfig {
    if (!isObject(value)) this.#fail(field, 'must be an object');
    for (const key of Object.keys(value)) if (!OP_FIELDS.includes(key)) this.#fail(`${field}.${key}`, 'is unknown');
    const activation = Object.hasOwn(value, 'activation_tensor_config')
      ? this.#tensorConfig(value.activation_tensor_config, `${field}.activation_tensor_config`)
      : undefined;
    const weight = this.#tensorConfig(value.weight_tensor_config, `${field}.weight_tensor_config`);
    const { compute_precision: computePrecision = 'FLOAT', min_weight_elements: minWeightElements = 0 } = value;
    // The original takes any text here, and fails when it quantizes the first operator.
    if (!isOneOf(COMPUTE_PRECISIONS, computePrecision)) {
      this.#fail(`${field}.compute_precision`, `must be ${COMPUTE_PRECISIONS.join(' or ')}`);
    }
    if (typeof minWeightElements !== 'number') this.#fail(`${field}.min_weight_elements`, 'must be a number');
    if (activation?.dtype === 'INT' && weight.dtype === 'FLOAT') {
      this.#fail(`${field}.weight_tensor_config.dtype`, 'must be INT where activations are');
    }
    if (activation?.dtype === 'INT' && weight.dtype === 'INT' && computePrecision !== 'INTEGER') {
      this.#fail(`${field}.compute_precision`, 'must be INTEGER where activations and weights are INT');
    }
    return {
      ...(activation === undefined ? {} : { activation }),
      weight,
      computePrecision,
      explicitDequantize: this.#boolean(value, 'explicit_dequantize', false, field),
      skipChecks: this.#boolean(value, 'skip_checks', false, field),
      minWeightElements,
    };
  }

  /** Python's bool equals 0 and 1. */
  #boolean(value: Json, key: string, whenAbsent: boolean, field: string): boolean {
    const given = value[key] ?? whenAbsent;
    if (given === true || given === 1) return true;
    return given === false || given === 0 ? false : this.#fail(`${field}.${key}`, 'must be true or false');
  }

  #tensorConfig(value: unknown, field: string): TensorConfig {
    if (!isObject(value)) this.#fail(field, 'must be an object');
    const {
      num_bits: numBits,
      symmetric: _,
      granularity,
      dtype = 'INT',
      algorithm_params,
      block_size,
      ...unknown
    } = value;
    if (typeof numBits !== 'number') this.#fail(`${field}.num_bits`, 'must be a number');
    const size = typeof block_size === 'number' && block_size > 0 ? block_size : undefined;
    if (size !== undefined && !(BLOCK_SIZES as readonly number[]).includes(size)) {
      this.#fail(`${field}.block_size`, `must be one of ${BLOCK_SIZES.join(', ')}`);
    }
    const grain = size === undefined ? (granularity ?? 'TENSORWISE') : `BLOCKWISE_${size}`;
    if (typeof grain !== 'string') this.#fail(`${field}.granularity`, 'must be a text');
    if (typeof dtype !== 'string') this.#fail(`${field}.dtype`, 'must be a text');
    return {
      numBits,
      symmetric: this.#boolean(value, 'symmetric', true, field),
      // Any word goes: one that means nothing equals nothing that a policy knows.
      granularity: grain as Granularity,
      dtype: dtype as TensorDtype,
      algorithmParams: { ...(isObject(algorithm_params) ? algorithm_params : {}), ...unknown },
    };
  }
}

/**
 * Reads rules as leniently as the original: unknown keys of a rule are ignored, those of a tensor config become
 * algorithm parameters, and a misspelled granularity or dtype is kept, though no operator of the policy takes it.
 * @throws AeqError RECIPE_INVALID where the original fails as well, at once or when it quantizes, and for values whose
 *   type is wrong (a text for a number)
 */
export function readOriginalRules(value: unknown, origin: RecipeOrigin = {}): Rule[] {
  return new OriginalReader(origin).rules(value);
}
