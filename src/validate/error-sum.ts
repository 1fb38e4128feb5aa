import type { Metrics } from '../../schema/documents/comparison.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { ChannelSums } from './channel-sums.ts';
import { CODE_LIMITS, type TensorNumbers } from './numbers.ts';
import { RatioSum } from './ratios.ts';
import { FIELD, FIELDS, type RecordReader } from './records.ts';

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
  /** By FIELD. */
  readonly #total = new Float64Array(FIELDS);
  readonly #ratios = new RatioSum();
  readonly #scale: number | undefined;
  #channels: ChannelSums | undefined;
  #samples = 0;
  readonly #worst: WorstSample[] = [];

  /** @param test what the quantized values look like; only its type and coding are used */
  constructor(test: Pick<TensorNumbers, 'type' | 'coding'>) {
    const integer = CODE_LIMITS[test.type] !== undefined || test.type === TensorType.INT32;
    this.#scale = integer && test.coding?.scales.length === 1 ? test.coding.scales[0] : undefined;
  }

  /** Adds one sample; to be called in the order of samples, because sums of doubles depend on it. */
  add(record: RecordReader, sample?: { readonly index: number; readonly name: string }): void {
    const total = this.#total;
    for (let field = 0; field < FIELD.channels; field += 1) {
      const [before, more] = [total[field] as number, record.get(field)];
      total[field] = field === FIELD.maxAbsoluteError ? Math.max(before, more) : before + more;
    }
    const channels = record.get(FIELD.channels);
    if (channels > 0) {
      this.#channels ??= new ChannelSums(channels);
      this.#channels.add(record.numbers, record.at + FIELDS, channels);
    }
    this.#ratios.add(record.pairs, record.pairsAt, record.get(FIELD.ratios));
    this.#samples += 1;
    if (sample) this.#compareWorst(record, sample);
  }

  metrics(): Metrics {
    const total = (field: number) => this.#total[field] as number;
    const elements = total(FIELD.elements);
    const mse = meanSquaredError(this.#total);
    const defined = Number.isFinite(mse);
    const orNaN = (value: number) => (defined ? value : Number.NaN);
    const share = (field: number) => (this.#has(field) ? total(field) / elements : null);
    return {
      elements,
      floatNonFinite: { nan: total(FIELD.floatNan), infinite: total(FIELD.floatInfinite) },
      quantizedNonFinite: { nan: total(FIELD.quantizedNan), infinite: total(FIELD.quantizedInfinite) },
      mse,
      sqnrDb: recordSqnrDb(this.#total),
      cosine: orNaN(cosine(this.#total)),
      maxAbsoluteError: orNaN(total(FIELD.maxAbsoluteError)),
      meanError: orNaN(total(FIELD.error) / total(FIELD.count)),
      errorOverScale: this.#scale === undefined ? null : Math.sqrt(mse) / this.#scale,
      clippedShare: share(FIELD.clipped),
      medianRelativeDifference: this.#ratios.median(),
      kl: this.areProbabilities ? orNaN(total(FIELD.divergence) / total(FIELD.divergentRows)) : null,
      differingShare: share(FIELD.differing),
    };
  }

  /** Whether the rows of the float tensor were probability vectors in all samples. */
  get areProbabilities(): boolean {
    return this.#has(FIELD.divergentRows);
  }

  /** The channel with the least SQNR over the rows that were looked at; null without channels, or without errors. */
  worstChannel(): { channel: number; sqnrDb: number } | null {
    return this.#channels?.worst() ?? null;
  }

  /** The samples with the least SQNR, the worst first, of equal ones the earlier; none that is exact. */
  worstSamples(): readonly WorstSample[] {
    return this.#worst;
  }

  /** Whether that was measured, in all samples. */
  #has(field: number): boolean {
    return this.#samples > 0 && !Number.isNaN(this.#total[field]);
  }

  #compareWorst(record: RecordReader, { index, name }: { index: number; name: string }): void {
    const own = recordSqnrDb(record.numbers, record.at);
    if (own === Number.POSITIVE_INFINITY) return;
    const worse = ({ sqnrDb: other }: WorstSample) => (Number.isNaN(own) ? !Number.isNaN(other) : own < other);
    const place = this.#worst.findIndex(worse);
    this.#worst.splice(place < 0 ? this.#worst.length : place, 0, { index, name, sqnrDb: own });
    if (this.#worst.length > MOST_WORST_SAMPLES) this.#worst.pop();
  }
}

/** NaN when a value of the quantized model is no finite number where the float model's is, or there is nothing to compare. */
function meanSquaredError(total: Float64Array): number {
  const count = total[FIELD.count] as number;
  return (total[FIELD.broken] as number) > 0 || count === 0
    ? Number.NaN
    : (total[FIELD.squaredError] as number) / count;
}

/** The SQNR of a record; NaN where there is no mean squared error. */
function recordSqnrDb(numbers: Float64Array, at = 0): number {
  const number = (field: number) => numbers[at + field] as number;
  if (number(FIELD.broken) > 0 || number(FIELD.count) === 0) return Number.NaN;
  return sqnrDb(number(FIELD.squaredReference), number(FIELD.squaredError));
}

/** 10 log10(signal / noise) in dB; Infinity without noise, -Infinity for noise without signal. */
export function sqnrDb(signal: number, noise: number): number {
  return noise === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(signal / noise);
}

function cosine(total: Float64Array): number {
  const squaredReference = total[FIELD.squaredReference] as number;
  const squaredTest = total[FIELD.squaredTest] as number;
  if (squaredReference === 0 && squaredTest === 0) return 1;
  if (squaredReference === 0 || squaredTest === 0) return 0;
  // Two roots, because the product can overflow; rounding must not carry equal vectors beyond 1.
  const roots = Math.sqrt(squaredReference) * Math.sqrt(squaredTest);
  return Math.max(-1, Math.min(1, (total[FIELD.dot] as number) / roots));
}
