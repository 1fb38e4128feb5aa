import type { TensorValue } from '../../datasets/sample.ts';
import { cloneModel, elementCount, producers, storedBytes, tensorConstant } from '../../schema/graph.ts';
import type { Model, Operator, Subgraph } from '../../schema/model.ts';
import type { TensorView } from '../runtime/runtime.ts';
import { fixedTensors } from './fixed.ts';
import { dropUnreadConstants } from './liveness.ts';
import type { CapturedModel, CapturedOutput, CapturedSignature } from './rewrite.ts';

/** A stretch of a captured model's operators, as a model of its own. */
export interface Segment {
  /** Its one signature takes some of the whole model's inputs, and tensors of earlier segments. */
  readonly captured: CapturedModel;
  /** Outputs that later segments take: the names that these have for them, by their own. */
  readonly carried: ReadonlyMap<string, string>;
}

/** What later segments need of one, copied out of the way of their outputs; the same copies serve for every sample. */
export class Carried {
  readonly #names: Segment['carried'];
  readonly #copies = new Map<string, Uint8Array<ArrayBuffer>>();

  constructor(names: Segment['carried']) {
    this.#names = names;
  }

  /** Puts values for later segments into their feed. */
  keep(memory: WebAssembly.Memory, outputs: readonly TensorView[], feed: Record<string, TensorValue>): void {
    for (const { name, type, shape, byteOffset, sizeBytes } of outputs) {
      const target = this.#names.get(name);
      if (target === undefined) continue;
      const copy = this.#copies.get(target) ?? new Uint8Array(sizeBytes);
      this.#copies.set(target, copy);
      copy.set(new Uint8Array(memory.buffer, byteOffset, sizeBytes));
      feed[target] = { type, shape, data: copy };
    }
  }
}

/** How a model is to be cut. */
export interface Cutting {
  /** What the wanted tensors of a segment come to, about. */
  readonly segmentBytes: number;
  /** Most to carry over, as a part of what a segment computes. */
  readonly mostCarried: number;
}

/**
 * Cuts a captured model with one signature into stretches, or undefined where there is nothing to cut. Only what is an
 * output anyway is carried over, so that the interpreter computes the same operators on the same operands, cut or not.
 * (Of stretches of a single operator, the native interpreter has been seen to choose another kernel, whose sums differ in
 * the last bit.)
 */
export function cutIntoSegments(whole: CapturedModel, cutting: Cutting): Segment[] | undefined {
  const [signature, ...others] = whole.signatures;
  const subgraph = whole.model.subgraphs[whole.model.signatureDefs?.[0]?.subgraphIndex ?? -1];
  if (!signature || others.length > 0 || !subgraph) return undefined;
  const graph = new Stretches(whole.model, subgraph, signature);
  const cuts = chooseCuts(graph, cutting);
  if (cuts.length === 0) return undefined;
  const bounds = [0, ...cuts, subgraph.operators.length];
  const names = new CarriedNames(signature);
  return bounds
    .slice(1)
    .map((end, index) => segment(whole, signature, graph, { start: bounds[index] ?? 0, end }, names));
}

/** A captured subgraph as a row of operators: what each computes, and what must be carried over each place between two. */
class Stretches {
  readonly subgraph: Subgraph;
  /** Bytes of outputs that operators write. */
  readonly written: readonly number[];
  /** By place (before the operator of that number): bytes to carry over; infinite where some tensor cannot be. */
  readonly carried: readonly number[];
  /** By tensor: the operator that writes it; undefined for inputs and constants. */
  readonly writer: readonly (number | undefined)[];
  /** Operators that compute the same from constants for every sample: whichever segment needs one has it. */
  readonly constant: ReadonlySet<number>;
  /** By tensor: the last operator that reads it. */
  readonly lastReader: ReadonlyMap<number, number>;
  readonly #outputs: ReadonlyMap<number, CapturedOutput>;

  constructor(model: Model, subgraph: Subgraph, signature: CapturedSignature) {
    this.subgraph = subgraph;
    this.#outputs = new Map(subgraph.outputs.map((tensor, i) => [tensor, signature.outputs[i] as CapturedOutput]));
    this.writer = producers(subgraph);
    const fixed = fixedTensors(model, subgraph);
    this.constant = constantOperators(model, subgraph, fixed);
    const lastReader = new Map<number, number>();
    for (const [index, { inputs }] of subgraph.operators.entries()) for (const t of inputs) lastReader.set(t, index);
    this.lastReader = lastReader;
    const sizes = subgraph.tensors.map(({ shape, type }) => storedBytes(type, elementCount(shape)) ?? 0);
    this.written = subgraph.operators.map(({ outputs }) =>
      outputs.reduce((sum, tensor) => sum + (this.#outputs.has(tensor) ? (sizes[tensor] ?? 0) : 0), 0),
    );
    this.carried = this.#carried(sizes, fixed);
  }

  /** The output that an operator writes into this tensor, if it is one. */
  output(tensor: number): CapturedOutput | undefined {
    return this.#outputs.get(tensor);
  }

  #carried(sizes: readonly number[], fixed: ReadonlySet<number>): number[] {
    const carried = new Array<number>(this.subgraph.operators.length + 1).fill(0);
    for (const [tensor, last] of this.lastReader) {
      const first = this.writer[tensor];
      if (first === undefined || this.constant.has(first)) continue;
      // What is computed while the interpreter prepares (a shape, say) must stay so.
      const bytes = this.#outputs.has(tensor) && !fixed.has(tensor) ? (sizes[tensor] ?? 0) : Number.POSITIVE_INFINITY;
      for (let place = first + 1; place <= last; place += 1) carried[place] = (carried[place] ?? 0) + bytes;
    }
    return carried;
  }
}

/** Operators of which all operands are constants or results of such operators. */
function constantOperators(model: Model, subgraph: Subgraph, fixed: ReadonlySet<number>): Set<number> {
  const found = new Set<number>();
  const known = new Set(subgraph.tensors.flatMap((tensor, index) => (tensorConstant(model, tensor) ? [index] : [])));
  for (const [index, { inputs, outputs }] of subgraph.operators.entries()) {
    const settled = inputs.every((input) => input < 0 || known.has(input));
    if (!settled || !outputs.every((output) => fixed.has(output))) continue;
    found.add(index);
    for (const output of outputs) known.add(output);
  }
  return found;
}

/** The operators of a stretch, and those for its constants from before it, in order. */
function operatorsOf({ subgraph, writer, constant }: Stretches, { start, end }: Stretch): Operator[] {
  const needed = new Set<number>();
  const add = (index: number) => {
    for (const input of subgraph.operators[index]?.inputs ?? []) {
      const from = writer[input] ?? start;
      if (from >= start || needed.has(from) || !constant.has(from)) continue;
      needed.add(from);
      add(from);
    }
  };
  for (let index = start; index < end; index += 1) add(index);
  return [...[...needed].sort((a, b) => a - b), ...range(start, end)].map(
    (index) => subgraph.operators[index] as Operator,
  );
}

const range = (start: number, end: number) => Array.from({ length: end - start }, (_, i) => start + i);

/** Operators from `start` up to but not including `end`. */
interface Stretch {
  readonly start: number;
  readonly end: number;
}

/**
 * Places to cut at: from half a segment on the one with the least to carry over, before the segment grows too large. Where
 * only a place before the half is left, that one.
 */
function chooseCuts({ written, carried }: Stretches, { segmentBytes, mostCarried }: Cutting): number[] {
  const cuts: number[] = [];
  let used = 0;
  let best: number | undefined;
  for (let place = 1; place < written.length; place += 1) {
    used += written[place - 1] ?? 0;
    const full = used + (written[place] ?? 0) > segmentBytes;
    const cost = carried[place] ?? 0;
    const possible = cost <= mostCarried * used && cost < Number.POSITIVE_INFINITY;
    const late = used >= segmentBytes / 2 || (full && best === undefined);
    if (possible && late && cost <= (carried[best ?? -1] ?? cost)) best = place;
    if (!full || best === undefined) continue;
    cuts.push(best);
    place = best;
    used = 0;
    best = undefined;
  }
  return cuts;
}

/** Names of carried tensors as inputs, different from those of the signature's own inputs. */
class CarriedNames {
  readonly #taken: ReadonlySet<string>;

  constructor(signature: CapturedSignature) {
    this.#taken = new Set(signature.inputs.map(({ name }) => name));
  }

  of(tensor: number): string {
    let name = `carried_${tensor}`;
    while (this.#taken.has(name)) name += '_';
    return name;
  }
}

function segment(
  whole: CapturedModel,
  signature: CapturedSignature,
  graph: Stretches,
  stretch: Stretch,
  names: CarriedNames,
): Segment {
  const model = cloneModel(whole.model);
  const subgraphIndex = model.signatureDefs?.[0]?.subgraphIndex ?? 0;
  const subgraph = model.subgraphs[subgraphIndex] as Subgraph;
  const operators = graph.subgraph.operators.slice(stretch.start, stretch.end);
  const inputs = inputsOf(signature, graph, stretch, names);
  const written = operators.flatMap((operator) => operator.outputs).filter((tensor) => graph.output(tensor));
  const outputs = written.map((tensor) => graph.output(tensor) as CapturedOutput);
  subgraph.operators = operatorsOf(graph, stretch);
  subgraph.inputs = inputs.map(({ tensor }) => tensor);
  subgraph.outputs = written;
  model.signatureDefs = [
    {
      signatureKey: signature.key,
      subgraphIndex,
      inputs: inputs.map(({ name, tensor }) => ({ name, tensorIndex: tensor })),
      outputs: written.map((tensor, i) => ({ name: outputs[i]?.name ?? '', tensorIndex: tensor })),
    },
  ];
  dropUnreadConstants(model);
  // A wanted input is shown by the first segment that takes it.
  const before = new Set(graph.subgraph.operators.slice(0, stretch.start).flatMap((operator) => operator.inputs));
  const taken = new Set(inputs.map(({ tensor }) => tensor));
  const wantedInputs = signature.wantedInputs.filter((tensor) => taken.has(tensor) && !before.has(tensor));
  const later = written.filter((tensor) => (graph.lastReader.get(tensor) ?? 0) >= stretch.end);
  return {
    captured: { ...whole, model, signatures: [{ ...signature, inputs, outputs, wantedInputs }] },
    carried: new Map(later.map((tensor) => [graph.output(tensor)?.name ?? '', names.of(tensor)])),
  };
}

/** What a stretch takes: inputs of the signature (the first stretch also those that nothing reads) and carried tensors. */
function inputsOf(
  signature: CapturedSignature,
  { subgraph, writer, constant, lastReader }: Stretches,
  { start, end }: Stretch,
  names: CarriedNames,
): CapturedSignature['inputs'] {
  const read = new Set(subgraph.operators.slice(start, end).flatMap(({ inputs }) => inputs));
  const own = signature.inputs.filter(({ tensor }) => read.has(tensor) || (start === 0 && !lastReader.has(tensor)));
  const earlier = [...read].filter((tensor) => {
    const from = writer[tensor] ?? start;
    return from < start && !constant.has(from);
  });
  const carried = earlier.map((tensor) => ({
    name: names.of(tensor),
    tensor,
    shape: subgraph.tensors[tensor]?.shape ?? [],
  }));
  return [...own, ...carried];
}
