/** The vocabulary of recipes: which rule decides an operator, and the configuration it gives. */

import type {
  AlgorithmKey,
  BlockSize,
  ComputePrecision,
  Granularity,
  TensorDtype,
} from '../../schema/documents/recipe-terms.ts';

export type { AlgorithmKey, BlockSize, ComputePrecision, Granularity, TensorDtype };

/** How one kind of tensor (weights, or activations) of an operator is stored. */
export interface TensorConfig {
  readonly numBits: number;
  readonly symmetric: boolean;
  /** Under compat a word that a file misspells is kept as it is: it equals nothing that a policy knows. */
  readonly granularity: Granularity;
  readonly dtype: TensorDtype;
  /** Settings of the rule's algorithm, by the original's key (`max_hadamard_size`). Empty for most. */
  readonly algorithmParams: Readonly<Record<string, unknown>>;
}

/** How one operator is quantized. */
export interface OpConfig {
  /** Absent: activations stay float. */
  readonly activation?: TensorConfig;
  /** Always present after loading a file, except for `no_quantize`. */
  readonly weight?: TensorConfig;
  readonly computePrecision: ComputePrecision;
  /** Weights are dequantized by an operator of their own in front of the float kernel. */
  readonly explicitDequantize: boolean;
  /** The rule is taken as it is, without asking the policy. */
  readonly skipChecks: boolean;
  /** Weights with fewer elements stay float (where the operator's spec says this applies). */
  readonly minWeightElements: number;
}

/** The config of a rule that keeps operators float; the defaults of a file. */
export const FLOAT_CONFIG: OpConfig = {
  computePrecision: 'FLOAT',
  explicitDequantize: false,
  skipChecks: false,
  minWeightElements: 0,
};

/** One rule: for operators named `operation` (`*` for all) in whose scope `regex` is found, this algorithm and config. */
export interface Rule {
  /** Python `re.search` dialect. */
  readonly regex: string;
  readonly operation: string;
  readonly algorithm: AlgorithmKey;
  readonly config: OpConfig;
  /** For people; kept when saving. */
  readonly comment?: string;
  /** Made for any model, as those of built-in recipes: finding nothing in this one is no sign of a mistake. */
  readonly general?: true;
}

/** Rules in the order of their precedence: a later one that applies overrides an earlier one. */
export interface Recipe {
  /** Name of a built-in recipe or of the file it came from, for messages and for naming the output. */
  readonly name?: string;
  readonly rules: readonly Rule[];
}

/** What an operator is to become, and why. */
export interface Resolution {
  /** `no_quantize` if no rule applies. */
  readonly algorithm: AlgorithmKey;
  /** Undefined exactly if `algorithm` is `no_quantize`. */
  readonly config: OpConfig | undefined;
  /** Index into the resolver's `rules` of the deciding rule; absent if no rule applies. */
  readonly rule?: number;
  /** One clause a person can read, e.g. `rule 2 (FULLY_CONNECTED in /dense/): static_wi8_ai8` or `no rule matches`;
   * rules are counted from 1 in texts. */
  readonly reason: string;
  /** Rules that matched name and scope but could not be used for this operator, in file order. */
  readonly rejected: readonly { readonly rule: number; readonly reason: string }[];
  /** Rules that would have decided, had a later one not overridden them, in file order. */
  readonly overridden: readonly number[];
}

/** Says why an operator cannot take a config, for reasons only its shapes or constants tell; undefined if it can. */
export type Refusal = (algorithm: AlgorithmKey, config: OpConfig) => string | undefined;

export interface RecipeResolver {
  /** The rules in the order in which they are asked (the file's; the original's storage order under compat). */
  readonly rules: readonly Rule[];
  /**
   * Decides one operator.
   * @param operation recipe name of the operator (`CONV_2D_TRANSPOSE`, not `TRANSPOSE_CONV`), `INPUT` or `OUTPUT`
   * @param scope see `scopeOf`
   * @param refuse asked for each rule that applies; a refused rule leaves the earlier one in force, like one the policy
   *   does not allow. Not for compat: the original fails where a config it chose turns out impossible.
   */
  resolve(operation: string, scope: string, refuse?: Refusal): Resolution;
  /**
   * Decides each input (or output) of a subgraph on its own: a rule whose regex is found in the name of some of them
   * holds for these only; one that is found only in the joined names holds for all. Under compat every one of them gets
   * the decision of the joined names, as in the original. Same order and length as `names`.
   */
  resolveBoundary(operation: 'INPUT' | 'OUTPUT', names: readonly string[]): readonly Resolution[];
}

/** What the recipe room has to know of an algorithm. The registry of algorithms holds one per implemented key. */
export interface AlgorithmSupport {
  readonly key: AlgorithmKey;
  /** Recipe names of the operators it can treat; `all`: every operator that has a spec. */
  readonly operations: 'all' | readonly string[];
  /** `policy`: the policy's table decides. `float_casting`: weights to float16, the policy is not asked. */
  readonly check: 'policy' | 'float_casting';
  /** Needs activation statistics whatever the config says (GPTQ, OSCAR). */
  readonly needsCalibration?: boolean;
  /** The original does not ask for the statistics, and guesses without them. */
  readonly guessesUnderCompat?: true;
  /** Combinations the policy admits but the algorithm cannot do; a reason, or undefined if it can. */
  readonly refuse?: (operation: string, config: OpConfig) => string | undefined;
}

/** Names of the configurations that a policy allows per operator; `au8` is for model inputs and outputs. */
export const CONFIG_NAMES = [
  'dynamic_wi8_afp32',
  'dynamic_wi4_afp32',
  'dynamic_wi4_afp32_blockwise',
  'dynamic_wi2_afp32',
  'dynamic_wi2_afp32_blockwise',
  'static_wi8_ai16',
  'static_wi4_ai16',
  'static_wi8_ai8',
  'static_wi4_ai8',
  'static_wi8_au8',
  'weightonly_wi8_afp32',
  'weightonly_wi4_afp32',
] as const;
export type ConfigName = (typeof CONFIG_NAMES)[number];

export type QuantizationMode = 'static' | 'dynamic' | 'weight-only' | 'float';

/**
 * What a config asks for: `static` integer compute with quantized activations, `dynamic` integer compute with float
 * activations, `weight-only` stored small and dequantized. `float`: the config contradicts itself (float compute
 * without dequantizing); the checks let it through only with `skipChecks`.
 */
export function quantizationMode(config: OpConfig): QuantizationMode {
  if (config.computePrecision === 'INTEGER') return config.activation ? 'static' : 'dynamic';
  return config.explicitDequantize ? 'weight-only' : 'float';
}

/** Number of values that share a scale in a blockwise granularity; undefined for the other two. */
export function blockSize(granularity: Granularity): BlockSize | undefined {
  switch (granularity) {
    case 'BLOCKWISE_32':
      return 32;
    case 'BLOCKWISE_64':
      return 64;
    case 'BLOCKWISE_128':
      return 128;
    case 'BLOCKWISE_256':
      return 256;
    default:
      return undefined;
  }
}
