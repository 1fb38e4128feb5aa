import { AeqError } from '../../schema/errors.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { elementCount, typeBits, typeName } from '../../schema/graph.ts';

/** Element type numbers of LiteRT's C API (those of tensor buffers) by the number the file format uses. */
const API_TYPES: readonly (readonly [api: number, file: number])[] = [
  [1, TensorType.FLOAT32],
  [2, TensorType.INT32],
  [3, TensorType.UINT8],
  [4, TensorType.INT64],
  [5, TensorType.STRING],
  [6, TensorType.BOOL],
  [7, TensorType.INT16],
  [8, TensorType.COMPLEX64],
  [9, TensorType.INT8],
  [10, TensorType.FLOAT16],
  [11, TensorType.FLOAT64],
  [12, TensorType.COMPLEX128],
  [13, TensorType.UINT64],
  [14, TensorType.RESOURCE],
  [15, TensorType.VARIANT],
  [16, TensorType.UINT32],
  [17, TensorType.UINT16],
  [18, TensorType.INT4],
  [19, TensorType.BFLOAT16],
  [20, TensorType.INT2],
  [21, TensorType.UINT4],
];

const FILE_BY_API = new Map(API_TYPES);

/** The file format's type for one of the C API. @throws AeqError RUNTIME_REJECTED_MODEL for an unknown number. */
export function fileType(apiType: number): number {
  const type = FILE_BY_API.get(apiType);
  if (type !== undefined) return type;
  throw new AeqError(
    'RUNTIME_REJECTED_MODEL',
    `the interpreter reports element type ${apiType}, which is not known here`,
    {
      hint: 'use the version of the interpreter that aeq was made for (see aeq doctor)',
    },
  );
}

/**
 * Bytes of a tensor as interpreters hold it: sub-byte types are packed as in the file.
 * @throws AeqError RUNTIME_REJECTED_MODEL for strings and resources, which have no fixed size.
 */
export function tensorBytes(name: string, type: number, shape: readonly number[]): number {
  const bits = typeBits(type);
  if (bits !== undefined) return Math.ceil((elementCount(shape) * bits) / 8);
  throw new AeqError('RUNTIME_REJECTED_MODEL', `tensor ${name} has type ${typeName(type)}, which cannot go in or out`, {
    where: { tensor: name },
    hint: 'models with string or resource tensors at their borders cannot be run here',
  });
}
