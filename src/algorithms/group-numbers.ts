import { type ChannelExtent, type ClipRounds, sharedWorkspace } from '../../kernels/index.ts';
import type { Constant } from '../../schema/constant.ts';
import { codeRange } from './arithmetic.ts';
import { CHUNK_ELEMENTS, placeElements } from './constants.ts';
import { sharedFloats } from './grouped.ts';

/**
 * A number per group of values (a channel, a block or a whole tensor) that a scale is made of. `clipped-bound`: the
 * largest magnitude, but no more than the bound of `clipBounds` (kernels.ts). `mean-square`: what the name says.
 * `block-scale`: the scale of a block of a symmetric type as it is stored, of `blockScales` (kernels.ts).
 */
export type GroupRule =
  | { readonly kind: 'clipped-bound'; readonly bits: number; readonly perTensor: boolean; readonly rounds: number }
  | { readonly kind: 'mean-square' }
  | { readonly kind: 'block-scale'; readonly bits: number; readonly limited: boolean };

/** What an algorithm wants to know of the groups of values of a constant: their numbers, or without a rule their ranges. */
export interface Measurement {
  readonly constant: Constant;
  readonly extent: ChannelExtent;
  readonly rule?: GroupRule;
}

export interface GroupNumbers {
  /** One a group, in float32. */
  readonly values: Float32Array;
  /** For `clipped-bound`: what no group did in which round. */
  readonly rounds: ClipRounds;
}

/** Nothing that is asked in rounds. */
export const EVERY_ROUND: ClipRounds = { settled: 0xffff, fixed: 0xffff };

/** Bounds of ranges narrower than this are widened to it. */
const LEAST_BOUND = Math.fround(1e-9);

/**
 * The numbers of groups [first, last) of a float32 constant. Groups are read whole, as many at once as fit into 1 MiB, or
 * one; all of them where the values of one are not next to each other.
 */
export function groupNumbers(
  constant: Constant,
  extent: ChannelExtent,
  rule: GroupRule,
  first = 0,
  last = extent.channels,
  values: Float32Array = new Float32Array(last - first),
): GroupNumbers {
  const { channels, inner } = contiguous(extent);
  let rounds = EVERY_ROUND;
  const { outer } = contiguous(extent);
  const step = outer > 1 ? channels : Math.max(1, Math.floor(CHUNK_ELEMENTS / inner));
  for (let at = first; at < last; at += step) {
    const end = Math.min(at + step, last);
    const part = { outer, channels: outer > 1 ? channels : end - at, inner };
    const found = numbersOf(constant, at * inner, part, rule);
    values.set(outer > 1 ? found.values.subarray(at, end) : found.values, at - first);
    rounds = joinedRounds(rounds, found.rounds);
  }
  return { values, rounds };
}

/** One group lies in one piece, whatever its dimensions. */
function contiguous({ outer, channels, inner }: ChannelExtent): ChannelExtent {
  return channels === 1 ? { outer: 1, channels, inner: outer * inner } : { outer, channels, inner };
}

export const joinedRounds = (a: ClipRounds, b: ClipRounds): ClipRounds => ({
  settled: a.settled & b.settled,
  fixed: a.fixed & b.fixed,
});

function numbersOf(constant: Constant, start: number, extent: ChannelExtent, rule: GroupRule): GroupNumbers {
  const { outer, channels, inner } = extent;
  const workspace = sharedWorkspace();
  const { kernels } = workspace;
  const source = placeElements(workspace, constant, start, start + outer * channels * inner);
  const size = outer * inner;
  const target = workspace.allocate(4 * channels);
  if (rule.kind === 'block-scale') {
    const { greatest } = codeRange(rule.bits);
    kernels.blockScales(source, channels, inner, { greatest, limited: rule.limited }, target);
    return { values: workspace.floats(target, channels), rounds: EVERY_ROUND };
  }
  if (rule.kind === 'mean-square') {
    kernels.sumSquares(source, extent, target);
    return { values: workspace.floats(target, channels).map((sum) => sum / size), rounds: EVERY_ROUND };
  }
  const least = workspace.allocate(4 * channels);
  const most = workspace.allocate(4 * channels);
  const noise = Math.fround(4 ** -rule.bits / 3);
  const unclipped = rule.perTensor ? Math.fround(noise * Math.fround(size)) : noise * size;
  const rounds = kernels.clipBounds(source, extent, { noise, unclipped, rounds: rule.rounds }, target);
  kernels.rangePerChannel(source, extent, least, most, false);
  const [mins, maxs] = [workspace.floats(least, channels), workspace.floats(most, channels)];
  const values = workspace.floats(target, channels).map((clip, i) => {
    const bound = Math.max(Math.abs(mins[i] as number), Math.abs(maxs[i] as number), LEAST_BOUND);
    return Math.min(Math.max(bound, -clip), clip);
  });
  return { values, rounds };
}

/** Numbers that were found ahead of the question for them. */
const known = new WeakMap<Constant, Map<string, GroupNumbers>>();
const keyOf = (extent: ChannelExtent, rule: GroupRule) => JSON.stringify([extent, rule]);

/** Keeps numbers that somebody else has found for the next call of `takeGroupNumbers` with the same constant. */
export function rememberNumbers(
  constant: Constant,
  extent: ChannelExtent,
  rule: GroupRule,
  numbers: GroupNumbers,
): void {
  const own = known.get(constant) ?? new Map<string, GroupNumbers>();
  known.set(constant, own.set(keyOf(extent, rule), numbers));
}

/** Numbers that are remembered, and then no more, or found now. Other threads can see them. */
export function takeGroupNumbers(constant: Constant, extent: ChannelExtent, rule: GroupRule): GroupNumbers {
  const key = keyOf(extent, rule);
  const found = known.get(constant)?.get(key);
  known.get(constant)?.delete(key);
  return found ?? groupNumbers(constant, extent, rule, 0, extent.channels, sharedFloats(extent.channels));
}
