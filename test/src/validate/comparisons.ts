import type { Comparison, Metrics, TensorComparison } from '../../../schema/documents/comparison.ts';

/** Metrics of a tensor that is compared well, with some of them replaced. */
export const metricsOf = (some: Partial<Metrics> = {}): Metrics => ({
  elements: 100,
  floatNonFinite: { nan: 0, infinite: 0 },
  quantizedNonFinite: { nan: 0, infinite: 0 },
  mse: 1e-5,
  sqnrDb: 40,
  cosine: 0.9999,
  maxAbsoluteError: 0.01,
  meanError: 0,
  errorOverScale: 0.29,
  clippedShare: 0,
  medianRelativeDifference: 0.005,
  kl: null,
  differingShare: null,
  ...some,
});

export const tensorOf = (name: string, some: Partial<TensorComparison> = {}): TensorComparison => ({
  name,
  subgraph: 0,
  tensor: 0,
  role: 'intermediate',
  ...(some.role === 'output' || some.role === 'input' ? { signatureName: name } : {}),
  operator: 'CONV_2D',
  position: 0,
  shape: [1, 10],
  quantized: { name, tensor: 0, type: 'INT8', scale: 0.01, zeroPoint: 0 },
  matchedBy: 'producer',
  metrics: metricsOf(),
  worstSamples: [],
  worstChannel: null,
  distribution: null,
  ...some,
});

/** A comparison of one signature with these tensors. */
export const comparisonOf = (
  { outputs, tensors }: { outputs: TensorComparison[]; tensors: TensorComparison[] },
  some: Partial<Comparison> = {},
): Comparison => ({
  format: 'aeq-comparison',
  version: 1,
  float: { file: 'model.tflite', sizeBytes: 1000, sha256: null, constantBytes: { FLOAT32: 900 }, operators: {} },
  quantized: { file: 'model_q.tflite', sizeBytes: 250, sha256: null, constantBytes: { INT8: 220 }, operators: {} },
  runtime: 'test',
  datasets: [],
  signatures: [{ key: 'serving_default', samples: 16, outputs, tensors, unmatched: [] }],
  operators: [],
  floatOperators: [],
  weights: [],
  classification: null,
  gates: [],
  ...some,
});
