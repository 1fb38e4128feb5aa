import { AeqError } from '../../schema/errors.ts';
import type { AlgorithmKey, Granularity, OpConfig, Recipe, Rule, TensorConfig } from './types.ts';
import { FLOAT_CONFIG } from './types.ts';

/** For which operators a rule is; by default for all. */
export interface RuleTarget {
  /** Python dialect; searched in the names of output tensors. */
  readonly regex?: string;
  readonly operation?: string;
  readonly algorithm?: AlgorithmKey;
}

export interface WeightRuleOptions extends RuleTarget {
  readonly weightBits: number;
  readonly granularity?: Granularity;
  /** For algorithms that rotate: the largest Hadamard matrix, 1 or more; by default the largest that fits. */
  readonly maxHadamardSize?: number;
}

export interface StaticRuleOptions extends WeightRuleOptions {
  readonly activationBits: 8 | 16;
}

const target = ({ regex = '.*', operation = '*', algorithm = 'min_max_uniform_quantize' }: RuleTarget) => ({
  regex,
  operation,
  algorithm,
});

const integers = (numBits: number, granularity: Granularity, symmetric = true): TensorConfig => ({
  numBits,
  symmetric,
  granularity,
  dtype: 'INT',
  algorithmParams: {},
});

function weights({ weightBits, granularity = 'CHANNELWISE', maxHadamardSize: size }: WeightRuleOptions): TensorConfig {
  const plain = integers(weightBits, granularity);
  return size === undefined ? plain : { ...plain, algorithmParams: { max_hadamard_size: size } };
}

/** Weights become integers, activations stay float and are quantized by the kernel as they come. */
export function dynamicRule(options: WeightRuleOptions): Rule {
  return { ...target(options), config: { ...FLOAT_CONFIG, weight: weights(options), computePrecision: 'INTEGER' } };
}

/** Weights are stored as integers (float16 under `float_casting`) and dequantized before a float kernel. */
export function weightOnlyRule(options: WeightRuleOptions): Rule {
  const common = target(options);
  const stored = weights(options);
  const weight: TensorConfig = common.algorithm === 'float_casting' ? { ...stored, dtype: 'FLOAT' } : stored;
  return { ...common, config: { ...FLOAT_CONFIG, weight, explicitDequantize: true } };
}

/**
 * Weights and activations become integers; needs calibration. Activations of 8 bits are asymmetric, of 16 symmetric.
 * @throws AeqError RECIPE_INVALID for other activation bits
 */
export function staticRule(options: StaticRuleOptions): Rule {
  const { activationBits } = options;
  if (activationBits !== 8 && activationBits !== 16) {
    throw new AeqError('RECIPE_INVALID', `activations can have 8 or 16 bits, not ${String(activationBits)}`, {
      hint: 'for anything else write the configuration out',
    });
  }
  const config: OpConfig = {
    ...FLOAT_CONFIG,
    activation: integers(activationBits, 'TENSORWISE', activationBits === 16),
    weight: weights(options),
    computePrecision: 'INTEGER',
  };
  return { ...target(options), config };
}

/** Operators stay float. */
export function floatRule({ regex = '.*', operation = '*' }: Omit<RuleTarget, 'algorithm'> = {}): Rule {
  return { regex, operation, algorithm: 'no_quantize', config: FLOAT_CONFIG };
}

const recipe = (name: string, ...rules: Rule[]): Recipe => ({ name, rules });
const ROTATION = { algorithm: 'DECOMPOSED_HADAMARD_ROTATION' } as const;

type BlockGranularity = Extract<Granularity, `BLOCKWISE_${string}`>;

/** The kernels have no 8-bit blocks: a rule for channels stands before, which holds where no policy allows the blocks. */
const blocksOf8 = (name: string, to: RuleTarget, granularity: BlockGranularity) =>
  recipe(name, dynamicRule({ ...to, weightBits: 8 }), dynamicRule({ ...to, weightBits: 8, granularity }));

/** Recipes as functions, for programs; with a target, their rules are for that only. */
export const recipes = {
  dynamicWi8Afp32: (to: RuleTarget = {}) => recipe('dynamic_wi8_afp32', dynamicRule({ ...to, weightBits: 8 })),
  dynamicWi4Afp32: (to: RuleTarget = {}) => recipe('dynamic_wi4_afp32', dynamicRule({ ...to, weightBits: 4 })),
  dynamicWi2cAfp32: (to: RuleTarget = {}) => recipe('dynamic_wi2c_afp32', dynamicRule({ ...to, weightBits: 2 })),
  dynamicWi8cAfp32: (to: RuleTarget = {}) => recipe('dynamic_wi8c_afp32', dynamicRule({ ...to, weightBits: 8 })),
  dynamicWi4cAfp32: (to: RuleTarget = {}) => recipe('dynamic_wi4c_afp32', dynamicRule({ ...to, weightBits: 4 })),
  dynamicWi8b32Afp32: (to: RuleTarget = {}) => blocksOf8('dynamic_wi8b32_afp32', to, 'BLOCKWISE_32'),
  dynamicWi8b64Afp32: (to: RuleTarget = {}) => blocksOf8('dynamic_wi8b64_afp32', to, 'BLOCKWISE_64'),
  dynamicWi2b32Afp32: (to: RuleTarget = {}) =>
    recipe('dynamic_wi2b32_afp32', dynamicRule({ ...to, weightBits: 2, granularity: 'BLOCKWISE_32' })),
  dynamicWi2b64Afp32: (to: RuleTarget = {}) =>
    recipe('dynamic_wi2b64_afp32', dynamicRule({ ...to, weightBits: 2, granularity: 'BLOCKWISE_64' })),
  dynamicWi4b32Afp32: (to: RuleTarget = {}) =>
    recipe('dynamic_wi4b32_afp32', dynamicRule({ ...to, weightBits: 4, granularity: 'BLOCKWISE_32' })),
  dynamicWi4b64Afp32: (to: RuleTarget = {}) =>
    recipe('dynamic_wi4b64_afp32', dynamicRule({ ...to, weightBits: 4, granularity: 'BLOCKWISE_64' })),
  dynamicWi8cHrAfp32: (to: RuleTarget = {}) =>
    recipe('dynamic_wi8c_hr_afp32', dynamicRule({ ...ROTATION, ...to, weightBits: 8 })),
  dynamicWi4cHrAfp32: (to: RuleTarget = {}) =>
    recipe('dynamic_wi4c_hr_afp32', dynamicRule({ ...ROTATION, ...to, weightBits: 4 })),
  dynamicWi2cHrAfp32: (to: RuleTarget = {}) =>
    recipe('dynamic_wi2c_hr_afp32', dynamicRule({ ...ROTATION, ...to, weightBits: 2 })),
  weightOnlyWi8Afp32: (to: RuleTarget = {}) =>
    recipe('weight_only_wi8_afp32', weightOnlyRule({ ...to, weightBits: 8 })),
  weightOnlyWi4Afp32: (to: RuleTarget = {}) =>
    recipe('weight_only_wi4_afp32', weightOnlyRule({ ...to, weightBits: 4 })),
  staticWi8Ai8: (to: RuleTarget = {}) =>
    recipe('static_wi8_ai8', staticRule({ ...to, weightBits: 8, activationBits: 8 })),
  staticWi8Ai16: (to: RuleTarget = {}) =>
    recipe('static_wi8_ai16', staticRule({ ...to, weightBits: 8, activationBits: 16 })),
} as const;
