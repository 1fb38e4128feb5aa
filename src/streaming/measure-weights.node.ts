import type { ConstantOrigin } from '../../schema/constant.ts';
import type { ChannelRanges } from '../algorithms/constants.ts';
import { rememberRanges } from '../algorithms/constants.ts';
import { type Piece, piecesOf } from '../algorithms/extent.ts';
import {
  type GroupNumbers,
  type GroupRule,
  joinedRounds,
  type Measurement,
  rememberNumbers,
} from '../algorithms/group-numbers.ts';
import { sharedFloats } from '../algorithms/grouped.ts';
import { earlierRule } from '../algorithms/octav.ts';
import { threadCount } from './thread.node.ts';
import { Threads } from './threads.node.ts';

/** A job reads this many float32 values. */
export const JOB_ELEMENTS = 4 << 20;
/** Ranges of groups that are smaller are found when they are asked for: to keep all of them would take much memory. */
const LEAST_GROUP = 256;

/**
 * Finds what planning will ask of large weights with threads, ahead of it, which then need not read them. Does nothing
 * where one thread would do it. @throws AeqError FILE_UNREADABLE, MODEL_TRUNCATED; the abort reason.
 */
export async function measureWeights(
  weights: Iterable<Measurement>,
  { threads: asked, signal }: { threads?: number | undefined; signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const large = [...weights].filter(isLarge);
  const count = threadCount(
    large.reduce((sum, { constant }) => sum + constant.sizeBytes, 0),
    asked,
  );
  if (count < 2) return;
  const threads = new Threads(count, signal);
  try {
    await Promise.all(
      large.map((weight) => (weight.rule ? findNumbers(weight, weight.rule, threads) : findRanges(weight, threads))),
    );
  } finally {
    await threads.close();
  }
}

/** Worth being found ahead. */
export function isLarge({ constant, extent, rule }: Measurement): boolean {
  if (rule) return constant.origin !== undefined;
  return constant.origin?.kind === 'file' && extent.outer * extent.inner >= LEAST_GROUP;
}

/** Numbers of whole groups, where they do not lie in one piece of all groups at once. */
async function findNumbers({ constant, extent }: Measurement, rule: GroupRule, threads: Threads): Promise<void> {
  const { origin } = constant;
  if (!origin) return;
  const numbers = await numbersOf(origin, extent, rule, threads);
  rememberNumbers(constant, extent, rule, numbers);
  const earlier = earlierRule(rule, numbers);
  if (earlier) rememberNumbers(constant, extent, earlier, await numbersOf(origin, extent, earlier, threads));
}

async function numbersOf(
  origin: ConstantOrigin,
  extent: Measurement['extent'],
  rule: GroupRule,
  threads: Threads,
): Promise<GroupNumbers> {
  const { outer, channels, inner } = extent;
  const step = outer > 1 ? channels : Math.max(1, Math.floor(JOB_ELEMENTS / inner));
  const starts = Array.from({ length: Math.ceil(channels / step) }, (_, i) => i * step);
  const values = sharedFloats(channels);
  const parts = await Promise.all(
    starts.map(async (first) => {
      const last = Math.min(first + step, channels);
      const found = (await threads.run({ kind: 'numbers', extent, rule, first, last }, origin)) as GroupNumbers;
      values.set(found.values, first);
      return found.rounds;
    }),
  );
  return { values, rounds: parts.reduce(joinedRounds, { settled: 0xffff, fixed: 0xffff }) };
}

async function findRanges({ constant, extent }: Measurement, threads: Threads): Promise<void> {
  const { origin, sizeBytes } = constant;
  if (origin?.kind !== 'file') return;
  const mins = new Float32Array(extent.channels).fill(Number.POSITIVE_INFINITY);
  const maxs = new Float32Array(extent.channels).fill(Number.NEGATIVE_INFINITY);
  const jobs: Promise<void>[] = [];
  const find = async ({ start, channel, extent: part }: Piece) => {
    const bytes = 4 * part.outer * part.channels * part.inner;
    const place = { ...origin, offset: origin.offset + 4 * start, sizeBytes: bytes };
    const found = await threads.run({ kind: 'ranges', extent: part }, place);
    if (found) merge({ mins, maxs }, found as ChannelRanges, channel);
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
