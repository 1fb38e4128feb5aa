import type { ChannelExtent } from '../../kernels/index.ts';

/** A contiguous part of a tensor that the kernels can take at once. */
export interface Piece {
  /** First element. */
  readonly start: number;
  readonly extent: ChannelExtent;
  /** Channel of the first element. */
  readonly channel: number;
}

/** A tensor by channels along `axis`; one channel when there is none. */
export function extentOfAxis(shape: readonly number[], axis: number | undefined): ChannelExtent {
  const product = (lengths: readonly number[]) => lengths.reduce((total, length) => total * length, 1);
  if (axis === undefined) return { outer: 1, channels: 1, inner: product(shape) };
  return {
    outer: product(shape.slice(0, axis)),
    channels: shape[axis] ?? 1,
    inner: product(shape.slice(axis + 1)),
  };
}

/** Cuts elements [start, end) of a tensor into pieces that hold whole runs of channels, or a part of one run. */
export function* piecesOf({ outer, channels, inner }: ChannelExtent, start: number, end: number): Iterable<Piece> {
  const row = channels * inner;
  const total = outer * row;
  for (let at = start; at < Math.min(end, total); ) {
    const left = Math.min(end, total) - at;
    const channel = Math.floor(at / inner) % channels;
    const inRun = at % inner;
    let extent: ChannelExtent;
    if (inRun === 0 && channel === 0 && left >= row) extent = { outer: Math.floor(left / row), channels, inner };
    else if (inRun === 0 && left >= inner) {
      extent = { outer: 1, channels: Math.min(channels - channel, Math.floor(left / inner)), inner };
    } else extent = { outer: 1, channels: 1, inner: Math.min(inner - inRun, left) };
    yield { start: at, extent, channel };
    at += extent.outer * extent.channels * extent.inner;
  }
}
