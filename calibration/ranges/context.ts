/** How wrong a rounded activation is, as the operators that read it feel it. */
export type ErrorMeasure =
  /** Squared error of the value. */
  | { readonly kind: 'value' }
  /** Rows are divided by their own power afterwards: first-power error, held against squared error. */
  | { readonly kind: 'row-normalized' }
  /** Every reader applies this function: squared error of what it makes of the value. */
  | { readonly kind: 'image'; readonly name: string; readonly of: (x: number) => number }
  /** A factor matters, not a difference: reciprocal roots, logarithms, divisors. */
  | { readonly kind: 'relative' };

/** How the plan will quantize one activation, and what for. */
export interface ActivationUse {
  readonly bits: 8 | 16;
  /** The zero point is 0 and the range is made even around it. */
  readonly symmetric: boolean;
  readonly measure: ErrorMeasure;
  /** Only a softmax reads it: values far below a row's greatest one come out as zero. */
  readonly mask: boolean;
  /**
   * Where its values are read: itself, or tensors of its subgraph that operators on the same grid made of it by moving
   * or choosing values. Only what is read there counts as wrong. Itself when absent or empty.
   */
  readonly readAt?: readonly number[];
}

/** What the rules that look ahead want to know of the plan; the planner answers out of the operator specs. */
export interface RangeContext {
  /** Undefined for a tensor that stays float; its range is then plain min/max. */
  use(subgraph: number, tensor: number): ActivationUse | undefined;
  /** For the output of a reciprocal square root: the tensor whose range decides the steps of its input. */
  reciprocalRootInput?(subgraph: number, tensor: number): number | undefined;
  /** The activations whose sum or difference a tensor is, seen through additions of constants; none for other tensors. */
  summands?(subgraph: number, tensor: number): readonly number[];
  /**
   * Of a tensor that is only ever added to something in front of a softmax, as masks are: each sum with what else is in
   * it. None for other tensors.
   */
  maskedSums?(subgraph: number, tensor: number): readonly { readonly sum: number; readonly other: number }[];
  /** The tensor whose range this one has, followed backwards through operators that keep the scale of their input. */
  origin?(subgraph: number, tensor: number): number;
}
