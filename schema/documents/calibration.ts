import { z } from 'zod';
import { AeqError } from '../errors.ts';
import { TensorType } from '../generated/tflite.ts';
import { typeName } from '../graph.ts';
import { decodeHistogram, encodeHistogram, type Histogram, histogramTotal } from './calibration-histogram.ts';
import { sortedMembers } from './canonical.ts';
import { findJsonFault } from './json-position.ts';

/** Which model a calibration belongs to. `file` is a name without a folder, for messages. */
export interface ModelIdentity {
  readonly file: string;
  /** Hexadecimal SHA-256 of the file. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

/** A data set that was, or was to be, calibrated with. */
export interface CalibratedDataset {
  readonly signature: string;
  readonly description: {
    readonly kind: string;
    readonly sources: readonly string[];
    readonly preprocessing: Readonly<Record<string, unknown>>;
    readonly contentHash?: string;
  };
  /** Samples in the whole set; undefined for an iterable of unknown length. */
  readonly length: number | undefined;
  /** Ascending indices of the samples that all parts together cover; undefined where nobody could know beforehand. */
  readonly selected: readonly number[] | undefined;
}

/** One sample that was run. */
export interface CalibratedSample {
  readonly signature: string;
  /** Position in the whole data set. */
  readonly index: number;
  readonly name: string;
}

/** What was seen of one tensor. */
export interface TensorStatistics {
  readonly subgraph: number;
  readonly tensor: number;
  readonly name: string;
  /** TensorType of the float model. */
  readonly type: number;
  readonly shape: readonly number[];
  /** Ascending positions in the document's samples, one for each entry of `min` and `max`. */
  readonly samples: Uint32Array;
  /** Least value of each sample, under the one-sided filters at +-3e38; float32 values for float32 tensors. */
  readonly min: Float64Array;
  readonly max: Float64Array;
  /** Elements of all samples. */
  readonly elements: number;
  readonly nans: number;
  readonly infinities: number;
  /** Of float32 tensors. */
  readonly histogram: Histogram | undefined;
  /** The least of all rows' greatest values, rows along the last axis, where that was asked for. */
  readonly leastRowMaximum: number | undefined;
}

/**
 * What calibration has seen, in full: ranges are made from it later, by a rule. Samples are ordered by signature and
 * index, tensors by subgraph and tensor, so that equal data gives equal bytes however it was collected.
 */
export interface CalibrationDocument {
  readonly model: ModelIdentity;
  /** Version texts of the interpreters that ran the model, sorted. */
  readonly runtimes: readonly string[];
  readonly datasets: readonly CalibratedDataset[];
  readonly samples: readonly CalibratedSample[];
  readonly tensors: readonly TensorStatistics[];
}

/** Value of `format` in the file. */
export const CALIBRATION_FORMAT = 'aeq-calibration';
/** Value of `version` in the files this program writes and reads. */
export const CALIBRATION_VERSION = 1;

const whole = z.number().int().nonnegative();
/** Written out, because the compiler's own declaration of an enum with "-Infinity" is one that it does not read again. */
const number: z.ZodType<number | 'NaN' | 'Infinity' | '-Infinity'> = z.union([
  z.number(),
  z.enum(['NaN', 'Infinity', '-Infinity']),
]);
const runs = z.array(z.tuple([whole, whole])).describe('runs of ascending whole numbers: [first, how many]');

/** The calibration file, as it stands on disk. */
export const calibrationFile = z.object({
  format: z.literal(CALIBRATION_FORMAT),
  version: z.literal(CALIBRATION_VERSION),
  model: z.object({ file: z.string(), sha256: z.string().regex(/^[0-9a-f]{64}$/), sizeBytes: whole }),
  runtimes: z.array(z.string()),
  datasets: z.array(
    z.object({
      signature: z.string(),
      description: z.object({
        kind: z.string(),
        sources: z.array(z.string()),
        preprocessing: z.record(z.string(), z.unknown()),
        contentHash: z.string().optional(),
      }),
      length: whole.nullable(),
      selected: runs.nullable(),
    }),
  ),
  samples: z.array(z.object({ signature: z.string(), index: whole, name: z.string() })),
  tensors: z.array(
    z.object({
      subgraph: whole,
      tensor: whole,
      name: z.string(),
      type: z.string().describe('a TensorType, such as FLOAT32'),
      shape: z.array(z.number().int()),
      samples: runs.describe('positions in `samples`'),
      min: z.array(number).describe('least value of each sample'),
      max: z.array(number).describe('greatest value of each sample'),
      elements: whole,
      nans: whole,
      infinities: whole,
      histogram: z
        .string()
        .optional()
        .describe('base64; per bin the distance to the last key (from -1) and the count, as base-128 varints'),
      leastRowMaximum: number.optional(),
    }),
  ),
});

type TensorEntry = z.infer<typeof calibrationFile>['tensors'][number];

/** The document as text: one sample and one tensor a line, members in a fixed order, no timestamps. */
export function writeCalibration(document: CalibrationDocument): string {
  const { model } = document;
  const members = [
    `"format": "${CALIBRATION_FORMAT}"`,
    `"version": ${CALIBRATION_VERSION}`,
    `"model": ${JSON.stringify({ file: model.file, sha256: model.sha256, sizeBytes: model.sizeBytes })}`,
    `"runtimes": ${JSON.stringify(document.runtimes)}`,
    `"datasets": ${lines(document.datasets, datasetEntry)}`,
    `"samples": ${lines(document.samples, ({ signature, index, name }) => ({ signature, index, name }))}`,
    `"tensors": ${lines(document.tensors, tensorEntry)}`,
  ];
  return `{\n${members.join(',\n')}\n}\n`;
}

function lines<T>(items: readonly T[], entry: (item: T) => unknown): string {
  return items.length === 0 ? '[]' : `[\n${items.map((item) => JSON.stringify(entry(item))).join(',\n')}\n]`;
}

function datasetEntry({ signature, description, length, selected }: CalibratedDataset): unknown {
  const { kind, sources, preprocessing, contentHash } = description;
  return {
    signature,
    description: { kind, sources, preprocessing: sortedMembers(preprocessing), ...(contentHash && { contentHash }) },
    length: length ?? null,
    selected: selected ? toRuns(selected) : null,
  };
}

function tensorEntry(tensor: TensorStatistics): TensorEntry {
  const text = tensor.type === TensorType.FLOAT32 ? shortFloat32 : plainNumber;
  return {
    subgraph: tensor.subgraph,
    tensor: tensor.tensor,
    name: tensor.name,
    type: typeName(tensor.type),
    shape: [...tensor.shape],
    samples: toRuns(tensor.samples),
    min: Array.from(tensor.min, text),
    max: Array.from(tensor.max, text),
    elements: tensor.elements,
    nans: tensor.nans,
    infinities: tensor.infinities,
    ...(tensor.histogram && { histogram: encodeHistogram(tensor.histogram) }),
    ...(tensor.leastRowMaximum !== undefined && { leastRowMaximum: text(tensor.leastRowMaximum) }),
  };
}

type JsonNumber = z.infer<typeof number>;

function plainNumber(value: number): JsonNumber {
  if (Number.isFinite(value)) return value + 0;
  return Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity';
}

/** The double with the fewest digits that rounds to this float32; nine always do. */
function shortFloat32(value: number): JsonNumber {
  if (!Number.isFinite(value)) return plainNumber(value);
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short + 0;
  }
  return Number(value.toPrecision(9)) + 0;
}

function toRuns(indices: Iterable<number>): [number, number][] {
  const result: [number, number][] = [];
  let last: [number, number] | undefined;
  for (const index of indices) {
    if (last && index === last[0] + last[1]) last[1] += 1;
    else {
      last = [index, 1];
      result.push(last);
    }
  }
  return result;
}

type Fail = (why: string, field?: string) => never;

/** Most sample indices a file may speak of: a guard against a run such as [0, 1e15]. */
const MOST_INDICES = 2 ** 24;

function fromRuns(entries: readonly (readonly [number, number])[], limit: number, fail: Fail, field: string): number[] {
  const result: number[] = [];
  for (const [first, count] of entries) {
    if (first <= (result.at(-1) ?? -1)) fail('its runs do not ascend', field);
    if (result.length + count > limit) fail('it speaks of more samples than there are', field);
    for (let i = 0; i < count; i++) result.push(first + i);
  }
  return result;
}

/** True for a value parsed from JSON that says it is a calibration of ours, whatever else is wrong with it. */
export function isCalibrationFile(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'format' in value && value.format === CALIBRATION_FORMAT;
}

/**
 * Reads the text of a calibration file. `file` is its name for messages.
 * @throws AeqError CALIBRATION_INVALID naming the first field that is wrong.
 */
export function readCalibration(text: string, file?: string): CalibrationDocument {
  const fail = (why: string, field?: string): never => {
    throw new AeqError('CALIBRATION_INVALID', `${file ?? 'the input'} is not a calibration file: ${why}`, {
      where: { ...(file && { file }), ...(field && { field }) },
      hint: 'make it with `aeq calibrate`',
    });
  };
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    const fault = findJsonFault(text);
    return fail(fault ? `it is not JSON at line ${fault.line}: ${fault.problem}` : 'it is not JSON');
  }
  if (!isCalibrationFile(json)) return fail(`it has no "format": "${CALIBRATION_FORMAT}"`, 'format');
  const parsed = calibrationFile.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const field = issue?.path.join('.') ?? '';
    return fail(`${field}: ${issue?.message}`, field);
  }
  return decode(parsed.data, fail);
}

function decode(content: z.infer<typeof calibrationFile>, fail: Fail): CalibrationDocument {
  const { model, runtimes, samples } = content;
  const datasets = content.datasets.map(({ signature, description, length, selected }, i) => ({
    signature,
    description: {
      kind: description.kind,
      sources: description.sources,
      preprocessing: description.preprocessing,
      ...(description.contentHash !== undefined && { contentHash: description.contentHash }),
    },
    length: length ?? undefined,
    selected: selected ? fromRuns(selected, MOST_INDICES, fail, `datasets.${i}.selected`) : undefined,
  }));
  requireAscending(samples, (a, b) => compareText(a.signature, b.signature) || a.index - b.index, 'samples', fail);
  requireAscending(content.tensors, (a, b) => a.subgraph - b.subgraph || a.tensor - b.tensor, 'tensors', fail);
  const tensors = content.tensors.map((entry, i) => decodeTensor(entry, samples.length, `tensors.${i}`, fail));
  return { model, runtimes, datasets, samples, tensors };
}

const compareText = (a: string, b: string) => (a === b ? 0 : a < b ? -1 : 1);

function requireAscending<T>(items: readonly T[], compare: (a: T, b: T) => number, field: string, fail: Fail): void {
  const wrong = items.findIndex((item, i) => {
    const before = items[i - 1];
    return before !== undefined && compare(before, item) >= 0;
  });
  if (wrong >= 0) fail(`${field} ${wrong} is out of order or there twice`, `${field}.${wrong}`);
}

function decodeTensor(entry: TensorEntry, sampleCount: number, field: string, fail: Fail): TensorStatistics {
  const type = Object.entries(TensorType).find(([name]) => name === entry.type)?.[1];
  if (type === undefined) return fail(`"${entry.type}" is not a tensor type`, `${field}.type`);
  const samples = Uint32Array.from(fromRuns(entry.samples, sampleCount, fail, `${field}.samples`));
  if ((samples.at(-1) ?? 0) >= sampleCount) fail('it speaks of a sample that is not listed', `${field}.samples`);
  if (entry.min.length !== samples.length || entry.max.length !== samples.length) {
    fail(`tensor "${entry.name}" has ${entry.min.length} ranges for ${samples.length} samples`, `${field}.min`);
  }
  const value = type === TensorType.FLOAT32 ? (x: JsonNumber) => Math.fround(Number(x)) : Number;
  return {
    subgraph: entry.subgraph,
    tensor: entry.tensor,
    name: entry.name,
    type,
    shape: entry.shape,
    samples,
    min: Float64Array.from(entry.min, value),
    max: Float64Array.from(entry.max, value),
    elements: entry.elements,
    nans: entry.nans,
    infinities: entry.infinities,
    histogram: entry.histogram === undefined ? undefined : histogramOf(entry, field, fail),
    leastRowMaximum: entry.leastRowMaximum === undefined ? undefined : value(entry.leastRowMaximum),
  };
}

function histogramOf(entry: TensorEntry, field: string, fail: Fail): Histogram {
  try {
    const histogram = decodeHistogram(entry.histogram ?? '');
    if (histogramTotal(histogram) + entry.nans + entry.infinities === entry.elements) return histogram;
    return fail(`the histogram of "${entry.name}" does not hold all ${entry.elements} elements`, `${field}.histogram`);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return fail(`the histogram of "${entry.name}" is damaged: ${error.message}`, `${field}.histogram`);
  }
}
