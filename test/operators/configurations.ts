import type { OperatorSpec } from '../../src/ops/index.ts';
import { CONFIGURATIONS, type TensorPattern } from '../../src/recipe/policy.ts';
import {
  blockSize,
  type ConfigName,
  FLOAT_CONFIG,
  type Granularity,
  type OpConfig,
  type QuantizationMode,
  quantizationMode,
  type TensorConfig,
} from '../../src/recipe/types.ts';

/** One way in which an operator may be quantized. */
export interface Configuration {
  /** `static_wi8_ai8 channelwise`, with `asymmetric weights` or `symmetric activations` where there is a choice. */
  readonly name: string;
  readonly mode: QuantizationMode;
  readonly config: OpConfig;
}

/** What a spec allows here: the original's table and our own additions without what the kernels get wrong. */
export function allowedConfigs({ configs, ownConfigs = [], brokenConfigs = [] }: OperatorSpec): ConfigName[] {
  return [...new Set([...configs, ...ownConfigs])].filter((name) => !brokenConfigs.includes(name));
}

/** Every configuration of a spec, with each symmetry and granularity it leaves open, for weights of a shape. */
export function configurationsOf(spec: OperatorSpec, weightShape: readonly number[] | undefined): Configuration[] {
  return allowedConfigs(spec).flatMap((name) => {
    const { activation, weight, computePrecision, explicitDequantize } = CONFIGURATIONS[name];
    const base = { ...FLOAT_CONFIG, computePrecision, explicitDequantize };
    return weightForms(spec, weight, weightShape).flatMap(({ words, config }) =>
      activationForms(activation).map(({ words: more, config: own }) => {
        const whole: OpConfig = { ...base, weight: config, ...(own && { activation: own }) };
        return { name: [name, ...words, ...more].join(' '), mode: quantizationMode(whole), config: whole };
      }),
    );
  });
}

interface TensorForm<T> {
  readonly words: readonly string[];
  readonly config: T;
}

function weightForms(
  { weighted }: OperatorSpec,
  pattern: TensorPattern,
  shape: readonly number[] | undefined,
): TensorForm<TensorConfig>[] {
  if (!weighted) return [{ words: [], config: tensorConfig(pattern, true, 'TENSORWISE') }];
  const length = shape?.[weighted.blockAxis ?? 0] ?? 0;
  const fits = (granularity: Granularity) => length % (blockSize(granularity) ?? 1) === 0;
  return pattern.granularity.filter(fits).flatMap((granularity) =>
    pattern.symmetric.map((symmetric) => ({
      words: [granularity.toLowerCase(), ...(symmetric ? [] : ['asymmetric weights'])],
      config: tensorConfig(pattern, symmetric, granularity),
    })),
  );
}

function activationForms(pattern: TensorPattern | undefined): TensorForm<TensorConfig | undefined>[] {
  if (!pattern) return [{ words: [], config: undefined }];
  const isChoice = pattern.symmetric.length > 1;
  return pattern.symmetric.map((symmetric) => ({
    words: isChoice && symmetric ? ['symmetric activations'] : [],
    config: tensorConfig(pattern, symmetric, 'TENSORWISE'),
  }));
}

const tensorConfig = (
  { numBits, dtype }: TensorPattern,
  symmetric: boolean,
  granularity: Granularity,
): TensorConfig => ({
  numBits,
  dtype,
  symmetric,
  granularity,
  algorithmParams: {},
});
