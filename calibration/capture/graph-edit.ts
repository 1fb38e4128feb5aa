import type { Constant } from '../../schema/constant.ts';
import { BuiltinOperator, TensorType } from '../../schema/generated/tflite.ts';
import { findOrAddOperatorCode } from '../../schema/graph.ts';
import type { Model, Operator, Subgraph, Tensor } from '../../schema/model.ts';

/** Adds a tensor; without a constant it is an activation. */
export function addTensor(
  model: Model,
  subgraph: Subgraph,
  spec: { name: string; type: number; shape: readonly number[]; constant?: Constant },
): number {
  // Entry 0 of the buffers is empty by convention only.
  const empty = model.buffers.indexOf(undefined);
  const buffer = spec.constant || empty < 0 ? model.buffers.push(spec.constant) - 1 : empty;
  const tensor: Tensor = {
    name: spec.name,
    type: spec.type,
    shape: [...spec.shape],
    buffer,
    isVariable: false,
    hasRank: false,
    externalBuffer: 0,
  };
  return subgraph.tensors.push(tensor) - 1;
}

/** Appends CAST: a copy of a tensor, in the same type or another. Returns the result's index. */
export function appendCast(
  model: Model,
  subgraph: Subgraph,
  input: number,
  result: { name: string; type: number; shape: readonly number[] },
): number {
  const output = addTensor(model, subgraph, result);
  const inDataType = subgraph.tensors[input]?.type ?? 0;
  const options = { table: 'CastOptions', inDataType, outDataType: result.type } as const;
  subgraph.operators.push(unary(findOrAddOperatorCode(model, BuiltinOperator.CAST), input, output, options));
  return output;
}

/** Appends SHAPE in int32. Returns the result's index. */
export function appendShape(model: Model, subgraph: Subgraph, input: number, name: string): number {
  const shape = [subgraph.tensors[input]?.shape?.length ?? 0];
  const output = addTensor(model, subgraph, { name, type: TensorType.INT32, shape });
  const code = findOrAddOperatorCode(model, BuiltinOperator.SHAPE);
  subgraph.operators.push(unary(code, input, output, { table: 'ShapeOptions', outType: TensorType.INT32 }));
  return output;
}

const unary = (
  opcodeIndex: number,
  input: number,
  output: number,
  builtinOptions: NonNullable<Operator['builtinOptions']>,
): Operator => ({
  opcodeIndex,
  inputs: [input],
  outputs: [output],
  builtinOptions,
  customOptionsFormat: 0,
  debugMetadataIndex: -1,
});
