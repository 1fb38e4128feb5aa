import { ERROR_SUMS, type Kernels, RATIO_BINS } from '../../kernels/index.ts';
import { MOST_CHANNELS } from './channel-sums.ts';
import { CHUNK_ELEMENTS, type Scratch } from './numbers.ts';

const CHUNK_BYTES = 4 * CHUNK_ELEMENTS;
const SUMS = Object.keys(ERROR_SUMS).length;
const SUMS_BYTES = 8 * SUMS + 8;
const CHANNELS_BYTES = 2 * 8 * MOST_CHANNELS;
/** A multiple of 8. */
const TABLE_ENTRIES = RATIO_BINS + 8 - (RATIO_BINS % 8);
const TABLE_BYTES = 2 * TABLE_ENTRIES;

/** What comparing tensors needs beside them in the memory of the kernels: room for chunks, and for what comes out. */
export class CompareScratch {
  static readonly sizeBytes = 4 * CHUNK_BYTES + SUMS_BYTES + CHANNELS_BYTES + 3 * TABLE_BYTES;
  readonly kernels: Kernels;
  readonly reference: Scratch;
  readonly test: Scratch;
  /** Address of the sums of `compare`. */
  readonly sums: number;
  /** Address of the noise of channels, behind which their signal lies. */
  readonly channels: number;
  /** Address of a table of ratios, which is empty. */
  readonly ratios: number;
  #views: ReturnType<CompareScratch['makeViews']> | undefined;

  /** @param address 8-byte aligned, with `sizeBytes` bytes */
  constructor(kernels: Kernels, address: number) {
    this.kernels = kernels;
    this.reference = { kernels, codes: address, floats: address + CHUNK_BYTES };
    this.test = { kernels, codes: address + 2 * CHUNK_BYTES, floats: address + 3 * CHUNK_BYTES };
    this.sums = address + 4 * CHUNK_BYTES;
    this.channels = this.sums + SUMS_BYTES;
    this.ratios = this.channels + CHANNELS_BYTES;
    new Uint8Array(kernels.memory.buffer, this.ratios, TABLE_BYTES).fill(0);
  }

  /** Starts afresh for a pair of tensors with so many channels. */
  clear(channels: number): void {
    const views = this.#fresh();
    views.sums.fill(0);
    views.channels.fill(0, 0, 2 * channels);
  }

  /** Elements that `compare` has counted. */
  get compared(): number {
    return this.#fresh().sums[ERROR_SUMS.count] as number;
  }

  /** Copies what `compare` has summed up, and noise and signal of the channels. */
  copyTo(target: Float64Array, sumsAt: number, channels: number, channelsAt: number): void {
    const views = this.#fresh();
    target.set(views.sums, sumsAt);
    if (channels > 0) target.set(views.channels.subarray(0, 2 * channels), channelsAt);
  }

  /** Takes the ratios out of their table: pairs of a bin and its count, valid until the next time. */
  takeRatios(): Uint16Array {
    const taken = this.kernels.takeCounts(this.ratios, TABLE_ENTRIES, this.ratios + TABLE_BYTES);
    return this.#fresh().pairs.subarray(0, 2 * taken);
  }

  /** Views of the memory, which gets another buffer when it grows. */
  #fresh() {
    if (this.#views?.sums.buffer !== this.kernels.memory.buffer) this.#views = this.makeViews();
    return this.#views;
  }

  private makeViews() {
    const { buffer } = this.kernels.memory;
    return {
      sums: new Float64Array(buffer, this.sums, SUMS),
      channels: new Float64Array(buffer, this.channels, 2 * MOST_CHANNELS),
      pairs: new Uint16Array(buffer, this.ratios + TABLE_BYTES, 2 * TABLE_ENTRIES),
    };
  }
}
