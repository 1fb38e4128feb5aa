import { ERROR_SUMS } from '../../kernels/index.ts';

/**
 * Places of the numbers of a record: what one sample showed of one pair of tensors. All are doubles and add up over samples
 * unless it says something else; NaN stands for what was not measured.
 */
export const FIELD = {
  elements: 0,
  floatNan: 1,
  floatInfinite: 2,
  quantizedNan: 3,
  quantizedInfinite: 4,
  /** Elements that are finite in the float model and not in the quantized one. */
  broken: 5,
  /** What `compare` sums up over the elements that are finite in both, in its order. */
  count: 6 + ERROR_SUMS.count,
  squaredError: 6 + ERROR_SUMS.squaredError,
  squaredReference: 6 + ERROR_SUMS.squaredReference,
  squaredTest: 6 + ERROR_SUMS.squaredTest,
  dot: 6 + ERROR_SUMS.dot,
  error: 6 + ERROR_SUMS.error,
  /** The greatest over samples. */
  maxAbsoluteError: 6 + ERROR_SUMS.maxAbsoluteError,
  /** Elements outside of what the codes can express; NaN without codes. */
  clipped: 13,
  /** Elements that differ, of tensors of whole numbers; NaN of others. */
  differing: 14,
  /** Sum over rows of KL(p || q), and their number; NaN unless every row is a probability vector. */
  divergence: 15,
  divergentRows: 16,
  /** Channels along the last axis, whose noise and then signal follow; 0 where that is no axis of channels. */
  channels: 17,
  /** Bins of relative differences that hold any: their pairs of number and count are beside. */
  ratios: 18,
} as const;

export const FIELDS = 19;

/** Records one behind the other in few arrays, which are cheap to make, to send to another process and to throw away. */
export interface ErrorRecords {
  /** FIELDS numbers of each, then noise and signal of its channels. */
  readonly numbers: Float64Array;
  /** The pairs of each. */
  readonly pairs: Uint16Array;
}

/** Collects records. Its memory is used again after `clear`. */
export class RecordWriter {
  #numbers = new Float64Array(4096);
  #pairs = new Uint16Array(4096);
  #length = 0;
  #pairsLength = 0;

  /** Begins a record with these channels: FIELDS numbers and twice as many more, all zero, to be filled before anything else. */
  begin(channels: number): Float64Array {
    const start = this.#length;
    this.#length += FIELDS + 2 * channels;
    if (this.#length > this.#numbers.length) {
      const larger = new Float64Array(2 * this.#length);
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    const record = this.#numbers.subarray(start, this.#length).fill(0);
    record[FIELD.channels] = channels;
    return record;
  }

  /** Adds the pairs of the record that was begun last. */
  pairs(pairs: Uint16Array): void {
    const start = this.#pairsLength;
    this.#pairsLength += pairs.length;
    if (this.#pairsLength > this.#pairs.length) {
      const larger = new Uint16Array(2 * this.#pairsLength);
      larger.set(this.#pairs);
      this.#pairs = larger;
    }
    this.#pairs.set(pairs, start);
  }

  clear(): void {
    this.#length = 0;
    this.#pairsLength = 0;
  }

  /** All records since `clear`, valid until the next one is begun. */
  records(): ErrorRecords {
    return {
      numbers: this.#numbers.subarray(0, this.#length),
      pairs: this.#pairs.subarray(0, this.#pairsLength),
    };
  }
}

/** A record among others, the first one to begin with. */
export class RecordReader {
  readonly numbers: Float64Array;
  readonly pairs: Uint16Array;
  /** Where its numbers begin. */
  at = 0;
  /** Where its pairs begin. */
  pairsAt = 0;

  constructor({ numbers, pairs }: ErrorRecords) {
    this.numbers = numbers;
    this.pairs = pairs;
  }

  /** One of its numbers, by FIELD. */
  get(field: number): number {
    return this.numbers[this.at + field] as number;
  }

  /** Goes on to the record behind it. */
  next(): void {
    const { channels, ratios } = FIELD;
    this.pairsAt += 2 * this.get(ratios);
    this.at += FIELDS + 2 * this.get(channels);
  }
}
