import { AeqError, type ErrorWhere } from '../schema/errors.ts';
import { TensorType } from '../schema/generated/tflite.ts';
import { typeName } from '../schema/graph.ts';
import { type ArrayType, type NumberArray, shapeCount, shapeText } from './arrays/array.ts';
import { convertElements } from './arrays/convert.ts';
import { findSamples } from './arrays/fit.ts';
import type { InputSpec, TensorValue, TypedArray } from './sample.ts';
import { freshMemory, type SampleMemory } from './sample-memory.ts';

/** Numbers in nested arrays. */
export type NestedNumbers = readonly (number | bigint | boolean | NestedNumbers)[];

/** A tensor of TensorFlow.js, LiteRT.js, ONNX Runtime and the like: a shape, and a way to its elements. */
export interface TensorLike {
  readonly shape?: readonly number[];
  /** ONNX Runtime's name of the shape. */
  readonly dims?: readonly number[];
  readonly data?: unknown;
  dataSync?(): unknown;
  /** What libraries call the type of the elements; the elements themselves tell it. */
  readonly dtype?: unknown;
  readonly type?: unknown;
}

/** What a user may give for one input. */
export type InputValue = TypedArray | Uint8ClampedArray | NestedNumbers | TensorLike | number | bigint | boolean;

const TYPED_ARRAYS: readonly (readonly [new (length: number) => unknown, ArrayType])[] = [
  [Float32Array, 'float32'],
  [Float64Array, 'float64'],
  [Int8Array, 'int8'],
  [Uint8Array, 'uint8'],
  [Int16Array, 'int16'],
  [Uint16Array, 'uint16'],
  [Int32Array, 'int32'],
  [Uint32Array, 'uint32'],
  [BigInt64Array, 'int64'],
  [BigUint64Array, 'uint64'],
];

/** Elements, their type and, where the value tells, their shape. */
interface Elements {
  readonly type: ArrayType;
  readonly data: TypedArray;
  readonly shape: readonly number[] | undefined;
}

/**
 * A tensor of the model's type and shape from what a user gives: a typed array with as many elements as the input takes, a
 * tensor-like object, nested arrays or a number. The value is not changed; its elements are used in place where nothing
 * has to be converted, else put into `memory`. @throws AeqError FEED_INVALID naming the input, what it takes and what it got.
 */
export async function toInputTensor(
  value: unknown,
  input: InputSpec,
  where: ErrorWhere,
  memory: SampleMemory = freshMemory,
): Promise<TensorValue> {
  const elements = await readElements(value, input, where);
  const shape = elements.shape ?? filledShape(input.shape, elements.data.length);
  const layout = shape && findSamples(shape, input.shape, true);
  if (!layout || shapeCount(layout.shape) !== elements.data.length) {
    const got = elements.shape ? shapeText(elements.shape) : `${elements.data.length} values`;
    throw invalid(input, where, `got ${elements.type} ${got}`);
  }
  const array: NumberArray = { type: elements.type, shape: layout.shape, data: elements.data };
  const data = convertElements(array, input.type, memory);
  if (typeof data === 'string') throw invalid(input, where, data);
  return { type: input.type, shape: layout.shape, data };
}

function invalid(input: InputSpec, where: ErrorWhere, got: string): AeqError {
  const expected = `${typeName(input.type)} ${shapeText(input.shape)}`;
  return new AeqError('FEED_INVALID', `input "${input.name}" takes ${expected}: ${got}`, {
    where: { ...where, tensor: input.name },
    hint: 'give a typed array, a tensor with shape and data, or nested arrays of numbers',
  });
}

/** The input's shape with its only free dimension filled from the number of elements; undefined where that fails. */
function filledShape(shape: readonly number[], count: number): readonly number[] | undefined {
  const free = shape.filter((length) => length < 0).length;
  const fixed = shapeCount(shape.filter((length) => length >= 0));
  // Of several free dimensions only the batch can be told: it is one.
  if (free > 1) return undefined;
  const length = fixed === 0 ? 0 : count / fixed;
  return Number.isInteger(length) ? shape.map((dimension) => (dimension < 0 ? length : dimension)) : undefined;
}

async function readElements(value: unknown, input: InputSpec, where: ErrorWhere): Promise<Elements> {
  const flat = fromTypedArray(value, undefined);
  if (flat) return flat;
  if (['number', 'bigint', 'boolean'].includes(typeof value)) return fromNested([value], input, where, []);
  if (Array.isArray(value)) return fromNested(value, input, where);
  if (typeof value === 'object' && value !== null && ('shape' in value || 'dims' in value)) {
    return fromTensor(value as TensorLike, input, where);
  }
  throw invalid(input, where, `got ${describe(value)}`);
}

const describe = (value: unknown): string =>
  value === undefined
    ? 'nothing'
    : typeof value === 'object' && value
      ? 'an object without shape and data'
      : `${value}`;

function fromTypedArray(value: unknown, shape: readonly number[] | undefined): Elements | undefined {
  if (value instanceof Uint8ClampedArray) {
    return { type: 'uint8', data: new Uint8Array(value.buffer, value.byteOffset, value.length), shape };
  }
  for (const [Elements, type] of TYPED_ARRAYS) {
    if (value instanceof Elements) return { type, data: value as TypedArray, shape };
  }
  return undefined;
}

async function fromTensor(tensor: TensorLike, input: InputSpec, where: ErrorWhere): Promise<Elements> {
  const shape = [...(tensor.shape ?? tensor.dims ?? [])].map(Number);
  const data = await tensorData(tensor);
  const elements =
    fromTypedArray(data, shape) ?? (Array.isArray(data) ? fromNested(data, input, where, shape) : undefined);
  if (!elements) throw invalid(input, where, `got a tensor whose data are ${describe(data)}`);
  const half = [Reflect.get(tensor, 'dtype'), Reflect.get(tensor, 'type')].includes('float16');
  return half && elements.type === 'uint16' ? { ...elements, type: 'float16' } : elements;
}

async function tensorData(tensor: TensorLike): Promise<unknown> {
  if (typeof tensor.data === 'function') return tensor.data();
  if (tensor.data !== undefined) return tensor.data;
  return tensor.dataSync?.();
}

function fromNested(
  value: readonly unknown[],
  input: InputSpec,
  where: ErrorWhere,
  known?: readonly number[],
): Elements {
  const shape: number[] = [];
  for (let inner: unknown = value; Array.isArray(inner); inner = inner[0]) shape.push(inner.length);
  const flat = flatten(value, shape, 0);
  if (flat === undefined) throw invalid(input, where, 'got nested arrays of unequal lengths');
  const wrong = flat.find((item) => !['number', 'bigint', 'boolean'].includes(typeof item));
  if (wrong !== undefined) throw invalid(input, where, `got ${describe(wrong)} among the numbers`);
  const numbers = flat as (number | bigint | boolean)[];
  const isFloat =
    input.type === TensorType.FLOAT32 || input.type === TensorType.FLOAT64 || input.type === TensorType.FLOAT16;
  // Where one list is all there is, it may stand for the elements of any shape.
  const told = known ?? (shape.length > 1 ? shape : undefined);
  if (!isFloat && numbers.every((item) => Number.isInteger(Number(item)))) {
    return { type: 'int64', data: BigInt64Array.from(numbers, (item) => BigInt(item)), shape: told };
  }
  return { type: 'float64', data: Float64Array.from(numbers, Number), shape: told };
}

function flatten(value: unknown, shape: readonly number[], depth: number): unknown[] | undefined {
  if (depth === shape.length) return Array.isArray(value) ? undefined : [value];
  if (!Array.isArray(value) || value.length !== shape[depth]) return undefined;
  const parts = value.map((item) => flatten(item, shape, depth + 1));
  return parts.some((part) => part === undefined) ? undefined : parts.flat();
}
