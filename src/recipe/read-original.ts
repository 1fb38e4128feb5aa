import type { RecipeOrigin } from '../../schema/documents/recipe.ts';
import {
  ALGORITHM_KEYS,
  BLOCK_SIZES,
  COMPUTE_PRECISIONS,
  GRANULARITIES,
  TENSOR_DTYPES,
} from '../../schema/documents/recipe-terms.ts';
import { AeqError } from '../../schema/errors.ts';
import {
  type AlgorithmKey,
  type ComputePrecision,
  FLOAT_CONFIG,
  type Granularity,
  type OpConfig,
  type Rule,
  type TensorConfig,
  type TensorDtype,
} from './types.ts';

type Json = Readonly<Record<string, unknown>>;

/** A value that the original takes from a file although nothing it compares with can ever equal it. */
interface Lenient<T> {
  readonly config: T;
  readonly saved: unknown;
  readonly inert?: string;
}

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

const includes = <T extends string>(values: readonly T[], value: unknown): value is T =>
  (values as readonly unknown[]).includes(value);

/** Python's bool equals 0 and 1. */
const asBoolean = (value: unknown): boolean | undefined =>
  typeof value === 'boolean' ? value : value === 1 ? true : value === 0 ? false : undefined;

/** Truth of a JSON value in Python. */
function truthy(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return isObject(value) ? Object.keys(value).length > 0 : Boolean(value);
}

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
      hint: 'The original fails here too.',
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
    const key = value.algorithm_key;
    if (!includes(ALGORITHM_KEYS, key)) this.#fail(`${field}.algorithm_key`, 'is no known algorithm');
    const algorithm: AlgorithmKey = key;
    if (algorithm === 'no_quantize') return { regex, operation, algorithm, config: FLOAT_CONFIG };
    const { config, saved, inert } = this.#opConfig(value.op_config, `${field}.op_config`);
    return { regex, operation, algorithm, config, ...(inert === undefined ? {} : { inert: { reason: inert, saved } }) };
  }

  #opConfig(value: unknown, field: string): Lenient<OpConfig> {
    if (!isObject(value)) this.#fail(field, 'must be an object');
    for (const key of Object.keys(value)) if (!OP_FIELDS.includes(key)) this.#fail(`${field}.${key}`, 'is unknown');
    const activation = Object.hasOwn(value, 'activation_tensor_config')
      ? this.#tensorConfig(value.activation_tensor_config, `${field}.activation_tensor_config`)
      : undefined;
    const weight = this.#tensorConfig(value.weight_tensor_config, `${field}.weight_tensor_config`);
    const precision = value.compute_precision ?? 'FLOAT';
    // The original takes any text here, and fails when it quantizes the first operator.
    if (!includes(COMPUTE_PRECISIONS, precision)) this.#fail(`${field}.compute_precision`, 'must be INTEGER or FLOAT');
    this.#agree(activation?.config, weight.config, precision, field);
    const explicit = value.explicit_dequantize ?? false;
    const least = value.min_weight_elements ?? 0;
    if (typeof least !== 'number') this.#fail(`${field}.min_weight_elements`, 'must be a number');
    const explicitDequantize = asBoolean(explicit);
    const wrong = explicitDequantize === undefined ? 'explicit_dequantize is neither true nor false' : undefined;
    const inert = wrong ?? activation?.inert ?? weight.inert;
    const config: OpConfig = {
      ...(activation === undefined ? {} : { activation: activation.config }),
      weight: weight.config,
      computePrecision: precision,
      explicitDequantize: explicitDequantize ?? false,
      skipChecks: truthy(value.skip_checks),
      minWeightElements: least,
    };
    const saved = {
      ...(activation === undefined ? {} : { activation_tensor_config: activation.saved }),
      weight_tensor_config: weight.saved,
      compute_precision: precision,
      explicit_dequantize: explicit,
      skip_checks: value.skip_checks ?? false,
      min_weight_elements: least,
    };
    if (inert !== undefined && config.skipChecks) this.#fail(field, `has skip_checks, but ${inert}`);
    return { config, saved, ...(inert === undefined ? {} : { inert }) };
  }

  #agree(activation: TensorConfig | undefined, weight: TensorConfig, precision: ComputePrecision, field: string): void {
    if (activation?.dtype !== 'INT') return;
    if (weight.dtype === 'FLOAT')
      this.#fail(`${field}.weight_tensor_config.dtype`, 'must be INT where activations are');
    if (weight.dtype === 'INT' && precision !== 'INTEGER') this.#fail(`${field}.compute_precision`, 'must be INTEGER');
  }

  #tensorConfig(value: unknown, field: string): Lenient<TensorConfig> {
    if (!isObject(value)) this.#fail(field, 'must be an object');
    const { num_bits, symmetric = true, granularity, dtype = 'INT', algorithm_params, block_size, ...unknown } = value;
    if (num_bits === undefined) this.#fail(`${field}.num_bits`, 'is missing');
    const size = typeof block_size === 'number' && block_size > 0 ? block_size : undefined;
    if (size !== undefined && !(BLOCK_SIZES as readonly number[]).includes(size)) {
      this.#fail(`${field}.block_size`, `must be one of ${BLOCK_SIZES.join(', ')}`);
    }
    const grain = size === undefined ? (granularity ?? 'TENSORWISE') : `BLOCKWISE_${size}`;
    const algorithmParams = { ...(isObject(algorithm_params) ? algorithm_params : {}), ...unknown };
    const quoted = (word: unknown): string => JSON.stringify(word);
    const wrong: string[] = [];
    if (typeof num_bits !== 'number') wrong.push(`num_bits is ${quoted(num_bits)}`);
    if (asBoolean(symmetric) === undefined) wrong.push(`symmetric is ${quoted(symmetric)}`);
    if (!includes(GRANULARITIES, grain)) wrong.push(`granularity is ${quoted(grain)}`);
    if (!includes(TENSOR_DTYPES, dtype)) wrong.push(`dtype is ${quoted(dtype)}`);
    return {
      config: {
        numBits: typeof num_bits === 'number' ? num_bits : 0,
        symmetric: asBoolean(symmetric) ?? true,
        granularity: includes<Granularity>(GRANULARITIES, grain) ? grain : 'TENSORWISE',
        dtype: includes<TensorDtype>(TENSOR_DTYPES, dtype) ? dtype : 'INT',
        algorithmParams,
      },
      saved: {
        num_bits,
        ...(symmetric === null ? {} : { symmetric }),
        granularity: grain,
        dtype,
        ...(Object.keys(algorithmParams).length === 0 ? {} : { algorithm_params: algorithmParams }),
      },
      ...(wrong.length === 0 ? {} : { inert: `${wrong.join(', ')}, which equals no known setting` }),
    };
  }
}

/**
 * Reads rules as leniently as the original: unknown keys of a rule are ignored, those of a tensor config become
 * algorithm parameters, and words that mean nothing are kept in a rule that never matches.
 * @throws AeqError RECIPE_INVALID where the original fails as well, at once or when it quantizes
 */
export function readOriginalRules(value: unknown, origin: RecipeOrigin = {}): Rule[] {
  return new OriginalReader(origin).rules(value);
}
