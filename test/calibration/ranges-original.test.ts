import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { writeOriginalCalibration } from '../../calibration/original/export.ts';
import { rangesFromOriginal, readOriginalCalibration } from '../../calibration/original/import.ts';
import { parsePythonJson, pythonFloat, pythonString } from '../../calibration/original/json.ts';
import { rangesFromCalibration } from '../../calibration/ranges/source.ts';
import { StatisticsSum } from '../../calibration/statistics/statistics.ts';
import type { CalibrationDocument } from '../../schema/documents/calibration.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { denseModel } from '../support/models.ts';
import { documentOf, type RawSample, rawSamples } from './statistics-random.ts';

describe("Python's JSON", () => {
  it.each([
    [0, '0.0'],
    [-0, '-0.0'],
    [1, '1.0'],
    [-1.5, '-1.5'],
    [0.1, '0.1'],
    [Math.fround(0.1), '0.10000000149011612'],
    [1e-5, '1e-05'],
    [1.25e-7, '1.25e-07'],
    [0.0001, '0.0001'],
    [123456.789, '123456.789'],
    [1e15, '1000000000000000.0'],
    [1e16, '1e+16'],
    [-3.4028234663852886e38, '-3.4028234663852886e+38'],
    [1e300, '1e+300'],
    [5e-324, '5e-324'],
    [Number.NaN, 'NaN'],
    [Number.POSITIVE_INFINITY, 'Infinity'],
    [Number.NEGATIVE_INFINITY, '-Infinity'],
  ])('prints %s as %s', (value, text) => {
    expect(pythonFloat(value)).toBe(text);
  });

  it('keeps every double', () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (value) => {
        expect(Object.is(Number(pythonFloat(value)), value)).toBe(true);
      }),
    );
  });

  it('escapes what is not ASCII', () => {
    expect(pythonString('a"\\é\u2028\u007f😀')).toBe('"a\\"\\\\\\u00e9\\u2028\\u007f\\ud83d\\ude00"');
  });

  it('reads bare NaN and infinities, but not inside of strings', () => {
    expect(parsePythonJson('{"NaN \\" Infinity": [NaN, -Infinity, Infinity, 1e5]}')).toEqual({
      'NaN " Infinity': ['NaN', '-Infinity', 'Infinity', 1e5],
    });
    expect(() => parsePythonJson('{"a": nan}')).toThrowError(expect.objectContaining({ code: 'CALIBRATION_INVALID' }));
    expect(() => parsePythonJson('{"a": "NaN')).toThrowError(expect.objectContaining({ code: 'CALIBRATION_INVALID' }));
  });
});

describe("the original's file", () => {
  const model = denseModel().build();
  const record = (min: unknown, max: unknown) => ({ min, max });

  it('is read with or without its envelope', () => {
    const map = { x: record([[-1.5]], [[2]]), y: record(0, 3.5) };
    const bare = readOriginalCalibration(JSON.stringify(map));
    const whole = readOriginalCalibration(JSON.stringify({ model_qsvs: map, metadata: { num_samples_calibrated: 7 } }));
    expect(bare.records).toEqual(whole.records);
    expect([bare.samples, whole.samples]).toEqual([undefined, 7]);
    const ranges = rangesFromOriginal(whole, model);
    expect(ranges.range(0, 0)).toMatchObject({ min: -1.5, max: 2, carrier: 'float64', shape: [1, 1] });
    expect(ranges.range(0, 4)).toMatchObject({ min: 0, max: 3.5, shape: [] });
    expect(ranges.range(0, 3)).toBeUndefined();
  });

  it('keeps what cannot be a range apart', () => {
    const text =
      '{"x": {"min": [[NaN]], "max": [[Infinity]]}, "y": {}, "dense/output": {"min": [1, 2], "max": [3, 4]}}';
    const ranges = rangesFromOriginal(readOriginalCalibration(text), model);
    expect(ranges.range(0, 0)?.min).toBeNaN();
    expect(ranges.range(0, 4)).toBeUndefined();
    expect(() => ranges.range(0, 3)).toThrowError(expect.objectContaining({ code: 'CALIBRATION_INVALID' }));
  });

  it.each([
    ['no map', '[1]', 'not a map'],
    ['an envelope without map', '{"model_qsvs": 3}', 'model_qsvs'],
    ['a record that is no map', '{"x": 3}', '"x"'],
    ['a word for a number', '{"x": {"min": ["low"], "max": [1]}}', '"x"'],
    ['ragged lists', '{"x": {"min": [[1], [1, 2]], "max": [1]}}', 'different lengths'],
    ['endless nesting', `{"x": {"min": ${'['.repeat(99)}${']'.repeat(99)}, "max": 1}}`, 'deeply'],
  ])('is refused with %s', (_, text, words) => {
    expect(() => readOriginalCalibration(text, 'cal.json')).toThrowError(
      expect.objectContaining({ code: 'CALIBRATION_INVALID', message: expect.stringContaining(words) }),
    );
  });

  it('is written as the original writes it', () => {
    const one: RawSample = {
      sample: { signature: 'decode', index: 0, name: '' },
      values: [Float32Array.of(-0.1, 1e-7), Float32Array.of(3)],
    };
    expect(writeOriginalCalibration(documentOf([one]))).toBe(
      '{"model_qsvs": {' +
        '"tensor 0": {"min": [[-0.10000000149011612]], "max": [[1.0000000116860974e-07]], "num_samples": 1}, ' +
        '"tensor 1": {"min": [[3.0]], "max": [[3.0]], "num_samples": 1}}, ' +
        '"metadata": {"num_samples_calibrated": 1}}',
    );
  });

  it('writes integers and bools of a single sample as such', () => {
    const sum = new StatisticsSum();
    const seen = (min: number, max: number) =>
      ({ min, max, elements: 2, nans: 0, infinities: 0, histogram: undefined, leastRowMaximum: undefined }) as const;
    const place = (tensor: number, type: number) => ({ subgraph: 0, tensor, name: `t${tensor}`, type, shape: [2] });
    const observations = [
      [place(0, TensorType.INT32), seen(-4, 9)],
      [place(1, TensorType.BOOL), seen(0, 1)],
    ] as const;
    sum.addSample({ signature: 's', index: 0, name: '' }, observations);
    const document: CalibrationDocument = { ...documentOf([]), ...sum.build() };
    expect(writeOriginalCalibration(document)).toContain('"t0": {"min": [-4], "max": [9], "num_samples": 2}');
    expect(writeOriginalCalibration(document)).toContain('"t1": {"min": [false], "max": [true], "num_samples": 2}');
    sum.addSample({ signature: 's', index: 1, name: '' }, observations);
    expect(writeOriginalCalibration({ ...document, ...sum.build() })).toContain('"t0": {"min": [-4.0], "max": [9.0]}');
  });

  it('comes back as the ranges it was written from', () => {
    fc.assert(
      fc.property(rawSamples, (samples) => {
        const document = documentOf(samples);
        const ranges = rangesFromCalibration(document, { kind: 'ema' });
        const { records } = readOriginalCalibration(writeOriginalCalibration(document));
        expect(records.size).toBe(document.tensors.length);
        for (const { name, subgraph, tensor } of document.tensors) {
          const own = ranges.range(subgraph, tensor);
          expect(records.get(name)).toEqual({ min: [own?.min], max: [own?.max], shape: own?.shape });
        }
      }),
      { numRuns: 40 },
    );
  });
});
