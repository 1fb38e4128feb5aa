import type { ActivationRange, RangeSource } from '../../calibration/ranges/range.ts';
import type { ProductSums } from '../../schema/documents/calibration-products.ts';
import type { Model } from '../../schema/model.ts';

/** Numbers in nested lists, as numpy arrays go into JSON. */
type Nested = number | readonly Nested[];

/** The original's calibration document: statistics by tensor name. */
export type OriginalCalibration = Readonly<
  Record<
    string,
    { readonly min?: Nested; readonly max?: Nested; readonly hessian?: Nested; readonly mu2?: Nested | null }
  >
>;

/**
 * Ranges out of the original's document as its quantizer sees them when it gets the arrays directly: float32 arrays, of
 * the nesting that the document shows. (A document that went through JSON on its way in has float64 arrays: pass that.)
 */
export function originalRanges(
  model: Model,
  calibration: OriginalCalibration,
  carrier: ActivationRange['carrier'] = 'float32',
): RangeSource {
  const byName = new Map(Object.entries(calibration));
  const products = new Map(
    Object.entries(calibration).flatMap(([name, { hessian }]) => (hessian ? [[name, productsOfMatrix(hessian)]] : [])),
  );
  return {
    products: (subgraph, tensor) => products.get(model.subgraphs[subgraph]?.tensors[tensor]?.name ?? ''),
    meanSquares(subgraph, tensor) {
      const means = byName.get(model.subgraphs[subgraph]?.tensors[tensor]?.name ?? '')?.mu2;
      return means ? Float64Array.from(means as readonly number[]) : undefined;
    },
    range(subgraph, tensor) {
      const entry = byName.get(model.subgraphs[subgraph]?.tensors[tensor]?.name ?? '');
      if (entry?.min === undefined || entry.max === undefined) return undefined;
      return {
        min: only(entry.min),
        max: only(entry.max),
        carrier,
        shape: shapeOf(entry.min),
        reason: "the original's calibration",
      };
    },
  };
}

/** Products of which the original's Hessian, twice their sum over the number of samples, is this matrix. */
export function productsOfMatrix(hessian: Nested): ProductSums {
  const rows = hessian as readonly (readonly number[])[];
  const sums = Float64Array.from(rows.flatMap((row, i) => row.slice(0, i + 1)));
  return { channels: rows.length, rows: rows.length, batches: 2, parts: [{ step: 0, additions: 1, sums }] };
}

function only(value: Nested): number {
  if (typeof value === 'number') return value;
  const [first] = value;
  if (first === undefined || value.length !== 1) throw new Error('a range of one tensor has exactly one number');
  return only(first);
}

function shapeOf(value: Nested): number[] {
  if (typeof value === 'number') return [];
  const [first] = value;
  return first === undefined ? [0] : [value.length, ...shapeOf(first)];
}
