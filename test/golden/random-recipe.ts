import { TensorType } from '../../schema/generated/tflite.ts';
import type { Model } from '../../schema/model.ts';
import type { OriginalCalibration } from './original-ranges.ts';
import { Random } from './random.ts';

/** A rule as the original's JSON has it. */
export interface RecipeEntry {
  readonly regex: string;
  readonly operation: string;
  readonly algorithm_key: string;
  readonly op_config?: unknown;
}

const tensorConfig = (bits: number, symmetric: boolean, granularity: string) => ({
  num_bits: bits,
  symmetric,
  granularity,
  dtype: 'INT',
});

const staticRule = (activationBits: number, symmetric: boolean, weightBits: number, granularity: string) => ({
  activation_tensor_config: tensorConfig(activationBits, symmetric, 'TENSORWISE'),
  weight_tensor_config: tensorConfig(weightBits, true, granularity),
  compute_precision: 'INTEGER',
  explicit_dequantize: false,
});

const dynamicRule = (bits: number, granularity: string) => ({
  weight_tensor_config: tensorConfig(bits, true, granularity),
  compute_precision: 'INTEGER',
  explicit_dequantize: false,
});

const weightOnlyRule = (bits: number, symmetric: boolean, granularity: string) => ({
  weight_tensor_config: tensorConfig(bits, symmetric, granularity),
  compute_precision: 'FLOAT',
  explicit_dequantize: true,
});

function randomConfig(random: Random) {
  const granularity = random.pick(['CHANNELWISE', 'TENSORWISE']);
  return random.pick([
    staticRule(8, false, 8, granularity),
    staticRule(8, false, 8, granularity),
    staticRule(8, true, 8, granularity),
    staticRule(16, true, 8, granularity),
    staticRule(8, false, 4, granularity),
    dynamicRule(8, granularity),
    dynamicRule(4, granularity),
    weightOnlyRule(8, random.chance(0.5), granularity),
    weightOnlyRule(4, random.chance(0.5), granularity),
  ]);
}

const SKIP = 'no_quantize';
const MIN_MAX = 'min_max_uniform_quantize';

/** A rule's algorithm and settings. */
function randomSettings(random: Random): Pick<RecipeEntry, 'algorithm_key' | 'op_config'> {
  return { op_config: randomConfig(random), algorithm_key: random.pick([MIN_MAX, MIN_MAX, MIN_MAX, 'OCTAV', 'MSE']) };
}

/** One configuration for everything, then up to three exceptions by name of an output, sometimes float inputs or outputs. */
export function randomRecipe(seed: number, model: Model): RecipeEntry[] {
  const random = new Random(seed ^ 0x5eed);
  const entries: RecipeEntry[] = [{ regex: '.*', operation: '*', ...randomSettings(random) }];
  for (const operation of ['INPUT', 'OUTPUT']) {
    if (random.chance(0.25)) entries.push({ regex: '.*', operation, algorithm_key: SKIP });
  }
  for (let exceptions = random.whole(0, 3); exceptions > 0; exceptions--) {
    const subgraph = random.pick(model.subgraphs);
    const operator = random.pick(subgraph.operators);
    const regex = `^${subgraph.tensors[operator.outputs[0] ?? 0]?.name ?? ''};`;
    if (random.chance(0.4)) entries.push({ regex, operation: '*', algorithm_key: SKIP });
    else entries.push({ regex, operation: '*', ...randomSettings(random) });
  }
  return entries;
}

/**
 * Ranges for every float tensor that is not a constant, as the original's document has them: float32 numbers in arrays
 * of the tensor's rank, or, for every third seed, float64 numbers in arrays of rank 1 (as its profiler gives them).
 * Now and then a tensor that was always zero, never negative, or never positive, and a range for a constant.
 */
export function randomCalibration(seed: number, model: Model): OriginalCalibration {
  const random = new Random(seed ^ 0xca11);
  const carrier = carrierOf(seed);
  const result: Record<string, OriginalCalibration[string]> = {};
  for (const subgraph of model.subgraphs) {
    for (const tensor of subgraph.tensors) {
      if (tensor.type !== TensorType.FLOAT32 || (tensor.buffer !== 0 && !random.chance(0.03))) continue;
      const rank = carrier === 'float32' ? (tensor.shape?.length ?? 0) : 1;
      const [min, max] = randomRange(random, carrier);
      result[tensor.name ?? ''] = { min: nest(min, rank), max: nest(max, rank) };
    }
  }
  return result;
}

/** The type of the numbers that `randomCalibration` gives for a seed. */
export const carrierOf = (seed: number): 'float32' | 'float64' => (seed % 3 === 2 ? 'float64' : 'float32');

function randomRange(random: Random, carrier: 'float32' | 'float64'): [number, number] {
  const round = carrier === 'float32' ? Math.fround : (value: number) => value;
  const scale = random.pick([0.1, 1, 8]);
  const [low, high] = [round(-scale * random.next()), round(scale * random.next())];
  const kind = random.next();
  if (kind < 0.03) return [0, 0];
  if (kind < 0.2) return [0, high];
  if (kind < 0.25) return [low, round(low / 4)];
  return [low, high];
}

type Nested = number | readonly Nested[];
const nest = (value: number, rank: number): Nested => (rank === 0 ? value : [nest(value, rank - 1)]);
