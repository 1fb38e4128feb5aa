import { TensorType } from '../../schema/generated/tflite.ts';
import { channelsOf, rowStride } from './channel-sums.ts';
import { rowDivergence } from './divergence.ts';
import { CHUNK_ELEMENTS, CODE_LIMITS, floatsAddress, type TensorNumbers } from './numbers.ts';
import { ratioStride } from './ratios.ts';
import { FIELD, FIELDS, type RecordWriter } from './records.ts';
import type { CompareScratch } from './scratch.ts';

/** Adds a record: the values of a tensor in the float model compared with those in the quantized model. */
export function compareTensors(
  reference: TensorNumbers,
  test: TensorNumbers,
  scratch: CompareScratch,
  rowLength: number,
  into: RecordWriter,
): void {
  const { kernels } = scratch;
  const total = reference.count;
  const limits = representable(test);
  const whole = reference.coding === undefined && isWhole(reference.type);
  const channels = whole ? 0 : channelsOf(rowLength);
  const record = into.begin(channels);
  record[FIELD.clipped] = limits ? 0 : Number.NaN;
  record[FIELD.differing] = whole ? 0 : Number.NaN;
  scratch.clear(channels);
  const rows = rowStride(channels, total);
  const stride = ratioStride(total);
  for (let start = 0; start < total; start += CHUNK_ELEMENTS) {
    const count = Math.min(CHUNK_ELEMENTS, total - start);
    const r = floatsAddress(reference, start, count, scratch.reference);
    const t = floatsAddress(test, start, count, scratch.test);
    kernels.compare(r, t, count, scratch.sums);
    if (scratch.compared !== start + count) countNonFinite(record, kernels.memory, r, t, count);
    if (limits) increase(record, FIELD.clipped, kernels.countOutside(r, count, limits.least, limits.greatest));
    if (whole) increase(record, FIELD.differing, countDiffering(kernels.memory, r, t, count));
    if (channels > 0) compareRows(scratch, r, t, count, { channels, stride: rows, first: next(start, rows) });
    const first = next(start, stride);
    if (first < count) {
      const some = Math.ceil((count - first) / stride);
      kernels.countRatios(r + 4 * first, t + 4 * first, some, stride, scratch.ratios);
    }
  }
  scratch.copyTo(record, FIELD.count, channels, FIELDS);
  const pairs = scratch.takeRatios();
  const kl =
    reference.type === TensorType.FLOAT32 && rowLength > 1 ? rowDivergence(reference, test, rowLength) : undefined;
  record[FIELD.elements] = total;
  record[FIELD.divergence] = kl?.sum ?? Number.NaN;
  record[FIELD.divergentRows] = kl?.rows ?? Number.NaN;
  record[FIELD.ratios] = pairs.length / 2;
  into.pairs(pairs);
}

/** Of elements that are `stride` apart in a tensor, the first one from `start` on, counted from there. */
const next = (start: number, stride: number) => (stride - (start % stride)) % stride;

/** Adds the whole rows of a chunk that are looked at by channel. */
function compareRows(
  { kernels, channels: noise }: CompareScratch,
  r: number,
  t: number,
  count: number,
  { channels, stride, first }: { channels: number; stride: number; first: number },
): void {
  const rows = Math.floor((count - channels - first) / stride) + 1;
  if (rows <= 0) return;
  const extent = { rows, length: channels, stride };
  kernels.compareChannels(r + 4 * first, t + 4 * first, extent, noise, noise + 8 * channels);
}

const isWhole = (type: number) =>
  type !== TensorType.FLOAT32 &&
  type !== TensorType.FLOAT16 &&
  type !== TensorType.BFLOAT16 &&
  type !== TensorType.FLOAT64;

function increase(record: Float64Array, field: number, by: number): void {
  record[field] = (record[field] as number) + by;
}

function countNonFinite(
  record: Float64Array,
  { buffer }: WebAssembly.Memory,
  r: number,
  t: number,
  count: number,
): void {
  const reference = new Float32Array(buffer, r, count);
  const test = new Float32Array(buffer, t, count);
  for (let i = 0; i < count; i += 1) {
    const own = reference[i] as number;
    const other = test[i] as number;
    if (Number.isNaN(own)) increase(record, FIELD.floatNan, 1);
    else if (!Number.isFinite(own)) increase(record, FIELD.floatInfinite, 1);
    if (Number.isNaN(other)) increase(record, FIELD.quantizedNan, 1);
    else if (!Number.isFinite(other)) increase(record, FIELD.quantizedInfinite, 1);
    if (Number.isFinite(own) && !Number.isFinite(other)) increase(record, FIELD.broken, 1);
  }
}

/** The values half a step beyond the outermost codes: what rounds to no code lies outside. */
function representable({ type, coding }: TensorNumbers): { least: number; greatest: number } | undefined {
  const limits = CODE_LIMITS[type];
  if (limits === undefined || coding?.scales.length !== 1) return undefined;
  const scale = coding.scales[0] as number;
  const zeroPoint = coding.zeroPoints[0] ?? 0;
  return { least: (limits[0] - zeroPoint - 0.5) * scale, greatest: (limits[1] - zeroPoint + 0.5) * scale };
}

function countDiffering({ buffer }: WebAssembly.Memory, r: number, t: number, count: number): number {
  const reference = new Float32Array(buffer, r, count);
  const test = new Float32Array(buffer, t, count);
  let differing = 0;
  for (let i = 0; i < count; i += 1) if (reference[i] !== test[i]) differing += 1;
  return differing;
}
