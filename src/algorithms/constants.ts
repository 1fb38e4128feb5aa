import { type ChannelExtent, sharedWorkspace, type Workspace } from '../../kernels/index.ts';
import { type Constant, fillFrom } from '../../schema/constant.ts';
import { clipRange, quantizeDouble } from './arithmetic.ts';
import { derivedConstant } from './derived-constant.ts';
import { piecesOf } from './extent.ts';
import type { CodeParameters } from './parameters.ts';

/** Elements that are worked on at once: 1 MiB of floats, which stay in the processor's cache between the loops. */
export const CHUNK_ELEMENTS = 1 << 18;
/** Results are handed out in pieces of up to 1 MiB: to write a file in smaller ones takes longer. */
export const PIECE_BITS = 8 << 20;
/** Values of one piece. A constant that is computed uses the same workspace as what is made of it: one chunk it is then. */
const pieceElements = (source: Constant, bits: number) => (source.fill ? PIECE_BITS / bits : CHUNK_ELEMENTS);

export interface ChannelRanges {
  readonly mins: Float32Array;
  readonly maxs: Float32Array;
}

/** Ranges that were found ahead of the question for them. */
const known = new WeakMap<Constant, { readonly extent: ChannelExtent; readonly ranges: ChannelRanges }>();

/** Keeps ranges that somebody else has found for the next call of `channelRanges` with the same constant and extent. */
export function rememberRanges(constant: Constant, extent: ChannelExtent, ranges: ChannelRanges): void {
  known.set(constant, { extent, ranges });
}

/** Plain min and max of each channel of a float32 constant, read in chunks. NaN wins. The result is the caller's. */
export function channelRanges(constant: Constant, extent: ChannelExtent): ChannelRanges {
  const found = known.get(constant);
  if (found && sameExtent(found.extent, extent)) {
    known.delete(constant);
    return found.ranges;
  }
  const mins = new Float32Array(extent.channels).fill(Number.POSITIVE_INFINITY);
  const maxs = new Float32Array(extent.channels).fill(Number.NEGATIVE_INFINITY);
  const count = constant.sizeBytes / 4;
  for (let start = 0; start < count; start += CHUNK_ELEMENTS) {
    const workspace = sharedWorkspace();
    const values = placeElements(workspace, constant, start, Math.min(start + CHUNK_ELEMENTS, count));
    for (const piece of piecesOf(extent, start, Math.min(start + CHUNK_ELEMENTS, count))) {
      const { channel } = piece;
      const least = workspace.place(mins.subarray(channel, channel + piece.extent.channels));
      const most = workspace.place(maxs.subarray(channel, channel + piece.extent.channels));
      workspace.kernels.rangePerChannel(values + 4 * (piece.start - start), piece.extent, least, most, true);
      mins.set(workspace.floats(least, piece.extent.channels), channel);
      maxs.set(workspace.floats(most, piece.extent.channels), channel);
    }
  }
  return { mins, maxs };
}

export const sameExtent = (a: ChannelExtent, b: ChannelExtent) =>
  a.outer === b.outer && a.channels === b.channels && a.inner === b.inner;

/** Puts elements [start, end) of a float32 constant into an empty workspace. Returns their address. */
export function placeElements(workspace: Workspace, constant: Constant, start: number, end: number): number {
  // A constant that is computed uses the same workspace: its bytes are read before room is taken.
  if (!constant.fill) return workspace.place(constant.read(start * 4, end * 4));
  const address = workspace.allocate((end - start) * 4);
  fillFrom(constant, workspace.bytes(address, (end - start) * 4), start * 4);
  return address;
}

/**
 * A float32 constant quantized as its parameters say, computed when it is read: any range of the stored bytes, in any
 * order, so that a writer can stream it. Two and four bits are packed, the first value in the low bits.
 */
export function quantizedConstant(source: Constant, extent: ChannelExtent, parameters: CodeParameters): Constant {
  const { bits, symmetric, unsigned, carrier, scales, zeroPoints } = parameters;
  const plain = { bits, symmetric, unsigned, carrier, scales, zeroPoints };
  const quantize = carrier === 'float64' ? quantizeInDouble : quantizeInKernel;
  return derivedConstant({
    source,
    count: source.sizeBytes / 4,
    bits,
    chunkElements: carrier === 'float32' ? pieceElements(source, bits) : CHUNK_ELEMENTS,
    compute: (start, end) => quantize(source, extent, plain, start, end),
    how: 'quantized',
    parameters: { extent, parameters: plain },
  });
}

function quantizeInKernel(
  source: Constant,
  extent: ChannelExtent,
  numbers: CodeParameters,
  start: number,
  end: number,
): Uint8Array {
  const workspace = sharedWorkspace();
  const count = Math.min(source.fill ? CHUNK_ELEMENTS : end - start, end - start);
  const values = placeElements(workspace, source, start, start + count);
  const bytesOf = (elements: number) => Math.ceil((elements * numbers.bits) / 8);
  const target = workspace.allocate(bytesOf(end - start));
  const unpacked = numbers.bits < 8 ? workspace.allocate(count) : undefined;
  for (let at = start; at < end; at += count) {
    const until = Math.min(at + count, end);
    if (at > start) fillFrom(source, workspace.bytes(values, 4 * (until - at)), 4 * at);
    makeCodes(workspace, { values, start: at, end: until }, extent, numbers, target + bytesOf(at - start), unpacked);
  }
  return workspace.bytes(target, bytesOf(end - start));
}

/** Elements [start, end) of a tensor at an address of a workspace. */
export interface PlacedElements {
  readonly values: number;
  readonly start: number;
  readonly end: number;
}

/** Puts codes to `target`, by way of `unpacked` where they are narrower than a byte and no kernel packs them by itself. */
export function makeCodes(
  workspace: Workspace,
  { values, start, end }: PlacedElements,
  extent: ChannelExtent,
  numbers: CodeParameters,
  target: number,
  unpacked: number | undefined,
): void {
  const { kernels } = workspace;
  const { bits } = numbers;
  const storage = bits <= 8 ? 8 : bits <= 16 ? 16 : 32;
  const limits = { bits: storage, ...clipRange(bits, numbers.symmetric, numbers.unsigned) } as const;
  const pairs = start % 2 === 0 && packsPairs(extent, numbers) && isZero(numbers.zeroPoints);
  const codes = unpacked ?? target;
  for (const piece of piecesOf(extent, start, end)) {
    const at = piece.start - start;
    const last = piece.channel + piece.extent.channels;
    // Only the channels of the piece: with blocks there may be millions in the tensor.
    const scales = workspace.place(new Float32Array(numbers.scales.subarray(piece.channel, last)));
    if (pairs) {
      kernels.quantizePacked(values + 4 * at, piece.extent, scales, target + at / 2);
      continue;
    }
    const zeros = workspace.place(zeroPointsOf(numbers, piece.channel, last));
    kernels.quantize(values + 4 * at, piece.extent, scales, zeros, limits, codes + (at * storage) / 8);
  }
  if (unpacked !== undefined && !pairs) kernels.pack(codes, end - start, bits === 4 ? 4 : 2, target);
}

/** Whether codes without zero points are of the kind that kernels pack by themselves: int4, each byte of one channel. */
export const packsPairs = ({ inner }: ChannelExtent, { bits, unsigned }: Pick<CodeParameters, 'bits' | 'unsigned'>) =>
  bits === 4 && !unsigned && inner % 2 === 0;

const isZero = (zeroPoints: Float64Array): boolean => zeroPoints.every((zeroPoint) => zeroPoint === 0);

/** Zero points of channels [start, end). */
function zeroPointsOf({ zeroPoints }: CodeParameters, start: number, end: number): Int32Array {
  if (zeroPoints.length === 1) return new Int32Array(end - start).fill(zeroPoints[0] as number);
  return new Int32Array(zeroPoints.subarray(start, end));
}

/** Scales that are doubles divide in double: constants that take over the scale of an activation read from JSON. */
function quantizeInDouble(
  source: Constant,
  extent: ChannelExtent,
  numbers: CodeParameters,
  start: number,
  end: number,
) {
  const bytes = source.read(start * 4, end * 4).slice();
  const values = new Float32Array(bytes.buffer);
  const { least, greatest } = clipRange(numbers.bits, numbers.symmetric, numbers.unsigned);
  const codes = numbers.bits <= 8 ? new Int8Array(values.length) : new Int16Array(values.length);
  for (let i = 0; i < values.length; i += 1) {
    const channel = Math.floor((start + i) / extent.inner) % extent.channels;
    const scale = numbers.scales[channel] as number;
    codes[i] = quantizeDouble(
      values[i] as number,
      scale,
      (numbers.zeroPoints[channel] ?? numbers.zeroPoints[0]) as number,
      least,
      greatest,
    );
  }
  const stored = new Uint8Array(codes.buffer);
  if (numbers.bits >= 8) return stored;
  const workspace = sharedWorkspace();
  const packedBytes = Math.ceil((values.length * numbers.bits) / 8);
  const packed = workspace.allocate(packedBytes);
  workspace.kernels.pack(workspace.place(stored), values.length, numbers.bits === 4 ? 4 : 2, packed);
  return workspace.bytes(packed, packedBytes);
}

/** A float32 constant as float16, computed when it is read. */
export function float16Constant(source: Constant): Constant {
  const compute = (start: number, end: number) => {
    const workspace = sharedWorkspace();
    const values = placeElements(workspace, source, start, end);
    const halves = workspace.allocate((end - start) * 2);
    workspace.kernels.toFloat16(values, end - start, halves);
    return workspace.bytes(halves, (end - start) * 2);
  };
  const count = source.sizeBytes / 4;
  const elements = pieceElements(source, 16);
  return derivedConstant({ source, count, bits: 16, chunkElements: elements, compute, how: 'float16' });
}

/** int8 codes as float32 numbers, without their scale. */
export function codesAsFloats(source: Constant): Constant {
  const compute = (start: number, end: number) =>
    new Uint8Array(Float32Array.from(new Int8Array(source.read(start, end))).buffer);
  const count = source.sizeBytes;
  return derivedConstant({ source, count, bits: 32, chunkElements: CHUNK_ELEMENTS, compute, how: 'codesAsFloats' });
}
