import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesConstant } from '../../../schema/constant.ts';
import { minMaxConstant } from '../../../src/algorithms/min-max.ts';
import { oscarConstant } from '../../../src/algorithms/oscar.ts';
import { channelFactors, clipBound, floorPositive, scalingLoss } from '../../../src/algorithms/oscar-scales.ts';
import { randomFloats } from '../../support/model-builder.ts';

const magnitudes = fc
  .array(fc.float({ min: 0, max: 100, noNaN: true }), { minLength: 1, maxLength: 40, size: 'max' })
  .map((list) => Float64Array.from(list));

describe('the bound for clipping', () => {
  it('is no worse than any other', () => {
    fc.assert(
      fc.property(magnitudes, fc.constantFrom(1, 7, 127), fc.nat(1000), (list, greatest, seed) => {
        const weights = Float64Array.from(randomFloats(list.length, seed + 1, 0.01, 2));
        const total = weights.reduce((sum, weight) => sum + weight, 0);
        const error = (bound: number) =>
          list.reduce(
            (sum, magnitude, i) => sum + Math.max(magnitude - bound, 0) ** 2 * (weights[i] as number),
            (bound * bound * total) / (12 * greatest ** 2),
          );
        const found = error(clipBound(list, weights, greatest));
        const most = Math.max(...list);
        for (let step = 0; step <= 200; step += 1) {
          expect(found).toBeLessThanOrEqual(error((most * step) / 200) * (1 + 1e-9) + 1e-12);
        }
      }),
      { numRuns: 100 },
    );
  });
});

describe('factors of columns', () => {
  it('are never worse than none', () => {
    for (let seed = 1; seed < 40; seed += 1) {
      const values = randomFloats(6 * 32, seed).map((x) => x ** 3);
      const means = Float64Array.from(randomFloats(32, 100 + seed), (x) => 10 ** (2 * x));
      const weight = { values, length: 32, group: seed % 2 ? 32 : 8 };
      const factors = channelFactors(weight, means);
      if (!factors) continue;
      const squares = floorPositive(means);
      const plain = scalingLoss(weight, squares, new Float64Array(32).fill(1));
      expect(scalingLoss(weight, squares, factors)).toBeLessThan(plain);
    }
  });
});

describe('OSCAR', () => {
  it.each([
    ['CHANNELWISE', 8, 0.9],
    ['CHANNELWISE', 4, 0.9],
    ['CHANNELWISE', 2, 0.6],
    ['TENSORWISE', 4, 0.9],
    ['BLOCKWISE_32', 4, 0.9],
  ] as const)('makes results more exact than plain rounding: %s, %i bits', (granularity, bits, most) => {
    const length = 64;
    const values = randomFloats(12 * length, 5).map((x) => x ** 3);
    const means = Float64Array.from(randomFloats(length, 6), (x) => 10 ** (2 * x));
    const error = (make: typeof oscarConstant) => {
      const found = make({
        constant: bytesConstant(new Uint8Array(values.buffer)),
        shape: [12, length],
        config: { numBits: bits, symmetric: true, granularity, dtype: 'INT', algorithmParams: {} },
        channelAxis: 0,
        blockAxis: 1,
        meanSquares: means,
      });
      const bytes = found.data?.read() ?? new Uint8Array();
      const perByte = 8 / bits;
      return values.reduce((sum, value, i) => {
        const field = (bytes[Math.floor(i / perByte)] as number) >> (bits * (i % perByte));
        const code = (field << (32 - bits)) >> (32 - bits);
        const size = granularity === 'BLOCKWISE_32' ? 32 : granularity === 'CHANNELWISE' ? length : values.length;
        const stored = code * (found.scales[Math.floor(i / size)] as number) * (found.multiplier?.[i % length] ?? 1);
        return sum + (value - stored) ** 2 * (means[i % length] as number);
      }, 0);
    };
    expect(error(oscarConstant) / error(minMaxConstant)).toBeLessThan(most);
  });
});
