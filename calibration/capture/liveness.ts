import { TensorType } from '../../schema/generated/tflite.ts';
import { tensorConstant, typeBits } from '../../schema/graph.ts';
import type { Model, Operator, Subgraph, Tensor } from '../../schema/model.ts';

/** Subgraphs that an operator runs (loop bodies, branches, decompositions), by the fields of its options. */
export function calledSubgraphs(operator: Operator): number[] {
  const fields = [operator.builtinOptions, operator.builtinOptions2].flatMap((options) =>
    Object.entries(options ?? {}),
  );
  return fields
    .filter(([name]) => /^subgraph$|Subgraph(Index|Indices)$/.test(name))
    .flatMap(([, value]) => (typeof value === 'number' ? [value] : Array.from(value as ArrayLike<number>)));
}

/** Every subgraph that some operator runs. */
export function innerSubgraphs(model: Model): Set<number> {
  return new Set(model.subgraphs.flatMap((subgraph) => subgraph.operators.flatMap(calledSubgraphs)));
}

/**
 * The operators that must run so that these tensors get their values, in order: those that write them, what those need,
 * and operators with effects beyond their outputs (state), because a later run may depend on them.
 */
export function neededOperators(subgraph: Subgraph, tensors: Iterable<number>): Operator[] {
  const needed = new Set(tensors);
  const kept: Operator[] = [];
  for (const operator of subgraph.operators.toReversed()) {
    if (!hasEffects(subgraph, operator) && !operator.outputs.some((output) => needed.has(output))) continue;
    kept.push(operator);
    for (const input of operator.inputs) needed.add(input);
  }
  return kept.reverse();
}

/** Whether a run leaves something behind that a later one can see. */
export const keepsState = (subgraph: Subgraph): boolean =>
  subgraph.operators.some((operator) => hasEffects(subgraph, operator));

/** The operator reads or writes state: a variable tensor, a resource, or nothing the graph can see. */
function hasEffects(subgraph: Subgraph, operator: Operator): boolean {
  if (operator.outputs.length === 0) return true;
  return [...operator.inputs, ...operator.outputs].some((index) => {
    const tensor = subgraph.tensors[index];
    return tensor !== undefined && (tensor.isVariable || isHandle(tensor.type));
  });
}

const isHandle = (type: number) => type === TensorType.RESOURCE || type === TensorType.VARIANT;

/** Whether values of a type can leave the interpreter as they are: whole bytes, of a known size. */
export const hasPlainBytes = (type: number): boolean => (typeBits(type) ?? 0) >= 8;

/** Forgets constants that no remaining operator of the model reads, so that they are not written. */
export function dropUnreadConstants(model: Model): void {
  const read = new Set<number>();
  for (const subgraph of model.subgraphs) {
    const operands = subgraph.operators.flatMap((operator) => [
      ...operator.inputs,
      ...operator.outputs,
      ...(operator.intermediates ?? []),
    ]);
    for (const index of [...subgraph.inputs, ...subgraph.outputs, ...operands]) {
      for (const part of [index, ...blockTensors(subgraph.tensors[index])]) {
        const tensor = subgraph.tensors[part];
        if (tensor && tensorConstant(model, tensor)) read.add(tensor.buffer);
      }
    }
  }
  for (const entry of model.metadata ?? []) read.add(entry.buffer);
  model.buffers = model.buffers.map((constant, index) => (read.has(index) ? constant : undefined));
}

/** Scales and zero points of a blockwise quantized tensor are tensors of their own. */
function blockTensors(tensor: Tensor | undefined): number[] {
  const details = tensor?.quantization?.details;
  return details?.table === 'BlockwiseQuantization' ? [details.scales, details.zeroPoints] : [];
}
