import type { TensorParameters } from '../algorithms/parameters.ts';

/**
 * What an operator asks for one of its operands. On the side of the reader: quantize (a float value is to be quantized
 * on the way), store (a constant is to be stored as codes), store-and-dequantize (stored as codes, read as float), keep;
 * rotate, rotate-by-product: it reads the value multiplied by Hadamard matrices; multiply: by the parameters' multiplier.
 * On the side of the writer: dequantize (it writes codes; who wants floats gets them), keep; rotate, rotate-by-product:
 * it writes rotated values, which are rotated back.
 */
export type WishKind =
  | 'keep'
  | 'quantize'
  | 'dequantize'
  | 'store'
  | 'copy-buffer'
  | 'copy-tensor'
  | 'rotate'
  | 'rotate-by-product'
  | 'multiply';

export const isRotation = (kind: WishKind | undefined): boolean => kind === 'rotate' || kind === 'rotate-by-product';

/** Operator number of the graph's border: as a writer the inputs' source, as a reader the outputs' user. */
export const BORDER = -1;

export interface Wish {
  /** Index of the operator in its subgraph, or BORDER. */
  readonly operator: number;
  /** In order; more than one only when a copy comes first. */
  readonly kinds: readonly WishKind[];
  readonly parameters?: TensorParameters;
}

/** All wishes for one tensor, in the order in which the operators were visited. */
export interface TensorWishes {
  producer?: Wish;
  readonly consumers: Wish[];
}

export const firstKind = (wish: Wish): WishKind => wish.kinds[0] ?? 'keep';
