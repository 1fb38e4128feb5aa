import type { ActivationRange, RangeSource } from '../../calibration/ranges/range.ts';

/** How a calibration is varied to see how much of a result is luck. */
export interface Draw {
  /** 0: the usual samples and the ranges as they are. */
  readonly seed: number;
  /** Both ends of every range are moved outwards by a random share of the range up to this one. */
  readonly jitter: number;
}

/** Ranges with their ends moved outwards; the same for the same seed, whatever the order they are asked for in. */
export function jittered(source: RangeSource, { seed, jitter }: Draw): RangeSource {
  if (seed === 0 || jitter === 0) return source;
  return {
    ...source,
    range: (subgraph, tensor) => {
      const range = source.range(subgraph, tensor);
      return range && moved(range, seed, subgraph * 100_003 + tensor, jitter);
    },
  };
}

function moved(range: ActivationRange, seed: number, place: number, jitter: number): ActivationRange {
  const [below, above] = [random(seed, 2 * place), random(seed, 2 * place + 1)];
  const stretched = (end: number, share: number) => Math.fround(end * (1 + share * jitter));
  return { ...range, min: stretched(range.min, below), max: stretched(range.max, above) };
}

/** A number in [0, 1) for a seed and a place: the finalizer of MurmurHash3 over both. */
function random(seed: number, place: number): number {
  let mixed = (Math.imul(seed, 0x9e3779b1) + place) | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
}

/** Mean and standard deviation (of a sample). */
export function spread(values: readonly number[]): { mean: number; deviation: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, deviation: values.length > 1 ? Math.sqrt(squares / (values.length - 1)) : 0 };
}
