import type { SignatureInfo, TensorView } from '../../../calibration/runtime/runtime.ts';
import type { Feed, TensorValue, TypedArray } from '../../../datasets/sample.ts';
import { TensorType } from '../../../schema/generated/tflite.ts';
import { elementCount } from '../../../schema/graph.ts';
import { randomSource } from '../../support/model-builder.ts';

type ArrayType = new (buffer: ArrayBuffer, offset: number, length: number) => TypedArray;

const ARRAYS: Readonly<Record<number, ArrayType>> = {
  [TensorType.FLOAT32]: Float32Array,
  [TensorType.FLOAT64]: Float64Array,
  [TensorType.INT8]: Int8Array,
  [TensorType.UINT8]: Uint8Array,
  [TensorType.BOOL]: Uint8Array,
  [TensorType.INT16]: Int16Array,
  [TensorType.UINT16]: Uint16Array,
  [TensorType.INT32]: Int32Array,
  [TensorType.UINT32]: Uint32Array,
  [TensorType.INT64]: BigInt64Array,
  [TensorType.FLOAT16]: Uint16Array,
};

/** A tensor value of any type from plain numbers. */
export function tensorOf(type: number, shape: readonly number[], numbers: readonly number[]): TensorValue {
  const array = arrayOf(type);
  const data = new array(new ArrayBuffer(numbers.length * 8), 0, numbers.length);
  numbers.forEach((number, index) => {
    data[index] = data instanceof BigInt64Array || data instanceof BigUint64Array ? BigInt(number) : number;
  });
  return { type, shape, data };
}

/** What a run wrote, as numbers. */
export function numbersOf(view: TensorView, memory: WebAssembly.Memory): number[] {
  const data = new (arrayOf(view.type))(memory.buffer, view.byteOffset, elementCount(view.shape));
  return Array.from(data as ArrayLike<number | bigint>, Number);
}

/** Repeatable values for every input: floats in [-1, 1), small integers, bools. Free dimensions become `batch`. */
export function randomFeed(signature: SignatureInfo, seed: number, batch = 1): Feed {
  const next = randomSource(seed);
  const entries = signature.inputs.map(({ name, type, shape: open }) => {
    const shape = open.map((length) => (length < 0 ? batch : length));
    const draw = type === TensorType.FLOAT32 ? () => 2 * next() - 1 : () => Math.floor(next() * 2);
    return [name, tensorOf(type, shape, Array.from({ length: elementCount(shape) }, draw))] as const;
  });
  return Object.fromEntries(entries);
}

function arrayOf(type: number): ArrayType {
  const array = ARRAYS[type];
  if (!array) throw new Error(`no array for type ${type}`);
  return array;
}
