import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ERROR_SUMS, RATIO_BINS } from '../../kernels/index.ts';
import { expectTwins, floats, floatsOf, randomNumbers, shifts } from './twins.ts';

type Sums = Record<keyof typeof ERROR_SUMS, number>;

/** Compares two arrays with both implementations, adding to sums that are there already. */
function compared(pair: readonly [Float32Array, Float32Array], before: Partial<Sums> = {}, shift = 0): Sums {
  const names = Object.keys(ERROR_SUMS) as (keyof Sums)[];
  const sums = Float64Array.from(names, (name) => before[name] ?? 0);
  const { outputs } = expectTwins(
    [...pair, sums],
    (k, [r = 0, t = 0, to = 0]) => k.compare(r, t, pair[0].length, to),
    shift,
  );
  return Object.fromEntries(names.map((name) => [name, outputs[2]?.[ERROR_SUMS[name]]])) as Sums;
}

describe('compare', () => {
  it('gives the same bits as its twin', () => {
    fc.assert(
      fc.property(floats(), floats(), shifts, (a, b, shift) => {
        const count = Math.min(a.length, b.length);
        compared([a.slice(0, count), b.slice(0, count)], {}, shift);
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
    const result = compared([reference, test]);
    const kept = [...reference.keys()].filter((i) => !broken.includes(i));
    const sum = (term: (r: number, t: number) => number) =>
      kept.reduce((total, i) => total + term(reference[i] as number, test[i] as number), 0);
    expect(result.count).toBe(length - broken.length);
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
    const result = compared([extremes, others]);
    expect(result.count).toBe(5);
    expect(result.maxAbsoluteError).toBe(2 * (extremes[0] as number));
    const small = compared([extremes.slice(1, 2), others.slice(1, 2)]);
    expect(small.maxAbsoluteError).toBe(2 ** -149);
  });

  it('adds to what is there', () => {
    const before = { count: 3, squaredError: 1, squaredReference: 2, squaredTest: 3, dot: 4, error: 5 };
    const pair = [Float32Array.of(1, 2), Float32Array.of(2, 4)] as const;
    const expected = { count: 5, squaredError: 6, squaredReference: 7, squaredTest: 23, dot: 14, error: 8 };
    expect(compared(pair, { ...before, maxAbsoluteError: 7 })).toEqual({ ...expected, maxAbsoluteError: 7 });
    expect(compared(pair, { ...before, maxAbsoluteError: 1 })).toEqual({ ...expected, maxAbsoluteError: 2 });
  });
});

describe('compareChannels', () => {
  /** Any numbers but infinities, whose differences are NaN, of which only that is the same everywhere. */
  const numbers = (length: number) =>
    floats({ minLength: length, maxLength: length }).map((values) => values.map((x) => (Number.isFinite(x) ? x : 1)));
  const cases = fc
    .record({ rows: fc.nat(5), length: fc.integer({ min: 1, max: 19 }), gap: fc.nat(7) })
    .chain(({ rows, length, gap }) => {
      const count = rows === 0 ? 0 : rows * (length + gap) - gap;
      return fc.tuple(fc.constant({ rows, length, stride: length + gap }), numbers(count), numbers(count), shifts);
    });

  it('gives the same bits as its twin', () => {
    fc.assert(
      fc.property(cases, ([rows, reference, test, shift]) => {
        const [noise, signal] = [new Float64Array(rows.length).fill(0.5), new Float64Array(rows.length).fill(2)];
        expectTwins(
          [reference, test, noise, signal],
          (k, [r = 0, t = 0, n = 0, s = 0]) => k.compareChannels(r, t, rows, n, s),
          shift,
        );
      }),
      { numRuns: 300 },
    );
  });

  it('adds up columns of the rows that it is given', () => {
    const reference = Float32Array.of(1, 2, 3, 9, 4, 5, 6);
    const test = Float32Array.of(1, 4, 3, 0, 4, 5, 9);
    const { outputs } = expectTwins(
      [reference, test, new Float64Array(3), new Float64Array(3)],
      (k, [r = 0, t = 0, n = 0, s = 0]) => k.compareChannels(r, t, { rows: 2, length: 3, stride: 4 }, n, s),
    );
    expect(outputs.slice(2).map((sums) => [...sums])).toEqual([
      [0, 4, 9],
      [17, 29, 45],
    ]);
  });
});

describe('countRatios and takeCounts', () => {
  const counted = (pair: readonly [Float32Array, Float32Array], stride: number, shift = 0) => {
    const count = Math.ceil(pair[0].length / stride);
    const table = new Uint16Array(RATIO_BINS + 6);
    const { result, outputs } = expectTwins(
      [...pair, table, new Uint16Array(2 * table.length)],
      (k, [r = 0, t = 0, at = 0, to = 0]) => {
        k.countRatios(r, t, count, stride, at);
        return k.takeCounts(at, table.length, to);
      },
      shift,
    );
    expect(outputs[2]?.every((left) => left === 0)).toBe(true);
    const pairs = outputs[3] as Uint16Array;
    return Array.from({ length: result }, (_, i) => [pairs[2 * i], pairs[2 * i + 1]]);
  };

  it('give the same bits as their twins', () => {
    fc.assert(
      fc.property(floats(), floats(), fc.integer({ min: 1, max: 9 }), shifts, (a, b, stride, shift) => {
        const count = Math.min(a.length, b.length);
        counted([a.slice(0, count), b.slice(0, count)], stride, shift);
      }),
      { numRuns: 500 },
    );
  });

  it('count every stride-th element by how far it is off', () => {
    const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;
    const r = Float32Array.of(1, 0, 1, 0, 1, 0, nan, 0, infinity, 0, 1, 0, 1, 0, 0, 0, 1);
    const t = Float32Array.of(1, 9, 1, 9, 1.5, 9, 1, 9, 1, 9, nan, 9, 1e9, 9, 1, 9, 1.5);
    expect(counted([r, t], 2)).toEqual([
      [0, 2],
      // Hardly less than a half: the last bin of its octave.
      [32 * (30 - 2) + 31 + 1, 2],
      // 1 from 0 is a million times: 1.9 times 2^19.
      [32 * (30 + 19) + 29 + 1, 1],
      [RATIO_BINS - 1, 2],
    ]);
  });

  it('spread ratios over 32 bins an octave', () => {
    const ratios = [2 ** -31, 2 ** -30 * 1.001, 0.01, 0.5, 3, 2 ** 24 * 1.001];
    const r = new Float32Array(ratios.length).fill(1e3);
    const bins = counted([r, r.map((x, i) => x + x * (ratios[i] as number))], 1).map(([bin]) => bin);
    expect(bins[0]).toBe(0);
    expect(bins.at(-1)).toBe(RATIO_BINS - 1);
  });
});

describe('countOutside', () => {
  const limits = fc.oneof(fc.double({ min: -101, max: 101 }), fc.constantFrom(0, -0, 1e-50, -1e-50, Number.NaN, 4e38));

  it('gives the same number as its twin', () => {
    fc.assert(
      fc.property(floats(), limits, limits, shifts, (values, least, greatest, shift) => {
        expectTwins([values], (k, [at = 0]) => k.countOutside(at, values.length, least, greatest), shift);
      }),
      { numRuns: 500 },
    );
  });

  it('compares with the limits themselves, not with the nearest float32', () => {
    const third = Math.fround(1 / 3);
    const outside = (least: number, greatest: number) =>
      expectTwins([Float32Array.of(third)], (k, [at = 0]) => k.countOutside(at, 1, least, greatest)).result;
    expect(outside(third, third)).toBe(0);
    expect(outside(third + 1e-12, 1)).toBe(1);
    expect(outside(0, third - 1e-12)).toBe(1);
  });

  it('leaves out NaN and masks', () => {
    const values = Float32Array.of(Number.NaN, -3.1e38, Number.POSITIVE_INFINITY, -2, 0, 2, 2.9e38);
    const { result } = expectTwins([values], (k, [at = 0]) => k.countOutside(at, values.length, -1, 1));
    expect(result).toBe(3);
  });
});
