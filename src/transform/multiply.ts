import { bytesConstant, type Constant } from '../../schema/constant.ts';
import { BuiltinOperator, TensorType } from '../../schema/generated/tflite.ts';
import type { Operator } from '../../schema/model.ts';
import {
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

/** Multipliers that were made here: nothing else is stored in their place. */
const made = new WeakSet<Constant>();

/** A MUL of the tensor with a vector along its last dimension. */
export function insertMultiply(target: Target, multiplier: Float32Array): Rewrite {
  const { graph } = target;
  const source = tensorOf(target);
  const vector = vectorTensor(target, multiplier, `${source.name ?? ''}_multiplier`);
  const tensor = addTensor(graph, { ...shapesOf(source), name: uniqueName(target, `${source.name ?? ''}_scaled`) });
  const operator: Operator = {
    ...operatorOf(codeOf(target, BuiltinOperator.MUL, 'MUL'), [target.tensor, vector], [tensor]),
    builtinOptions: { table: 'MulOptions', fusedActivationFunction: 0 },
  };
  return spliceChain(target, [operator], tensor, false);
}

/** A constant vector: one that is there already, or a new one. The original shares the bytes of any constant. */
function vectorTensor(target: Target, values: Float32Array, name: string): number {
  const { model, graph, conduct } = target;
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  let buffer = model.buffers.findIndex(
    (constant) =>
      constant?.sizeBytes === bytes.length &&
      (conduct.sharesParametersBlindly || made.has(constant)) &&
      sameBytes(constant.read(), bytes),
  );
  if (buffer < 0) {
    const constant = bytesConstant(bytes);
    made.add(constant);
    buffer = model.buffers.push(constant) - 1;
  }
  const known = graph.tensors.findIndex(
    (tensor) => tensor.buffer === buffer && tensor.type === TensorType.FLOAT32 && tensor.shape?.length === 1,
  );
  return known >= 0 ? known : addTensor(graph, { shape: [values.length], buffer, name: uniqueName(target, name) });
}

const sameBytes = (a: Uint8Array, b: Uint8Array): boolean => a.every((byte, i) => byte === b[i]);
