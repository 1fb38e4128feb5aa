import type { TypedArray } from '../sample.ts';
import { elementsIn, freshMemory, type SampleMemory } from '../sample-memory.ts';

/** Element types of arrays that people have, by their NumPy names. float16 is held as its 16 bits. */
export const ARRAY_TYPES = [
  'bool',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'float16',
  'float32',
  'float64',
] as const;

export type ArrayType = (typeof ARRAY_TYPES)[number];

/** A dense array in row-major order. bool is 0 and 1 in a Uint8Array, float16 its bits in a Uint16Array. */
export interface NumberArray {
  readonly type: ArrayType;
  readonly shape: readonly number[];
  readonly data: TypedArray;
}

const CONSTRUCTORS = {
  bool: Uint8Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  float16: Uint16Array,
  float32: Float32Array,
  float64: Float64Array,
} as const satisfies Record<ArrayType, unknown>;

/** Bytes of one element. */
export const elementBytes = (type: ArrayType): number => CONSTRUCTORS[type].BYTES_PER_ELEMENT;

/** A typed array for `count` elements; zeroed where the memory is fresh, which it is by default. */
export const allocateElements = (type: ArrayType, count: number, memory: SampleMemory = freshMemory): TypedArray =>
  elementsIn(memory, CONSTRUCTORS[type], count);

/**
 * Elements from `bytes` (little-endian), whose length must be a multiple of the element: over the bytes themselves where
 * they begin at a multiple of it, else over a copy.
 */
export function elementsFromBytes(type: ArrayType, bytes: Uint8Array): TypedArray {
  const { buffer, byteOffset, byteLength } = bytes;
  const size = elementBytes(type);
  if (buffer instanceof ArrayBuffer && byteOffset % size === 0) {
    return new CONSTRUCTORS[type](buffer, byteOffset, byteLength / size);
  }
  const copy = new Uint8Array(bytes.byteLength);
  copy.set(bytes);
  return new CONSTRUCTORS[type](copy.buffer);
}

/** The number of elements of a shape; 1 for a scalar. */
export const shapeCount = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);

/** `[1,28,28,1]`, free dimensions as `?`: for messages. */
export const shapeText = (shape: readonly number[]): string =>
  `[${shape.map((length) => (length < 0 ? '?' : length)).join(',')}]`;
