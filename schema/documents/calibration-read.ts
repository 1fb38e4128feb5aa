import type * as z from 'zod';
import { AeqError } from '../errors.ts';
import { TensorType } from '../generated/tflite.ts';
import {
  CALIBRATION_FORMAT,
  type CalibrationDocument,
  calibrationHead,
  calibrationTensor,
  isCalibrationFile,
  type JsonNumber,
  type TensorEntry,
  type TensorStatistics,
} from './calibration.ts';
import { decodeHistogram, type Histogram, histogramTotal } from './calibration-histogram.ts';
import { decodeProducts, type ProductSums, productCount } from './calibration-products.ts';
import { type SquareSums, squareOfText } from './calibration-squares.ts';
import { findJsonFault } from './json-position.ts';

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
  return decode(checked(calibrationHead, json, [], fail), fail);
}

/** @throws AeqError CALIBRATION_INVALID naming the first field that is wrong, in what lies at `path` */
function checked<T>(schema: z.ZodType<T>, value: unknown, path: readonly PropertyKey[], fail: Fail): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = [...path, ...(issue?.path ?? [])].join('.');
  return fail(`${field}: ${issue?.message}`, field);
}

function decode(content: z.infer<typeof calibrationHead>, fail: Fail): CalibrationDocument {
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
  // One by one: what is checked is a copy, and that of all tensors would take as much memory as everything else.
  const tensors = content.tensors.map((value, i) =>
    decodeTensor(checked(calibrationTensor, value, ['tensors', i], fail), samples.length, `tensors.${i}`, fail),
  );
  requireAscending(tensors, (a, b) => a.subgraph - b.subgraph || a.tensor - b.tensor, 'tensors', fail);
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
    ...(entry.products && { products: productsOf(entry.name, entry.products, field, fail) }),
    ...(entry.squares && { squares: squaresOf(entry.name, entry.squares, field, fail) }),
  };
}

function productsOf(
  name: string,
  { channels, rows, batches, parts }: NonNullable<TensorEntry['products']>,
  field: string,
  fail: Fail,
): ProductSums {
  const count = productCount(channels);
  const decoded = parts.map(({ step, additions, sums }, i) => {
    try {
      return { step, additions, sums: decodeProducts(sums, count) };
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      return fail(`the products of "${name}" are damaged: ${error.message}`, `${field}.products.parts.${i}.sums`);
    }
  });
  requireAscending(decoded, (a, b) => a.step - b.step, `${field}.products.parts`, fail);
  return { channels, rows, batches, parts: decoded };
}

function squaresOf(
  name: string,
  { rows, sums }: NonNullable<TensorEntry['squares']>,
  field: string,
  fail: Fail,
): SquareSums {
  try {
    return { rows, sums: sums.map(squareOfText) };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return fail(`the squares of "${name}" are damaged: ${error.message}`, `${field}.squares.sums`);
  }
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
