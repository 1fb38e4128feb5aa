import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TILE } from '../../kernels/index.ts';
import { expectTwins, randomNumbers } from './twins.ts';

/** Doubles of several magnitudes and signs. */
function doubles(count: number, seed: number): Float64Array {
  const random = randomNumbers(seed);
  return Float64Array.from({ length: count }, () => (random() - 0.5) * 2 ** Math.floor(20 * random() - 10));
}

describe('addProducts', () => {
  it('gives the same bits as its twin', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 3 }), fc.nat(), (depth, shift, seed) => {
        const [a, b] = [doubles(depth * TILE, seed), doubles(depth * TILE, seed + 1)];
        const target = doubles(TILE * TILE, seed + 2);
        expectTwins([a, b, target], (k, [a = 0, b = 0, out = 0]) => k.addProducts(a, b, depth, out), shift);
      }),
      { numRuns: 40 },
    );
  });

  it('adds a sum of products to each element', () => {
    const [a, b, target] = [doubles(3 * TILE, 1), doubles(3 * TILE, 2), doubles(TILE * TILE, 3)];
    const { outputs } = expectTwins([a, b, target], (k, [a = 0, b = 0, out = 0]) => k.addProducts(a, b, 3, out));
    for (const [i, j] of [
      [0, 0],
      [5, 63],
      [63, 1],
    ] as const) {
      const sum = [0, 1, 2].reduce((s, k) => s + (a[k * TILE + i] as number) * (b[k * TILE + j] as number), 0);
      expect(outputs[2]?.[i * TILE + j]).toBe((target[i * TILE + j] as number) + sum);
    }
  });
});
