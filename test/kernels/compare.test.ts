import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectTwins, floats, floatsOf, randomNumbers, shifts } from './twins.ts';

describe('compare', () => {
  it('gives the same bits as its twin', () => {
    fc.assert(
      fc.property(floats(), floats(), shifts, (a, b, shift) => {
        const count = Math.min(a.length, b.length);
        const pair = [a.slice(0, count), b.slice(0, count)];
        expectTwins(pair, (k, [reference = 0, test = 0]) => k.compare(reference, test, count), shift);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    { length: 1023, broken: [] },
    { length: 1024, broken: [1023] },
    { length: 4099, broken: [] },
    { length: 4099, broken: [0, 1030, 4098] },
    { length: 4100, broken: [2047, 2048] },
  ])('sums $length elements in blocks, leaving out $broken', ({ length, broken }) => {
    const random = randomNumbers(length);
    const reference = Float32Array.from({ length }, () => random() * 10 - 5);
    const test = reference.map((x) => x + (random() - 0.5) / 10);
    broken.forEach((i, n) => {
      (n % 2 ? test : reference)[i] = n % 3 ? Number.NaN : Number.NEGATIVE_INFINITY;
    });
    const { result } = expectTwins([reference, test], (k, [r = 0, t = 0]) => k.compare(r, t, length));
    const kept = [...reference.keys()].filter((i) => !broken.includes(i));
    const sum = (term: (r: number, t: number) => number) =>
      kept.reduce((total, i) => total + term(reference[i] as number, test[i] as number), 0);
    expect(result.count).toBe(length - broken.length);
    expect(result.nonFinite).toBe(broken.length);
    expect(result.squaredError).toBeCloseTo(
      sum((r, t) => (t - r) ** 2),
      9,
    );
    expect(result.squaredReference).toBeCloseTo(
      sum((r) => r * r),
      6,
    );
    expect(result.squaredTest).toBeCloseTo(
      sum((_, t) => t * t),
      6,
    );
    expect(result.dot).toBeCloseTo(
      sum((r, t) => r * t),
      6,
    );
    expect(result.error).toBeCloseTo(
      sum((r, t) => t - r),
      9,
    );
    const differences = kept.map((i) => Math.abs((test[i] as number) - (reference[i] as number)));
    expect(result.maxAbsoluteError).toBe(Math.max(...differences));
  });

  it('survives the largest and the smallest differences', () => {
    const extremes = floatsOf([0x7f7fffff, 1, 0, 0x7f7fffff, 0x7f7fffff]);
    const others = floatsOf([0xff7fffff, 0, 1, 0xff7fffff, 0x7f7fffff]);
    const { result } = expectTwins([extremes, others], (k, [r = 0, t = 0]) => k.compare(r, t, 5));
    expect(result.count).toBe(5);
    expect(result.maxAbsoluteError).toBe(2 * (extremes[0] as number));
    const small = expectTwins([extremes.slice(1, 2), others.slice(1, 2)], (k, [r = 0, t = 0]) => k.compare(r, t, 1));
    expect(small.result.maxAbsoluteError).toBe(2 ** -149);
  });
});
