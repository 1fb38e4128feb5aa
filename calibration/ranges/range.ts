import type { ProductSums } from '../../schema/documents/calibration-products.ts';
import type { Magnitudes } from './magnitudes.ts';
import type { Suspicion } from './suspicion.ts';

/**
 * The range of one activation, as the planner uses it. `carrier` is the type the numbers were computed in: it decides
 * in which precision scales are derived (float32 for ranges of our own and of a direct calibration by the original,
 * float64 for ranges that went through the original's JSON).
 */
export interface ActivationRange {
  readonly min: number;
  readonly max: number;
  readonly carrier: 'float32' | 'float64';
  /** Nesting of the arrays in the original's document, such as [1, 1, 1, 1]; only its byte-parity mode looks at it. */
  readonly shape: readonly number[];
  /** Why this range, in a few words for the plan: `min/max of 40 samples`. */
  readonly reason: string;
  /** A mask is left out: values far below those that a softmax gives anything for. */
  readonly cutsMask?: boolean;
}

/** Ranges by position in the float model. A tensor without statistics has none. */
export interface RangeSource {
  range(subgraph: number, tensor: number): ActivationRange | undefined;
  /** How the magnitudes of a tensor are spread; undefined, or absent, where no histogram tells. */
  magnitudes?(subgraph: number, tensor: number): Magnitudes | undefined;
  /** What is odd about the values of a tensor; undefined, or absent, where nothing is or nobody knows. */
  suspicion?(subgraph: number, tensor: number): Suspicion | undefined;
  /** Second moments of a tensor's rows, where they were collected. */
  products?(subgraph: number, tensor: number): ProductSums | undefined;
  /** The mean square of each value of a tensor's rows, where that was collected. */
  meanSquares?(subgraph: number, tensor: number): Float64Array | undefined;
}
