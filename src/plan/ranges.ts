import type { ActivationRange, RangeSource } from '../../calibration/ranges/range.ts';
import type { Carrier } from '../algorithms/arithmetic.ts';

/** A range in use by the plan. Tensors that are on one grid share one entry. */
export interface RangeEntry {
  min: number;
  max: number;
  carrier: Carrier;
  shape: readonly number[];
  reason: string;
}

/**
 * The ranges while a plan is made: operators that keep the scale of their input make their output share its range, and
 * operators with a prescribed scale set theirs. The source is not touched.
 */
export class RangeTable {
  readonly #source: RangeSource;
  readonly #keepsCarrier: boolean;
  readonly #entries = new Map<string, RangeEntry>();

  constructor(source: RangeSource, keepsCarrier: boolean) {
    this.#source = source;
    this.#keepsCarrier = keepsCarrier;
  }

  get(subgraph: number, tensor: number): RangeEntry | undefined {
    const key = `${subgraph}:${tensor}`;
    const known = this.#entries.get(key);
    if (known) return known;
    const range = this.#source.range(subgraph, tensor);
    if (!range) return undefined;
    const entry = this.#keepsCarrier ? { ...range } : singlePrecision(range);
    this.#entries.set(key, entry);
    return entry;
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
  if (Math.max(entry.max, 0) - Math.min(entry.min, 0) >= LEAST_SPAN) return entry;
  return { ...entry, min: -1, max: 1, reason: `${range.reason}: always 0, taken as [-1, 1]` };
}
