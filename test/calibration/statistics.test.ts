import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { minMax } from '../../calibration/ranges/per-sample.ts';
import { CountsMemory, HistogramCounts } from '../../calibration/statistics/histogram-counts.ts';
import { mergeCalibrations, missingSamples } from '../../calibration/statistics/merge.ts';
import { mergeObservations, observe, type TensorObservation } from '../../calibration/statistics/observation.ts';
import { StatisticsSum, type TensorIdentity } from '../../calibration/statistics/statistics.ts';
import { PAGE_WORDS, plainKernels, Workspace } from '../../kernels/index.ts';
import type { CalibrationDocument } from '../../schema/documents/calibration.ts';
import { decodeHistogram, encodeHistogram, histogramTotal } from '../../schema/documents/calibration-histogram.ts';
import { readCalibration } from '../../schema/documents/calibration-read.ts';
import { encodeCalibration, shortFloat32, writeCalibration } from '../../schema/documents/calibration-write.ts';
import { AeqError } from '../../schema/errors.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { documentOf, identity, observeValues, type RawSample, rawSamples } from './statistics-random.ts';

const runs = { numRuns: 60 };

const NOTHING = { nans: 0, infinities: 0, histogram: undefined, leastRowMaximum: undefined };

/** Cuts a list at random places and shuffles the parts, by the numbers given. */
function split(samples: readonly RawSample[], keys: readonly number[], parts: number): RawSample[][] {
  const groups: RawSample[][] = Array.from({ length: parts }, () => []);
  samples.forEach((sample, i) => {
    groups[(keys[i] ?? 0) % parts]?.push(sample);
  });
  return groups;
}

const shuffled = <T>(items: readonly T[], keys: readonly number[]): T[] =>
  items
    .map((item, i) => ({ item, key: keys[i] ?? 0 }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);

const keys = fc.array(fc.nat(1000), { minLength: 12, maxLength: 12 });

function errorOf(action: () => unknown): AeqError {
  try {
    action();
  } catch (error) {
    if (error instanceof AeqError) return error;
    throw error;
  }
  throw new Error('no error was thrown');
}

function histogramOf(seen: TensorObservation | undefined) {
  const sum = new HistogramCounts(seen?.histogram?.memory ?? new CountsMemory());
  if (seen?.histogram) sum.addPages(seen.histogram, seen.elements);
  return sum.build();
}

describe('statistics', () => {
  it('come out the same in any order of the samples', () => {
    fc.assert(
      fc.property(rawSamples, keys, (samples, order) => {
        expect(writeCalibration(documentOf(shuffled(samples, order)))).toBe(writeCalibration(documentOf(samples)));
      }),
      runs,
    );
  });

  it('come out the same for any split into parts and any order of these', () => {
    fc.assert(
      fc.property(rawSamples, keys, keys, fc.integer({ min: 1, max: 8 }), (samples, places, order, parts) => {
        const documents = split(samples, places, parts).map((part) => documentOf(part));
        const merged = mergeCalibrations(shuffled(documents, order));
        expect(writeCalibration(merged)).toBe(writeCalibration(documentOf(samples)));
      }),
      runs,
    );
  });

  it('merge in any grouping, with an empty part as unit', () => {
    fc.assert(
      fc.property(rawSamples, keys, (samples, places) => {
        const [a, b, c] = split(samples, places, 3).map((part) => documentOf(part)) as [
          CalibrationDocument,
          CalibrationDocument,
          CalibrationDocument,
        ];
        const left = mergeCalibrations([mergeCalibrations([a, b]), c]);
        const right = mergeCalibrations([a, mergeCalibrations([documentOf([]), b, c])]);
        expect(writeCalibration(left)).toBe(writeCalibration(right));
      }),
      runs,
    );
  });

  it('survive the file', () => {
    fc.assert(
      fc.property(rawSamples, (samples) => {
        const document = documentOf(samples);
        const text = writeCalibration(document);
        const back = readCalibration(text);
        expect(back).toEqual(document);
        expect(writeCalibration(back)).toBe(text);
      }),
      runs,
    );
  });

  it('keep the ranges of many samples in the order of their indices, whatever the order they came in', () => {
    const sum = new StatisticsSum();
    const range = (value: number) => ({ ...NOTHING, min: -value, max: value, elements: 1 });
    const many = 1000;
    // 7 and 1000 have no divisor in common: each index once.
    for (let i = 0; i < many; i++) {
      const index = (7 * i) % many;
      const seen: [TensorIdentity, TensorObservation][] = [[identity(0), range(index)]];
      if (index % 3 === 0) seen.push([identity(1), range(2 * index)]);
      sum.addSample({ signature: 'decode', index, name: '' }, seen);
    }
    const { samples, tensors } = sum.build();
    const [all, some] = tensors;
    expect(samples.map(({ index }) => index)).toEqual(Array.from(samples.keys()));
    expect(all?.samples).toEqual(Uint32Array.from(samples.keys()));
    expect(all?.max).toEqual(Float64Array.from(samples.keys()));
    expect(all?.min).toEqual(all?.max.map((value) => -value));
    const thirds = Array.from({ length: 334 }, (_, i) => 3 * i);
    expect(some?.samples).toEqual(Uint32Array.from(thirds));
    expect(some?.max).toEqual(Float64Array.from(thirds, (index) => 2 * index));
    const again = new StatisticsSum();
    again.absorb({ samples, tensors });
    expect(again.build()).toEqual({ samples, tensors });
  });

  it('hold counts beyond 32 bits', () => {
    const memory = new CountsMemory();
    const sum = new HistogramCounts(memory);
    const [key, values, times] = [16 * 7 + 3, 2 ** 30 + 1, 9];
    const page = new Uint32Array(PAGE_WORDS);
    page[0] = 7;
    page[1 + 3] = values;
    for (let i = 0; i < times; i += 1) sum.addPages(memory.stage(page), values);
    sum.add({ keys: Uint16Array.of(2, key), counts: Float64Array.of(5, 1) });
    const expected = { keys: Uint16Array.of(2, key), counts: Float64Array.of(5, times * values + 1) };
    expect(sum.build()).toEqual(expected);
    expect(sum.build()).toEqual(expected);
  });

  it('hold every finite value in the histogram, at its place', () => {
    fc.assert(
      fc.property(fc.array(fc.float(), { minLength: 1, maxLength: 60 }), (list) => {
        const values = Float32Array.from(list);
        const seen = observeValues(values);
        const plain = observeValues(values, { makeKernels: plainKernels });
        expect(seen).toEqual(plain);
        expect(histogramOf(seen)).toEqual(histogramOf(plain));
        const finite = values.filter(Number.isFinite);
        expect(seen?.nans).toBe(values.filter(Number.isNaN).length);
        expect(seen?.infinities).toBe(values.length - finite.length - (seen?.nans ?? 0));
        const expected = new Map<number, number>();
        const bits = new Uint32Array(finite.buffer);
        for (const word of bits) expected.set(word >>> 17, (expected.get(word >>> 17) ?? 0) + 1);
        const histogram = histogramOf(seen);
        const found = Array.from(histogram.keys, (key, i) => [key, histogram.counts[i]]);
        expect(found).toEqual([...expected].sort(([a], [b]) => a - b));
      }),
    );
  });

  it('count a part of a large tensor for the whole of it, and look at all of it for its range', () => {
    const values = Float32Array.from({ length: 300_001 }, (_, i) => Math.sin(i * i) * 3);
    values[123_457] = 1000;
    const seen = observeValues(values);
    const plain = observeValues(values, { makeKernels: plainKernels });
    expect(seen).toEqual(plain);
    expect(histogramOf(seen)).toEqual(histogramOf(plain));
    expect(seen?.max).toBe(1000);
    const counts = histogramOf(seen);
    expect(histogramTotal(counts)).toBe(values.length);
    expect(Math.max(...counts.counts)).toBeGreaterThan(1);
    const share = (list: Float32Array) => list.filter((x) => x > 1).length / list.length;
    // Key 8128 is 1; negative values have keys from 16384 on.
    const above = counts.keys.reduce((n, key, i) => n + (key >= 8128 && key < 16384 ? (counts.counts[i] ?? 0) : 0), 0);
    expect(Math.abs(above / values.length - share(values))).toBeLessThan(0.02);
    values[7] = Number.NaN;
    // One that is alone stands for itself only.
    const key = (new Uint32Array(Float32Array.of(1000).buffer)[0] as number) >>> 17;
    expect(counts.counts[counts.keys.indexOf(key)]).toBe(1);
    const whole = histogramOf(observeValues(values));
    expect(histogramTotal(whole)).toBe(values.length - 1);
    expect(whole.keys).toContain(key);
  });

  it('of two places are those of all their values', () => {
    // Below the filters at +-3e38, which are applied to each place by itself.
    const value = fc.float({ noNaN: true, min: Math.fround(-2e38), max: Math.fround(2e38) });
    const list = fc.array(value, { minLength: 1, maxLength: 40 }).map((x) => Float32Array.from(x));
    fc.assert(
      fc.property(list, list, (a, b) => {
        const counts = new CountsMemory();
        const [one, two] = [observeValues(a, { counts }), observeValues(b, { counts })];
        const all = observeValues(Float32Array.of(...a, ...b));
        if (!one || !two) throw new Error('there are values');
        const merged = mergeObservations(one, two);
        expect(histogramOf(merged)).toEqual(histogramOf(all));
        // Each is one row: the least row maximum is not that of one long row.
        const leastRowMaximum = Math.min(one.leastRowMaximum ?? 0, two.leastRowMaximum ?? 0);
        expect({ ...merged, histogram: 0 }).toEqual({ ...all, histogram: 0, leastRowMaximum });
      }),
    );
  });

  it('see integers, bools and rows where they lie', () => {
    const workspace = new Workspace();
    const look = (type: number, values: ArrayBufferView & { length: number }, shape: readonly number[]) =>
      observe(workspace.kernels, { type, shape, byteOffset: workspace.place(values) }, undefined, { rowMaximum: true });
    expect(look(TensorType.INT64, BigInt64Array.of(-5n, 9n), [2])).toMatchObject({ min: -5, max: 9, elements: 2 });
    expect(look(TensorType.BOOL, Uint8Array.of(1, 0, 1), [3])).toMatchObject({ min: 0, max: 1 });
    expect(look(TensorType.INT8, Int8Array.of(-128, 3), [2])).toMatchObject({ min: -128, max: 3 });
    expect(look(TensorType.FLOAT16, Uint16Array.of(1), [1])).toBeUndefined();
    expect(look(TensorType.FLOAT32, new Float32Array(0), [2, 0])).toBeUndefined();
    const masked = Float32Array.of(5, -1e9, 2, -1e9, -1e9, -7);
    expect(look(TensorType.FLOAT32, masked, [2, 3])?.leastRowMaximum).toBe(-7);
  });
});

describe('merging', () => {
  const sample = (index: number): RawSample => ({
    sample: { signature: 'decode', index, name: `${index}.png` },
    values: [Float32Array.of(index, -1)],
  });

  it('refuses a sample that is in two parts, by its name', () => {
    const error = errorOf(() => mergeCalibrations([documentOf([sample(1), sample(2)]), documentOf([sample(2)])]));
    expect(error.code).toBe('CALIBRATION_MISMATCH');
    expect(error.message).toContain('2.png');
    expect(error.message).toContain('twice');
    const all = Array.from({ length: 9 }, (_, index) => sample(index));
    expect(errorOf(() => mergeCalibrations([documentOf(all), documentOf(all)])).message).toBe(
      'sample 0 (0.png) of signature "decode" is there twice, and so are 8 more: 1, 2, 3, 4 ...',
    );
  });

  it('refuses another model, data set or preprocessing and says what differs', () => {
    const one = documentOf([sample(1)]);
    const two = documentOf([sample(2)]);
    const [dataset, ...others] = two.datasets;
    if (!dataset) throw new Error('no data set');
    const withData = (change: object, description: object = {}) => ({
      ...two,
      datasets: [{ ...dataset, ...change, description: { ...dataset.description, ...description } }, ...others],
    });
    const message = (other: CalibrationDocument) => errorOf(() => mergeCalibrations([one, other])).message;
    expect(message({ ...two, model: { ...two.model, sha256: 'b'.repeat(64) } })).toContain('bbbb');
    expect(message(withData({}, { preprocessing: { std: 2, mean: [0, 1] } }))).toContain('std of the preprocessing');
    expect(message(withData({}, { sources: ['other'] }))).toContain('photos and other');
    expect(message(withData({}, { contentHash: 'x' }))).toContain('not the same');
    expect(message(withData({ length: 30 }))).toContain('31 and 30 samples');
  });

  it('takes files of the same content from another folder, whatever the order', () => {
    const at = (folder: string, index: number): CalibrationDocument => {
      const document = documentOf([sample(index)]);
      const description = { kind: 'images', sources: [folder], preprocessing: {}, contentHash: 'h' };
      return { ...document, datasets: document.datasets.map((dataset) => ({ ...dataset, description })) };
    };
    const [a, b] = [at('/left', 1), at('/right', 2)];
    expect(writeCalibration(mergeCalibrations([a, b]))).toBe(writeCalibration(mergeCalibrations([b, a])));
  });

  it('refuses a tensor that is another one in another part', () => {
    const one = documentOf([sample(1)]);
    const two = documentOf([sample(2)]);
    const renamed = { ...two, tensors: two.tensors.map((tensor) => ({ ...tensor, name: 'other' })) };
    expect(errorOf(() => mergeCalibrations([one, renamed])).message).toContain(`"${identity(0).name}"`);
  });

  it('says which samples are missing', () => {
    const missing = missingSamples(documentOf([sample(0), sample(2)], [0, 1, 2, 3]));
    expect(missing.filter(({ signature }) => signature === 'decode').map(({ index }) => index)).toEqual([1, 3]);
    expect(missing.filter(({ signature }) => signature === 'prefill')).toHaveLength(4);
  });

  it('needs at least one part', () => {
    expect(errorOf(() => mergeCalibrations([])).code).toBe('CALIBRATION_EMPTY');
  });
});

describe('the calibration file', () => {
  const document = documentOf([
    {
      sample: { signature: 'decode', index: 4, name: 'a.png' },
      values: [Float32Array.of(0.1, -2.5, 3.4028234e38), Float32Array.of(Number.NaN)],
    },
  ]);

  it('writes float32 values in few digits and reads them back exactly', () => {
    const text = writeCalibration(document);
    expect(text).toContain('"min":[-2.5],"max":[0.1]');
    expect(text).toContain('"min":["NaN"]');
    const back = readCalibration(text).tensors[0];
    expect(back && minMax(back)).toEqual({ min: -2.5, max: Math.fround(0.1) });
  });

  it('has the fewest digits, six or more, that are this very float32', () => {
    const expected = (value: number) => {
      const texts = [6, 7, 8, 9].map((digits) => Number(value.toPrecision(digits)));
      return (texts.find((short) => Math.fround(short) === value) ?? Number.NaN) + 0;
    };
    const bits = new Uint32Array(1);
    const float = new Float32Array(bits.buffer);
    const value = fc.oneof(
      fc.float({ noNaN: true, noDefaultInfinity: true }),
      fc.float({ noNaN: true, min: -2, max: 2 }),
      // Halves of the last digit, and the neighbours of powers of ten.
      fc.nat(2 ** 23).map((whole) => Math.fround(whole / 2 ** 16)),
      fc.tuple(fc.integer({ min: -9, max: 9 }), fc.integer({ min: -3, max: 3 })).map(([exponent, steps]) => {
        float[0] = 10 ** exponent;
        bits[0] = (bits[0] ?? 0) + steps;
        return float[0] ?? 0;
      }),
    );
    fc.assert(
      fc.property(value, (number) => {
        expect(shortFloat32(number)).toBe(expected(number));
      }),
      { numRuns: 5000 },
    );
  });

  it('is written in pieces to the same bytes', () => {
    const sum = new StatisticsSum();
    const range = { ...NOTHING, min: -0.123456, max: 1 / 3, elements: 1 };
    for (let index = 0; index < 4000; index++) {
      sum.addSample({ signature: 'decode', index, name: `ä${index}.png` }, [[identity(0), range]]);
    }
    for (const written of [documentOf([]), document, { ...document, ...sum.build() }]) {
      const pieces = [...encodeCalibration(written)];
      expect(Buffer.concat(pieces).toString()).toBe(writeCalibration(written));
    }
    expect([...encodeCalibration({ ...document, ...sum.build() })].length).toBeGreaterThan(3);
  });

  it('holds counts beyond 32 bits', () => {
    const histogram = { keys: Uint16Array.of(0, 5, 32767), counts: Float64Array.of(1, 2 ** 40 + 3, 2 ** 52) };
    expect(decodeHistogram(encodeHistogram(histogram))).toEqual(histogram);
    expect(histogramTotal(histogram)).toBe(1 + 2 ** 40 + 3 + 2 ** 52);
  });

  it.each([
    ['not JSON', '{', 'JSON'],
    ['another format', '{"model_qsvs": {}}', 'format'],
    ['another version', '{"format": "aeq-calibration", "version": 2}', 'version'],
  ])('refuses %s', (_, text, word) => {
    const error = errorOf(() => readCalibration(text, 'cal.json'));
    expect(error.code).toBe('CALIBRATION_INVALID');
    expect(error.message).toContain('cal.json');
    expect(error.message).toContain(word);
  });

  it.each([
    ['a tensor type', '"type":"FLOAT32"', '"type":"FLOAT31"', 'tensor type'],
    ['a sample that is not listed', '"samples":[[0,1]],"min":[-2.5]', '"samples":[[7,1]],"min":[-2.5]', 'sample'],
    ['a run without end', '"samples":[[0,1]],"min":[-2.5]', '"samples":[[0,1e15]],"min":[-2.5]', 'more samples'],
    ['a missing range', '"min":[-2.5]', '"min":[]', '0 ranges for 1'],
    ['a count', '"elements":3', '"elements":4', 'all 4 elements'],
    ['a histogram', '"histogram":"', '"histogram":"!', 'damaged'],
    ['a hash', 'aaaaaaaaaa', 'zzzzzzzzzz', 'sha256'],
    ['the order of the tensors', '"subgraph":0,"tensor":0', '"subgraph":2,"tensor":0', 'out of order'],
  ])('refuses %s that is wrong', (_, right, wrong, word) => {
    const text = writeCalibration(document);
    expect(text).toContain(right);
    const error = errorOf(() => readCalibration(text.replace(right, wrong)));
    expect(error.code).toBe('CALIBRATION_INVALID');
    expect(error.message).toContain(word);
  });

  it('refuses damaged histograms', () => {
    for (const text of ['gA==', 'AQ==', 'AAE=', 'AQEAAQ==', '////////////////AQ==', '/////w8B', '*']) {
      expect(() => decodeHistogram(text), text).toThrow(RangeError);
    }
  });
});
