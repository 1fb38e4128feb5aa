import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { float16Bits, float16Value, hadamardEntry } from '../../kernels/index.ts';
import { expectTwins, floats, floatsOf, randomNumbers, shifts, tensors } from './twins.ts';

const { fround } = Math;

/** Numbers with many of one sign in a row, of magnitudes around 1, some of them zero. */
function lumpy(count: number, seed: number): Float32Array {
  const random = randomNumbers(seed);
  let sign = 1;
  return Float32Array.from({ length: count }, () => {
    if (random() < 0.15) sign = -sign;
    return random() < 0.05 ? 0 : sign * 3 * random() ** 2;
  });
}

const one = (inner: number) => ({ outer: 1, channels: 1, inner });

describe('sumSquares', () => {
  it('gives the same bits as its twin', () => {
    fc.assert(
      fc.property(tensors, shifts, ({ extent, values }, shift) => {
        expectTwins(
          [values, new Float32Array(extent.channels)],
          (k, [at = 0, out = 0]) => k.sumSquares(at, extent, out),
          shift,
        );
      }),
      { numRuns: 400 },
    );
  });

  it.each([7, 8, 127, 128, 129, 136, 1000, 5003])('sums %i values in the order of pairwise summation', (count) => {
    const values = lumpy(count, count);
    const { outputs } = expectTwins([values, new Float32Array(1)], (k, [at = 0, out = 0]) =>
      k.sumSquares(at, one(count), out),
    );
    const exact = values.reduce((sum, x) => sum + fround(x * x), 0);
    expect(Math.abs((outputs[1]?.[0] as number) - exact) / exact).toBeLessThan(2 ** -20);
  });
});

describe('blockScales', () => {
  it('gives the same bits as its twin', () => {
    const runs = fc.record({ blocks: fc.integer({ min: 0, max: 11 }), size: fc.integer({ min: 1, max: 40 }) });
    const given = runs.chain(({ blocks, size }) => {
      const values = floats({ minLength: blocks * size, maxLength: blocks * size });
      return fc.record({ blocks: fc.constant(blocks), size: fc.constant(size), values });
    });
    const rules = fc.record({ greatest: fc.constantFrom(1, 7, 127), limited: fc.boolean() });
    fc.assert(
      fc.property(given, rules, shifts, ({ blocks, size, values }, rule, shift) => {
        expectTwins(
          [values, new Float32Array(blocks)],
          (k, [at = 0, out = 0]) => k.blockScales(at, blocks, size, rule, out),
          shift,
        );
      }),
      { numRuns: 600 },
    );
  });

  it.each([true, false])('gives the same bits for magnitudes of any exponent, limited: %s', (limited) => {
    const random = randomNumbers(limited ? 1 : 2);
    const values = Float32Array.from({ length: 8 * 500 }, () => (random() - 0.5) * 2 ** (300 * random() - 160));
    for (const greatest of [1, 7, 127]) {
      const { outputs } = expectTwins([values, new Float32Array(500)], (k, [at = 0, out = 0]) =>
        k.blockScales(at, 500, 8, { greatest, limited }, out),
      );
      const scales = Array.from(outputs[1] as Float32Array);
      expect(scales.every((scale) => float16Value(float16Bits(scale)) === scale)).toBe(true);
      expect([scales.includes(0), scales.includes(Number.POSITIVE_INFINITY)]).toEqual([false, !limited]);
      expect(scales.includes(65504)).toBe(limited);
    }
  });
});

describe('clipBounds', () => {
  const rule = (bits: number, count: number, rounds: number) => {
    const noise = fround(4 ** -bits / 3);
    return { noise, unclipped: noise * count, rounds };
  };

  it('gives the same bits as its twin', () => {
    fc.assert(
      fc.property(
        tensors,
        fc.constantFrom(2, 4, 8),
        fc.integer({ min: 1, max: 10 }),
        shifts,
        ({ extent, values }, bits, rounds, shift) => {
          const given = rule(bits, extent.outer * extent.inner, rounds);
          expectTwins(
            [values, new Float32Array(extent.channels)],
            (k, [at = 0, out = 0]) => k.clipBounds(at, extent, given, out),
            shift,
          );
        },
      ),
      { numRuns: 400 },
    );
  });

  it.each([31, 32, 33, 64, 500, 4001])('takes stretches of %i values whole, across its own blocks', (count) => {
    for (const seed of [1, 2, 3, 4, 5]) {
      const values = lumpy(count, seed);
      const positive = values.map(Math.abs);
      const random = randomNumbers(seed);
      const noise = Float32Array.from(values, () => (random() - 0.5) * 4);
      for (const data of [values, positive, noise, new Float32Array(count)]) {
        expectTwins([data, new Float32Array(1)], (k, [at = 0, out = 0]) =>
          k.clipBounds(at, one(count), rule(4, count, 10), out),
        );
      }
    }
  });

  it('finds the bound of the worked example of the specification', () => {
    const values = Float32Array.of(0.5, -1.25, 0.75, 2, 0.1, 0.2, -0.3, 0.05);
    const { outputs, result } = expectTwins([values, new Float32Array(2)], (k, [at = 0, out = 0]) =>
      k.clipBounds(at, { outer: 1, channels: 2, inner: 4 }, rule(4, 4, 10), out),
    );
    expect([...(outputs[1] ?? [])].map((x) => x.toFixed(7))).toEqual(['1.9922179', '0.2988327']);
    expect(result.settled).toBeGreaterThan(0);
  });
});

describe('rotate', () => {
  const rotated = (values: Float32Array, size: number, shift = 0) =>
    expectTwins(
      // Doubles as words: an even shift keeps them aligned.
      [values, new Uint32Array(2 * size), new Float32Array(values.length)],
      (k, [at = 0, scratch = 0, out = 0]) => {
        k.rotate(at, values.length, size, scratch, out);
        // What is left there is nobody's business, and may be NaN of any payload.
        new Uint32Array(k.memory.buffer, scratch, 2 * size).fill(0);
      },
      2 * shift,
    ).outputs[2] as Float32Array;

  it('gives the same bits as its twin', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 6 }).chain((bits) =>
          fc.record({
            size: fc.constant(2 ** bits),
            values: fc
              .integer({ min: 0, max: 3 })
              .chain((runs) => floats({ minLength: runs * 2 ** bits, maxLength: runs * 2 ** bits })),
          }),
        ),
        fc.integer({ min: 0, max: 1 }),
        ({ size, values }, shift) => {
          rotated(values, size, shift);
        },
      ),
      { numRuns: 300 },
    );
  });

  it.each([2, 4, 8, 256, 1024])('is the product with the Hadamard matrix of size %i', (size) => {
    const values = lumpy(size, size);
    const entry = hadamardEntry(size);
    const expected = Array.from(values, (_, j) =>
      values.reduce((sum, x, i) => sum + (parity(i & j) ? -entry : entry) * x, 0),
    );
    const found = rotated(values, size);
    const scale = Math.sqrt(values.reduce((sum, x) => sum + x * x, 0));
    expected.forEach((x, j) => {
      expect(Math.abs((found[j] as number) - x)).toBeLessThan(scale * 2 ** -22);
    });
    rotated(found, size).forEach((x, i) => {
      expect(Math.abs(x - (values[i] as number))).toBeLessThan(scale * 2 ** -20);
    });
  });

  it('spreads one outlier over all', () => {
    const values = Float32Array.of(0, 0, 8, 0);
    expect([...rotated(values, 4)]).toEqual([4, 4, -4, -4]);
    expect([...rotated(floatsOf([0x7f800001, 0, 0, 0]), 4)]).toEqual(Array(4).fill(Number.NaN));
  });
});

const parity = (bits: number) => bits.toString(2).replaceAll('0', '').length % 2 === 1;
