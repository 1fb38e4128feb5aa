import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mergeCalibrations } from '../../calibration/statistics/merge.ts';
import { observe } from '../../calibration/statistics/observation.ts';
import { ProductSum, type SampleRows } from '../../calibration/statistics/product-sum.ts';
import { SquareSum } from '../../calibration/statistics/square-sum.ts';
import { StatisticsSum } from '../../calibration/statistics/statistics.ts';
import { requireProductsFit } from '../../calibration/wanted.ts';
import { Workspace } from '../../kernels/index.ts';
import type { CalibrationDocument } from '../../schema/documents/calibration.ts';
import {
  decodeProducts,
  encodeProducts,
  type ProductSums,
  productTotals,
} from '../../schema/documents/calibration-products.ts';
import { readCalibration } from '../../schema/documents/calibration-read.ts';
import { meanSquares, squareOfText, squareText, squareUnits } from '../../schema/documents/calibration-squares.ts';
import { writeCalibration } from '../../schema/documents/calibration-write.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { randomFloats } from '../support/model-builder.ts';
import { denseModel } from '../support/models.ts';
import { floatValue, identity } from './statistics-random.ts';

const CHANNELS = 5;

function rowsOf(values: Float32Array, channels = CHANNELS): SampleRows {
  return { channels, values, batch: 1 };
}

function sumOf(samples: readonly SampleRows[], channels = CHANNELS): ProductSums {
  const sum = new ProductSum(channels);
  for (const sample of samples) sum.add(sample);
  return sum.build();
}

/** Samples of up to four rows, of values of all magnitudes. */
const samples = fc.array(
  fc
    .array(fc.array(floatValue, { minLength: CHANNELS, maxLength: CHANNELS }), { maxLength: 4 })
    .map((rows) => rowsOf(Float32Array.from(rows.flat()))),
  { minLength: 1, maxLength: 8 },
);

describe('sums of products', () => {
  it('come out the same in any order and any grouping', () => {
    fc.assert(
      fc.property(samples, fc.array(fc.nat(100), { minLength: 8, maxLength: 8 }), (all, keys) => {
        const whole = sumOf(all);
        const order = all.map((sample, i) => ({ sample, key: keys[i] as number })).sort((a, b) => a.key - b.key);
        const [first, second] = [0, 1].map((part) =>
          sumOf(order.filter(({ key }) => key % 2 === part).map(({ sample }) => sample)),
        ) as [ProductSums, ProductSums];
        const merged = new ProductSum(CHANNELS);
        merged.absorb(second);
        merged.absorb(first);
        expect(merged.build()).toEqual(whole);
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    [3, 4],
    [64, 100],
    [130, 700],
    [200, 1],
  ])('are those of the values: %i channels, %i rows', (channels, rows) => {
    const values = randomFloats(channels * rows, rows);
    const found = productTotals(sumOf([rowsOf(values, channels)], channels));
    let most = 0;
    for (let i = 0; i < channels; i += 1) most = Math.max(most, found[(i * (i + 3)) / 2] as number);
    for (let i = 0; i < channels; i += 7) {
      for (let j = 0; j <= i; j += 1) {
        let sum = 0;
        for (let r = 0; r < rows; r += 1) {
          sum += (values[r * channels + i] as number) * (values[r * channels + j] as number);
        }
        expect(Math.abs((found[(i * (i + 1)) / 2 + j] as number) - sum)).toBeLessThan(2 ** -27 * most);
      }
    }
  });

  it('take what is not finite for 0, and rows of zeros for rows', () => {
    const odd = sumOf([rowsOf(Float32Array.of(1, Number.NaN, 2, Number.POSITIVE_INFINITY, 3))]);
    expect(odd).toEqual(sumOf([rowsOf(Float32Array.of(1, 0, 2, 0, 3))]));
    expect(sumOf([rowsOf(new Float32Array(2 * CHANNELS))])).toEqual({ channels: 5, rows: 2, batches: 1, parts: [] });
  });

  it('are written and read', () => {
    const numbers = Float64Array.of(0, 1, -1, 63, 64, -64, 127, 128, 2 ** 52, -(2 ** 52), 2 ** 31, -(2 ** 32) - 1);
    expect(decodeProducts(encodeProducts(numbers), numbers.length)).toEqual(numbers);
    const long = Float64Array.from({ length: 50_000 }, (_, i) => (i % 3 === 0 ? -1 : 1) * (i + 1) ** 3);
    expect(decodeProducts(encodeProducts(long), long.length)).toEqual(long);
    expect(() => decodeProducts(encodeProducts(numbers), 11)).toThrow(RangeError);
    expect(() => decodeProducts(encodeProducts(numbers), 13)).toThrow(RangeError);
    expect(() => decodeProducts('????', 1)).toThrow(RangeError);
  });
});

describe('sums of squares', () => {
  const squaresOf = (all: readonly SampleRows[]) => {
    const sum = new SquareSum(CHANNELS);
    for (const sample of all) sum.add(sample);
    return sum.build();
  };

  it('come out the same in any order and any grouping, and as exact as doubles', () => {
    fc.assert(
      fc.property(samples, fc.nat(8), (all, cut) => {
        const whole = squaresOf(all);
        const merged = new SquareSum(CHANNELS);
        merged.absorb(squaresOf(all.slice(cut).reverse()));
        merged.absorb(squaresOf(all.slice(0, cut)));
        expect(merged.build()).toEqual(whole);
        if (whole.rows === 0) return;
        const means = meanSquares(whole);
        for (let c = 0; c < CHANNELS; c += 1) {
          const squares = all
            .flatMap(({ values }) => [...values].filter((_, i) => i % CHANNELS === c))
            .map((x) => x * x);
          const mean = squares.reduce((sum, square) => sum + square, 0) / whole.rows;
          expect(Math.abs((means[c] as number) - mean)).toBeLessThanOrEqual(1e-14 * mean);
        }
      }),
      { numRuns: 200 },
    );
  });

  it('are written and read', () => {
    for (const value of [0, 1, 3, 2 ** -298, 2 ** -290, 1e76, 0.1, 123456.789]) {
      const units = squareUnits(value);
      expect(Number(units) * 2 ** -298).toBe(value);
      expect(squareOfText(squareText(units))).toBe(units);
    }
    expect(squareText(squareUnits(1))).toBe('4p-2');
    for (const text of ['', 'p3', '1p', '1p-400', '-1p0', '1P0', '1p9999']) {
      expect(() => squareOfText(text)).toThrow(RangeError);
    }
  });
});

/** A calibration of samples with these indices, with or without products. */
function documentOf(indices: readonly number[], rowLength?: number, squaresOnly?: boolean): CalibrationDocument {
  const sum = new StatisticsSum();
  for (const index of indices) {
    const workspace = new Workspace();
    const byteOffset = workspace.place(randomFloats(8, index + 1));
    const view = { type: TensorType.FLOAT32, shape: [2, 4], byteOffset };
    const seen = observe(workspace.kernels, view, undefined, { rowLength, squaresOnly });
    if (seen) sum.addSample({ signature: 'a', index, name: '' }, [[identity(0), seen]]);
  }
  return {
    model: { file: 'model.tflite', sha256: 'a'.repeat(64), sizeBytes: 1 },
    runtimes: ['interpreter'],
    datasets: [],
    ...sum.build(),
  };
}

describe('calibrations with products', () => {
  it('are read as they were written, and merge to the same bytes', () => {
    const whole = documentOf([0, 1, 2, 3, 4], 4);
    expect(whole.tensors[0]?.products).toMatchObject({ channels: 4, rows: 10, batches: 10 });
    const text = writeCalibration(whole);
    expect(readCalibration(text)).toEqual(whole);
    const parts = [documentOf([3, 1], 4), documentOf([4, 0, 2], 4)].map((part) =>
      readCalibration(writeCalibration(part)),
    );
    expect(writeCalibration(mergeCalibrations(parts))).toBe(text);
  });

  it('lose them where they are not of all samples', () => {
    const merged = mergeCalibrations([documentOf([0, 1], 4), documentOf([2])]);
    expect(merged).toEqual(documentOf([0, 1, 2]));
    const other = mergeCalibrations([documentOf([0, 1], 4), documentOf([2], 8)]).tensors[0];
    expect(other).not.toHaveProperty('products');
    expect(other).not.toHaveProperty('squares');
    expect(mergeCalibrations([documentOf([0, 1], 4), documentOf([2], 4, true)])).toEqual(
      documentOf([0, 1, 2], 4, true),
    );
  });

  it('say where a file is damaged', () => {
    const text = writeCalibration(documentOf([0], 4));
    const damaged = text.replace(/"sums":"[^"]*"/, '"sums":"AAAA"');
    expect(() => readCalibration(damaged)).toThrowError(/products of "tensor 0" are damaged/);
    const other = text.replace(/"sums":\["[^"]*"/, '"sums":["x"');
    expect(() => readCalibration(other)).toThrowError(/squares of "tensor 0" are damaged/);
  });

  it('are refused where they do not fit into memory', () => {
    const wanted = [{ subgraph: 0, tensor: 0, rowLength: 20_000 }];
    expect(() => requireProductsFit(denseModel().build(), wanted)).toThrowError(/take 1\.6 GB; those of "x"/);
    expect(() => requireProductsFit(denseModel().build(), wanted, 2e9)).not.toThrow();
  });
});
