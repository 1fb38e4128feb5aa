import { AeqError } from '../schema/errors.ts';

/**
 * Which samples of a data set to take, ascending: all, or `count` of them, the first ones or, with a seed, drawn at
 * random without repetition, the same ones for the same seed.
 */
export function selectIndices(length: number, count: number = length, seed?: number): number[] {
  const all = Array.from({ length }, (_, index) => index);
  if (count >= length) return all;
  if (seed === undefined) return all.slice(0, count);
  const random = generator(seed);
  for (let i = 0; i < count; i++) {
    const other = i + Math.floor(random() * (length - i));
    [all[i], all[other]] = [all[other] ?? 0, all[i] ?? 0];
  }
  return all.slice(0, count).sort((a, b) => a - b);
}

/** Numbers in [0, 1) from a 32-bit state (the mulberry32 mixing of an additive counter). */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One part of a calibration that is divided among several machines; `part` counts from 1. */
export interface Shard {
  readonly part: number;
  readonly parts: number;
}

/** The part of a selection that a shard runs: every `parts`-th, so that parts of a sorted data set see alike data. */
export function shardIndices(selected: readonly number[], { part, parts }: Shard): number[] {
  return selected.filter((_, position) => position % parts === part - 1);
}

/** Reads `i/n`. @throws AeqError USAGE when it is not of that form or not 1 <= i <= n. */
export function parseShard(text: string): Shard {
  const [, part, parts] = /^(\d{1,9})\/(\d{1,9})$/.exec(text) ?? [];
  const shard = { part: Number(part), parts: Number(parts) };
  if (shard.part >= 1 && shard.part <= shard.parts) return shard;
  throw new AeqError('USAGE', `"${text}" is not a part such as 1/8`, { hint: 'give i/n with i from 1 to n' });
}
