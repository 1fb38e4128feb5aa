import { float16Bits, float16Value } from '../../kernels/float16.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { typeName } from '../../schema/graph.ts';
import type { TypedArray } from '../sample.ts';
import { freshMemory, type SampleMemory } from '../sample-memory.ts';
import { type ArrayType, allocateElements, elementBytes, type NumberArray } from './array.ts';

const ARRAY_TYPE: Readonly<Record<number, ArrayType>> = {
  [TensorType.FLOAT32]: 'float32',
  [TensorType.FLOAT16]: 'float16',
  [TensorType.FLOAT64]: 'float64',
  [TensorType.BOOL]: 'bool',
  [TensorType.INT8]: 'int8',
  [TensorType.UINT8]: 'uint8',
  [TensorType.INT16]: 'int16',
  [TensorType.UINT16]: 'uint16',
  [TensorType.INT32]: 'int32',
  [TensorType.UINT32]: 'uint32',
  [TensorType.INT64]: 'int64',
  [TensorType.UINT64]: 'uint64',
};

/** The array type that a tensor of this TensorType is fed with; undefined for types nobody can feed (strings ...). */
export const arrayTypeOf = (type: number): ArrayType | undefined => ARRAY_TYPE[type];

const isFloat = (type: ArrayType): boolean => type.startsWith('float');

/** Least and greatest value of the integer types that fit a double; 64-bit types are compared as bigint. */
function integerBounds(type: ArrayType): readonly [bigint, bigint] {
  if (type === 'bool') return [0n, 1n];
  const bits = BigInt(elementBytes(type) * 8);
  return type.startsWith('u') ? [0n, 2n ** bits - 1n] : [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n];
}

/**
 * The elements of an array as another type, computed in double and rounded once to the target: integers to integers when
 * every value fits, integers to floats when every value is kept exactly, floats to floats with rounding. Floats never
 * become integers. @returns the elements, in `memory` where they are others than before, or why not in words that follow "cannot be fed: ".
 */
export function convertElements(
  array: NumberArray,
  tensorType: number,
  memory: SampleMemory = freshMemory,
): TypedArray | string {
  const target = arrayTypeOf(tensorType);
  if (target === undefined) return `inputs of type ${typeName(tensorType)} cannot be fed from arrays of numbers`;
  const source = array.type;
  if (source === target) return target === 'bool' ? checkBooleans(array.data) : array.data;
  if (isFloat(source) && !isFloat(target)) {
    return `${source} values are not converted to ${target}; write the array as ${target}`;
  }
  return isFloat(target) ? toFloat(array, target, memory) : toInteger(array, target, memory);
}

/** What a conversion does to the numbers, for the record; undefined when nothing is converted. */
export function conversionNote(source: ArrayType, tensorType: number): string | undefined {
  const target = arrayTypeOf(tensorType);
  if (target === undefined || source === target) return undefined;
  const rounds = isFloat(source) && isFloat(target) && elementBytes(source) > elementBytes(target);
  return `${source} -> ${target}${rounds ? ', rounded to nearest' : ''}`;
}

function checkBooleans(data: TypedArray): TypedArray | string {
  const wrong = data.findIndex((value: number | bigint) => value !== 0 && value !== 1);
  return wrong < 0 ? data : `a bool is neither 0 nor 1 but ${data[wrong]}`;
}

function toInteger(array: NumberArray, target: ArrayType, memory: SampleMemory): TypedArray | string {
  const [least, greatest] = integerBounds(target);
  const result = allocateElements(target, array.data.length, memory);
  const big = target === 'int64' || target === 'uint64';
  for (let i = 0; i < array.data.length; i++) {
    const value = array.data[i] ?? 0;
    if (value < least || value > greatest) return `the value ${value} does not fit ${target}`;
    result[i] = (big ? BigInt(value) : Number(value)) as never;
  }
  return result;
}

function toFloat(array: NumberArray, target: ArrayType, memory: SampleMemory): TypedArray | string {
  const result = allocateElements(target, array.data.length, memory);
  const exact = !isFloat(array.type);
  const half = array.type === 'float16';
  for (let i = 0; i < array.data.length; i++) {
    const stored = array.data[i] ?? 0;
    const value = half ? float16Value(Number(stored)) : Number(stored);
    result[i] = (target === 'float16' ? float16Bits(value) : value) as never;
    const kept = target === 'float16' ? float16Value(Number(result[i])) : Number(result[i]);
    if (exact ? kept !== value || BigInt(value) !== BigInt(stored) : Number.isFinite(value) && !Number.isFinite(kept)) {
      return `the value ${stored} ${exact ? 'is not kept exactly by' : 'is beyond the range of'} ${target}`;
    }
  }
  return result;
}
