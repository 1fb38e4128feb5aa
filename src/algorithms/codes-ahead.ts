import { type ChannelExtent, sharedWorkspace, type Workspace } from '../../kernels/index.ts';
import { type Constant, fillFrom } from '../../schema/constant.ts';
import { codeRange } from './arithmetic.ts';
import { CHUNK_ELEMENTS, type ChannelRanges, makeCodes, PIECE_BITS, packsPairs } from './constants.ts';
import type { GroupRule } from './group-numbers.ts';
import { sharedFloats } from './grouped.ts';
import { channelNumbers } from './min-max.ts';
import type { CodeParameters } from './parameters.ts';

/** How codes of a constant are stored, and what its scales are made of: ranges, or by a rule the scales of blocks. */
export interface AheadRule {
  readonly type: Pick<CodeParameters, 'bits' | 'symmetric' | 'unsigned'>;
  readonly rule?: Extract<GroupRule, { kind: 'block-scale' }> | undefined;
}

/** What is found on the way: ranges of channels, or scales of blocks. */
export type Found = ChannelRanges | { readonly values: Float32Array };

/** Room for what will be found of all channels, in memory that threads share. */
export function emptyFindings({ channels }: ChannelExtent, { rule }: AheadRule): Found {
  if (rule) return { values: sharedFloats(channels) };
  return { mins: sharedFloats(channels), maxs: sharedFloats(channels) };
}

/** The room for channels [start, end) of it. */
export function partOf(found: Found, start: number, end: number): Found {
  if ('values' in found) return { values: found.values.subarray(start, end) };
  return { mins: found.mins.subarray(start, end), maxs: found.maxs.subarray(start, end) };
}

/** Channels that are taken at once. Undefined where they do not fit, or codes of so many are not whole bytes. */
export function channelsAtOnce({ outer, inner }: ChannelExtent, bits: number): number | undefined {
  if (outer !== 1 || inner > CHUNK_ELEMENTS || inner === 0) return undefined;
  const channels = Math.floor(CHUNK_ELEMENTS / inner);
  if ((channels * inner * bits) % 8 === 0) return channels;
  return channels < 8 ? undefined : channels - (channels % 8);
}

/**
 * Codes of a float32 constant that are computed with the scales of its own values, channel by channel, so that it is read
 * once: the bytes of `quantizedConstant` with the parameters that `minMaxConstant` makes. Pieces are valid until the next
 * one is asked for; what is found is complete when there are no more. The extent has to be one of `channelsAtOnce`.
 */
export function* codesAhead(
  constant: Constant,
  extent: ChannelExtent,
  { type, rule }: AheadRule,
  found: Found,
): Iterable<Uint8Array> {
  const { channels, inner } = extent;
  const bytesOf = (count: number) => Math.ceil((count * inner * type.bits) / 8);
  const step = channelsAtOnce(extent, type.bits) as number;
  const pairs = type.symmetric && packsPairs(extent, type);
  const together = step * Math.max(1, Math.floor(PIECE_BITS / 8 / bytesOf(step)));
  for (let first = 0; first < channels; first += together) {
    const workspace = sharedWorkspace();
    const last = Math.min(first + together, channels);
    const values = workspace.allocate(4 * step * inner);
    const target = workspace.allocate(bytesOf(last - first));
    const unpacked = type.bits < 8 ? workspace.allocate(step * inner) : undefined;
    for (let at = first; at < last; at += step) {
      const part = { outer: 1, channels: Math.min(step, last - at), inner };
      const count = part.channels * inner;
      fillFrom(constant, workspace.bytes(values, 4 * count), 4 * at * inner);
      const room = partOf(found, at, at + part.channels);
      const codes = target + bytesOf(at - first);
      if (pairs) {
        packCodes(workspace, values, part, rule, room, codes);
        continue;
      }
      const numbers = numbersOf(workspace, values, part, { type, rule }, room);
      const parameters = { ...type, carrier: 'float32', ...numbers } as const;
      makeCodes(workspace, { values, start: 0, end: count }, part, parameters, codes, unpacked);
    }
    yield workspace.bytes(target, bytesOf(last - first));
  }
}

/** Finds, and makes symmetric codes of four bits, of channels that are in the workspace: one kernel, which reads them once. */
function packCodes(
  workspace: Workspace,
  values: number,
  part: ChannelExtent,
  rule: AheadRule['rule'],
  found: Found,
  target: number,
): void {
  const { channels } = part;
  const scales = workspace.allocate(4 * channels);
  if ('values' in found) {
    workspace.kernels.quantizeBlocksPacked(values, part, rule?.limited === true, scales, target);
    found.values.set(workspace.floats(scales, channels));
    return;
  }
  const at = { mins: workspace.allocate(4 * channels), maxs: workspace.allocate(4 * channels), scales };
  workspace.kernels.quantizeChannelsPacked(values, part, at, target);
  found.mins.set(workspace.floats(at.mins, channels));
  found.maxs.set(workspace.floats(at.maxs, channels));
}

/** Scales and zero points of channels that are in the workspace. */
function numbersOf(
  workspace: Workspace,
  values: number,
  part: ChannelExtent,
  { type, rule }: AheadRule,
  found: Found,
): Pick<CodeParameters, 'scales' | 'zeroPoints'> {
  const { channels, inner } = part;
  const least = workspace.allocate(4 * channels);
  if ('values' in found) {
    const { greatest } = codeRange(type.bits);
    workspace.kernels.blockScales(values, channels, inner, { greatest, limited: rule?.limited === true }, least);
    found.values.set(workspace.floats(least, channels));
    return { scales: found.values, zeroPoints: Float64Array.of(0) };
  }
  const most = workspace.allocate(4 * channels);
  workspace.kernels.rangePerChannel(values, part, least, most, false);
  found.mins.set(workspace.floats(least, channels));
  found.maxs.set(workspace.floats(most, channels));
  return channelNumbers(found, type);
}
