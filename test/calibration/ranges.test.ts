import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { autoRange, capReciprocalRoot } from '../../calibration/ranges/auto.ts';
import { type Bins, keyInterval, makeBins, quantile, shareOutside } from '../../calibration/ranges/bins.ts';
import type { ActivationUse, RangeContext } from '../../calibration/ranges/context.ts';
import { entropyRange } from '../../calibration/ranges/entropy.ts';
import { imageError, magnitudeQuantile, powerError, relativeError } from '../../calibration/ranges/expected-error.ts';
import { errorFunction, gelu, geluTanh, hardSwish } from '../../calibration/ranges/functions.ts';
import { gridOf, onGrid } from '../../calibration/ranges/grid.ts';
import { minMax, movingAverage } from '../../calibration/ranges/per-sample.ts';
import type { RangeSource } from '../../calibration/ranges/range.ts';
import { parseRangeRule } from '../../calibration/ranges/rule.ts';
import { moveTowards, searchRange } from '../../calibration/ranges/search.ts';
import { rangesFromCalibration } from '../../calibration/ranges/source.ts';
import { alignRanges, tiedTensors } from '../../calibration/ranges/tied.ts';
import type { TensorStatistics } from '../../schema/documents/calibration.ts';
import { ModelBuilder } from '../support/model-builder.ts';
import { randomFloats } from '../support/random.ts';
import { documentOf, type RawSample } from './statistics-random.ts';

const INT8: ActivationUse = { bits: 8, symmetric: false, measure: { kind: 'value' }, mask: false };
const INT16: ActivationUse = { ...INT8, bits: 16 };
const EVEN8: ActivationUse = { ...INT8, symmetric: true };

function rawSamples(values: readonly ArrayLike<number>[]): RawSample[] {
  return values.map((list, index) => ({
    sample: { signature: 'decode', index, name: `${index}` },
    values: [Float32Array.from(list)],
  }));
}

/** Statistics of one tensor, a list of values a sample. */
function statisticsOf(...values: readonly ArrayLike<number>[]): TensorStatistics {
  const [tensor] = documentOf(rawSamples(values)).tensors;
  if (!tensor) throw new Error('no tensor');
  return tensor;
}

function binsOf(statistics: TensorStatistics): Bins {
  const limits = minMax(statistics);
  const bins = limits && makeBins(statistics, limits);
  if (!bins) throw new Error('no bins');
  return bins;
}

const normal = (count: number, seed: number, scale = 1) => {
  const [a, b] = [randomFloats(count, seed), randomFloats(count, seed + 1)];
  return Float32Array.from(a, (x, i) => {
    const [u, v] = [(Math.abs(x) % 1) + 1e-9, Math.abs(b[i] ?? 0) % 1];
    return scale * Math.sqrt(-2 * Math.log(Math.min(u, 1))) * Math.cos(2 * Math.PI * v);
  });
};

describe('ranges over samples', () => {
  it('are the outermost values for min/max', () => {
    expect(minMax(statisticsOf([1, -2], [5, 0], [-3, 3]))).toEqual({ min: -3, max: 5 });
    expect(minMax(statisticsOf([Number.NaN], [5, 0]))).toEqual({ min: 0, max: 5 });
    expect(minMax(statisticsOf([Number.NaN]))).toBeUndefined();
    expect(minMax(statisticsOf([Number.POSITIVE_INFINITY]))).toBeUndefined();
  });

  it('round each step of the moving average to float32', () => {
    // The worked example of the original: old [-1, 2], new [-1.3, 2.7] gives bf81eb85 and 40023d71.
    const { min, max } = movingAverage(statisticsOf([-1, 2], [-1.3, 2.7]));
    const bits = new Uint32Array(Float32Array.of(min, max).buffer);
    expect(Array.from(bits, (word) => word.toString(16))).toEqual(['bf81eb85', '40023d71']);
  });

  it('average in the order of the samples, the first as it is', () => {
    const one = movingAverage(statisticsOf([0, 4]));
    expect(one).toEqual({ min: 0, max: 4 });
    const f = Math.fround;
    const step = (old: number, now: number) => f(f(f(0.95) * old) + f(f(0.05) * now));
    expect(movingAverage(statisticsOf([4], [8], [1])).max).toBe(step(step(4, 8), 1));
  });

  it('keep NaN in the moving average', () => {
    expect(movingAverage(statisticsOf([Number.NaN], [1])).min).toBeNaN();
  });
});

describe('bins', () => {
  it('hold their values', () => {
    const values = fc
      .float({ noNaN: true, noDefaultInfinity: true })
      // Smaller ones have fewer digits, so that their bins are wider in proportion.
      .filter((x) => Math.abs(x) >= 2 ** -126 && Math.abs(x) < 3e38);
    fc.assert(
      fc.property(values, (x) => {
        const [key] = statisticsOf([x]).histogram?.keys ?? [];
        const [from, to] = keyInterval(key ?? 0);
        expect(from <= x && x <= to).toBe(true);
        expect(to - from).toBeLessThanOrEqual(Math.abs(x) / 64);
      }),
    );
  });

  it('leave out what the filters leave out', () => {
    const bins = binsOf(statisticsOf([1, -3.39e38, 2]));
    expect(bins.total).toBe(2);
    expect(bins.low[0]).toBe(1);
  });

  it('give quantiles within one bin of the exact ones', () => {
    fc.assert(
      fc.property(fc.nat(1000), fc.constantFrom(0.001, 0.01, 0.5, 0.99, 0.999), (seed, q) => {
        const values = normal(3000, seed, 5);
        const bins = binsOf(statisticsOf(values));
        const sorted = values.toSorted();
        // The order statistics on both sides of the quantile, each moved outwards by the width of its bin.
        const below = sorted[Math.ceil(q * values.length) - 1] ?? 0;
        const above = sorted[Math.floor(q * values.length)] ?? 0;
        expect(quantile(bins, q)).toBeGreaterThanOrEqual(below - Math.abs(below) / 64);
        expect(quantile(bins, q)).toBeLessThanOrEqual(above + Math.abs(above) / 64);
      }),
      { numRuns: 20 },
    );
    const bins = binsOf(statisticsOf([1, 2, 3, 4]));
    expect([quantile(bins, 0), quantile(bins, 1)]).toEqual([1, 4]);
  });

  it('count the share outside a range', () => {
    const values = normal(4000, 3);
    const outside = values.filter((x) => x < -1 || x > 0.5).length / values.length;
    expect(shareOutside(binsOf(statisticsOf(values)), -1, 0.5)).toBeCloseTo(outside, 2);
  });

  it('find magnitudes', () => {
    const values = Float32Array.from({ length: 1000 }, (_, i) => (i % 2 ? 1 : -1) * (i + 1));
    expect(magnitudeQuantile(binsOf(statisticsOf(values)), 0.1)).toBeCloseTo(100, -1);
  });
});

describe('grids', () => {
  it('hold zero and as many values as the bits give', () => {
    fc.assert(
      fc.property(
        fc.double({ min: -50, max: 50, noNaN: true }),
        fc.double({ min: 0, max: 50, noNaN: true }),
        (min, width) => {
          const grid = gridOf({ min, max: min + width }, INT8);
          expect(Math.round((grid.high - grid.low) / grid.step)).toBe(255);
          expect(grid.low).toBeLessThanOrEqual(0);
          expect(grid.high).toBeGreaterThanOrEqual(0);
          expect(onGrid(0, grid)).toBe(0);
        },
      ),
    );
    expect(gridOf({ min: -1, max: 3 }, EVEN8)).toEqual({ step: 3 / 127, low: -3, high: 3 });
    expect(gridOf({ min: -4, max: 3 }, INT16).step).toBe(4 / 32767);
  });
});

/** Mean error over many evenly spaced points of each bin: what the closed form sums up. */
function sampled(bins: Bins, error: (x: number) => number): number {
  const POINTS = 400;
  let sum = 0;
  for (let i = 0; i < bins.count.length; i++) {
    const [low, high] = [bins.low[i] ?? 0, bins.high[i] ?? 0];
    for (let j = 0; j < POINTS; j++) {
      sum += ((bins.count[i] ?? 0) / POINTS) * error(low + ((high - low) * (j + 0.5)) / POINTS);
    }
  }
  return sum / bins.total;
}

describe('expected error', () => {
  const bins = binsOf(statisticsOf(normal(500, 7, 3), [0, 0, 0, 40]));

  it.each([1, 2, 2.4, 3])('to the power %s is the mean over evenly spread values', (power) => {
    for (const [range, use] of [
      [{ min: -9, max: 9 }, INT8],
      [{ min: -2, max: 5 }, INT8],
      [{ min: 0, max: 1 }, INT8],
      [{ min: -60, max: 60 }, EVEN8],
      [{ min: -8, max: 8 }, INT16],
    ] as const) {
      const grid = gridOf(range, use);
      const exact = sampled(bins, (x) => Math.abs(onGrid(x, grid) - x) ** power);
      expect(powerError(bins, power)(grid) / exact).toBeCloseTo(1, 2);
    }
  });

  it('agrees with the error of the raw values', () => {
    const values = normal(20000, 11, 2);
    const error = powerError(binsOf(statisticsOf(values)), 2);
    for (const range of [minMax(statisticsOf(values)), { min: -3, max: 3 }, { min: -1, max: 2 }]) {
      if (!range) throw new Error('no range');
      const grid = gridOf(range, INT8);
      const raw = values.reduce((sum, x) => sum + (onGrid(x, grid) - x) ** 2, 0) / values.length;
      expect(error(grid) / raw).toBeGreaterThan(0.97);
      expect(error(grid) / raw).toBeLessThan(1.03);
    }
  });

  it('of an image looks where the function looks', () => {
    const values = normal(16000, 5, 8);
    const grid = gridOf({ min: -4, max: 20 }, INT8);
    const raw = values.reduce((sum, x) => sum + (gelu(onGrid(x, grid)) - gelu(x)) ** 2, 0) / values.length;
    const error = imageError(binsOf(statisticsOf(values)), gelu)(grid);
    expect(error / raw).toBeGreaterThan(0.9);
    expect(error / raw).toBeLessThan(1.1);
  });

  it('relative to the value counts zeros as exact and is at most 4', () => {
    const error = relativeError(binsOf(statisticsOf([0, 0, 0, 5])));
    expect(error(gridOf({ min: 0, max: 5 }, INT8))).toBeCloseTo(0, 12);
    const clipped = relativeError(binsOf(statisticsOf([100, 100, 100])));
    expect(clipped(gridOf({ min: 0, max: 1 }, INT8))).toBeCloseTo(0.99 ** 2, 6);
    const tiny = relativeError(
      binsOf(
        statisticsOf(
          Array.from({ length: 500 }, () => 1e-6),
          [1],
        ),
      ),
    );
    expect(tiny(gridOf({ min: 0, max: 1 }, INT8))).toBeCloseTo(500 / 501, 2);
  });
});

describe('scalar functions', () => {
  it('have the values of the tables', () => {
    expect(errorFunction(0)).toBe(0);
    expect(errorFunction(0.5)).toBeCloseTo(0.5204998778130465, 14);
    expect(errorFunction(-1)).toBeCloseTo(-0.8427007929497149, 14);
    expect(errorFunction(2.999)).toBeCloseTo(errorFunction(3.001), 6);
    expect(errorFunction(3.5)).toBeCloseTo(0.999999256901628, 13);
    expect(errorFunction(9)).toBe(1);
    expect(gelu(1)).toBeCloseTo(0.8413447460685429, 13);
    expect(geluTanh(1)).toBeCloseTo(0.841191990608, 10);
    expect(hardSwish(1)).toBeCloseTo(4 / 6, 15);
  });
});

describe('the search', () => {
  it('clips one outlier and keeps a uniform distribution whole', () => {
    const bins = binsOf(statisticsOf(normal(2000, 2), [200]));
    // One value in two million is worth clipping, one in two thousand is not.
    const rare = { ...bins, count: bins.count.map((count, i) => (i === bins.count.length - 1 ? 1 : 1000 * count)) };
    expect(searchRange(powerError(rare, 2), { min: -4, max: 200 }, INT8).max).toBeLessThan(100);
    expect(searchRange(powerError(bins, 2), { min: -4, max: 200 }, INT8).max).toBeGreaterThan(190);
    const even = Float32Array.from({ length: 5000 }, (_, i) => i / 5000);
    const whole = searchRange(powerError(binsOf(statisticsOf(even)), 2), { min: 0, max: even.at(-1) ?? 1 }, INT8);
    expect(whole.max).toBeGreaterThan(0.95);
  });

  it('is never worse than min/max, and as good as a scan of both ends', () => {
    fc.assert(
      fc.property(fc.nat(500), fc.constantFrom(1, 8, 40), (seed, outlier) => {
        const statistics = statisticsOf(normal(2000, seed), [outlier, -outlier / 3]);
        const bins = binsOf(statistics);
        const error = powerError(bins, 2);
        const full = { min: Math.min(bins.limits.min, 0), max: Math.max(bins.limits.max, 0) };
        const best = searchRange(error, full, INT8);
        expect(best.error).toBeLessThanOrEqual(error(gridOf(full, INT8)));
        let scanned = Number.POSITIVE_INFINITY;
        for (let a = 1; a > 0; a -= 0.05) {
          for (let b = 1; b > 0; b -= 0.05) {
            scanned = Math.min(scanned, error(gridOf({ min: a * full.min, max: b * full.max }, INT8)));
          }
        }
        expect(best.error).toBeLessThanOrEqual(scanned * 1.1);
      }),
      { numRuns: 8 },
    );
  });

  it('moves as far as the limit allows', () => {
    const error = (grid: { high: number }) => grid.high;
    const move = (limit: number) => moveTowards(error, { min: 0, max: 1 }, { min: 0, max: 17 }, INT8, limit).range.max;
    expect(move(100)).toBe(17);
    expect(move(9.01)).toBeCloseTo(9, 10);
    expect(move(0.5)).toBe(1);
  });
});

describe('auto', () => {
  const range = (values: readonly ArrayLike<number>[], use: ActivationUse) => {
    const statistics = statisticsOf(...values);
    const bins = binsOf(statistics);
    return autoRange(statistics, bins, use);
  };

  it('is min/max at 16 bits', () => {
    expect(range([normal(500, 1), [90]], INT16)).toMatchObject({ max: 90 });
  });

  it('costs at most 5 % over the least error', () => {
    const values = [normal(5000, 4), [60]];
    const bins = binsOf(statisticsOf(...values));
    const error = powerError(bins, 2);
    const full = { min: Math.min(bins.limits.min, 0), max: bins.limits.max };
    const least = searchRange(error, full, INT8).error;
    expect(error(gridOf(range(values, INT8), INT8))).toBeLessThanOrEqual(1.05 * least);
  });

  it('does not spend range on the flat side of a function', () => {
    const values = [Float32Array.from(normal(20000, 6, 30), (x) => x - 40)];
    const plain = range(values, INT8);
    const image = range(values, { ...INT8, measure: { kind: 'image', name: 'GELU', of: gelu } });
    expect(plain.min).toBeLessThan(-80);
    expect(image.min).toBeGreaterThan(-20);
  });

  it('resolves small values that are divided by', () => {
    const values = [Float32Array.from({ length: 4000 }, (_, i) => (i < 3990 ? 1e-3 * (1 + (i % 10)) : 5))];
    const plain = range(values, INT8);
    const relative = range(values, { ...INT8, measure: { kind: 'relative' } });
    expect(relative.max).toBeLessThan(plain.max / 4);
  });

  it('limits rows that are normalized only with 20 samples or more', () => {
    const rows = (samples: number) =>
      Array.from({ length: samples }, (_, i) => Float32Array.from(normal(300, 3 * i), (x, j) => (j % 60 ? x : 9 * x)));
    const normalized: ActivationUse = { ...INT8, measure: { kind: 'row-normalized' } };
    expect(range(rows(10), normalized).max).toBe(range(rows(10), INT8).max);
    expect(range(rows(30), normalized).max).toBeLessThan(range(rows(30), INT8).max);
  });

  it('cuts masks off 20 below the least row maximum', () => {
    const masked = [[3, -1e9, 7, -2]];
    expect(range(masked, { ...INT16, mask: true }).min).toBe(7 - 20);
    expect(range(masked, INT16).min).toBe(-1e9);
  });

  it('judges what is left when a mask is cut off, as if there had been none', () => {
    const scores = normal(4000, 8, 2);
    const rows = Math.max(...scores);
    const masked = Float32Array.from(scores, (value, i) => (i % 2 === 0 ? value : value - 1e4));
    const use = { ...INT8, mask: true };
    const of = (values: Float32Array, leastRowMaximum: number) => {
      const statistics = { ...statisticsOf(values), leastRowMaximum };
      return autoRange(statistics, binsOf(statistics), use);
    };
    const [plain, cut] = [
      of(
        scores.filter((_, i) => i % 2 === 0),
        rows,
      ),
      of(masked, rows),
    ];
    // Without the cut, clipping all scores is the least squared error beside 10,000.
    expect(cut.max).toBeGreaterThan(0.9 * plain.max);
    expect(cut.min).toBeGreaterThanOrEqual(rows - 20);
  });

  it('cuts a mask that is added where the sum, with the greatest of the rest, is lost on a softmax', () => {
    const samples: RawSample[] = [
      {
        sample: { signature: 'decode', index: 0, name: '0' },
        values: [Float32Array.of(0, -1e9, 0, -1e9), Float32Array.of(3, 5, 4, 2), Float32Array.of(3, -1e9, 4, -1e9)],
      },
    ];
    const document = documentOf(samples);
    const [mask, scores, sums] = [{ tensor: 0 }, { tensor: 1 }, { tensor: 2 }];
    const context: RangeContext = {
      use: (_, tensor) => ({ ...INT16, mask: tensor === sums.tensor }),
      maskedSums: (_, tensor) => (tensor === mask.tensor ? [{ sum: sums.tensor, other: scores.tensor }] : []),
    };
    const tensors = document.tensors.map((entry) => ({ ...entry, subgraph: 0, leastRowMaximum: 4 }));
    const ranges = rangesFromCalibration({ ...document, tensors }, { kind: 'auto' }, context);
    expect(ranges.range(0, mask.tensor)).toMatchObject({ min: 4 - 20 - 5, max: 0 });
    expect(ranges.range(0, sums.tensor)).toMatchObject({ min: 4 - 20, max: 4 });
    expect(ranges.range(0, mask.tensor)?.reason).toMatch(/mask below -21.00 cut off/);
    expect(ranges.range(0, scores.tensor)).toMatchObject({ min: 2, max: 5 });
  });

  it('limits a reciprocal root by the step of its input and the noise of its summands', () => {
    const wide = { min: 0, max: 400, how: 'x' };
    expect(capReciprocalRoot(wide, 0.01, []).max).toBeCloseTo(7, 12);
    expect(capReciprocalRoot({ ...wide, max: 5 }, 0.01, []).max).toBe(5);
    const noise = Math.sqrt((0.3 ** 2 + 0.4 ** 2) / 12);
    expect(capReciprocalRoot(wide, 0.001, [0.3, 0.4]).max).toBeCloseTo(1 / Math.sqrt(noise), 12);
    expect(capReciprocalRoot(wide, 0.01, [0.001]).max).toBeCloseTo(7, 12);
  });
});

describe('entropy', () => {
  it('cuts a far outlier and keeps within min/max', () => {
    const bins = binsOf(statisticsOf(normal(50000, 9), [400]));
    const { min, max } = entropyRange(bins);
    expect(max).toBeLessThan(300);
    expect(min).toBeGreaterThanOrEqual(bins.limits.min);
    expect(entropyRange(binsOf(statisticsOf([2, 2])))).toEqual({ min: 2, max: 2 });
  });
});

describe('ranges of a calibration', () => {
  const context = (use: ActivationUse | undefined, rest: Partial<RangeContext> = {}): RangeContext => ({
    use: () => use,
    ...rest,
  });
  const document = documentOf(rawSamples([[...normal(2000, 1), 80], normal(2000, 2)]));

  it('name their rule, samples and what they clip', () => {
    const reason = (text: string, use?: ActivationUse) =>
      rangesFromCalibration(document, parseRangeRule(text), context(use)).range(0, 0)?.reason;
    expect(reason('minmax')).toBe('min/max of 2 samples');
    expect(reason('ema')).toBe('moving average of 2 samples');
    expect(reason('percentile=99.9')).toMatch(/^percentile 99.9 of 2 samples \(clips 0\.\d+ % of -\d.* \.\. 80\.00\)$/);
    expect(reason('mse', INT8)).toMatch(/^least squared error of 2 samples \(clips/);
    expect(reason('entropy', INT8)).toMatch(/^least divergence of 2 samples/);
    expect(reason('entropy', INT16)).toBe('min/max of 2 samples');
    expect(reason('auto', INT16)).toBe('min/max of 2 samples');
    expect(reason('auto')).toBe('min/max of 2 samples');
  });

  it('are float32, one value a side, and absent for unknown tensors', () => {
    const source = rangesFromCalibration(document, { kind: 'mse' }, context(INT8));
    const range = source.range(0, 0);
    expect(range).toMatchObject({ carrier: 'float32', shape: [1, 1] });
    expect(range?.max).toBe(Math.fround(range?.max ?? 0));
    expect(source.range(5, 5)).toBeUndefined();
  });

  it('are judged where the values are read', () => {
    const sample: RawSample = {
      sample: { signature: 'decode', index: 0, name: '' },
      // The greatest values of each row, as an operator on the same grid would choose them, in tensor 2.
      values: [normal(4000, 8), new Float32Array(0), Float32Array.from(normal(4000, 9), (x) => 40 + x)],
    };
    const range = (readAt: readonly number[]) =>
      rangesFromCalibration(documentOf([sample]), { kind: 'mse' }, context({ ...INT8, readAt })).range(0, 0);
    expect(range([])?.max).toBeLessThan(5);
    expect(range([0])).toEqual(range([]));
    expect(range([2])?.max).toBeGreaterThan(40);
    expect(range([2])?.min).toBe(0);
    expect(range([0, 2])?.min).toBeLessThan(-2);
    expect(range([0, 2])?.max).toBeGreaterThan(40);
    // Without statistics there nothing better is known than the tensor's own.
    expect(range([4])).toEqual(range([]));
  });

  it('limit reciprocal roots after everything else', () => {
    const two: RawSample = {
      sample: { signature: 'decode', index: 0, name: '' },
      values: [new Float32Array(0), new Float32Array(0), Float32Array.of(0, 2.55), Float32Array.of(0)],
    };
    const both = documentOf([
      { ...two, values: [Float32Array.of(1, 500), Float32Array.of(0), Float32Array.of(0, 2.55)] },
    ]);
    const source = rangesFromCalibration(
      both,
      { kind: 'auto' },
      context(INT8, { reciprocalRootInput: (_, tensor) => (tensor === 0 ? 2 : undefined) }),
    );
    expect(source.range(0, 0)?.max).toBeCloseTo(0.7 / Math.sqrt(0.01), 4);
    expect(source.range(0, 0)?.reason).toContain('limited by the step of its input');
  });
});

describe('range rules', () => {
  it('read as they are written', () => {
    for (const kind of ['auto', 'minmax', 'ema', 'mse', 'entropy']) expect(parseRangeRule(kind)).toEqual({ kind });
    expect(parseRangeRule('percentile=99.9')).toEqual({ kind: 'percentile', percentile: 99.9 });
    expect(parseRangeRule('percentile')).toEqual({ kind: 'percentile', percentile: 99.99 });
  });

  it.each(['best', 'mse=2', 'percentile=', 'percentile=abc', 'percentile=40', 'percentile=101', 'percentile=99=9', ''])(
    'refuse "%s"',
    (text) => {
      expect(() => parseRangeRule(text)).toThrowError(expect.objectContaining({ code: 'USAGE' }));
    },
  );
});

describe('tied tensors', () => {
  /** Two signatures that give and take a cache, and a third that has nothing to do with it. */
  function cacheModel() {
    const builder = new ModelBuilder();
    for (const key of ['prefill', 'decode']) {
      const graph = builder.subgraph(key);
      const cache = graph.input(`${key}/cache_in`, [1, 4]);
      const sum = graph.operator('ADD', [cache, cache], { name: `${key}/sum`, shape: [1, 4] });
      const out = graph.operator('RESHAPE', [sum], { name: `${key}/cache_out`, shape: [1, 4] });
      graph.outputs(out);
      builder.signature(key, { inputs: { cache }, outputs: { cache: out } }, key === 'prefill' ? 0 : 1);
    }
    return builder.build();
  }

  it('are found by name, with the tensors outputs have their range from', () => {
    const model = cacheModel();
    const groups = tiedTensors(model, { origin: (_, tensor) => (tensor === 2 ? 1 : tensor) });
    const members = groups.map((group) => group.map(({ subgraph, tensor }) => `${subgraph}:${tensor}`).sort());
    expect(members).toEqual([['0:0', '0:1', '0:2', '1:0', '1:1', '1:2']]);
  });

  it('get the union, and the source stays as it is', () => {
    const source: RangeSource = {
      range: (subgraph, tensor) =>
        tensor === 2
          ? undefined
          : { min: -subgraph - tensor, max: 5 * subgraph + 1, carrier: 'float32', shape: [1, 1], reason: 'min/max' },
    };
    const aligned = alignRanges(source, tiedTensors(cacheModel()));
    expect(aligned.range(0, 0)).toMatchObject({ min: -1, max: 6 });
    expect(aligned.range(1, 2)).toMatchObject({ min: -1, max: 6 });
    expect(aligned.range(0, 1)).toMatchObject({ min: -1, max: 1 });
    expect(source.range(0, 0)).toMatchObject({ min: -0, max: 1 });
  });
});
