import type { ChannelRanges } from '../algorithms/constants.ts';
import { rememberRanges } from '../algorithms/constants.ts';
import { type Piece, piecesOf } from '../algorithms/extent.ts';
import type { WeightGroups } from '../plan/weights.ts';
import { Threads, threadCount } from './threads.node.ts';

/** A job reads this many float32 values. */
const JOB_ELEMENTS = 4 << 20;
/** Ranges of groups that are smaller are found when they are asked for: to keep all of them would take much memory. */
const LEAST_GROUP = 256;

/**
 * Finds ranges of large weights with threads, ahead of planning, which then need not read them. Does nothing where one
 * thread would do it. @throws AeqError FILE_UNREADABLE, MODEL_TRUNCATED; the abort reason.
 */
export async function measureWeights(
  weights: Iterable<WeightGroups>,
  { threads: asked, signal }: { threads?: number | undefined; signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const large = [...weights].filter(
    ({ constant, extent }) => constant.origin?.kind === 'file' && extent.outer * extent.inner >= LEAST_GROUP,
  );
  const count = threadCount(
    large.reduce((sum, { constant }) => sum + constant.sizeBytes, 0),
    asked,
  );
  if (count < 2) return;
  const threads = new Threads(count, signal);
  try {
    await Promise.all(large.map((weight) => measure(weight, threads)));
  } finally {
    await threads.close();
  }
}

async function measure({ constant, extent }: WeightGroups, threads: Threads): Promise<void> {
  const { origin, sizeBytes } = constant;
  if (origin?.kind !== 'file') return;
  const mins = new Float32Array(extent.channels).fill(Number.POSITIVE_INFINITY);
  const maxs = new Float32Array(extent.channels).fill(Number.NEGATIVE_INFINITY);
  const jobs: Promise<void>[] = [];
  const find = async ({ start, channel, extent: part }: Piece) => {
    const bytes = 4 * part.outer * part.channels * part.inner;
    const place = { ...origin, offset: origin.offset + 4 * start, sizeBytes: bytes };
    const found = await threads.run({ kind: 'ranges', extent: part }, place);
    if (found) merge({ mins, maxs }, found, channel);
  };
  for (let start = 0; start < sizeBytes / 4; start += JOB_ELEMENTS) {
    jobs.push(...Array.from(piecesOf(extent, start, start + JOB_ELEMENTS), find));
  }
  await Promise.all(jobs);
  rememberRanges(constant, extent, { mins, maxs });
}

/** Takes in ranges of channels from `channel` on. NaN wins. */
function merge(into: ChannelRanges, found: ChannelRanges, channel: number): void {
  for (let i = 0; i < found.mins.length; i += 1) {
    into.mins[channel + i] = Math.min(into.mins[channel + i] as number, found.mins[i] as number);
    into.maxs[channel + i] = Math.max(into.maxs[channel + i] as number, found.maxs[i] as number);
  }
}
