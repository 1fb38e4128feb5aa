import type { OperatorSpec } from '../ops/index.ts';
import type { ComputePrecision, ConfigName, Granularity, OpConfig, TensorConfig, TensorDtype } from './types.ts';
import { quantizationMode } from './types.ts';

/** Tensor configs that a policy accepts: one width and type, any of the listed symmetries and granularities. */
export interface TensorPattern {
  readonly numBits: number;
  readonly symmetric: readonly boolean[];
  readonly granularity: readonly Granularity[];
  readonly dtype: TensorDtype;
}

/** Configs of operators that a policy accepts under one name. */
export interface ConfigPattern {
  /** Absent: only configs without activation settings match. */
  readonly activation?: TensorPattern;
  readonly weight: TensorPattern;
  readonly computePrecision: ComputePrecision;
  readonly explicitDequantize: boolean;
}

/** Which configurations each operator may have. */
export interface Policy {
  /** For messages: `the default policy`, or the file. */
  readonly name: string;
  readonly configs: ReadonlyMap<string, ConfigPattern>;
  /** Names of configurations by recipe name of the operator. */
  readonly operations: ReadonlyMap<string, readonly string[]>;
}

const PER_AXIS: readonly Granularity[] = ['CHANNELWISE', 'TENSORWISE'];
const BLOCKS: readonly Granularity[] = ['BLOCKWISE_32', 'BLOCKWISE_64', 'BLOCKWISE_128', 'BLOCKWISE_256'];

const weights = (numBits: number, granularity = PER_AXIS, symmetric: readonly boolean[] = [true]): TensorPattern => ({
  numBits,
  symmetric,
  granularity,
  dtype: 'INT',
});
const activations = (numBits: number, symmetric: readonly boolean[], dtype: TensorDtype = 'INT'): TensorPattern => ({
  numBits,
  symmetric,
  granularity: ['TENSORWISE'],
  dtype,
});
const dynamic = (weight: TensorPattern): ConfigPattern => ({
  weight,
  computePrecision: 'INTEGER',
  explicitDequantize: false,
});
const weightOnly = (numBits: number): ConfigPattern => ({
  weight: weights(numBits, PER_AXIS, [true, false]),
  computePrecision: 'FLOAT',
  explicitDequantize: true,
});

const INT8 = activations(8, [true, false]);
const INT16 = activations(16, [true]);
const UINT8 = activations(8, [false], 'UINT');

/** The configurations that the default policy knows, by name. */
export const CONFIGURATIONS: Readonly<Record<ConfigName, ConfigPattern>> = {
  dynamic_wi8_afp32: dynamic(weights(8)),
  dynamic_wi4_afp32: dynamic(weights(4)),
  dynamic_wi4_afp32_blockwise: dynamic(weights(4, BLOCKS)),
  dynamic_wi2_afp32: dynamic(weights(2)),
  dynamic_wi2_afp32_blockwise: dynamic(weights(2, BLOCKS)),
  static_wi8_ai16: { ...dynamic(weights(8)), activation: INT16 },
  static_wi4_ai16: { ...dynamic(weights(4)), activation: INT16 },
  static_wi8_ai8: { ...dynamic(weights(8)), activation: INT8 },
  static_wi4_ai8: { ...dynamic(weights(4)), activation: INT8 },
  static_wi8_au8: { ...dynamic(weights(8)), activation: UINT8 },
  weightonly_wi8_afp32: weightOnly(8),
  weightonly_wi4_afp32: weightOnly(4),
};

const CONFIGURATION_MAP: ReadonlyMap<string, ConfigPattern> = new Map(Object.entries(CONFIGURATIONS));

/** The original's table, under compat; ours adds what each spec allows beyond it. */
export function defaultPolicy(specs: Iterable<OperatorSpec>, compat: boolean): Policy {
  const operations = new Map<string, readonly string[]>();
  for (const { name, configs, ownConfigs = [], brokenConfigs = [] } of specs) {
    const ours = [...new Set([...configs, ...ownConfigs])].filter((config) => !brokenConfigs.includes(config));
    const allowed = compat ? configs : ours;
    if (allowed.length > 0) operations.set(name, allowed);
  }
  return { name: 'the default policy', configs: CONFIGURATION_MAP, operations };
}

function tensorMatches(pattern: TensorPattern | undefined, config: TensorConfig | undefined): boolean {
  if (pattern === undefined || config === undefined) return pattern === config;
  return (
    pattern.numBits === config.numBits &&
    pattern.dtype === config.dtype &&
    pattern.symmetric.includes(config.symmetric) &&
    pattern.granularity.includes(config.granularity)
  );
}

/**
 * Whether a config is one that the pattern stands for. `minWeightElements` and algorithm parameters do not count;
 * weights count only where the operator has some.
 */
export function matchesPattern(pattern: ConfigPattern, config: OpConfig, weighted: boolean): boolean {
  return (
    pattern.computePrecision === config.computePrecision &&
    pattern.explicitDequantize === config.explicitDequantize &&
    tensorMatches(pattern.activation, config.activation) &&
    (!weighted || tensorMatches(pattern.weight, config.weight))
  );
}

/** Whether an operator may have a configuration, by its spec. */
export function allowsConfig(
  { configs, ownConfigs = [], brokenConfigs = [], weighted }: OperatorSpec,
  config: OpConfig,
) {
  const allowed = [...configs, ...ownConfigs].filter((name) => !brokenConfigs.includes(name));
  return allowed.some((name) => matchesPattern(CONFIGURATIONS[name], config, weighted !== undefined));
}

const tensorText = ({ numBits, symmetric, granularity, dtype }: TensorConfig): string =>
  `${dtype.toLowerCase()}${numBits} ${symmetric ? 'symmetric' : 'asymmetric'} ${granularity}`;

/** The name of a configuration, or its settings in words if it has none. */
export function describeConfig(config: OpConfig): string {
  for (const [name, pattern] of CONFIGURATION_MAP) if (matchesPattern(pattern, config, true)) return name;
  const weight = config.weight ? `weights ${tensorText(config.weight)}` : 'no weight settings';
  const activation = config.activation ? `, activations ${tensorText(config.activation)}` : '';
  return `${quantizationMode(config)} with ${weight}${activation}`;
}
