import type { Model } from '../../schema/model.ts';
import { ModelBuilder, type OperatorName, type OptionsOf, type SubgraphBuilder } from '../support/model-builder.ts';

/** A tensor of a graph under construction, and its shape. */
export interface Value {
  readonly id: number;
  readonly shape: readonly number[];
}

/** The model builder with names made up (unique in the whole model) and shapes remembered: for generated graphs. */
export class SmallGraph {
  readonly #builder = new ModelBuilder();
  readonly #names = new Map<string, number>();
  #main: SubgraphBuilder;
  #inputs: Value[] = [];
  #outputs: Value[] = [];
  #subgraphs = 1;

  constructor() {
    this.#main = this.#builder.subgraph('first');
  }

  get model(): Model {
    return this.#builder.build();
  }

  /** Float graph inputs of the current subgraph. */
  get inputs(): readonly Value[] {
    return this.#inputs;
  }

  /** Operators of the current subgraph so far. */
  get operatorCount(): number {
    return this.model.subgraphs.at(-1)?.operators.length ?? 0;
  }

  /** All that follows goes into a new subgraph. Gives the one before, to take constants from. */
  beginSubgraph(): SubgraphBuilder {
    const before = this.#main;
    this.#main = this.#builder.subgraph('next');
    this.#inputs = [];
    this.#outputs = [];
    this.#subgraphs++;
    return before;
  }

  input(stem: string, shape: readonly number[], type: 'FLOAT32' | 'INT32' = 'FLOAT32'): Value {
    const value = { id: this.#main.input(this.#unique(stem), shape, { type }), shape };
    this.#inputs.push(value);
    return value;
  }

  floats(stem: string, shape: readonly number[], numbers: readonly number[]): Value {
    return { id: this.#main.constant(this.#unique(stem), shape, Float32Array.from(numbers)), shape };
  }

  integers(stem: string, numbers: readonly number[], shape: readonly number[] = [numbers.length]): Value {
    return { id: this.#main.constant(this.#unique(stem), shape, Int32Array.from(numbers)), shape };
  }

  /** A second tensor over the bytes of a constant of this or another subgraph. */
  alias(stem: string, constant: Value, from: SubgraphBuilder = this.#main): Value {
    return { id: this.#main.sharedConstant(this.#unique(stem), constant.id, from), shape: constant.shape };
  }

  /** Appends an operator with one output per shape. */
  operator<N extends OperatorName>(
    name: N,
    inputs: readonly (Value | undefined)[],
    outputs: readonly (readonly number[])[],
    options: OptionsOf<N> = {},
    type: 'FLOAT32' | 'BOOL' = 'FLOAT32',
  ): Value[] {
    const results = outputs.map((shape) => ({ name: this.#unique(name.toLowerCase()), shape, type }));
    const operands = inputs.map((value) => value?.id ?? -1);
    const ids = this.#main.operators(name, operands, results, options);
    return ids.map((id, index) => ({ id, shape: outputs[index] ?? [] }));
  }

  outputs(values: readonly Value[]): void {
    this.#main.outputs(...values.map(({ id }) => id));
    this.#outputs.push(...values);
  }

  /** Declares the current subgraph's inputs and outputs as a signature, named in0, in1, ..., out0, ... */
  signature(key: string): void {
    const entries = (values: readonly Value[], stem: string) =>
      Object.fromEntries(values.map(({ id }, index) => [`${stem}${index}`, id]));
    const maps = { inputs: entries(this.#inputs, 'in'), outputs: entries(this.#outputs, 'out') };
    this.#builder.signature(key, maps, this.#subgraphs - 1);
  }

  #unique(stem: string): string {
    const count = this.#names.get(stem) ?? 0;
    this.#names.set(stem, count + 1);
    return `${stem}_${count}`;
  }
}
