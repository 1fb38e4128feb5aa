import type { TensorParameters } from '../algorithms/parameters.ts';
import type { WishKind } from '../plan/wish.ts';

/** One step of rewriting the graph around a tensor. */
export interface Instruction {
  readonly kind: WishKind;
  /** Writer of the tensor (operator index of the float model, or BORDER). */
  readonly producer: number;
  /** Readers the step is for; BORDER stands for the graph's output. */
  readonly consumers: readonly number[];
  readonly parameters?: TensorParameters;
}

/** The steps for one tensor, in order. */
export interface TensorInstructions {
  readonly subgraph: number;
  readonly tensor: number;
  readonly steps: readonly Instruction[];
}
