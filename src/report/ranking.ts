import type { Comparison, OperatorComparison, TensorComparison } from '../../schema/documents/comparison.ts';

/** A tensor of a signature with the error its operator adds, where that was measured. */
export interface Layer {
  readonly signature: string;
  readonly tensor: TensorComparison;
  readonly injected: OperatorComparison | undefined;
}

/** Every compared tensor with its operator's own error, outputs first, then in the order they are computed. */
export function layersOf(comparison: Comparison): Layer[] {
  const own = new Map(comparison.operators.map((entry) => [`${entry.signature}\0${entry.output}`, entry]));
  return comparison.signatures.flatMap(({ key, outputs, tensors }) =>
    [...outputs, ...tensors].map((tensor) => ({
      signature: key,
      tensor,
      injected: own.get(`${key}\0${tensor.name}`),
    })),
  );
}

/**
 * Layers by the error they add themselves, or by what arrives where that was not measured: NaN first, then the least
 * SQNR. Tensors that only have a float form, and exact ones, come last.
 */
export function worstLayers(layers: readonly Layer[]): Layer[] {
  const rank = ({ tensor, injected }: Layer) => injected?.metrics?.sqnrDb ?? tensor.metrics.sqnrDb;
  return layers
    .map((layer) => ({ layer, key: rank(layer) }))
    .sort((a, b) => order(a.key) - order(b.key))
    .map(({ layer }) => layer);
}

/** NaN before everything; infinities and numbers as they are, but finite so that they can be subtracted. */
function order(value: number): number {
  if (Number.isNaN(value)) return -1e300;
  return Math.max(-1e299, Math.min(1e299, value));
}
