import type { ActivationUse, ErrorMeasure, RangeContext } from '../../calibration/ranges/context.ts';
import { consumers as consumersOf, producers as producersOf, tensorConstant } from '../../schema/graph.ts';
import type { Model, Subgraph } from '../../schema/model.ts';
import type { RangeFacts } from '../ops/index.ts';
import type { RecipeResolver } from '../recipe/types.ts';
import { CORRECT } from './conduct.ts';
import { decisions } from './decisions.ts';
import { type Protection, protectionKey } from './protection.ts';
import type { OperatorTask } from './task.ts';
import { BORDER } from './wish.ts';

/** One subgraph with what each of its operators becomes. */
interface PlannedGraph {
  readonly subgraph: Subgraph;
  readonly writers: readonly (number | undefined)[];
  readonly readers: readonly (readonly number[])[];
  readonly tasks: ReadonlyMap<number, OperatorTask>;
  /** Operators among them that compute in float all the same. */
  readonly protected: ReadonlySet<number>;
  /** Inputs and outputs that are quantized, by tensor. */
  readonly borders: ReadonlyMap<number, OperatorTask>;
}

/**
 * Answers the range rules' questions about a model under a recipe, from the operators' specs. Tensors that only
 * operators under protection touch stay float.
 */
export function rangeContext(model: Model, resolver: RecipeResolver, protection?: Protection): RangeContext {
  const graphs = plannedGraphs(model, resolver, protection);
  return {
    use: (subgraph, tensor) => {
      const graph = graphs[subgraph];
      return graph && useOf(model, graph, tensor);
    },
    reciprocalRootInput: (subgraph, tensor) => {
      const writer = writerOf(graphs[subgraph], tensor);
      return writer?.spec.ranges?.reciprocalRoot ? writer.inputs[0] : undefined;
    },
    summands: (subgraph, tensor) => summandsOf(model, graphs[subgraph], tensor),
    maskedSums: (subgraph, tensor) => maskedSumsOf(model, graphs[subgraph], tensor),
    origin: (subgraph, tensor) => originOf(graphs[subgraph], tensor),
  };
}

function plannedGraphs(model: Model, resolver: RecipeResolver, protection: Protection | undefined): PlannedGraph[] {
  const graphs = model.subgraphs.map((subgraph, index) => ({
    subgraph,
    writers: producersOf(subgraph),
    readers: consumersOf(subgraph),
    tasks: new Map<number, OperatorTask>(),
    protected: new Set(
      [...subgraph.operators.keys()].filter((operator) => protection?.has(protectionKey(index, operator))),
    ),
    borders: new Map<number, OperatorTask>(),
  }));
  for (const { decision } of decisions(model, resolver, CORRECT)) {
    const { task } = decision;
    const graph = graphs[task?.subgraphIndex ?? -1];
    if (!graph || task?.mode !== 'static') continue;
    if (task.operator !== BORDER) graph.tasks.set(task.operator, task);
    else for (const tensor of [...task.inputs, ...task.outputs]) graph.borders.set(tensor, task);
  }
  return graphs;
}

function writerOf(graph: PlannedGraph | undefined, tensor: number): OperatorTask | undefined {
  return graph?.tasks.get(graph.writers[tensor] ?? BORDER);
}

/** Operators come after those they read from, so that the way back ends. */
function originOf(graph: PlannedGraph | undefined, tensor: number): number {
  const writer = writerOf(graph, tensor);
  if (writer?.spec.scale !== 'same-as-input') return tensor;
  const data = writer.inputs.find((_, position) => !writer.spec.plainInputs.includes(position));
  return data === undefined || data === tensor ? tensor : originOf(graph, data);
}

/** Behind a sum with a constant stands the one activation that it shifts: its summands count. */
function summandsOf(model: Model, graph: PlannedGraph | undefined, tensor: number): readonly number[] {
  const writer = writerOf(graph, graph ? originOf(graph, tensor) : tensor);
  if (!graph || !writer?.spec.ranges?.sum) return [];
  const operands = writer.inputs.filter((input) => {
    const operand = graph.subgraph.tensors[input];
    return operand !== undefined && !tensorConstant(model, operand);
  });
  const [only, other] = operands;
  return only !== undefined && other === undefined ? summandsOf(model, graph, only) : operands;
}

/** Readers that add the tensor to another activation, all of them with sums that only a softmax reads. */
function maskedSumsOf(model: Model, graph: PlannedGraph | undefined, tensor: number): { sum: number; other: number }[] {
  const readers = graph?.readers[tensor] ?? [];
  if (!graph || graph.subgraph.outputs.includes(tensor)) return [];
  const sums = readers.flatMap((operator) => {
    const task = graph.tasks.get(operator);
    const [sum] = task?.outputs ?? [];
    const other = task?.inputs.find((input) => input !== tensor);
    if (!task?.spec.ranges?.shifts || sum === undefined || other === undefined) return [];
    return useOf(model, graph, sum)?.mask === true ? [{ sum, other }] : [];
  });
  return sums.length === readers.length ? sums : [];
}

function useOf(model: Model, graph: PlannedGraph, tensor: number): ActivationUse | undefined {
  const around = [graph.writers[tensor] ?? BORDER, ...(graph.readers[tensor] ?? [])];
  const rounding = around.filter((operator) => !graph.protected.has(operator));
  const [task] = [...rounding.flatMap((operator) => graph.tasks.get(operator) ?? []), graph.borders.get(tensor)];
  const activation = task?.config.activation;
  if (!activation) return undefined;
  const facts = readingFacts(model, graph, tensor, new Set());
  return {
    bits: activation.numBits === 16 ? 16 : 8,
    symmetric: activation.symmetric,
    measure: measureOf(facts, writerOf(graph, tensor)?.spec.ranges),
    mask: facts.length > 0 && facts.every((reading) => reading.facts?.ignoresLowValues === true),
    readAt: [...new Set(facts.map((reading) => reading.at))],
  };
}

/** One reader, seen through operators that only move values. */
interface Reading {
  /** Undefined for a reader nothing is known of, such as a graph output. */
  readonly facts: RangeFacts | undefined;
  readonly relative: boolean;
  /** The tensor that it reads. */
  readonly at: number;
}

function readingFacts(model: Model, graph: PlannedGraph, tensor: number, seen: Set<number>): Reading[] {
  if (seen.has(tensor)) return [];
  seen.add(tensor);
  const own: Reading[] = graph.subgraph.outputs.includes(tensor)
    ? [{ facts: undefined, relative: false, at: tensor }]
    : [];
  return own.concat(
    (graph.readers[tensor] ?? []).flatMap((operator) => {
      const task = graph.tasks.get(operator);
      if (!task) return [{ facts: undefined, relative: false, at: tensor }];
      if (task.spec.scale === 'same-as-input' && !task.spec.ranges?.averages) {
        return task.outputs.flatMap((output) => readingFacts(model, graph, output, seen));
      }
      return [{ facts: task.spec.ranges, relative: isRelative(model, graph, task, tensor), at: tensor }];
    }),
  );
}

/** The reader wants a factor, itself or behind the addition of a constant. */
function isRelative(model: Model, graph: PlannedGraph, task: OperatorTask, tensor: number): boolean {
  const facts = task.spec.ranges;
  if (facts?.relativeInputs?.some((position) => task.inputs[position] === tensor)) return true;
  if (!facts?.shifts) return false;
  const constant = task.inputs.some((input) => {
    const operand = graph.subgraph.tensors[input];
    return operand !== undefined && tensorConstant(model, operand) !== undefined;
  });
  const [output] = task.outputs;
  const behind = constant && output !== undefined ? (graph.readers[output] ?? []) : [];
  return behind.some((operator) => {
    const next = graph.tasks.get(operator);
    return next?.spec.ranges?.relativeInputs?.some((position) => next.inputs[position] === output) === true;
  });
}

function measureOf(readings: readonly Reading[], written: RangeFacts | undefined): ErrorMeasure {
  if (readings.some(({ relative }) => relative) || written?.reciprocalRoot) return { kind: 'relative' };
  const [first] = readings;
  const image = first?.facts?.image;
  if (image && readings.every(({ facts }) => facts?.image?.name === image.name)) return { kind: 'image', ...image };
  const parts = new Set(readings.map(({ facts }) => facts?.normalization));
  const normalized = parts.has('deviation') || (parts.has('average') && parts.has('application'));
  const isOutput = readings.some(({ facts }) => facts === undefined) && readings.length === 1;
  if (!isOutput && (normalized || written?.normalization === 'deviation')) return { kind: 'row-normalized' };
  return { kind: 'value' };
}
