import { TensorType } from '../generated/tflite.ts';
import { typeName } from '../graph.ts';
import {
  CALIBRATION_FORMAT,
  CALIBRATION_VERSION,
  type CalibratedDataset,
  type CalibrationDocument,
  type JsonNumber,
  type TensorEntry,
  type TensorStatistics,
} from './calibration.ts';
import { encodeHistogram } from './calibration-histogram.ts';
import { encodeProducts, type ProductSums } from './calibration-products.ts';
import { squareText } from './calibration-squares.ts';
import { sortedMembers } from './canonical.ts';

/** Characters that are written at a time, at least: a document of many samples need not be in memory as text. */
const PIECE = 65_536;

/** The document as text: one sample and one tensor a line, members in a fixed order, no timestamps. */
export function writeCalibration(document: CalibrationDocument): string {
  return [...fragments(document)].join('');
}

/** The same text in UTF-8, in pieces, each made when it is asked for. */
export function* encodeCalibration(document: CalibrationDocument): Generator<Uint8Array, void, undefined> {
  const encoder = new TextEncoder();
  let piece = '';
  for (const fragment of fragments(document)) {
    piece += fragment;
    if (piece.length < PIECE) continue;
    yield encoder.encode(piece);
    piece = '';
  }
  yield encoder.encode(piece);
}

function* fragments(document: CalibrationDocument): Generator<string, void, undefined> {
  const { model } = document;
  yield `{\n"format": "${CALIBRATION_FORMAT}",\n"version": ${CALIBRATION_VERSION},\n`;
  yield `"model": ${JSON.stringify({ file: model.file, sha256: model.sha256, sizeBytes: model.sizeBytes })},\n`;
  yield `"runtimes": ${JSON.stringify(document.runtimes)},\n`;
  yield '"datasets": ';
  yield* lines(document.datasets, datasetEntry);
  yield ',\n"samples": ';
  yield* lines(document.samples, ({ signature, index, name }) => ({ signature, index, name }));
  yield ',\n"tensors": ';
  yield* lines(document.tensors, tensorEntry);
  yield '\n}\n';
}

function* lines<T>(items: readonly T[], entry: (item: T) => unknown): Generator<string, void, undefined> {
  let before = '[\n';
  for (const item of items) {
    yield before + JSON.stringify(entry(item));
    before = ',\n';
  }
  yield items.length === 0 ? '[]' : '\n]';
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
    min: numbers(tensor.min, text),
    max: numbers(tensor.max, text),
    elements: tensor.elements,
    nans: tensor.nans,
    infinities: tensor.infinities,
    ...(tensor.histogram && { histogram: encodeHistogram(tensor.histogram) }),
    ...(tensor.leastRowMaximum !== undefined && { leastRowMaximum: text(tensor.leastRowMaximum) }),
    ...(tensor.products && { products: productsEntry(tensor.products) }),
    ...(tensor.squares && { squares: { rows: tensor.squares.rows, sums: tensor.squares.sums.map(squareText) } }),
  };
}

const productsEntry = ({ channels, rows, batches, parts }: ProductSums): NonNullable<TensorEntry['products']> => ({
  channels,
  rows,
  batches,
  parts: parts.map(({ step, additions, sums }) => ({ step, additions, sums: encodeProducts(sums) })),
});

function numbers(values: Float64Array, text: (value: number) => JsonNumber): JsonNumber[] {
  const result: JsonNumber[] = [];
  for (let i = 0; i < values.length; i++) result.push(text(values[i] as number));
  return result;
}

function plainNumber(value: number): JsonNumber {
  if (Number.isFinite(value)) return value + 0;
  return Number.isNaN(value) ? 'NaN' : value > 0 ? 'Infinity' : '-Infinity';
}

/** The double with the fewest digits that rounds to this float32; nine always do. */
export function shortFloat32(value: number): JsonNumber {
  if (!Number.isFinite(value)) return plainNumber(value);
  const exponent = decimalExponent(Math.abs(value));
  for (let digits = 6; digits < 9; digits++) {
    const short = toDigits(value, digits, exponent);
    if (Math.fround(short) === value) return short + 0;
  }
  return toDigits(value, 9, exponent) + 0;
}

/** Powers of ten that are exact, and that keep the 24 bits of a float32 exact as a factor: 24 + 12 log2(5) < 53. */
const POWERS = Array.from({ length: 13 }, (_, i) => 10 ** i);

/** The greatest e with 10^e <= value, from -4 to 5; undefined beyond. */
function decimalExponent(value: number): number | undefined {
  if (!(value >= 1e-4 && value < 1e6)) return undefined;
  let exponent = 5;
  // No float32 lies between a power of ten and the double next to it.
  while (value < (exponent < 0 ? 1 / (POWERS[-exponent] as number) : (POWERS[exponent] as number))) exponent -= 1;
  return exponent;
}

/**
 * Number(value.toPrecision(digits)) of a float32, without the text where that is possible: scaled by a power of ten it is
 * exact, so that it is rounded once to a whole number, and dividing rounds once to the nearest double, as reading does.
 */
function toDigits(value: number, digits: number, exponent: number | undefined): number {
  const power = exponent === undefined ? undefined : POWERS[digits - 1 - exponent];
  if (power === undefined) return Number(value.toPrecision(digits));
  const whole = Math.round(Math.abs(value) * power) / power;
  return value < 0 ? -whole : whole;
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
