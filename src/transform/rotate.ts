import { hadamardEntry } from '../../kernels/index.ts';
import { bytesConstant, type Constant } from '../../schema/constant.ts';
import { BuiltinOperator, TensorType } from '../../schema/generated/tflite.ts';
import { elementCount, findOrAddOperatorCode, operatorBuiltin, signatureShape } from '../../schema/graph.ts';
import type { Operator } from '../../schema/model.ts';
import { specOfBuiltin } from '../ops/index.ts';
import { ROTATION_OPERATOR } from '../plan/rotation.ts';
import {
  addCode,
  addTensor,
  codeOf,
  operatorOf,
  type Rewrite,
  shapesOf,
  spliceChain,
  type Target,
  tensorOf,
  uniqueName,
} from './edit.ts';
import { rotationOptions } from './rotation-options.ts';

/** Multiplies the tensor by Hadamard matrices of a size along its last dimension, with the runtime's custom operator. */
export function insertRotation(target: Target, size: number): Rewrite {
  const { graph, conduct } = target;
  const { result, value } = namesOf(target, '_rotated');
  const source = tensorOf(target);
  const tensor = addTensor(graph, { ...shapesOf(source), name: result });
  if (value !== undefined) source.name = value;
  const operator: Operator = {
    ...operatorOf(customCode(target), [target.tensor], [tensor]),
    customOptions: rotationOptions(size),
  };
  return spliceChain(target, [operator], tensor, conduct.rewiresOutputsOriginally || isRotatedBack(target));
}

/**
 * The same in operators that every runtime has: RESHAPE to rows of `size`, FULLY_CONNECTED with the matrix, RESHAPE back.
 */
export function insertRotationProduct(target: Target, size: number): Rewrite {
  const { graph, conduct } = target;
  const source = tensorOf(target);
  const { base, result, value } = namesOf(target, '_postrotate_reshaped');
  const named = (suffix: string) => uniqueName(target, `${base}${suffix}`);
  const free = conduct.namesOriginally ? 0 : signatureShape(source).filter((length) => length < 0).length;
  const rows = elementCount(source.shape) / size;
  const flat = { shape: [rows, size], ...(free > 0 ? { shapeSignature: [-1, size] } : {}) };

  const flatShape = addVector(target, named('_prerotate_shape'), [free > 0 ? -1 : rows, size]);
  const flattened = addTensor(graph, { ...flat, name: named('_prerotate_reshaped') });
  const matrix = matrixTensor(target, size, named('_hadamard_matrix'));
  const product = addTensor(graph, { ...flat, name: named('_rotated') });
  const back = shapeBack(target, named('_postrotate_shape'), free);
  const shapes = free > 0 ? shapesOf(source) : { shape: [...(source.shape ?? [])] };
  const tensor = addTensor(graph, { ...shapes, name: result });
  if (value !== undefined) source.name = value;

  const reshape = codeOf(target, BuiltinOperator.RESHAPE, 'RESHAPE');
  const multiply: Operator = {
    ...operatorOf(codeOf(target, BuiltinOperator.FULLY_CONNECTED, 'FULLY_CONNECTED'), [flattened, matrix], [product]),
    builtinOptions: PRODUCT_OPTIONS,
  };
  const chain = [
    operatorOf(reshape, [target.tensor, flatShape], [flattened]),
    multiply,
    ...back.operators,
    operatorOf(reshape, [product, back.tensor], [tensor]),
  ];
  return spliceChain(target, chain, tensor, isRotatedBack(target));
}

const PRODUCT_OPTIONS = {
  table: 'FullyConnectedOptions',
  fusedActivationFunction: 0,
  weightsFormat: 0,
  keepNumDims: false,
  asymmetricQuantizeInputs: false,
  quantizedBiasType: 0,
} as const;

/** The tensor is written by rows of a rotated table: what is inserted undoes that, for everybody. */
function isRotatedBack({ model, producer }: Target): boolean {
  return producer !== undefined && specOfBuiltin(operatorBuiltin(model, producer))?.weighted?.rotatedResult === true;
}

/**
 * Names of inserted tensors begin with `base`. What is rotated back has the value that the tensor had, so it takes over
 * the tensor's name, and `value` is the tensor's new one.
 */
function namesOf(target: Target, suffix: string): { base: string; result: string; value?: string } {
  const { name = '' } = tensorOf(target);
  if (target.conduct.namesOriginally || !isRotatedBack(target)) {
    return { base: name, result: uniqueName(target, `${name}${suffix}`) };
  }
  return { base: name, result: name, value: uniqueName(target, `${name}_rows`) };
}

function addVector(target: Target, name: string, values: readonly number[]): number {
  const bytes = new Uint8Array(Int32Array.from(values).buffer);
  return addConstant(target, name, bytesConstant(bytes), [values.length], TensorType.INT32);
}

function addConstant(
  { model, graph }: Target,
  name: string,
  constant: Constant,
  shape: number[],
  type: number,
): number {
  const known = model.buffers.indexOf(constant);
  const buffer = known >= 0 ? known : model.buffers.push(constant) - 1;
  return addTensor(graph, { shape, type, buffer, name });
}

/** The shape to go back to; computed where more of it is free than RESHAPE can find out. */
function shapeBack(target: Target, name: string, free: number): { tensor: number; operators: Operator[] } {
  const source = tensorOf(target);
  const shape = free > 0 ? signatureShape(source) : (source.shape ?? []);
  if (free < 2) return { tensor: addVector(target, name, shape), operators: [] };
  const tensor = addTensor(target.graph, { shape: [shape.length], type: TensorType.INT32, name });
  const operator: Operator = {
    ...operatorOf(findOrAddOperatorCode(target.model, BuiltinOperator.SHAPE), [target.tensor], [tensor]),
    builtinOptions: { table: 'ShapeOptions', outType: TensorType.INT32 },
  };
  return { tensor, operators: [operator] };
}

function customCode({ model }: Target): number {
  const found = model.operatorCodes.findIndex(({ customCode: name }) => name === ROTATION_OPERATOR);
  if (found >= 0) return found;
  return addCode(model, BuiltinOperator.CUSTOM, ROTATION_OPERATOR);
}

/** One matrix a size in a model, and one tensor of it in a subgraph. */
function matrixTensor(target: Target, size: number, name: string): number {
  const constant = hadamardMatrix(size);
  const buffer = target.model.buffers.indexOf(constant);
  const known = buffer < 0 ? -1 : target.graph.tensors.findIndex((tensor) => tensor.buffer === buffer);
  return known >= 0 ? known : addConstant(target, name, constant, [size, size], TensorType.FLOAT32);
}

const matrices = new Map<number, Constant>();

function hadamardMatrix(size: number): Constant {
  const known = matrices.get(size);
  if (known) return known;
  const entry = hadamardEntry(size);
  const read = (start = 0, end = 4 * size * size) => {
    const first = Math.floor(start / 4);
    const values = new Float32Array(Math.ceil(end / 4) - first);
    for (let i = 0; i < values.length; i += 1) {
      const row = Math.floor((first + i) / size);
      values[i] = oddBits(row & ((first + i) % size)) ? -entry : entry;
    }
    return new Uint8Array(values.buffer).subarray(start - 4 * first, end - 4 * first);
  };
  const constant: Constant = { sizeBytes: 4 * size * size, read };
  matrices.set(size, constant);
  return constant;
}

function oddBits(bits: number): boolean {
  let folded = bits;
  for (let shift = 16; shift > 0; shift >>= 1) folded ^= folded >>> shift;
  return (folded & 1) === 1;
}
