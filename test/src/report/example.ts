import type { Comparison } from '../../../schema/documents/comparison.ts';
import { evaluateGates, parseGate } from '../../../src/validate/gates.ts';
import { comparisonOf, metricsOf, tensorOf } from '../validate/comparisons.ts';

/** A name that breaks out of whatever does not escape it. */
export const HOSTILE = '</script><script>alert("1")</script>&\'|`\u0001';

/** Two outputs, and layers of every kind: bad ones, an exact one, one with NaN, one with a name to be afraid of. */
export function example(some: Partial<Comparison> = {}): Comparison {
  const distribution = {
    least: -1,
    greatest: 3,
    counts: [1, 5, 9, 2],
    expressible: { least: -0.5, greatest: 2 },
  };
  const layers = [
    tensorOf('image', { role: 'input', operator: null, position: null, metrics: metricsOf({ sqnrDb: 55 }) }),
    tensorOf('a/conv', { position: 0, metrics: metricsOf({ sqnrDb: 31 }), distribution }),
    tensorOf('b/conv', { position: 1, metrics: metricsOf({ sqnrDb: 12.3, clippedShare: 0.2 }) }),
    tensorOf(HOSTILE, { position: 2, operator: 'ADD', metrics: metricsOf({ sqnrDb: 8 }) }),
    tensorOf('c/exact', {
      position: 3,
      operator: 'RESHAPE',
      metrics: metricsOf({ sqnrDb: Number.POSITIVE_INFINITY, mse: 0 }),
    }),
    tensorOf('d/broken', {
      position: 4,
      operator: 'DIV',
      metrics: metricsOf({
        sqnrDb: Number.NaN,
        mse: Number.NaN,
        cosine: Number.NaN,
        quantizedNonFinite: { nan: 3, infinite: 1 },
      }),
    }),
  ];
  const outputs = [
    tensorOf('probs', {
      role: 'output',
      operator: 'SOFTMAX',
      position: 5,
      metrics: metricsOf({ sqnrDb: 21, kl: 0.01 }),
    }),
  ];
  const injected = (output: string, sqnrDb: number, operator = 'CONV_2D') => ({
    signature: 'serving_default',
    operator,
    position: 0,
    output,
    mode: 'integer',
    metrics: metricsOf({ sqnrDb }),
    absorbed: false,
  });
  const comparison = comparisonOf(
    { outputs, tensors: layers },
    {
      operators: [injected('a/conv', 31), injected('b/conv', 36), injected(HOSTILE, 14, 'ADD')],
      floatOperators: [
        { signature: 'serving_default', operator: 'COS', position: 9, output: 'e', reason: 'no integer kernel' },
      ],
      ...some,
    },
  );
  const gates = ['output.sqnr<20', 'any.sqnr<10', 'size.ratio>0.5'].map(parseGate);
  return { ...comparison, gates: evaluateGates(gates, comparison) };
}
