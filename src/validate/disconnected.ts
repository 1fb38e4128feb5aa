import { calledSubgraphs, dropUnreadConstants, hasPlainBytes } from '../../calibration/capture/liveness.ts';
import type { Constant } from '../../schema/constant.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { cloneModel, hasScales, isBlockwise, operatorName, tensorConstant } from '../../schema/graph.ts';
import type { Model, Operator, Subgraph, Tensor } from '../../schema/model.ts';
import { isTransparent, type Matching } from './matching.ts';
import { CODE_LIMITS } from './numbers.ts';

/** A quantized operator that is to be run alone, on the float model's values. */
export interface LoneOperator {
  /** Index in the quantized subgraph. */
  readonly position: number;
  readonly operator: string;
  /** How it computes. */
  readonly mode: 'integer' | 'dynamic' | 'weight-only';
  /** Float tensors of its outputs, by their position; undefined where there is no counterpart. */
  readonly outputs: readonly (number | undefined)[];
  /** Why it cannot be run alone. */
  readonly problem?: string;
}

/** Key of the only signature of a disconnected model. */
export const DISCONNECTED = 'disconnected';

/** A copy of a quantized subgraph in which no operator reads what another has made. */
export interface DisconnectedModel {
  readonly model: Model;
  /** Inputs by name: the quantized tensor they are a copy of. */
  readonly inputs: readonly { readonly name: string; readonly tensor: number }[];
  /** Outputs by name: which operator writes them, and the float tensor to compare with. */
  readonly outputs: readonly {
    readonly name: string;
    readonly operator: LoneOperator;
    readonly tensor: number;
    readonly float: number;
  }[];
}

/** The operators of a quantized subgraph that compute on codes or with stored weights. */
export function loneOperators(model: Model, matching: Matching): LoneOperator[] {
  const subgraph = matching.quantized;
  return matching.operators.flatMap(({ quantized: position, float }) => {
    const operator = subgraph.operators[position] as Operator;
    const mode = modeOf(model, subgraph, operator);
    if (mode === undefined) return [];
    const outputs = operator.outputs.map((_, index) => matching.float.operators[float]?.outputs[index]);
    const problem = obstacle(model, matching, operator);
    const common = { position, operator: operatorName(model, operator), mode, outputs };
    return [problem === undefined ? common : { ...common, problem }];
  });
}

function modeOf(model: Model, subgraph: Subgraph, operator: Operator): LoneOperator['mode'] | undefined {
  const constants: number[] = [];
  for (const index of [...operator.inputs, ...operator.outputs]) {
    const tensor = subgraph.tensors[index];
    if (tensor === undefined) continue;
    if (tensorConstant(model, tensor)) constants.push(index);
    else if (hasScales(tensor)) return 'integer';
  }
  const stored = (index: number) => {
    const tensor = subgraph.tensors[index];
    return tensor !== undefined && (hasScales(tensor) || isBlockwise(tensor) || tensor.type === TensorType.FLOAT16);
  };
  if (constants.some(stored)) return 'dynamic';
  const unpacked = operator.inputs.some((index) => stored(unpackedFrom(model, subgraph, index) ?? -1));
  return unpacked ? 'weight-only' : undefined;
}

/** The constant that a DEQUANTIZE makes a tensor from. */
function unpackedFrom(model: Model, subgraph: Subgraph, index: number): number | undefined {
  const producer = subgraph.operators.find((operator) => operator.outputs.includes(index));
  const source = producer && isTransparent(model, producer) ? producer.inputs[0] : undefined;
  const tensor = source === undefined ? undefined : subgraph.tensors[source];
  return tensor && tensorConstant(model, tensor) ? source : undefined;
}

function obstacle(model: Model, matching: Matching, operator: Operator): string | undefined {
  const { tensors } = matching.quantized;
  if (calledSubgraphs(operator).length > 0) return 'it runs a subgraph of its own';
  for (const index of [...operator.inputs, ...operator.outputs]) {
    const tensor = tensors[index];
    if (tensor === undefined || tensorConstant(model, tensor)) continue;
    if (tensor.isVariable) return 'it keeps state from run to run';
    if (!hasPlainBytes(tensor.type)) return 'its values cannot be given to an interpreter';
    if (hasScales(tensor) && CODE_LIMITS[tensor.type] === undefined) return 'it reads or writes codes of 32 bits';
  }
  for (const index of activations(model, matching.quantized, operator)) {
    const float = matching.counterpart(index);
    if (float === undefined) return 'it reads a value that the float model does not have';
    const [source, target] = [matching.float.tensors[float], tensors[index]];
    if (source && target && hasScales(source) && !sameCodes(source, target)) {
      return 'it reads a value that the first model holds in other codes';
    }
  }
  return undefined;
}

/** Two tensors whose bytes mean the same. */
function sameCodes(a: Tensor, b: Tensor): boolean {
  const numbers = ({ type, quantization }: Tensor) => `${type} ${quantization?.scale} ${quantization?.zeroPoint}`;
  return numbers(a) === numbers(b);
}

/** Operands that are neither constants nor unpacked from one. */
function activations(model: Model, subgraph: Subgraph, operator: Operator): number[] {
  return operator.inputs.filter((index) => {
    const tensor = subgraph.tensors[index];
    if (tensor === undefined || tensorConstant(model, tensor)) return false;
    return unpackedFrom(model, subgraph, index) === undefined;
  });
}

/** Float tensors that running these operators alone needs. */
export function neededFloats(model: Model, matching: Matching, operators: readonly LoneOperator[]): Set<number> {
  const needed = new Set<number>();
  for (const { position, outputs, problem } of operators) {
    if (problem !== undefined) continue;
    const operator = matching.quantized.operators[position] as Operator;
    for (const index of activations(model, matching.quantized, operator)) {
      const float = matching.counterpart(index);
      if (float !== undefined) needed.add(float);
    }
    for (const output of outputs) if (output !== undefined) needed.add(output);
  }
  return needed;
}

/** What the float run has found out about a sample's tensors. */
export interface SampleShapes {
  /** Shape of a float tensor; undefined where it was not captured. */
  readonly shapeOf: (floatTensor: number) => readonly number[] | undefined;
  /** Values of shapes and sizes that the quantized graph computes from shapes, by quantized tensor. */
  readonly operands: ReadonlyMap<number, Constant>;
}

/**
 * One model that runs all these operators at once, each on inputs of its own: every activation that any of them reads is
 * an input (same type and quantization as the tensor it stands for), every result an output, shapes are fixed.
 */
export function disconnectedModel(
  source: Model,
  subgraphIndex: number,
  matching: Matching,
  operators: readonly LoneOperator[],
  { shapeOf, operands }: SampleShapes,
): DisconnectedModel {
  const model = cloneModel({ ...source, subgraphs: [source.subgraphs[subgraphIndex] as Subgraph] });
  const subgraph = model.subgraphs[0] as Subgraph;
  for (const tensor of subgraph.tensors) delete tensor.shapeSignature;
  const inputs = new Map<number, number>();
  const unpacking = new Set<Operator>();
  const stand = (index: number): number => {
    const tensor = subgraph.tensors[index];
    if (tensor === undefined || tensorConstant(model, tensor)) return index;
    if (unpackedFrom(source, matching.quantized, index) !== undefined) {
      const producer = subgraph.operators.find((operator) => operator.outputs.includes(index));
      if (producer) unpacking.add(producer);
      return index;
    }
    const found = inputs.get(index);
    if (found !== undefined) return found;
    const shape = shapeOf(matching.counterpart(index) ?? -1) ?? tensor.shape ?? [];
    const operand = operands.get(index);
    const copy = { ...tensor, name: inputName(index), shape: [...shape], buffer: 0 };
    if (operand) copy.buffer = model.buffers.push(operand) - 1;
    const made = subgraph.tensors.push(copy) - 1;
    inputs.set(index, made);
    return made;
  };
  const chosen = operators.map(({ position }) => subgraph.operators[position] as Operator);
  for (const operator of chosen) operator.inputs = operator.inputs.map(stand);
  const outputs = operators.flatMap((operator, order) =>
    (chosen[order] as Operator).outputs.flatMap((tensor, position) => {
      const float = operator.outputs[position];
      const shape = float === undefined ? undefined : shapeOf(float);
      const entry = subgraph.tensors[tensor];
      if (float === undefined || shape === undefined || entry === undefined) return [];
      entry.shape = [...shape];
      return [{ name: outputName(tensor), operator, tensor, float }];
    }),
  );
  subgraph.operators = [...unpacking, ...chosen];
  const fed = [...inputs].filter(([index]) => !operands.has(index));
  subgraph.inputs = fed.map(([, made]) => made);
  subgraph.outputs = outputs.map(({ tensor }) => tensor);
  model.signatureDefs = [
    {
      signatureKey: DISCONNECTED,
      subgraphIndex: 0,
      inputs: fed.map(([index, made]) => ({ name: inputName(index), tensorIndex: made })),
      outputs: outputs.map(({ name, tensor }) => ({ name, tensorIndex: tensor })),
    },
  ];
  model.metadata = [];
  dropUnreadConstants(model);
  return { model, inputs: fed.map(([tensor]) => ({ name: inputName(tensor), tensor })), outputs };
}

const inputName = (tensor: number) => `in_${tensor}`;
const outputName = (tensor: number) => `out_${tensor}`;
