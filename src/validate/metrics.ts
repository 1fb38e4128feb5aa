import type { Metrics } from '../../schema/documents/comparison.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { addChannels, type ChannelSums, channelSums, worstChannel } from './channel-sums.ts';
import { rowDivergence } from './divergence.ts';
import { CHUNK_ELEMENTS, CODE_LIMITS, floatsAddress, type Scratch, type TensorNumbers } from './numbers.ts';
import { RATIO_ELEMENTS, RatioCounter, type RatioCounts, RatioSum } from './ratios.ts';

/** Sums over the elements of one tensor in one sample (or of one channel); they add up over samples. All are doubles. */
export interface ErrorPartial {
  elements: number;
  floatNan: number;
  floatInfinite: number;
  quantizedNan: number;
  quantizedInfinite: number;
  /** Elements that are finite in the float model and not in the quantized one. */
  broken: number;
  /** Elements that are finite in both, over which the sums run. */
  count: number;
  squaredError: number;
  squaredReference: number;
  squaredTest: number;
  dot: number;
  error: number;
  maxAbsoluteError: number;
  /** Elements outside of what the codes can express; undefined without codes. */
  clipped: number | undefined;
  /** Elements that differ, of tensors of whole numbers. */
  differing: number | undefined;
  /** How |e| / (|r| + 1e-6) is spread, of some elements; undefined in a total, which has a sum of its own. */
  ratios: RatioCounts | undefined;
  /** Sum over rows of KL(p || q), and their number; undefined unless every row is a probability vector. */
  kl: { sum: number; rows: number } | undefined;
  /** By position along the last axis; undefined where that is no axis of channels. */
  channels: ChannelSums | undefined;
}

/** Compares the values of a tensor in the float model with those in the quantized model. */
export function compareTensors(
  reference: TensorNumbers,
  test: TensorNumbers,
  scratch: { readonly reference: Scratch; readonly test: Scratch },
  rowLength = 0,
): ErrorPartial {
  const partial = emptyPartial();
  const limits = representable(test);
  const whole = reference.coding === undefined && isWhole(reference.type);
  if (limits) partial.clipped = 0;
  if (whole) partial.differing = 0;
  const channels = whole ? undefined : channelSums(rowLength);
  partial.channels = channels;
  const stride = Math.ceil(reference.count / RATIO_ELEMENTS);
  const ratios = new RatioCounter();
  for (let start = 0; start < reference.count; start += CHUNK_ELEMENTS) {
    const count = Math.min(CHUNK_ELEMENTS, reference.count - start);
    const referenceAt = floatsAddress(reference, start, count, scratch.reference);
    const testAt = floatsAddress(test, start, count, scratch.test);
    const { kernels } = scratch.reference;
    addSums(partial, kernels.compare(referenceAt, testAt, count), count);
    const r = new Float32Array(kernels.memory.buffer, referenceAt, count);
    const t = new Float32Array(kernels.memory.buffer, testAt, count);
    if (partial.count !== partial.elements) countNonFinite(partial, r, t);
    if (limits && partial.clipped !== undefined) {
      const { min, max } = kernels.rangeFloat32(referenceAt, count);
      if (min < limits.least || max > limits.greatest) partial.clipped += countOutside(r, limits);
    }
    if (whole) partial.differing = (partial.differing ?? 0) + countDiffering(r, t);
    if (channels) addChannels(channels, r, t, start, reference.count);
    ratios.add(r, t, (stride - (start % stride)) % stride, stride);
  }
  partial.ratios = ratios.finish();
  if (reference.type === TensorType.FLOAT32 && rowLength > 1) partial.kl = rowDivergence(reference, test, rowLength);
  return partial;
}

const isWhole = (type: number) =>
  type !== TensorType.FLOAT32 &&
  type !== TensorType.FLOAT16 &&
  type !== TensorType.BFLOAT16 &&
  type !== TensorType.FLOAT64;

export function emptyPartial(): ErrorPartial {
  return {
    elements: 0,
    floatNan: 0,
    floatInfinite: 0,
    quantizedNan: 0,
    quantizedInfinite: 0,
    broken: 0,
    count: 0,
    squaredError: 0,
    squaredReference: 0,
    squaredTest: 0,
    dot: 0,
    error: 0,
    maxAbsoluteError: 0,
    clipped: undefined,
    differing: undefined,
    ratios: undefined,
    kl: undefined,
    channels: undefined,
  };
}

type Sums = Pick<
  ErrorPartial,
  'count' | 'squaredError' | 'squaredReference' | 'squaredTest' | 'dot' | 'error' | 'maxAbsoluteError'
>;

function addSums(partial: ErrorPartial, sums: Sums, elements: number): void {
  partial.elements += elements;
  partial.count += sums.count;
  partial.squaredError += sums.squaredError;
  partial.squaredReference += sums.squaredReference;
  partial.squaredTest += sums.squaredTest;
  partial.dot += sums.dot;
  partial.error += sums.error;
  partial.maxAbsoluteError = Math.max(partial.maxAbsoluteError, sums.maxAbsoluteError);
}

function countNonFinite(partial: ErrorPartial, reference: Float32Array, test: Float32Array): void {
  for (let i = 0; i < reference.length; i += 1) {
    const r = reference[i] as number;
    const t = test[i] as number;
    if (Number.isNaN(r)) partial.floatNan += 1;
    else if (!Number.isFinite(r)) partial.floatInfinite += 1;
    if (Number.isNaN(t)) partial.quantizedNan += 1;
    else if (!Number.isFinite(t)) partial.quantizedInfinite += 1;
    if (Number.isFinite(r) && !Number.isFinite(t)) partial.broken += 1;
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

/** Values beyond +-3e38 are masks, not data, and not counted. */
function countOutside(values: Float32Array, { least, greatest }: { least: number; greatest: number }): number {
  let outside = 0;
  for (const value of values) {
    if ((value < least || value > greatest) && Math.abs(value) < 3e38) outside += 1;
  }
  return outside;
}

function countDiffering(reference: Float32Array, test: Float32Array): number {
  let differing = 0;
  for (let i = 0; i < reference.length; i += 1) if (reference[i] !== test[i]) differing += 1;
  return differing;
}

/** A sample with the SQNR that a tensor has in it. */
export interface WorstSample {
  readonly index: number;
  readonly name: string;
  readonly sqnrDb: number;
}

/** Samples that are remembered by name. */
const MOST_WORST_SAMPLES = 5;

/** The error of a tensor over the samples added to it. */
export class ErrorAccumulator {
  readonly #total = emptyPartial();
  readonly #ratios = new RatioSum();
  readonly #scale: number | undefined;
  #samples = 0;
  #divergent = false;
  readonly #worst: WorstSample[] = [];

  /** @param test what the quantized values look like; only its type and coding are used */
  constructor(test: Pick<TensorNumbers, 'type' | 'coding'>) {
    const integer = CODE_LIMITS[test.type] !== undefined || test.type === TensorType.INT32;
    this.#scale = integer && test.coding?.scales.length === 1 ? test.coding.scales[0] : undefined;
  }

  /** Adds one sample; to be called in the order of samples, because sums of doubles depend on it. */
  add(partial: ErrorPartial, sample?: { readonly index: number; readonly name: string }): void {
    const total = this.#total;
    addSums(total, partial, partial.elements);
    for (const key of ['floatNan', 'floatInfinite', 'quantizedNan', 'quantizedInfinite', 'broken'] as const) {
      total[key] += partial[key];
    }
    if (partial.clipped !== undefined) total.clipped = (total.clipped ?? 0) + partial.clipped;
    if (partial.differing !== undefined) total.differing = (total.differing ?? 0) + partial.differing;
    if (partial.ratios) this.#ratios.add(partial.ratios);
    this.#addDivergence(partial);
    this.#addChannels(partial);
    this.#samples += 1;
    if (sample) this.#compareWorst(partial, sample);
  }

  metrics(): Metrics {
    const total = this.#total;
    const mse = meanSquaredError(total);
    const defined = Number.isFinite(mse);
    const orNaN = (value: number) => (defined ? value : Number.NaN);
    return {
      elements: total.elements,
      floatNonFinite: { nan: total.floatNan, infinite: total.floatInfinite },
      quantizedNonFinite: { nan: total.quantizedNan, infinite: total.quantizedInfinite },
      mse,
      sqnrDb: sqnrDb(total),
      cosine: orNaN(cosine(total)),
      maxAbsoluteError: orNaN(total.maxAbsoluteError),
      meanError: orNaN(total.error / total.count),
      errorOverScale: this.#scale === undefined ? null : Math.sqrt(mse) / this.#scale,
      clippedShare: total.clipped === undefined ? null : total.clipped / total.elements,
      medianRelativeDifference: this.#ratios.median(),
      kl: total.kl === undefined ? null : orNaN(total.kl.sum / total.kl.rows),
      differingShare: total.differing === undefined ? null : total.differing / total.elements,
    };
  }

  /** The channel with the least SQNR over the rows that were looked at; null without channels, or without errors. */
  worstChannel(): { channel: number; sqnrDb: number } | null {
    return this.#total.channels === undefined ? null : worstChannel(this.#total.channels);
  }

  /** The samples with the least SQNR, the worst first, of equal ones the earlier; none that is exact. */
  worstSamples(): readonly WorstSample[] {
    return this.#worst;
  }

  #addDivergence({ kl }: ErrorPartial): void {
    const { kl: sum } = this.#total;
    if (kl === undefined) this.#divergent = true;
    if (this.#divergent || kl === undefined) this.#total.kl = undefined;
    else this.#total.kl = { sum: (sum?.sum ?? 0) + kl.sum, rows: (sum?.rows ?? 0) + kl.rows };
  }

  #addChannels({ channels }: ErrorPartial): void {
    if (channels === undefined) return;
    this.#total.channels ??= channelSums(channels.noise.length);
    const total = this.#total.channels;
    // Samples of a dynamic last axis have no channels in common.
    if (total?.noise.length !== channels.noise.length) return;
    for (let i = 0; i < channels.noise.length; i += 1) {
      total.noise[i] = (total.noise[i] as number) + (channels.noise[i] as number);
      total.signal[i] = (total.signal[i] as number) + (channels.signal[i] as number);
    }
  }

  #compareWorst(partial: ErrorPartial, { index, name }: { index: number; name: string }): void {
    const own = sqnrDb(partial);
    if (own === Number.POSITIVE_INFINITY) return;
    const worse = ({ sqnrDb: other }: WorstSample) => (Number.isNaN(own) ? !Number.isNaN(other) : own < other);
    const place = this.#worst.findIndex(worse);
    this.#worst.splice(place < 0 ? this.#worst.length : place, 0, { index, name, sqnrDb: own });
    if (this.#worst.length > MOST_WORST_SAMPLES) this.#worst.pop();
  }
}

/** NaN when a value of the quantized model is no finite number where the float model's is, or there is nothing to compare. */
function meanSquaredError({ broken, count, squaredError }: ErrorPartial): number {
  return broken > 0 || count === 0 ? Number.NaN : squaredError / count;
}

/** 10 log10(signal / noise) in dB; Infinity without noise, -Infinity for noise without signal. */
export function sqnrDb(sums: Pick<ErrorPartial, 'broken' | 'count' | 'squaredError' | 'squaredReference'>): number {
  if (sums.broken > 0 || sums.count === 0) return Number.NaN;
  if (sums.squaredError === 0) return Number.POSITIVE_INFINITY;
  return 10 * Math.log10(sums.squaredReference / sums.squaredError);
}

function cosine({ dot, squaredReference, squaredTest }: ErrorPartial): number {
  if (squaredReference === 0 && squaredTest === 0) return 1;
  if (squaredReference === 0 || squaredTest === 0) return 0;
  // Two roots, because the product can overflow; rounding must not carry equal vectors beyond 1.
  return Math.max(-1, Math.min(1, dot / (Math.sqrt(squaredReference) * Math.sqrt(squaredTest))));
}
