/** Repeatable numbers in [0, 1): the same seed gives the same sequence on every machine (xorshift32). */
export function randomSource(seed: number): () => number {
  let state = (seed * 2654435761 + 1) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 2 ** 32;
  };
}

/** `count` float32 values, uniform in [low, high). */
export function randomFloats(count: number, seed: number, low = -1, high = 1): Float32Array<ArrayBuffer> {
  const next = randomSource(seed);
  return Float32Array.from({ length: count }, () => low + (high - low) * next());
}
