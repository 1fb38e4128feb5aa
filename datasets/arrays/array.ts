import type { TypedArray } from '../sample.ts';

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

/** A zeroed typed array for `count` elements. */
export const allocateElements = (type: ArrayType, count: number): TypedArray => new CONSTRUCTORS[type](count);

/**
 * Elements from `bytes` (little-endian), whose length must be a multiple of the element: over the bytes themselves where
 * they have a buffer of their own, else over a copy.
 */
export function elementsFromBytes(type: ArrayType, bytes: Uint8Array): TypedArray {
  const { buffer } = bytes;
  if (buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength) return new CONSTRUCTORS[type](buffer);
  const copy = new Uint8Array(bytes.byteLength);
  copy.set(bytes);
  return new CONSTRUCTORS[type](copy.buffer);
}

/** The number of elements of a shape; 1 for a scalar. */
export const shapeCount = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);

/** `[1,28,28,1]`, free dimensions as `?`: for messages. */
export const shapeText = (shape: readonly number[]): string =>
  `[${shape.map((length) => (length < 0 ? '?' : length)).join(',')}]`;
