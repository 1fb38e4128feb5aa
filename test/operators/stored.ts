import { float16Value } from '../../kernels/index.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { elementCount, tensorConstant } from '../../schema/graph.ts';
import type { Model, Tensor } from '../../schema/model.ts';

/** Numbers of a tensor: what is stored, what it stands for, and the step between two codes (0 where it is not coded). */
export interface StoredNumbers {
  readonly codes: Float64Array;
  readonly values: Float64Array;
  readonly steps: Float64Array;
}

const { FLOAT32, FLOAT16, INT2, INT4, INT8, INT16, INT32, INT64, UINT8, BOOL } = TensorType;

/** Codes of any type as numbers. This is written apart from the quantizer, so that it can judge what that writes. */
export function decodeCodes(type: number, bytes: Uint8Array, count: number): Float64Array {
  const { buffer } = bytes.slice();
  if (type === INT2 || type === INT4) return unpack(bytes, type === INT2 ? 2 : 4, count);
  if (type === FLOAT32) return Float64Array.from(new Float32Array(buffer, 0, count));
  if (type === FLOAT16) return Float64Array.from(new Uint16Array(buffer, 0, count), float16Value);
  if (type === INT8) return Float64Array.from(new Int8Array(buffer, 0, count));
  if (type === INT16) return Float64Array.from(new Int16Array(buffer, 0, count));
  if (type === INT32) return Float64Array.from(new Int32Array(buffer, 0, count));
  if (type === INT64) return Float64Array.from(new BigInt64Array(buffer, 0, count), Number);
  if (type === UINT8 || type === BOOL) return Float64Array.from(new Uint8Array(buffer, 0, count));
  throw new Error(`numbers of type ${type} are not read`);
}

/** The first of the values that share a byte is in its lowest bits. */
function unpack(bytes: Uint8Array, bits: 2 | 4, count: number): Float64Array {
  const each = 8 / bits;
  return Float64Array.from({ length: count }, (_, index) => {
    const code = ((bytes[Math.floor(index / each)] ?? 0) >> (bits * (index % each))) & (2 ** bits - 1);
    return code >= 2 ** (bits - 1) ? code - 2 ** bits : code;
  });
}

/** A constant of a file, decoded. */
export function storedConstant(model: Model, subgraph: number, tensor: Tensor): StoredNumbers {
  const count = elementCount(tensor.shape);
  const bytes = tensorConstant(model, tensor)?.read() ?? new Uint8Array();
  return meaning(model, subgraph, tensor, decodeCodes(tensor.type, bytes, count));
}

/** What codes of a tensor stand for. */
export function meaning(model: Model, subgraph: number, tensor: Tensor, codes: Float64Array): StoredNumbers {
  const { scaleOf, zeroPointOf } = scalesOf(model, subgraph, tensor);
  const steps = codes.map((_, index) => scaleOf(index));
  const values = codes.map((code, index) => {
    const step = steps[index] ?? 0;
    return step === 0 ? code : (code - zeroPointOf(index)) * step;
  });
  return { codes, values, steps };
}

function scalesOf(model: Model, subgraph: number, tensor: Tensor) {
  const { shape = [], quantization } = tensor;
  const details = quantization?.details;
  if (details?.table === 'BlockwiseQuantization') {
    const scaleTensor = model.subgraphs[subgraph]?.tensors[details.scales];
    if (!scaleTensor) throw new Error('a blockwise tensor without scales');
    const scales = storedConstant(model, subgraph, scaleTensor).codes;
    return { scaleOf: (index: number) => scales[Math.floor(index / details.blockSize)] ?? 0, zeroPointOf: () => 0 };
  }
  const { scale, zeroPoint, quantizedDimension = 0 } = quantization ?? {};
  if (!scale?.length) return { scaleOf: () => 0, zeroPointOf: () => 0 };
  const inner = elementCount(shape.slice(quantizedDimension + 1));
  const channel = (index: number) => (scale.length === 1 ? 0 : Math.floor(index / inner) % scale.length);
  return {
    scaleOf: (index: number) => scale[channel(index)] ?? 0,
    zeroPointOf: (index: number) => Number(zeroPoint?.[channel(index)] ?? 0n),
  };
}
