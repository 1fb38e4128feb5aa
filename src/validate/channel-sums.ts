/** Most elements of a tensor in one sample that are looked at by channel. */
const CHANNEL_ELEMENTS = 8192;
export const MOST_CHANNELS = 4096;

/** Channels of rows of this length; 0 where the last axis is none of channels. */
export const channelsOf = (rowLength: number): number => (rowLength < 2 || rowLength > MOST_CHANNELS ? 0 : rowLength);

/** Rows of a tensor of `count` elements that are looked at begin so many elements apart. */
export const rowStride = (channels: number, count: number): number =>
  channels * Math.max(1, Math.ceil(count / CHANNEL_ELEMENTS));

/** Signal and noise of each position along the last axis, over some rows of a tensor and over samples, in double. */
export class ChannelSums {
  readonly #sums: Float64Array;
  readonly #channels: number;

  constructor(channels: number) {
    this.#channels = channels;
    this.#sums = new Float64Array(2 * channels);
  }

  /** Adds noise and then signal of each channel. Samples of a dynamic last axis have no channels in common. */
  add(numbers: Float64Array, at: number, channels: number): void {
    if (channels !== this.#channels) return;
    const sums = this.#sums;
    for (let i = 0; i < 2 * channels; i += 1) sums[i] = (sums[i] as number) + (numbers[at + i] as number);
  }

  /** The channel with the least SQNR that is a number; null when none has an error. */
  worst(): { channel: number; sqnrDb: number } | null {
    let worst: { channel: number; sqnrDb: number } | null = null;
    for (let channel = 0; channel < this.#channels; channel += 1) {
      const squaredError = this.#sums[channel] as number;
      if (!(squaredError > 0)) continue;
      const sqnrDb = 10 * Math.log10((this.#sums[this.#channels + channel] as number) / squaredError);
      if (sqnrDb < (worst?.sqnrDb ?? Number.POSITIVE_INFINITY)) worst = { channel, sqnrDb };
    }
    return worst;
  }
}
