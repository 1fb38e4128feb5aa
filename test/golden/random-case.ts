import type { Model } from '../../schema/model.ts';
import { readModel } from '../../schema/reader.ts';
import { modelBytes } from '../../schema/writer.ts';
import type { OracleAnswer, OracleQuestion } from './oracle.node.ts';
import type { OriginalCalibration } from './original-ranges.ts';
import { quantizeWith } from './quantize-as-original.ts';
import { randomModel } from './random-graph.ts';
import { carrierOf, randomCalibration, randomRecipe } from './random-recipe.ts';
import { type Difference, diffModels } from './tflite-diff.ts';

/** A random model with a random recipe and ranges, for us and for the original. */
export interface RandomCase extends OracleQuestion {
  readonly seed: number;
  readonly graph: Model;
  readonly calibration: OriginalCalibration;
  readonly carrier: 'float32' | 'float64';
}

export function randomCase(seed: number): RandomCase {
  const graph = randomModel(seed);
  return {
    seed,
    name: String(seed).padStart(6, '0'),
    graph,
    model: modelBytes(graph),
    recipe: randomRecipe(seed, graph),
    calibration: randomCalibration(seed, graph),
    carrier: carrierOf(seed),
  };
}

/** `only-ours`: the original fails where we give a result. */
export interface Verdict {
  readonly seed: number;
  readonly kind: 'equal' | 'both-refuse' | 'only-ours' | 'different';
  readonly differences?: readonly Difference[];
  /** What was said by who failed. */
  readonly error?: string;
}

/** Quantizes as the original does and compares with what it wrote. */
export function compareWithOracle(entry: RandomCase, answer: OracleAnswer): Verdict {
  const { seed, graph, recipe, calibration, carrier } = entry;
  const ours = attempt(() => quantizeWith({ model: graph, recipe, calibration, carrier, compat: true }));
  if ('error' in answer) return { seed, kind: 'error' in ours ? 'both-refuse' : 'only-ours', error: answer.error };
  if ('error' in ours) return { seed, kind: 'different', error: ours.error };
  const differences = diffModels(readModel(answer.file), ours.result);
  return differences.length === 0 ? { seed, kind: 'equal' } : { seed, kind: 'different', differences };
}

function attempt<T>(action: () => T): { readonly result: T } | { readonly error: string } {
  try {
    return { result: action() };
  } catch (error) {
    return { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}
