import type { Constant } from '../../schema/constant.ts';
import {
  cloneModel,
  elementCount,
  producers,
  type SignatureView,
  signatureShape,
  signatures,
  tensorConstant,
} from '../../schema/graph.ts';
import type { Model, Operator, SignatureDef, Subgraph, Tensor } from '../../schema/model.ts';
import { fixedTensors } from './fixed.ts';
import { addTensor, appendCast } from './graph-edit.ts';
import { dropUnreadConstants, hasPlainBytes, innerSubgraphs, neededOperators } from './liveness.ts';
import type { InputShapes, SignatureShapes, TensorReference, UnreachableTensor } from './reference.ts';

export interface CaptureModelOptions {
  /** Shapes to fix inputs to. Free dimensions of other inputs become 1. */
  readonly shapes?: SignatureShapes;
  /** Shapes of tensors that follow from those of the inputs, where the file does not know them (see probe.ts). */
  readonly tensorShape?: (reference: TensorReference) => readonly number[] | undefined;
  /** Values of integer tensors that follow from the shapes of the inputs: their readers get a constant instead. */
  readonly operand?: (reference: TensorReference) => Constant | undefined;
}

/** One signature of a captured model and what it gives. */
export interface CapturedSignature {
  readonly key: string;
  /** Subgraph of the original model. */
  readonly subgraph: number;
  /** The tensor of the original behind each input of the copy, in its order; `name` is what the feed calls it. */
  readonly inputs: readonly { readonly name: string; readonly tensor: number; readonly shape: readonly number[] }[];
  /** What the outputs of the copy are in the original, in the copy's order. Empty: the copy lacks this signature. */
  readonly outputs: readonly CapturedOutput[];
  /** Wanted tensors that are inputs of the signature: their values are those of the feed. */
  readonly wantedInputs: readonly number[];
}

export interface CapturedOutput extends TensorReference {
  /** Name of the copy's signature output. */
  readonly name: string;
  /** False for an output that is there because the interpreter needs one. */
  readonly wanted: boolean;
}

export interface CapturedModel {
  /** To be serialised; its constants are the original's handles. */
  readonly model: Model;
  readonly signatures: readonly CapturedSignature[];
  /** Wanted tensors that no rewriting brings out. */
  readonly unreachable: readonly UnreachableTensor[];
}

/**
 * A copy of a model whose outputs are the wanted tensors: interpreters show nothing but outputs. Shapes are fixed,
 * signatures agree with their subgraphs (a model without any gets one), operators that no wanted tensor needs are gone.
 * Wanted inputs are not made outputs: their values are those of the feed. The original is not changed.
 */
export function captureModel(
  model: Model,
  wanted: Iterable<TensorReference>,
  options: CaptureModelOptions = {},
): CapturedModel {
  const views = signatures(model);
  const copy = cloneModel(model);
  const targets = separateSubgraphs(copy, views);
  const { bySubgraph, unreachable } = sortWanted(model, views, wanted);
  for (const subgraph of copy.subgraphs) for (const tensor of subgraph.tensors) delete tensor.shapeSignature;
  const captured = views.map((view, index) => {
    const subgraph = copy.subgraphs[targets[index] ?? 0] as Subgraph;
    fixInputs(model, subgraph, view, options.shapes?.[view.key] ?? {});
    return { view, subgraph, target: targets[index] ?? 0 };
  });
  const outputs = new Map<number, CapturedOutput[]>();
  for (const { view, subgraph, target } of captured) {
    if (outputs.has(target)) continue;
    outputs.set(target, promote(copy, subgraph, view.subgraph, bySubgraph.get(view.subgraph) ?? new Set(), options));
  }
  const described = captured.map(({ view, subgraph, target }) => ({
    ...describeSignature(view, subgraph, bySubgraph.get(view.subgraph) ?? new Set()),
    outputs: outputs.get(target) ?? [],
  }));
  copy.signatureDefs = described
    .map((signature, index) => signatureDefinition(copy, signature, targets[index] ?? 0))
    .filter((definition) => definition.outputs.length > 0);
  dropUnreadConstants(copy);
  return { model: copy, signatures: described, unreachable };
}

/**
 * The subgraph of the copy that each signature runs. A subgraph that an operator runs too keeps its outputs, so the
 * signature gets a twin of it.
 */
function separateSubgraphs(copy: Model, views: readonly SignatureView[]): number[] {
  const inner = innerSubgraphs(copy);
  const twins = new Map<number, number>();
  return views.map(({ subgraph }) => {
    if (!inner.has(subgraph)) return subgraph;
    const twin = twins.get(subgraph) ?? copy.subgraphs.push(structuredClone(copy.subgraphs[subgraph] as Subgraph)) - 1;
    twins.set(subgraph, twin);
    return twin;
  });
}

function sortWanted(model: Model, views: readonly SignatureView[], wanted: Iterable<TensorReference>) {
  const inner = innerSubgraphs(model);
  const main = new Set(views.map((view) => view.subgraph));
  const writers = new Map([...main].map((index) => [index, producers(model.subgraphs[index] as Subgraph)]));
  const bySubgraph = new Map<number, Set<number>>();
  const unreachable: UnreachableTensor[] = [];
  for (const { subgraph, tensor } of wanted) {
    const reason = obstacle(model, main, inner, writers.get(subgraph), { subgraph, tensor });
    if (reason !== undefined) {
      unreachable.push({ subgraph, tensor, reason });
      continue;
    }
    const set = bySubgraph.get(subgraph) ?? new Set();
    bySubgraph.set(subgraph, set.add(tensor));
  }
  return { bySubgraph, unreachable };
}

function obstacle(
  model: Model,
  main: ReadonlySet<number>,
  inner: ReadonlySet<number>,
  writers: readonly (number | undefined)[] | undefined,
  reference: TensorReference,
): UnreachableTensor['reason'] | undefined {
  const subgraph = model.subgraphs[reference.subgraph];
  const tensor = subgraph?.tensors[reference.tensor];
  if (subgraph === undefined || tensor === undefined) return 'missing';
  if (tensorConstant(model, tensor)) return 'constant';
  if (!main.has(reference.subgraph)) return inner.has(reference.subgraph) ? 'inner' : 'unused';
  if (!hasPlainBytes(tensor.type)) return 'type';
  if (subgraph.inputs.includes(reference.tensor)) return undefined;
  if (tensor.isVariable) return 'variable';
  if (writers?.[reference.tensor] === undefined) return 'unwritten';
  return elementCount(tensor.shape) === 0 ? 'empty' : undefined;
}

/** Gives the inputs of the copy the shapes of the feed, or else the model's with 1 for free dimensions. */
function fixInputs(model: Model, subgraph: Subgraph, view: SignatureView, shapes: InputShapes): void {
  const original = model.subgraphs[view.subgraph] as Subgraph;
  for (const index of subgraph.inputs) {
    const tensor = subgraph.tensors[index];
    const source = original.tensors[index];
    if (!tensor || !source) continue;
    const name = view.inputs.find((input) => input.tensor === index)?.name;
    const given = name === undefined ? undefined : shapes[name];
    if (given) tensor.shape = [...given];
    else if (source.shape) tensor.shape = signatureShape(source).map((length) => (length < 0 ? 1 : length));
  }
}

/** Makes the wanted tensors the outputs of a subgraph, in the order they are written, and drops what they do not need. */
function promote(
  copy: Model,
  subgraph: Subgraph,
  original: number,
  wanted: ReadonlySet<number>,
  options: CaptureModelOptions,
): CapturedOutput[] {
  const inputs = new Set(subgraph.inputs);
  const writers = producers(subgraph);
  const fixed = fixedTensors(copy, subgraph);
  const promoted = [...wanted]
    .filter((tensor) => !inputs.has(tensor))
    .sort((a, b) => (writers[a] ?? 0) - (writers[b] ?? 0) || a - b);
  const chosen = promoted.length > 0 ? promoted : standIn(subgraph, writers, fixed);
  placeOperands(copy, subgraph, original, options);
  const count = subgraph.operators.length;
  const outputs = chosen.map((index) => {
    const tensor = subgraph.tensors[index] as Tensor;
    tensor.shape = [...(options.tensorShape?.({ subgraph: original, tensor: index }) ?? tensor.shape ?? [])];
    // What is computed once, while the interpreter prepares, is not written to an output; a copy of it is.
    return fixed.has(index)
      ? appendCast(copy, subgraph, index, { name: '', type: tensor.type, shape: tensor.shape })
      : index;
  });
  subgraph.operators = behindWriters(subgraph.operators.slice(0, count), subgraph.operators.slice(count));
  subgraph.operators = neededOperators(subgraph, outputs);
  subgraph.inputs = [...inputs];
  subgraph.outputs = outputs;
  return chosen.map((tensor) => ({
    subgraph: original,
    tensor,
    name: `tensor_${tensor}`,
    wanted: promoted.length > 0,
  }));
}

/** Puts operators that copy a tensor behind the one that writes it. */
const behindWriters = (operators: readonly Operator[], copies: readonly Operator[]): Operator[] =>
  operators.flatMap((operator) => [
    operator,
    ...copies.filter(({ inputs: [input = -1] }) => operator.outputs.includes(input)),
  ]);

/** Gives operators constants for operands that follow from shapes. */
function placeOperands(copy: Model, subgraph: Subgraph, original: number, options: CaptureModelOptions): void {
  const { operand } = options;
  if (operand === undefined) return;
  const placed = new Map<number, number>();
  for (const operator of subgraph.operators) {
    operator.inputs = operator.inputs.map((input) => {
      const constant = operand({ subgraph: original, tensor: input });
      const tensor = subgraph.tensors[input];
      if (constant === undefined || tensor === undefined) return input;
      const { name = '', type, shape = [] } = tensor;
      const index = placed.get(input) ?? addTensor(copy, subgraph, { name, type, shape, constant });
      placed.set(input, index);
      return index;
    });
  }
}

/** An interpreter wants at least one output: an old one, or else the first tensor that is written. */
function standIn(subgraph: Subgraph, writers: readonly (number | undefined)[], fixed: ReadonlySet<number>): number[] {
  const fits = (index: number) => {
    const tensor = subgraph.tensors[index];
    return writers[index] !== undefined && tensor !== undefined && hasPlainBytes(tensor.type) && !tensor.isVariable;
  };
  const candidates = [...subgraph.outputs, ...subgraph.operators.flatMap((operator) => operator.outputs)].filter(fits);
  const found = candidates.find((index) => !fixed.has(index)) ?? candidates[0];
  return found === undefined ? [] : [found];
}

function describeSignature(view: SignatureView, subgraph: Subgraph, wanted: ReadonlySet<number>) {
  const taken = new Set(view.inputs.map((input) => input.name));
  const inputs = subgraph.inputs.map((tensor) => {
    const declared = view.inputs.find((input) => input.tensor === tensor)?.name;
    const name = declared ?? unused(taken, subgraph.tensors[tensor]?.name || `tensor_${tensor}`);
    return { name, tensor, shape: subgraph.tensors[tensor]?.shape ?? [] };
  });
  return {
    key: view.key,
    subgraph: view.subgraph,
    inputs,
    wantedInputs: subgraph.inputs.filter((tensor) => wanted.has(tensor)),
  };
}

function unused(taken: Set<string>, name: string): string {
  let candidate = name;
  for (let suffix = 1; taken.has(candidate); suffix += 1) candidate = `${name}_${suffix}`;
  taken.add(candidate);
  return candidate;
}

const signatureDefinition = (copy: Model, signature: CapturedSignature, subgraphIndex: number): SignatureDef => ({
  signatureKey: signature.key,
  subgraphIndex,
  inputs: signature.inputs.map(({ name, tensor }) => ({ name, tensorIndex: tensor })),
  outputs: signature.outputs.map(({ name }, position) => ({
    name,
    tensorIndex: copy.subgraphs[subgraphIndex]?.outputs[position] ?? 0,
  })),
});
