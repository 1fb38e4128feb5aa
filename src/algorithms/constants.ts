import { type ChannelExtent, sharedWorkspace, type Workspace } from '../../kernels/index.ts';
import type { Constant } from '../../schema/constant.ts';
import { clipRange, quantizeDouble } from './arithmetic.ts';
import { piecesOf } from './extent.ts';
import type { TensorParameters } from './parameters.ts';

/** Elements that are worked on at once: a few MiB, so that memory stays flat however large the tensor is. */
const CHUNK_ELEMENTS = 1 << 20;

/** Plain min and max of each channel of a float32 constant, read in chunks. NaN wins. */
export function channelRanges(constant: Constant, extent: ChannelExtent): { mins: Float32Array; maxs: Float32Array } {
  const mins = new Float32Array(extent.channels).fill(Number.POSITIVE_INFINITY);
  const maxs = new Float32Array(extent.channels).fill(Number.NEGATIVE_INFINITY);
  const count = constant.sizeBytes / 4;
  for (let start = 0; start < count; start += CHUNK_ELEMENTS) {
    const end = Math.min(start + CHUNK_ELEMENTS, count);
    const workspace = sharedWorkspace();
    const source = workspace.place(constant.read(start * 4, end * 4));
    const least = workspace.place(mins);
    const most = workspace.place(maxs);
    for (const piece of piecesOf(extent, start, end)) {
      const at = 4 * piece.channel;
      const address = source + 4 * (piece.start - start);
      workspace.kernels.rangePerChannel(address, piece.extent, least + at, most + at, true);
    }
    mins.set(new Float32Array(workspace.memory.buffer, least, mins.length));
    maxs.set(new Float32Array(workspace.memory.buffer, most, maxs.length));
  }
  return { mins, maxs };
}

/**
 * A float32 constant quantized as its parameters say, computed when it is read: any range of the stored bytes, in any
 * order, so that a writer can stream it. Two and four bits are packed, the first value in the low bits.
 */
export function quantizedConstant(
  source: Constant,
  extent: ChannelExtent,
  parameters: Pick<TensorParameters, 'bits' | 'symmetric' | 'unsigned' | 'carrier' | 'scales' | 'zeroPoints'>,
): Constant {
  const count = source.sizeBytes / 4;
  const { bits } = parameters;
  const perByte = bits < 8 ? 8 / bits : 1;
  const sizeBytes = bits < 8 ? Math.ceil(count / perByte) : (count * bits) / 8;
  const read = (start = 0, end = sizeBytes) => {
    const width = Math.max(1, bits / 8);
    const first = Math.floor(start / width) * perByte;
    const last = Math.min(count, Math.ceil(end / width) * perByte);
    const bytes = new Uint8Array(Math.ceil(((last - first) * Math.max(bits, 1)) / 8));
    for (let at = first; at < last; at += CHUNK_ELEMENTS) {
      const until = Math.min(at + CHUNK_ELEMENTS, last);
      const codes =
        parameters.carrier === 'float64'
          ? quantizeInDouble(source, extent, parameters, at, until)
          : quantizeInKernel(source, extent, parameters, at, until);
      bytes.set(codes, ((at - first) * bits) / 8);
    }
    const skip = start - Math.floor(start / width) * width;
    return bytes.subarray(skip, skip + end - start);
  };
  return { sizeBytes, read };
}

type Numbers = Pick<TensorParameters, 'bits' | 'symmetric' | 'unsigned' | 'scales' | 'zeroPoints'>;

function quantizeInKernel(source: Constant, extent: ChannelExtent, numbers: Numbers, start: number, end: number) {
  const workspace = sharedWorkspace();
  const { kernels } = workspace;
  const count = end - start;
  const storage = storageBits(numbers.bits);
  const limits = { bits: storage, ...clipRange(numbers.bits, numbers.symmetric, numbers.unsigned) };
  const values = workspace.place(source.read(start * 4, end * 4));
  const scales = workspace.place(Float32Array.from(numbers.scales));
  const zeros = workspace.place(Int32Array.from(numbers.zeroPoints));
  const codes = workspace.allocate((count * storage) / 8);
  for (const piece of piecesOf(extent, start, end)) {
    const at = piece.start - start;
    const channel = 4 * piece.channel;
    const target = codes + (at * storage) / 8;
    kernels.quantize(values + 4 * at, piece.extent, scales + channel, zeros + channel, limits, target);
  }
  if (numbers.bits >= 8) return workspace.copy(codes, (count * storage) / 8);
  return packedCodes(workspace, codes, count, numbers.bits);
}

/** Codes of one byte each, packed: four or two bits. */
function packedCodes(workspace: Workspace, codes: number, count: number, bits: number): Uint8Array {
  const packedBytes = Math.ceil((count * bits) / 8);
  const packed = workspace.allocate(packedBytes);
  workspace.kernels.pack(codes, count, bits === 4 ? 4 : 2, packed);
  return workspace.copy(packed, packedBytes);
}

/** Scales that are doubles divide in double: constants that take over the scale of an activation read from JSON. */
function quantizeInDouble(source: Constant, extent: ChannelExtent, numbers: Numbers, start: number, end: number) {
  const bytes = source.read(start * 4, end * 4).slice();
  const values = new Float32Array(bytes.buffer);
  const { least, greatest } = clipRange(numbers.bits, numbers.symmetric, numbers.unsigned);
  const codes = numbers.bits <= 8 ? new Int8Array(values.length) : new Int16Array(values.length);
  for (let i = 0; i < values.length; i += 1) {
    const channel = Math.floor((start + i) / extent.inner) % extent.channels;
    const scale = numbers.scales[channel] as number;
    codes[i] = quantizeDouble(values[i] as number, scale, numbers.zeroPoints[channel] as number, least, greatest);
  }
  const stored = new Uint8Array(codes.buffer);
  if (numbers.bits >= 8) return stored;
  const workspace = sharedWorkspace();
  return packedCodes(workspace, workspace.place(stored), values.length, numbers.bits);
}

const storageBits = (bits: number): 8 | 16 | 32 => (bits <= 8 ? 8 : bits <= 16 ? 16 : 32);

/** A float32 constant as float16, computed when it is read. */
export function float16Constant(source: Constant): Constant {
  const sizeBytes = source.sizeBytes / 2;
  const read = (start = 0, end = sizeBytes) => {
    const first = start - (start % 2);
    const last = end + (end % 2);
    const bytes = new Uint8Array(last - first);
    for (let at = first; at < last; at += 2 * CHUNK_ELEMENTS) {
      const until = Math.min(at + 2 * CHUNK_ELEMENTS, last);
      const workspace = sharedWorkspace();
      const values = workspace.place(source.read(at * 2, until * 2));
      const halves = workspace.allocate(until - at);
      workspace.kernels.toFloat16(values, (until - at) / 2, halves);
      bytes.set(workspace.bytes(halves, until - at), at - first);
    }
    return bytes.subarray(start - first, end - first);
  };
  return { sizeBytes, read };
}

/** int8 codes as float32 numbers, without their scale. */
export function codesAsFloats(source: Constant): Constant {
  const sizeBytes = source.sizeBytes * 4;
  const read = (start = 0, end = sizeBytes) => {
    const first = Math.floor(start / 4);
    const codes = new Int8Array(source.read(first, Math.ceil(end / 4)));
    return new Uint8Array(Float32Array.from(codes).buffer).subarray(start - 4 * first, end - 4 * first);
  };
  return { sizeBytes, read };
}
