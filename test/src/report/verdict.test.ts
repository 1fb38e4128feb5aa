import { describe, expect, it } from 'vitest';
import type { Classification } from '../../../schema/documents/comparison.ts';
import { verdictOf } from '../../../src/report/verdict.ts';
import { comparisonOf, metricsOf, tensorOf } from '../validate/comparisons.ts';

const withOutput = (sqnrDb: number, agreement?: number) => {
  const outputs = [tensorOf('probs', { role: 'output', metrics: metricsOf({ sqnrDb }) })];
  const classification: Classification | null =
    agreement === undefined
      ? null
      : {
          signature: 'serving_default',
          output: 'probs',
          classes: 10,
          labelled: 0,
          compared: 16,
          float: null,
          quantized: null,
          agreement,
          changed: [],
        };
  return comparisonOf({ outputs, tensors: [] }, { classification });
};

describe('verdictOf', () => {
  it.each([
    [Number.POSITIVE_INFINITY, 'equal'],
    [41, 'close'],
    [25, 'near'],
    [15, 'different'],
    [4.5, 'unusable'],
    [Number.NEGATIVE_INFINITY, 'unusable'],
    [Number.NaN, 'unusable'],
  ])('is, for an output of %f dB, %s', (sqnrDb, level) => {
    expect(verdictOf(withOutput(sqnrDb)).level).toBe(level);
  });

  it('does not condemn a classifier that names the same classes', () => {
    expect(verdictOf(withOutput(8, 0.95)).level).toBe('different');
    expect(verdictOf(withOutput(8, 0.5)).level).toBe('unusable');
    expect(verdictOf(withOutput(Number.NaN, 1)).level).toBe('unusable');
  });

  it('says the error in percent, the accuracy and the size', () => {
    expect(verdictOf(withOutput(20, 0.9375)).sentences).toEqual([
      'Its output probs is off by 10 % of the signal on 16 samples (20.0 dB).',
      'Both models name the same class first for 93.75 % of 16 samples.',
      'The file is 4.0 times smaller.',
    ]);
  });

  it('names the worst of several outputs, and the gates that failed', () => {
    const good = tensorOf('a', { role: 'output', metrics: metricsOf({ sqnrDb: 50 }) });
    const bad = tensorOf('b', { role: 'output', metrics: metricsOf({ sqnrDb: 40 }) });
    const gate = { condition: 'output.sqnr<45', passed: false, value: 40, subject: 'b', message: '', failures: [] };
    const { sentences } = verdictOf(comparisonOf({ outputs: [good, bad], tensors: [] }, { gates: [gate] }));
    expect(sentences.slice(0, 2)).toEqual([
      '1 of 1 gate failed: output.sqnr<45.',
      'The worst output, b, is off by 1 % of the signal on 16 samples (40.0 dB).',
    ]);
  });
});
