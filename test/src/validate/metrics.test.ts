import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Workspace } from '../../../kernels/index.ts';
import type { Metrics } from '../../../schema/documents/comparison.ts';
import { TensorType } from '../../../schema/generated/tflite.ts';
import { ErrorAccumulator } from '../../../src/validate/error-sum.ts';
import { compareTensors } from '../../../src/validate/metrics.ts';
import { CHUNK_ELEMENTS, type Coding, type TensorNumbers } from '../../../src/validate/numbers.ts';
import { RecordReader, RecordWriter } from '../../../src/validate/records.ts';
import { CompareScratch } from '../../../src/validate/scratch.ts';
import { randomFloats } from '../../support/model-builder.ts';

const workspace = new Workspace();
const scratch = new CompareScratch(workspace.kernels, workspace.allocate(CompareScratch.sizeBytes));

/** The record of a comparison. */
function compared(reference: TensorNumbers, test: TensorNumbers, rowLength = 0): RecordReader {
  const writer = new RecordWriter();
  compareTensors(reference, test, scratch, rowLength, writer);
  return new RecordReader(writer.records());
}

const numbers = (type: number, data: ArrayBufferView & { length: number }, coding?: Coding): TensorNumbers => ({
  type,
  count: data.length,
  memory: data,
  byteOffset: data.byteOffset,
  coding,
});
const floats = (...values: number[]) => numbers(TensorType.FLOAT32, Float32Array.from(values));

function metrics(reference: TensorNumbers, test: TensorNumbers, rowLength?: number): Metrics {
  const accumulator = new ErrorAccumulator(test);
  accumulator.add(compared(reference, test, rowLength));
  return accumulator.metrics();
}

describe('metrics', () => {
  it('follow their definitions', () => {
    const found = metrics(floats(1, 2), floats(1.5, 2.5));
    expect(found.mse).toBe(0.25);
    expect(found.sqnrDb).toBeCloseTo(10, 10);
    expect(found.cosine).toBeCloseTo(0.9970545, 7);
    expect(found.maxAbsoluteError).toBe(0.5);
    expect(found.meanError).toBe(0.5);
    expect(found.errorOverScale).toBeNull();
    // The smaller of 0.25 and 0.5, of which half are at most that.
    expect(found.medianRelativeDifference).toBeGreaterThan(0.25 * 0.98);
    expect(found.medianRelativeDifference).toBeLessThan(0.25 * 1.02);
  });

  it.each([
    { r: [0, 0], t: [0, 0], sqnr: Number.POSITIVE_INFINITY, cosine: 1 },
    { r: [3, 4], t: [3, 4], sqnr: Number.POSITIVE_INFINITY, cosine: 1 },
    { r: [0, 0], t: [1, 1], sqnr: Number.NEGATIVE_INFINITY, cosine: 0 },
    { r: [1, 1], t: [0, 0], sqnr: 0, cosine: 0 },
  ])('are defined for $r and $t', ({ r, t, sqnr, cosine }) => {
    const found = metrics(floats(...r), floats(...t));
    expect(found.sqnrDb).toBeCloseTo(sqnr, 12);
    expect(found.cosine).toBeCloseTo(cosine, 12);
  });

  it('count what is no finite number and never hide it', () => {
    const found = metrics(floats(1, Number.NaN, 3, 4), floats(Number.NaN, Number.NaN, Number.POSITIVE_INFINITY, 4));
    expect(found.floatNonFinite).toEqual({ nan: 1, infinite: 0 });
    expect(found.quantizedNonFinite).toEqual({ nan: 2, infinite: 1 });
    expect(found.mse).toBeNaN();
    expect(found.sqnrDb).toBeNaN();
    expect(found.cosine).toBeNaN();
    expect(found.maxAbsoluteError).toBeNaN();
  });

  it('leave out what the float model itself cannot say', () => {
    const found = metrics(floats(Number.NEGATIVE_INFINITY, 1, 2), floats(-100, 1, 2.5));
    expect(found.floatNonFinite).toEqual({ nan: 0, infinite: 1 });
    expect(found.mse).toBe(0.125);
  });

  it('say nothing where there is nothing to compare', () => {
    expect(metrics(floats(Number.NaN), floats(1)).mse).toBeNaN();
  });

  it('are sums over samples, not means of what each sample has', () => {
    const accumulator = new ErrorAccumulator({ type: TensorType.FLOAT32, coding: undefined });
    const add = (index: number, r: number, t: number) =>
      accumulator.add(compared(floats(r), floats(t)), { index, name: `sample ${index}` });
    add(0, 10, 10);
    add(1, 1, 2);
    add(2, 4, 4.5);
    const { mse, sqnrDb, elements } = accumulator.metrics();
    expect(elements).toBe(3);
    expect(mse).toBeCloseTo((1 + 0.25) / 3, 12);
    expect(sqnrDb).toBeCloseTo(10 * Math.log10(117 / 1.25), 10);
    expect(accumulator.worstSamples().map(({ index }) => index)).toEqual([1, 2]);
    expect(accumulator.worstSamples()[0]).toEqual({ index: 1, name: 'sample 1', sqnrDb: 0 });
  });

  it('remember the five worst samples, what is no number first', () => {
    const accumulator = new ErrorAccumulator({ type: TensorType.FLOAT32, coding: undefined });
    [8, 2, 4, Number.NaN, 4, 1, 7].forEach((error, index) => {
      const partial = compared(floats(100), floats(100 + error));
      accumulator.add(partial, { index, name: `${index}` });
    });
    expect(accumulator.worstSamples().map(({ index }) => index)).toEqual([3, 0, 6, 2, 4]);
  });

  it('dequantize codes and tell clipping from the least code', () => {
    const coding = { scales: [0.5], zeroPoints: [-128], inner: 1 };
    // Codes stand for 0 .. 127.5; 0 and 127.6 are no more than half a step from a code, 200 is beyond them.
    const test = numbers(TensorType.INT8, Int8Array.of(-128, -126, 127, 127), coding);
    const found = metrics(floats(0, 1, 127.6, 200), test);
    expect(found.clippedShare).toBe(0.25);
    expect(found.maxAbsoluteError).toBe(72.5);
    expect(found.errorOverScale).toBeCloseTo(Math.sqrt(found.mse) / 0.5, 12);
  });

  it('count differing whole numbers and booleans', () => {
    const ints = (...values: number[]) => numbers(TensorType.INT32, Int32Array.from(values));
    expect(metrics(ints(1, 2, 3, 4), ints(1, 2, 3, 5)).differingShare).toBe(0.25);
    const bools = (...values: number[]) => numbers(TensorType.BOOL, Uint8Array.from(values));
    expect(metrics(bools(0, 1), bools(0, 1)).differingShare).toBe(0);
    expect(metrics(floats(1), floats(1)).differingShare).toBeNull();
    const longs = numbers(TensorType.INT64, BigInt64Array.of(7n, -9n));
    expect(metrics(longs, longs).sqnrDb).toBe(Number.POSITIVE_INFINITY);
  });

  it('give the divergence of probabilities only', () => {
    const p = floats(0.25, 0.75, 0.5, 0.5);
    const q = floats(0.5, 0.5, 0.5, 0.5);
    const row = 0.25 * Math.log(0.5) + 0.75 * Math.log(1.5);
    expect(metrics(p, q, 2).kl).toBeCloseTo(row / 2, 7);
    expect(metrics(p, p, 2).kl).toBe(0);
    expect(metrics(floats(0.2, 0.9), q, 2).kl).toBeNull();
    expect(metrics(floats(-0.5, 1.5), q, 2).kl).toBeNull();
    // Quantized to nothing: as unlikely as can be told, not infinite.
    expect(metrics(floats(1, 0), floats(0, 1), 2).kl).toBeCloseTo(Math.log(1e9), 3);
  });

  it('do not depend on where tensors lie, nor on their size', () => {
    const count = 3 * CHUNK_ELEMENTS + 17;
    const r = randomFloats(count, 1);
    const t = r.map((value, i) => value + (i % 7) * 1e-3);
    const found = metrics(numbers(TensorType.FLOAT32, r), numbers(TensorType.FLOAT32, t));
    const exact = r.reduce((sum, value, i) => sum + ((t[i] as number) - value) ** 2, 0) / count;
    expect(found.mse / exact).toBeCloseTo(1, 12);
    const at = workspace.place(r);
    const inPlace: TensorNumbers = {
      type: TensorType.FLOAT32,
      count,
      memory: workspace.memory,
      byteOffset: at,
    };
    expect(metrics(inPlace, numbers(TensorType.FLOAT32, t))).toEqual(found);
  });

  it('take the median of relative differences within its resolution', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: -999, max: 999 }), fc.double({ min: 1e-4, max: 10, noNaN: true })), {
          minLength: 1,
          maxLength: 99,
        }),
        (pairs) => {
          const r = pairs.map(([value]) => value);
          const t = pairs.map(([value, difference]) => value + difference);
          const ratios = Float32Array.from(r)
            .map((value, i) => Math.abs(Math.fround(t[i] as number) - value) / (Math.abs(value) + 1e-6))
            .sort();
          const median = ratios[Math.ceil(ratios.length / 2) - 1] as number;
          const found = metrics(floats(...r), floats(...t)).medianRelativeDifference;
          return Math.abs(found - median) <= 0.017 * median;
        },
      ),
    );
  });

  it('name the channel that is worst', () => {
    const accumulator = new ErrorAccumulator({ type: TensorType.FLOAT32, coding: undefined });
    const r = new Float32Array(3 * 50_000).fill(1);
    const t = r.map((value, i) => value + (i % 3 === 1 ? 0.5 : 0.1));
    const [a, b] = [numbers(TensorType.FLOAT32, r), numbers(TensorType.FLOAT32, t)];
    accumulator.add(compared(a, b, 3));
    accumulator.add(compared(a, b, 3));
    expect(accumulator.worstChannel()).toEqual({ channel: 1, sqnrDb: expect.closeTo(10 * Math.log10(4), 5) });
  });

  it('lie one behind the other, however many there are', () => {
    const writer = new RecordWriter();
    const lengths = Array.from({ length: 40 }, (_, i) => [2, 300, 0, 5000][i % 4] as number);
    const pairs = lengths.map((length, i) => {
      const r = randomFloats(Math.max(1, length), i);
      return [r, r.map((value, k) => value + (k % 5) * 1e-3)].map((values) => numbers(TensorType.FLOAT32, values));
    }) as [TensorNumbers, TensorNumbers][];
    const summed = (record: RecordReader) => {
      const accumulator = new ErrorAccumulator({ type: TensorType.FLOAT32, coding: undefined });
      accumulator.add(record);
      return [accumulator.metrics(), accumulator.worstChannel()];
    };
    for (const again of [false, true]) {
      writer.clear();
      const order = again ? pairs.toReversed() : pairs;
      for (const [r, t] of order) compareTensors(r, t, scratch, r.count, writer);
      const record = new RecordReader(writer.records());
      for (const [r, t] of order) {
        expect(summed(record)).toEqual(summed(compared(r, t, r.count)));
        record.next();
      }
      expect([record.at, record.pairsAt]).toEqual([record.numbers.length, record.pairs.length]);
    }
  });

  it('read every type that weights are stored in', () => {
    const nibbles = numbers(TensorType.INT4, Uint8Array.of(0xf1, 0x87), { scales: [0.5, 2], zeroPoints: [], inner: 2 });
    // 1, -1 with scale 0.5; 7, -8 with scale 2.
    expect(metrics(floats(0.5, -0.5, 14, -16), { ...nibbles, count: 4 }).mse).toBe(0);
    const pairs = numbers(TensorType.INT2, Uint8Array.of(0b10_11_01_00), { scales: [1], zeroPoints: [], inner: 1 });
    expect(metrics(floats(0, 1, -1, -2), { ...pairs, count: 4 }).mse).toBe(0);
    const halves = numbers(TensorType.FLOAT16, Uint16Array.of(0x3c00, 0xc000));
    expect(metrics(floats(1, -2), halves).mse).toBe(0);
    const brains = numbers(TensorType.BFLOAT16, Uint16Array.of(0x3f80, 0xc000));
    expect(metrics(floats(1, -2), brains).mse).toBe(0);
  });
});
