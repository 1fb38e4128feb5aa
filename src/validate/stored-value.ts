import type { CapturedTensor } from '../../calibration/capture/session.ts';
import type { TensorValue, TypedArray } from '../../datasets/sample.ts';
import { AeqError } from '../../schema/errors.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { elementCount, hasScales, typeName } from '../../schema/graph.ts';
import type { Tensor } from '../../schema/model.ts';
import { withScratch } from './captured.ts';
import { CHUNK_ELEMENTS, CODE_LIMITS } from './numbers.ts';

const ARRAYS: Readonly<
  Record<
    number,
    { new (buffer: ArrayBuffer, at?: number, length?: number): TypedArray; readonly BYTES_PER_ELEMENT: number }
  >
> = {
  [TensorType.FLOAT32]: Float32Array,
  [TensorType.FLOAT16]: Uint16Array,
  [TensorType.INT8]: Int8Array,
  [TensorType.UINT8]: Uint8Array,
  [TensorType.BOOL]: Uint8Array,
  [TensorType.INT16]: Int16Array,
  [TensorType.INT32]: Int32Array,
  [TensorType.UINT32]: Uint32Array,
  [TensorType.INT64]: BigInt64Array,
};

/**
 * A captured value of the float model as another tensor stores it: quantized (in float32, half to even, clipped to the
 * type) where that tensor has codes and this one has none. Otherwise it is the captured value itself where that can be, not
 * a copy, and valid as long as it is.
 * @throws AeqError MODELS_DIFFER when the types cannot be turned into one another.
 */
export function storedValue(source: CapturedTensor, target: Tensor): TensorValue {
  const { view, kernels } = source;
  const array = ARRAYS[target.type];
  const { shape } = view;
  if (array !== undefined && view.type === target.type) {
    const { buffer } = kernels.memory;
    const { byteOffset, sizeBytes } = view;
    const width = array.BYTES_PER_ELEMENT;
    const inPlace = byteOffset % width === 0;
    const data = inPlace
      ? new array(buffer, byteOffset, sizeBytes / width)
      : new array(buffer.slice(byteOffset, byteOffset + sizeBytes));
    return { type: target.type, shape, data };
  }
  if (array !== undefined && view.type === TensorType.FLOAT32 && CODE_LIMITS[target.type] && hasScales(target)) {
    return { type: target.type, shape, data: new array(codes(source, target)) };
  }
  const types = `${typeName(view.type)} in the float model and ${typeName(target.type)} in the quantized one`;
  throw new AeqError('MODELS_DIFFER', `${target.name} is ${types}`, { where: { tensor: target.name ?? '' } });
}

function codes(source: CapturedTensor, target: Tensor): ArrayBuffer {
  const { view, kernels } = source;
  const [least, greatest] = CODE_LIMITS[target.type] ?? [0, 0];
  const bits = target.type === TensorType.INT16 ? 16 : 8;
  const width = bits / 8;
  const count = elementCount(view.shape);
  const result = new Uint8Array(count * width);
  withScratch(source, ({ reference, test }) => {
    const parameters = test.codes;
    new Float32Array(kernels.memory.buffer, parameters, 1)[0] = target.quantization?.scale?.[0] ?? 1;
    new Int32Array(kernels.memory.buffer, parameters + 4, 1)[0] = Number(target.quantization?.zeroPoint?.[0] ?? 0);
    for (let start = 0; start < count; start += CHUNK_ELEMENTS) {
      const length = Math.min(CHUNK_ELEMENTS, count - start);
      const extent = { outer: 1, channels: 1, inner: length };
      const limits = { bits, least, greatest } as const;
      kernels.quantize(view.byteOffset + 4 * start, extent, parameters, parameters + 4, limits, reference.codes);
      result.set(new Uint8Array(kernels.memory.buffer, reference.codes, length * width), start * width);
    }
  });
  return result.buffer;
}
