import { describe, expect, it } from 'vitest';
import type { Comparison } from '../../../schema/documents/comparison.ts';
import { AeqError } from '../../../schema/errors.ts';
import { evaluateGates, parseGate } from '../../../src/validate/gates.ts';
import { comparisonOf, metricsOf, tensorOf } from './comparisons.ts';

const failure = (text: string): AeqError => {
  try {
    parseGate(text);
  } catch (error) {
    if (error instanceof AeqError) return error;
  }
  throw new Error(`${text} is accepted`);
};

describe('parseGate', () => {
  it.each([
    ['output.sqnr<20', { subject: { kind: 'output' }, metric: 'sqnr', comparator: '<', limit: 20 }],
    ['any.cosine < 0.98', { subject: { kind: 'any' }, metric: 'cosine', limit: 0.98 }],
    ['op:SOFTMAX.mse>1e-4', { subject: { kind: 'op', name: 'SOFTMAX' }, comparator: '>', limit: 1e-4 }],
    ['injected:CONV_2D.sqnr<=12', { subject: { kind: 'injected', name: 'CONV_2D' }, comparator: '<=' }],
    ['size.ratio>30%', { measure: 'size.ratio', limit: 0.3 }],
    ['top1.drop>0.01', { measure: 'top1.drop' }],
    ['classes.agreement<0.95', { measure: 'classes.agreement' }],
    ['StatefulPartitionedCall_1:0.sqnr<20', { subject: { kind: 'tensor', name: 'StatefulPartitionedCall_1:0' } }],
    ['model/v1.5/add.sqnr<20', { subject: { kind: 'tensor', name: 'model/v1.5/add' }, metric: 'sqnr' }],
    ['tensor:"a<b".mse>=2', { subject: { kind: 'tensor', name: 'a<b' }, comparator: '>=', limit: 2 }],
    ['"a > b".mse>2', { subject: { kind: 'tensor', name: 'a > b' }, limit: 2 }],
    ['output:probs.kl>0.1', { subject: { kind: 'output', name: 'probs' }, metric: 'kl' }],
  ])('reads %s', (text, expected) => {
    expect(parseGate(text)).toMatchObject({ text, ...expected });
  });

  it.each([
    ['output.snr<20', 7, /measure of output called "snr"/],
    ['output.sqnr', 11, /no <, <=, > or >=/],
    ['output.sqnr<', 12, /number is missing/],
    ['output.sqnr<2O', 12, /"2O" is no number/],
    ['output<20', 6, /output has no measure/],
    ['top1.fall>1', 5, /measure of top1 called "fall"/],
    ['op:.mse>1', 3, /the name is missing/],
    ['<3', 0, /what to look at/],
    ['', 0, /no <, <=, > or >=/],
  ])('points at the character of %s', (text, offset, message) => {
    const error = failure(text);
    expect(error).toMatchObject({ code: 'CONDITION_INVALID', kind: 'usage', where: { offset } });
    expect(error.message).toMatch(message);
    expect(error.hint?.split('\n')[1]?.indexOf('^')).toBe(offset);
  });

  it('suggests the word that was meant', () => {
    expect(failure('output.sqnrr<20').hint).toMatch(/did you mean "sqnr"/);
  });
});

describe('evaluateGates', () => {
  const comparison: Comparison = comparisonOf({
    outputs: [
      tensorOf('probs', { role: 'output', operator: 'SOFTMAX', metrics: metricsOf({ sqnrDb: 31, mse: 2e-4 }) }),
      tensorOf('boxes', { role: 'output', metrics: metricsOf({ sqnrDb: 12.34, cosine: 0.97 }) }),
    ],
    tensors: [tensorOf('hidden', { metrics: metricsOf({ sqnrDb: Number.NaN, cosine: 0.999 }) })],
  });
  const evaluate = (text: string, on = comparison) => evaluateGates([parseGate(text)], on)[0];

  it('names the value that fails', () => {
    const result = evaluate('output.sqnr<20');
    expect(result).toMatchObject({ passed: false, value: 12.34, subject: 'boxes' });
    expect(result?.message).toBe('output.sqnr<20 failed: boxes has 12.34');
  });

  it('passes with the value nearest to the limit', () => {
    expect(evaluate('output.sqnr<10')).toMatchObject({ passed: true, value: 12.34, subject: 'boxes' });
    expect(evaluate('output.mse>1e-3')).toMatchObject({ passed: true, subject: 'probs' });
  });

  it.each(['any.sqnr<-100', 'any.sqnr>100', 'hidden.sqnr>=1e9'])('fails %s, because NaN always fails', (text) => {
    expect(evaluate(text)).toMatchObject({ passed: false, subject: 'hidden' });
  });

  it('looks at operators and single tensors', () => {
    expect(evaluate('op:SOFTMAX.mse>1e-4')).toMatchObject({ passed: false, value: 2e-4 });
    expect(evaluate('hidden.cosine<0.98')).toMatchObject({ passed: true });
    expect(evaluate('output:probs.sqnr<20')).toMatchObject({ passed: true });
  });

  it('compares sizes and accuracies', () => {
    expect(evaluate('size.ratio>0.5')).toMatchObject({ passed: true, value: 0.25 });
    expect(evaluate('size.bytes>=250')).toMatchObject({ passed: false });
    const classification = {
      signature: 'serving_default',
      output: 'probs',
      classes: 10,
      labelled: 100,
      compared: 100,
      float: { top1: 0.9, top5: 1 },
      quantized: { top1: 0.87, top5: 1 },
      agreement: 0.95,
      changed: [],
    };
    const labelled = { ...comparison, classification };
    expect(evaluate('top1.drop>0.01', labelled)).toMatchObject({ passed: false });
    expect(evaluate('top5.drop>0.01', labelled)).toMatchObject({ passed: true, value: 0 });
    expect(evaluate('top1.quantized<0.8', labelled)).toMatchObject({ passed: true });
    expect(evaluate('classes.agreement<0.96', labelled)).toMatchObject({ passed: false });
  });

  it.each([
    ['op:SOFTMX.mse>1', /no operator SOFTMX/, /did you mean "SOFTMAX"/],
    ['nowhere.mse>1', /no tensor nowhere/, /comparison\.json/],
    ['top1.drop>0.01', /no output of this model is known to hold classes/, /labels/],
    ['injected.sqnr<10', /no operator measured by itself/, /comparison\.json/],
    ['output.kl>1', /kl does not apply/, /another measure/],
  ])('refuses %s, which could only pass by accident', (text, message, hint) => {
    expect(() => evaluate(text)).toThrow(message);
    try {
      evaluate(text);
    } catch (error) {
      expect((error as AeqError).hint).toMatch(hint);
    }
  });
});
