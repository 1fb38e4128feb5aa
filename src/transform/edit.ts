import { bytesConstant } from '../../schema/constant.ts';
import { AeqError } from '../../schema/errors.ts';
import { BuiltinOperator, TensorType } from '../../schema/generated/tflite.ts';
import { findOrAddOperatorCode } from '../../schema/graph.ts';
import type { Model, Operator, Subgraph, Tensor } from '../../schema/model.ts';
import { float16Constant } from '../algorithms/constants.ts';
import { storedType, type TensorParameters } from '../algorithms/parameters.ts';
import type { Conduct } from '../plan/conduct.ts';

/** Where an edit happens: a tensor, the operators that read it and are meant, and its writer. */
export interface Target {
  readonly model: Model;
  readonly conduct: Conduct;
  /** Constants as they were before any step. */
  readonly originals: Model['buffers'];
  readonly subgraph: number;
  readonly graph: Subgraph;
  readonly tensor: number;
  readonly consumers: readonly Operator[];
  /** The graph's output is among the readers that are meant. */
  readonly isOutput: boolean;
  readonly producer?: Operator;
}

/** Where the readers of an edit find their value now. */
export interface Rewrite {
  readonly tensor: number;
  readonly producer?: Operator;
}

/** Marks the tensor as quantized and puts the codes in its buffer, where it is a constant. */
export function storeTensor(target: Target, parameters: TensorParameters): void {
  const tensor = tensorOf(target);
  if (parameters.data && tensor.buffer !== 0) target.model.buffers[tensor.buffer] = parameters.data;
  tag(target, tensor, parameters);
}

/** A QUANTIZE that writes the tensor's value with these parameters. */
export function insertQuantize(target: Target, parameters: TensorParameters): Rewrite {
  const rewrite = insertOperator(target, BuiltinOperator.QUANTIZE, '_quantized');
  const created = target.graph.tensors[rewrite.tensor];
  if (created) tag(target, created, parameters);
  return rewrite;
}

/** A DEQUANTIZE that writes the tensor's value as float32. */
export function insertDequantize(target: Target): Rewrite {
  return insertOperator(target, BuiltinOperator.DEQUANTIZE, '_dequant');
}

/** A copy of a constant for these readers. */
export function copyTensor(target: Target): Rewrite {
  const source = tensorOf(target);
  const { model, graph } = target;
  const constant = bytesToCopy(target, source.buffer);
  if (!constant) {
    throw new AeqError('PLAN_CONFLICT', `the activation ${source.name} would have to be copied`, {
      where: { subgraph: target.subgraph, tensor: source.name ?? '' },
    });
  }
  model.buffers.push(constant);
  const { quantization: _, ...rest } = source;
  const name = uniqueName(target, `${source.name}_duplicated_${graph.tensors.length}`);
  graph.tensors.push({ ...structuredClone(rest), name, buffer: model.buffers.length - 1 });
  const tensor = graph.tensors.length - 1;
  for (const consumer of target.consumers) {
    const at = consumer.inputs.indexOf(target.tensor);
    if (at >= 0) consumer.inputs[at] = tensor;
  }
  if (target.isOutput && !target.conduct.rewiresOutputsOriginally) rewireOutputs(target, tensor);
  return { tensor };
}

/** A copy of the bytes for this tensor, which shared them with others. */
export function copyBuffer(target: Target): void {
  const tensor = tensorOf(target);
  target.model.buffers.push(bytesToCopy(target, tensor.buffer));
  tensor.buffer = target.model.buffers.length - 1;
}

/** The float bytes; the original copies what is there, which may have been stored for another tensor already. */
function bytesToCopy({ model, conduct, originals }: Target, buffer: number) {
  return (conduct.repairsSharingCoarsely ? undefined : originals[buffer]) ?? model.buffers[buffer];
}

export function tensorOf({ graph, tensor }: Target): Tensor {
  const found = graph.tensors[tensor];
  if (!found) throw new RangeError(`no tensor ${tensor}`);
  return found;
}

/** Type and quantization fields of the file for these parameters. */
function tag(target: Target, tensor: Tensor, parameters: TensorParameters): void {
  tensor.type = storedType(parameters);
  if (parameters.kind === 'float16') return;
  if (parameters.blockSize > 0) {
    const scales = addBlockScales(target, tensor, parameters);
    const details = {
      table: 'BlockwiseQuantization',
      scales,
      zeroPoints: -1,
      blockSize: parameters.blockSize,
    } as const;
    tensor.quantization = { details, quantizedDimension: 0 };
    return;
  }
  tensor.quantization = {
    scale: new Float32Array(parameters.scales),
    zeroPoint: bigIntegers(parameters.zeroPoints),
    quantizedDimension: parameters.axis ?? 0,
  };
}

/** Most are 0, which they are by themselves. */
function bigIntegers(values: Float64Array): BigInt64Array {
  const result = new BigInt64Array(values.length);
  for (let i = 0; i < values.length; i += 1) if (values[i] !== 0) result[i] = BigInt(values[i] as number);
  return result;
}

/** The scales of blocks are a constant tensor of their own. */
function addBlockScales(target: Target, tensor: Tensor, { scales, shape }: TensorParameters): number {
  const floats = scales instanceof Float32Array ? scales : Float32Array.from(scales);
  const bytes = new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);
  target.model.buffers.push(float16Constant(bytesConstant(bytes)));
  return addTensor(target.graph, {
    shape: [...shape],
    type: TensorType.FLOAT16,
    buffer: target.model.buffers.length - 1,
    name: uniqueName(target, `${tensor.name}_scales`),
  });
}

/** Puts an operator with one input and one output between the tensor and the readers that are meant. */
function insertOperator(target: Target, builtin: number, suffix: string): Rewrite {
  const { graph, model, conduct } = target;
  const source = tensorOf(target);
  const opcodeIndex = findOrAddOperatorCode(model, builtin);
  const signature = conduct.namesOriginally ? undefined : source.shapeSignature;
  const tensor = addTensor(graph, {
    shape: [...(source.shape ?? [])],
    ...(signature ? { shapeSignature: [...signature] } : {}),
    name: uniqueName(target, `${source.name}${suffix}`),
    hasRank: source.hasRank,
  });
  const inserted = operatorOf(opcodeIndex, [target.tensor], [tensor]);
  return spliceChain(target, [inserted], tensor, conduct.rewiresOutputsOriginally || target.isOutput);
}

/** Appends a tensor, by default a float32 activation, and returns its index. */
export function addTensor(graph: Subgraph, tensor: Partial<Tensor>): number {
  const usual = { type: TensorType.FLOAT32, buffer: 0, isVariable: false, hasRank: false, externalBuffer: 0 };
  graph.tensors.push({ ...usual, ...tensor });
  return graph.tensors.length - 1;
}

/** The shape fields of a tensor like this one. */
export const shapesOf = ({ shape = [], shapeSignature, hasRank }: Tensor): Partial<Tensor> => ({
  shape: [...shape],
  ...(shapeSignature ? { shapeSignature: [...shapeSignature] } : {}),
  hasRank,
});

/**
 * The number of an operator's code. The original looks them up by a name that files do not have, so it adds entries of its
 * own.
 */
export function codeOf({ model, conduct }: Target, builtin: number, name: string): number {
  if (!conduct.namesOriginally) return findOrAddOperatorCode(model, builtin);
  const found = model.operatorCodes.findIndex((code) => code.builtinCode === builtin && code.customCode === name);
  if (found >= 0) return found;
  return addCode(model, builtin, name);
}

/** A new operator code, with a name. */
export const addCode = ({ operatorCodes }: Model, builtinCode: number, name: string): number =>
  operatorCodes.push({ deprecatedBuiltinCode: builtinCode, customCode: name, version: 1, builtinCode }) - 1;

export const operatorOf = (opcodeIndex: number, inputs: number[], outputs: number[]): Operator => ({
  opcodeIndex,
  inputs,
  outputs,
  customOptionsFormat: 0,
  debugMetadataIndex: -1,
});

/**
 * Puts operators that compute `tensor` from the target's tensor into the graph: the readers that are meant read it, and
 * where `outputs` is set the graph's outputs show it.
 */
export function spliceChain(target: Target, chain: readonly Operator[], tensor: number, outputs: boolean): Rewrite {
  const { graph, conduct } = target;
  const place = insertionPlace(target);
  for (const consumer of readersToRewire(target)) {
    consumer.inputs = consumer.inputs.map((input) => (input === target.tensor ? tensor : input));
  }
  if (outputs && conduct.rewiresOutputsOriginally) {
    graph.outputs = graph.outputs.map((output) => (output === target.tensor ? tensor : output));
  } else if (outputs) rewireOutputs(target, tensor);
  graph.operators.splice(place, 0, ...chain);
  const producer = chain.at(-1);
  return producer ? { tensor, producer } : { tensor };
}

/** Right before the first reader that is meant, or right after the writer when the graph's output is meant. */
function insertionPlace({ graph, consumers, isOutput, producer }: Target): number {
  const after = producer ? graph.operators.indexOf(producer) + 1 : 0;
  if (isOutput || consumers.length === 0) return after;
  return Math.max(after, Math.min(...consumers.map((consumer) => graph.operators.indexOf(consumer))));
}

/** The original takes "the graph's output" for the last operator of the graph, and rewires that as well. */
function readersToRewire({ graph, consumers, isOutput, conduct }: Target): readonly Operator[] {
  const last = graph.operators.at(-1);
  return isOutput && conduct.rewiresOutputsOriginally && last ? [...consumers, last] : consumers;
}

/** The graph's outputs and the signatures' show the new tensor in place of the old one. */
function rewireOutputs({ model, graph, subgraph, tensor: old }: Target, tensor: number): void {
  graph.outputs = graph.outputs.map((output) => (output === old ? tensor : output));
  for (const signature of model.signatureDefs ?? []) {
    if (signature.subgraphIndex !== subgraph) continue;
    for (const output of signature.outputs) if (output.tensorIndex === old) output.tensorIndex = tensor;
  }
}

/** Names identify tensors in reports and calibration files: a second tensor of a name gets a number. */
export function uniqueName({ graph, conduct }: Target, name: string): string {
  return conduct.namesOriginally ? name : freeName(graph, name);
}

/** The name, with a number where a tensor of the graph has it already. */
export function freeName(graph: Subgraph, name: string): string {
  const taken = new Set(graph.tensors.map((tensor) => tensor.name));
  let candidate = name;
  for (let n = 1; taken.has(candidate); n += 1) candidate = `${name}_${n}`;
  return candidate;
}
