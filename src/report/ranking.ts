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
 * Layers by the error they add themselves, NaN first, then the least SQNR; those that add none or could not be measured
 * follow in the order of what arrives. Where nothing was measured by itself, all are in that order.
 */
export function worstLayers(layers: readonly Layer[]): Layer[] {
  const keyed = layers.map((layer) => ({
    layer,
    added: order(addedDb(layer) ?? Number.POSITIVE_INFINITY),
    arriving: order(layer.tensor.metrics.sqnrDb),
  }));
  return keyed.sort((a, b) => a.added - b.added || a.arriving - b.arriving).map(({ layer }) => layer);
}

/** What a layer adds, in dB; undefined where that was not measured, and for masks, whose clipping is harmless. */
const addedDb = ({ injected }: Layer): number | undefined =>
  injected?.absorbed ? undefined : injected?.metrics?.sqnrDb;

/** NaN before everything; infinities and numbers as they are, but finite so that they can be subtracted. */
function order(value: number): number {
  if (Number.isNaN(value)) return -1e300;
  return Math.max(-1e299, Math.min(1e299, value));
}
