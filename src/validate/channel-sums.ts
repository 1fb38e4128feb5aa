/** Signal and noise of each position along the last axis, over some rows of a tensor. Sums in double. */
export interface ChannelSums {
  readonly noise: Float64Array;
  readonly signal: Float64Array;
}

/** Most elements of a tensor in one sample that are looked at by channel. */
const CHANNEL_ELEMENTS = 8192;
const MOST_CHANNELS = 4096;

/** Sums for rows of this length; undefined where the last axis is none of channels. */
export function channelSums(rowLength: number): ChannelSums | undefined {
  if (rowLength < 2 || rowLength > MOST_CHANNELS) return undefined;
  return { noise: new Float64Array(rowLength), signal: new Float64Array(rowLength) };
}

/** Adds evenly spaced whole rows of a chunk that begins at element `start` of a tensor of `count` elements. */
export function addChannels(
  sums: ChannelSums,
  reference: Float32Array,
  test: Float32Array,
  start: number,
  count: number,
): void {
  const { noise, signal } = sums;
  const length = noise.length;
  const stride = length * Math.max(1, Math.ceil(count / CHANNEL_ELEMENTS));
  const end = reference.length - length;
  for (let row = (stride - (start % stride)) % stride; row <= end; row += stride) {
    for (let channel = 0; channel < length; channel += 1) {
      const r = reference[row + channel] as number;
      const error = (test[row + channel] as number) - r;
      noise[channel] = (noise[channel] as number) + error * error;
      signal[channel] = (signal[channel] as number) + r * r;
    }
  }
}

/** The channel with the least SQNR that is a number; null when none has an error. */
export function worstChannel({ noise, signal }: ChannelSums): { channel: number; sqnrDb: number } | null {
  let worst: { channel: number; sqnrDb: number } | null = null;
  for (let channel = 0; channel < noise.length; channel += 1) {
    const squaredError = noise[channel] as number;
    if (!(squaredError > 0)) continue;
    const sqnrDb = 10 * Math.log10((signal[channel] as number) / squaredError);
    if (sqnrDb < (worst?.sqnrDb ?? Number.POSITIVE_INFINITY)) worst = { channel, sqnrDb };
  }
  return worst;
}
