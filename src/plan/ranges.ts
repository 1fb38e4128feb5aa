import type { ActivationRange, RangeSource } from '../../calibration/ranges/range.ts';
import type { ProductSums } from '../../schema/documents/calibration-products.ts';
import type { Carrier } from '../algorithms/arithmetic.ts';

/** A range in use by the plan. Tensors that are on one grid share one entry. */
export interface RangeEntry {
  min: number;
  max: number;
  carrier: Carrier;
  shape: readonly number[];
  reason: string;
}

/** Where a tensor's range is from instead of its own statistics: another tensor, or the values of a constant. */
export type Lender =
  | { readonly subgraph: number; readonly tensor: number }
  | { readonly min: number; readonly max: number };

/**
 * The ranges while a plan is made: operators that keep the scale of their input make their output share its range, and
 * operators with a prescribed scale set theirs. The source is not touched.
 */
export class RangeTable {
  readonly #source: RangeSource;
  readonly #keepsCarrier: boolean;
  readonly #lenders: (subgraph: number, tensor: number) => readonly Lender[];
  readonly #entries = new Map<string, RangeEntry>();

  constructor(
    source: RangeSource,
    keepsCarrier: boolean,
    lenders: (subgraph: number, tensor: number) => readonly Lender[] = () => [],
  ) {
    this.#source = source;
    this.#keepsCarrier = keepsCarrier;
    this.#lenders = lenders;
  }

  get(subgraph: number, tensor: number): RangeEntry | undefined {
    const key = `${subgraph}:${tensor}`;
    const known = this.#entries.get(key);
    if (known) return known;
    const entry = this.#lent(subgraph, tensor) ?? this.#own(subgraph, tensor);
    if (entry) this.#entries.set(key, entry);
    return entry;
  }

  #own(subgraph: number, tensor: number): RangeEntry | undefined {
    const range = this.#source.range(subgraph, tensor);
    return range && (this.#keepsCarrier ? { ...range } : singlePrecision(range));
  }

  /** From one tensor: its very entry. From several: all of what was seen here and of the constants among them. */
  #lent(subgraph: number, tensor: number): RangeEntry | undefined {
    const lenders = this.#lenders(subgraph, tensor);
    const places = lenders.flatMap((lender) => ('tensor' in lender ? [lender] : []));
    const [first] = places;
    const isFirst = (lender: Lender) =>
      'tensor' in lender && lender.subgraph === first?.subgraph && lender.tensor === first.tensor;
    if (first && lenders.every(isFirst)) return this.get(first.subgraph, first.tensor);
    const own = places.length === 0 ? undefined : this.#own(subgraph, tensor);
    const constants = lenders.flatMap((lender) => ('tensor' in lender ? [] : [lender]));
    if (places.length > 0 && !own) return undefined;
    const all = own ? [own, ...constants] : constants;
    if (all.length === 0) return undefined;
    const min = Math.min(...all.map((range) => range.min));
    const max = Math.max(...all.map((range) => range.max));
    const reason = own?.reason ?? 'values of the constant';
    return singlePrecision({ min, max, carrier: 'float32', shape: own?.shape ?? [], reason });
  }

  /** Second moments of the tensor's rows, of its own statistics. */
  products(subgraph: number, tensor: number): ProductSums | undefined {
    return this.#source.products?.(subgraph, tensor);
  }

  /** The mean square of each value of the tensor's rows, of its own statistics. */
  meanSquares(subgraph: number, tensor: number): Float64Array | undefined {
    return this.#source.meanSquares?.(subgraph, tensor);
  }

  /** From now on the tensor has this very entry. */
  share(subgraph: number, tensor: number, entry: RangeEntry): void {
    this.#entries.set(`${subgraph}:${tensor}`, entry);
  }
}

/** Narrower ranges count as empty. */
const LEAST_SPAN = 1e-9;

/** In float32; a tensor that was always 0 gets a range, since the scale of none would be too small to compute with. */
function singlePrecision(range: ActivationRange): RangeEntry {
  const entry = { ...range, min: Math.fround(range.min), max: Math.fround(range.max), carrier: 'float32' } as const;
  // NaN is no empty range: whoever asks for it is told.
  if (!(Math.max(entry.max, 0) - Math.min(entry.min, 0) < LEAST_SPAN)) return entry;
  return { ...entry, min: -1, max: 1, reason: `${range.reason}: always 0, taken as [-1, 1]` };
}
