import * as z from 'zod';

/** Value of `format` in a comparison file. */
export const COMPARISON_FORMAT = 'aeq-comparison';
/** Value of `version` in the files this program writes and reads. */
export const COMPARISON_VERSION = 1;

const whole = z.number().int().nonnegative();

/**
 * JSON has no NaN and no infinities: they are the strings "NaN", "Infinity" and "-Infinity". The type is written out
 * because the compiler's own declaration of an enum with "-Infinity" is one that it does not read again.
 */
const number: z.ZodType<number, number | 'NaN' | 'Infinity' | '-Infinity'> = z
  .union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity']).transform(Number)])
  .describe('a number, or "NaN", "Infinity", "-Infinity"');

/** null: the measure does not apply to this tensor. */
const optionalNumber = number.nullable().describe('null where the measure does not apply');

const nonFinite = z.object({ nan: whole, infinite: whole });

/**
 * Error of a tensor over all samples; every measure is made from sums over all elements of all samples, never from a
 * mean of ratios. r is the float model's value, t the quantized model's (dequantized), e = t - r. Elements whose r is
 * NaN or infinite are counted and left out. A NaN or infinite t where r is finite makes every measure that needs it NaN.
 */
const metricsSchema = z.object({
  elements: whole.describe('elements compared, over all samples'),
  floatNonFinite: nonFinite.describe('NaN and infinite values of the float model'),
  quantizedNonFinite: nonFinite.describe('NaN and infinite values of the quantized model'),
  mse: number.describe('mean of e^2'),
  sqnrDb: number.describe('10 log10(sum of r^2 / sum of e^2); Infinity when equal'),
  cosine: number.describe('sum of r t / sqrt(sum of r^2 * sum of t^2); 1 when both are zero, 0 when one is'),
  maxAbsoluteError: number.describe('greatest |e|'),
  meanError: number.describe('mean of e: what a corrected bias would take away'),
  errorOverScale: optionalNumber.describe('sqrt(mse) / scale of the quantized tensor; 0.29 is rounding alone'),
  clippedShare: optionalNumber.describe('share of r further than half a step outside of what the codes can express'),
  medianRelativeDifference: number.describe(
    'median of |e| / (|r| + 1e-6) of at most 4096 elements a sample, within 1.6 %',
  ),
  kl: optionalNumber.describe(
    'mean over rows of sum of p ln(p / q) in nats, for float tensors whose rows (last axis) are probabilities; both rows divided by their sums, q at least 1e-9',
  ),
  differingShare: optionalNumber.describe('share of elements that differ, for tensors of whole numbers or booleans'),
});

/** How a tensor of the quantized model stores its values. */
const storageSchema = z.object({
  name: z.string(),
  tensor: whole.describe('index in its subgraph'),
  type: z.string(),
  scale: number.nullable().describe('null without quantization, and where there are several scales'),
  zeroPoint: z.number().int().nullable(),
});

/** How the float model's values of a tensor are spread, beside what the quantized model's codes can express. */
const distributionSchema = z.object({
  least: number.describe('least finite value'),
  greatest: number.describe('greatest finite value'),
  counts: z.array(whole).describe('elements in equal steps from least to greatest'),
  expressible: z
    .object({ least: number, greatest: number })
    .nullable()
    .describe('values of the outermost codes; null for tensors without codes'),
});

/** One value of the graph in both models. */
const tensorComparisonSchema = z.object({
  name: z.string().describe('name in the float model'),
  subgraph: whole,
  tensor: whole.describe('index in the float model'),
  role: z.enum(['input', 'output', 'intermediate']),
  signatureName: z.string().optional().describe('name in the signature, of inputs and outputs'),
  operator: z.string().nullable().describe('operator that makes it, null for inputs'),
  position: whole.nullable().describe('index of that operator in the float model'),
  shape: z.array(z.number().int()),
  quantized: storageSchema,
  matchedBy: z.enum(['producer', 'name', 'signature']).describe('how its counterpart was found'),
  metrics: metricsSchema,
  rangeReason: z.string().optional().describe('where the range of its codes comes from, when the plan is known'),
  worstSamples: z
    .array(z.object({ index: whole, name: z.string(), sqnrDb: number }))
    .describe('at most five samples with the least SQNR, the worst first; none that is exact'),
  worstChannel: z
    .object({ channel: whole, sqnrDb: number })
    .nullable()
    .describe(
      'position along the last axis with the least SQNR, over evenly spaced rows of at most 8192 elements a sample',
    ),
  distribution: distributionSchema.nullable().describe('null when it was not asked for, and for whole numbers'),
});

/** A tensor without a counterpart, and why. */
const unmatchedSchema = z.object({ name: z.string(), reason: z.string() });

const signatureComparisonSchema = z.object({
  key: z.string(),
  samples: whole,
  outputs: z.array(tensorComparisonSchema).describe('in the order of the signature'),
  tensors: z.array(tensorComparisonSchema).describe('inputs and intermediate values in the order they are computed'),
  unmatched: z.array(unmatchedSchema).describe('tensors of the float model that could not be compared'),
});

/** An operator of the quantized model fed with the float model's values: the error it adds by itself. */
const operatorComparisonSchema = z.object({
  signature: z.string(),
  operator: z.string(),
  position: whole.describe('index in the quantized model'),
  output: z.string().describe('name of its first output in the float model'),
  mode: z.string().describe('how it computes: integer, dynamic, weight-only or float'),
  metrics: metricsSchema.nullable().describe('null when it could not be measured'),
  absorbed: z
    .boolean()
    .describe('it clips values, and every operator that reads them is far more exact: they are a mask, and harmless'),
  problem: z.string().optional().describe('why not'),
});

/** An operator that computes in float in both models. */
const floatOperatorSchema = z.object({
  signature: z.string(),
  operator: z.string(),
  position: whole.describe('index in the float model'),
  output: z.string(),
  reason: z.string(),
});

/** A constant that both models have. */
const weightComparisonSchema = z.object({
  name: z.string(),
  subgraph: whole,
  operator: z.string(),
  position: whole.describe('index of the operator in the float model'),
  operand: whole,
  type: z.string().describe('type in the quantized model'),
  floatBytes: whole,
  quantizedBytes: whole,
  metrics: metricsSchema.nullable().describe('null when the two cannot be compared'),
  worstChannel: z.object({ channel: whole, sqnrDb: number }).nullable(),
  clippedChannels: whole.describe('channels with a value that is off by more than a step'),
  problem: z.string().optional(),
});

/** Something about the samples that makes numbers measured on them doubtful. */
const dataFindingSchema = z.object({
  level: z.enum(['error', 'warning', 'note']),
  code: z.string().describe('stable name of the kind of finding, as `aeq dataset check` gives it'),
  message: z.string(),
  samples: z.array(z.string()).describe('names of the first samples it is about'),
});

const modelEntrySchema = z.object({
  file: z.string(),
  sizeBytes: whole,
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .nullable(),
  constantBytes: z.record(z.string(), whole).describe('bytes of constants by element type, shared ones once'),
  operators: z.record(z.string(), whole).describe('number of operators by name'),
});

const classificationSchema = z.object({
  signature: z.string(),
  output: z.string(),
  classes: whole,
  labelled: whole.describe('samples with a label'),
  compared: whole.describe('samples, labelled or not'),
  float: z.object({ top1: number, top5: number }).nullable(),
  quantized: z.object({ top1: number, top5: number }).nullable(),
  agreement: number.describe('share of samples for which both models name the same class first'),
  changed: z
    .array(z.object({ sample: whole, name: z.string(), labels: z.array(whole), float: whole, quantized: whole }))
    .describe('samples for which they do not; at most 100'),
});

const gateSchema = z.object({
  condition: z.string(),
  passed: z.boolean(),
  value: optionalNumber,
  subject: z.string().describe('what the value belongs to'),
  message: z.string(),
  failures: z.array(z.object({ subject: z.string(), value: number })).describe('everything that fails it'),
});

/** A run of two models over the same samples: what was compared, how, and what came out. */
export const comparisonSchema = z.object({
  format: z.literal(COMPARISON_FORMAT),
  version: z.literal(COMPARISON_VERSION),
  float: modelEntrySchema,
  quantized: modelEntrySchema,
  runtime: z.string(),
  datasets: z.array(
    z.object({
      signature: z.string(),
      samples: whole,
      kind: z.string(),
      sources: z.array(z.string()),
      preprocessing: z.record(z.string(), z.unknown()),
      contentHash: z.string().optional(),
      findings: z
        .array(dataFindingSchema)
        .optional()
        .describe('what looks wrong with the samples; left out where they were not looked at'),
    }),
  ),
  signatures: z.array(signatureComparisonSchema),
  operators: z.array(operatorComparisonSchema).describe('empty when injected errors were not measured'),
  floatOperators: z.array(floatOperatorSchema).describe('operators that were not quantized'),
  weights: z.array(weightComparisonSchema),
  classification: classificationSchema.nullable(),
  gates: z.array(gateSchema),
});

export type Metrics = z.infer<typeof metricsSchema>;
export type Storage = z.infer<typeof storageSchema>;
export type TensorComparison = z.infer<typeof tensorComparisonSchema>;
export type Distribution = z.infer<typeof distributionSchema>;
export type FloatOperator = z.infer<typeof floatOperatorSchema>;
export type UnmatchedTensor = z.infer<typeof unmatchedSchema>;
export type SignatureComparison = z.infer<typeof signatureComparisonSchema>;
export type OperatorComparison = z.infer<typeof operatorComparisonSchema>;
export type DataFinding = z.infer<typeof dataFindingSchema>;
export type WeightComparison = z.infer<typeof weightComparisonSchema>;
export type ModelEntry = z.infer<typeof modelEntrySchema>;
export type Classification = z.infer<typeof classificationSchema>;
export type GateResult = z.infer<typeof gateSchema>;
export type Comparison = z.infer<typeof comparisonSchema>;

/** A value as JSON can hold it: see `number` above. For JSON.stringify's second argument and for plain objects alike. */
function encodeNonFinite(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

/** The comparison as plain JSON data, to be written by any JSON writer. */
export function comparisonJson(comparison: Comparison): unknown {
  return JSON.parse(JSON.stringify(comparison, encodeNonFinite));
}

/** JSON Schema of the file. */
export function comparisonJsonSchema(): unknown {
  return z.toJSONSchema(comparisonSchema, { io: 'input' });
}
