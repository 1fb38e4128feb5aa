import { cloneModel, signatures } from '../../schema/graph.ts';
import type { Model, Operator, Subgraph } from '../../schema/model.ts';
import type { TensorReference } from './reference.ts';

/** A copy of a model that computes the same, where the insides of composites are in the open. */
export interface InlinedModel {
  readonly model: Model;
  /** Where a tensor of the original is in the copy: inside a composite, once for each use of it. */
  readonly places: (reference: TensorReference) => readonly TensorReference[];
}

/** The subgraph that a composite stands for. */
export const compositeBody = ({ builtinOptions2: options }: Operator): number | undefined =>
  options?.table === 'StableHLOCompositeOptions' ? options.decompositionSubgraphIndex : undefined;

/** Every subgraph that some composite stands for. */
export const compositeBodies = ({ subgraphs }: Model): Set<number> =>
  new Set(subgraphs.flatMap(({ operators }) => operators.flatMap((operator) => compositeBody(operator) ?? [])));

/**
 * Puts the operators that composites stand for in their place, in the subgraphs of signatures. A composite whose body
 * hands an input on as it is, or writes one tensor to two results, stays.
 */
export function inlineComposites(model: Model): InlinedModel {
  if (compositeBodies(model).size === 0) return { model, places: (reference) => [reference] };
  const copy = cloneModel(model);
  const inliner = new Inliner(copy, model);
  for (const index of new Set(signatures(model).map(({ subgraph }) => subgraph))) inliner.open(index);
  return { model: copy, places: (reference) => inliner.places.get(keyOf(reference)) ?? [reference] };
}

const keyOf = ({ subgraph, tensor }: TensorReference) => `${subgraph}:${tensor}`;

class Inliner {
  readonly places = new Map<string, TensorReference[]>();
  readonly #copy: Model;
  readonly #original: Model;

  constructor(copy: Model, original: Model) {
    this.#copy = copy;
    this.#original = original;
  }

  open(index: number): void {
    const graph = this.#copy.subgraphs[index];
    if (!graph) return;
    graph.operators = graph.operators.flatMap((operator) => this.#opened(index, graph, operator, [index]));
  }

  /** The operators in the place of one. `path`: the subgraphs it is in, against a body that contains itself. */
  #opened(index: number, graph: Subgraph, operator: Operator, path: readonly number[]): Operator[] {
    const body = compositeBody(operator);
    const inner = body === undefined ? undefined : this.#original.subgraphs[body];
    if (body === undefined || !inner || path.includes(body) || !canOpen(inner, operator)) return [operator];
    const tensors = this.#place(index, graph, operator, body, inner);
    const moved = (list: readonly number[]) => list.map((tensor) => (tensor < 0 ? tensor : (tensors[tensor] ?? -1)));
    return inner.operators.flatMap((own) => {
      const { inputs, outputs, intermediates } = own;
      const entry = { ...own, inputs: moved(inputs), outputs: moved(outputs) };
      if (intermediates) entry.intermediates = moved(intermediates);
      return this.#opened(index, graph, entry, [...path, body]);
    });
  }

  /** Where each tensor of the body is in the graph: inputs and outputs are those of the composite, others are added. */
  #place(index: number, graph: Subgraph, operator: Operator, body: number, inner: Subgraph): number[] {
    const border = new Map<number, number>();
    inner.inputs.forEach((tensor, i) => {
      border.set(tensor, operator.inputs[i] ?? -1);
    });
    inner.outputs.forEach((tensor, i) => {
      border.set(tensor, operator.outputs[i] ?? -1);
    });
    return inner.tensors.map((tensor, t) => {
      const place = border.get(t) ?? graph.tensors.push(structuredClone(tensor)) - 1;
      const key = keyOf({ subgraph: body, tensor: t });
      if (place >= 0) this.places.set(key, [...(this.places.get(key) ?? []), { subgraph: index, tensor: place }]);
      return place;
    });
  }
}

/** What a composite stands for can take its place: as many operands and results, each result written once. */
export function canOpen({ inputs, outputs, operators }: Subgraph, operator: Operator): boolean {
  if (inputs.length !== operator.inputs.length || outputs.length !== operator.outputs.length) return false;
  const written = new Set(operators.flatMap((own) => own.outputs));
  return outputs.every((tensor, i) => written.has(tensor) && outputs.indexOf(tensor) === i);
}
