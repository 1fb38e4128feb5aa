import type { IntegerType, Kernels } from '../../kernels/index.ts';
import { float16Value } from '../../kernels/index.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { elementCount, hasScales } from '../../schema/graph.ts';
import type { Tensor } from '../../schema/model.ts';

/** The values of a tensor as it stores them, somewhere in memory. */
export interface TensorNumbers {
  /** A TensorType; sub-byte types are packed. */
  readonly type: number;
  readonly count: number;
  /** Where the bytes are. `memory.buffer` may be replaced when the memory grows, so it is asked each time. */
  readonly memory: { readonly buffer: ArrayBufferLike };
  readonly byteOffset: number;
  readonly coding?: Coding | undefined;
}

/** How codes become values: (code - zeroPoint) * scale of the channel (or block) that the element is in. */
export interface Coding {
  readonly scales: ArrayLike<number>;
  /** As many as scales, or none for zero. */
  readonly zeroPoints: ArrayLike<number>;
  /** Channel of an element: floor((offset + index) / inner) modulo the number of scales. */
  readonly inner: number;
  /** Elements of the tensor before the first one here. */
  readonly offset?: number;
}

/** The coding of a tensor with scales of its own, undefined without. Blockwise tensors: see weights.ts. */
export function codingOf(tensor: Tensor, shape: readonly number[] = tensor.shape ?? []): Coding | undefined {
  if (!hasScales(tensor)) return undefined;
  const { scale = [], zeroPoint = [], quantizedDimension = 0 } = tensor.quantization ?? {};
  const scales = Float64Array.from(scale);
  const zeroPoints = Float64Array.from(zeroPoint, Number);
  return { scales, zeroPoints, inner: elementCount(shape.slice(quantizedDimension + 1)) };
}

const KERNEL_TYPES: Readonly<Record<number, IntegerType>> = {
  [TensorType.INT8]: 'int8',
  [TensorType.UINT8]: 'uint8',
  [TensorType.INT16]: 'int16',
  [TensorType.INT32]: 'int32',
};

const BYTES: Readonly<Record<IntegerType, number>> = { int8: 1, uint8: 1, int16: 2, int32: 4 };

/** Least and greatest code of a type that activations are quantized to. */
export const CODE_LIMITS: Readonly<Record<number, readonly [number, number]>> = {
  [TensorType.INT8]: [-128, 127],
  [TensorType.UINT8]: [0, 255],
  [TensorType.INT16]: [-32768, 32767],
};

/** Elements that are decoded at once: they stay in the processor's cache. */
export const CHUNK_ELEMENTS = 16384;

/** Memory for chunks, beside the tensors that the kernels read in place. */
export interface Scratch {
  readonly kernels: Kernels;
  /** CHUNK_ELEMENTS codes of up to four bytes. */
  readonly codes: number;
  /** CHUNK_ELEMENTS float32 values. */
  readonly floats: number;
}

/**
 * Address of `count` elements from `start` on as float32 values in the memory of the kernels: where they are if they are
 * that already, in the scratch area otherwise. Dequantization is computed in double and rounded to float32.
 */
export function floatsAddress(numbers: TensorNumbers, start: number, count: number, scratch: Scratch): number {
  const { kernels, codes, floats } = scratch;
  const inPlace = numbers.memory.buffer === kernels.memory.buffer;
  if (numbers.type === TensorType.FLOAT32 && numbers.coding === undefined) {
    const at = numbers.byteOffset + 4 * start;
    return inPlace && at % 4 === 0 ? at : copyBytes(numbers, at, 4 * count, kernels, floats);
  }
  const integer = KERNEL_TYPES[numbers.type];
  const { coding } = numbers;
  if (integer === undefined || coding?.scales.length !== 1) {
    decode(numbers, start, new Float32Array(kernels.memory.buffer, floats, count));
    return floats;
  }
  const width = BYTES[integer];
  const at = numbers.byteOffset + width * start;
  const source = inPlace && at % width === 0 ? at : copyBytes(numbers, at, width * count, kernels, codes);
  kernels.dequantize(source, integer, count, coding.scales[0] ?? 1, coding.zeroPoints[0] ?? 0, floats);
  return floats;
}

function copyBytes(numbers: TensorNumbers, at: number, size: number, kernels: Kernels, target: number): number {
  new Uint8Array(kernels.memory.buffer).set(new Uint8Array(numbers.memory.buffer, at, size), target);
  return target;
}

/** Decodes elements from `start` on into an array of float32 values, whatever their type; computed in double. */
export function decode(numbers: TensorNumbers, start: number, target: Float32Array): void {
  const values = elements(numbers, start, target.length);
  const { coding } = numbers;
  const count = target.length;
  if (coding === undefined || coding.scales.length === 0) {
    for (let i = 0; i < count; i += 1) target[i] = values[i] as number;
    return;
  }
  const { scales, zeroPoints } = coding;
  const runs = new ChannelRuns(coding, start);
  for (let first = 0; first < count; ) {
    const scale = scales[runs.channel] as number;
    const zeroPoint = zeroPoints[runs.channel] ?? 0;
    const end = Math.min(count, first + runs.length);
    for (let i = first; i < end; i += 1) target[i] = ((values[i] as number) - zeroPoint) * scale;
    first = end;
    runs.next();
  }
}

/** Walks over elements in runs of one channel, without a division for each element. */
export class ChannelRuns {
  channel: number;
  /** Elements of this run that are left. */
  length: number;
  readonly #channels: number;
  readonly #inner: number;

  constructor(coding: Coding, start: number) {
    const { scales, inner, offset = 0 } = coding;
    this.#channels = scales.length;
    this.#inner = scales.length === 1 ? Number.POSITIVE_INFINITY : inner;
    this.channel = scales.length === 1 ? 0 : Math.floor((offset + start) / inner) % scales.length;
    this.length = scales.length === 1 ? Number.POSITIVE_INFINITY : inner - ((offset + start) % inner);
  }

  next(): void {
    this.channel = this.channel + 1 === this.#channels ? 0 : this.channel + 1;
    this.length = this.#inner;
  }
}

const ARRAYS: Readonly<
  Record<
    number,
    { new (buffer: ArrayBufferLike, at: number, count: number): ArrayLike<number>; BYTES_PER_ELEMENT: number }
  >
> = {
  [TensorType.FLOAT32]: Float32Array,
  [TensorType.FLOAT64]: Float64Array,
  [TensorType.INT8]: Int8Array,
  [TensorType.UINT8]: Uint8Array,
  [TensorType.BOOL]: Uint8Array,
  [TensorType.INT16]: Int16Array,
  [TensorType.UINT16]: Uint16Array,
  [TensorType.INT32]: Int32Array,
  [TensorType.UINT32]: Uint32Array,
};

/** Stored elements as numbers: a view where the machine's types and their alignment allow, a copy otherwise. */
function elements(numbers: TensorNumbers, start: number, count: number): ArrayLike<number> {
  const { memory, byteOffset, type } = numbers;
  const array = ARRAYS[type];
  if (array !== undefined) {
    const at = byteOffset + start * array.BYTES_PER_ELEMENT;
    if (at % array.BYTES_PER_ELEMENT === 0) return new array(memory.buffer, at, count);
    const copy = memory.buffer.slice(at, at + count * array.BYTES_PER_ELEMENT);
    return new array(copy, 0, count);
  }
  const read = elementReader(numbers);
  return Float64Array.from({ length: count }, (_, i) => read(start + i));
}

/** One element by its index, as a number, of types that the machine has no arrays for. */
function elementReader({ memory, byteOffset, type, count }: TensorNumbers): (index: number) => number {
  const view = new DataView(memory.buffer, byteOffset);
  switch (type) {
    case TensorType.FLOAT16:
      return (i) => float16Value(view.getUint16(2 * i, true));
    case TensorType.BFLOAT16:
      return (i) => bfloat16Value(view.getUint16(2 * i, true));
    case TensorType.INT64:
      return (i) => Number(view.getBigInt64(8 * i, true));
    case TensorType.UINT64:
      return (i) => Number(view.getBigUint64(8 * i, true));
    case TensorType.INT4:
      return (i) => (view.getInt8(i >> 1) << (i % 2 === 0 ? 28 : 24)) >> 28;
    case TensorType.INT2:
      return (i) => (view.getInt8(i >> 2) << (30 - 2 * (i % 4))) >> 30;
    case TensorType.UINT4:
      return (i) => (view.getUint8(i >> 1) >> (4 * (i % 2))) & 15;
    default:
      throw new RangeError(`${count} elements of type ${type} are no numbers`);
  }
}

const bits = new DataView(new ArrayBuffer(4));

function bfloat16Value(half: number): number {
  bits.setUint32(0, half << 16);
  return bits.getFloat32(0);
}
