import { gridOf } from '../../calibration/ranges/grid.ts';
import { lostFactors, type Magnitudes } from '../../calibration/ranges/magnitudes.ts';
import type { RangeSource } from '../../calibration/ranges/range.ts';
import { operatorBuiltin, operatorName, producers, tensorConstant } from '../../schema/graph.ts';
import type { Model, Operator, Subgraph } from '../../schema/model.ts';
import { floats } from '../algorithms/bias.ts';
import { floatFactors } from '../ops/float-only.ts';
import { type FactorRule, specOfBuiltin } from '../ops/index.ts';
import type { RecipeResolver } from '../recipe/types.ts';
import { CORRECT } from './conduct.ts';
import { decisions } from './decisions.ts';
import { type Protection, protectionKey } from './protection.ts';
import type { OperatorTask } from './task.ts';

/** Factors count as lost from this mean square error on: a tenth of the magnitude. */
const TOLERATED = 0.01;

/**
 * Roots, logarithms and divisors turn factors of what they read into differences, so that small values matter as much as
 * large ones. Leaving such an operator float helps nothing when its operand, or what that is computed from by products,
 * sums of one sign, roots and movements, has been rounded to steps that swallow the small values. Followed back from each
 * such operator, these tensors are judged by the histograms; from the first one that loses its factors on, everything up
 * to the operator computes in float (what multiplies by weights keeps those quantized and gives floats).
 */
export function protectFactors(model: Model, resolver: RecipeResolver, ranges: RangeSource): Protection {
  const found = new Map<string, string>();
  if (!ranges.magnitudes) return found;
  const tasks = new Map<string, OperatorTask>();
  for (const { visit, decision } of decisions(model, resolver, CORRECT)) {
    const { task } = decision;
    if (task?.mode === 'static') tasks.set(protectionKey(visit.subgraph, visit.operator), task);
  }
  model.subgraphs.forEach((graph, subgraph) => {
    const walk = new Walk(model, subgraph, tasks, ranges);
    graph.operators.forEach((operator, index) => {
      const positions = specOfBuiltin(operatorBuiltin(model, operator))?.ranges?.relativeInputs ?? [];
      const tensors = positions.flatMap((position) => operator.inputs[position] ?? []);
      const lost = tensors.flatMap((tensor) => walk.from(tensor, index));
      if (lost.length === 0) return;
      const name = operatorName(model, operator);
      for (const place of [...lost, index]) {
        const key = protectionKey(subgraph, place);
        const reason = `safety: its steps would swallow small values whose factors matter to ${name} (operator ${index})`;
        if (tasks.has(key)) found.set(key, reason);
      }
    });
  });
  return found;
}

/** The values that tensors on the way are computed into, and the magnitude they have for each magnitude of those. */
interface Target {
  readonly magnitudes: Magnitudes;
  readonly operandOf: (magnitude: number) => number;
}

class Walk {
  readonly #model: Model;
  readonly #index: number;
  readonly #graph: Subgraph;
  readonly #writers: readonly (number | undefined)[];
  readonly #tasks: ReadonlyMap<string, OperatorTask>;
  readonly #ranges: RangeSource;

  constructor(model: Model, subgraph: number, tasks: ReadonlyMap<string, OperatorTask>, ranges: RangeSource) {
    this.#model = model;
    this.#index = subgraph;
    this.#graph = model.subgraphs[subgraph] as Subgraph;
    this.#writers = producers(this.#graph);
    this.#tasks = tasks;
    this.#ranges = ranges;
  }

  /**
   * The operators from the first tensor that loses its factors to the given one, whose factors matter to its reader. Float
   * ones are among them.
   */
  from(tensor: number, reader: number): number[] {
    const magnitudes = this.#ranges.magnitudes?.(this.#index, tensor);
    return magnitudes ? this.#back(tensor, reader, { magnitudes, operandOf: (x) => x }, new Set()) : [];
  }

  #back(tensor: number, reader: number, target: Target, seen: Set<number>): number[] {
    const writer = this.#writers[tensor];
    if (writer === undefined || seen.has(tensor)) return [];
    seen.add(tensor);
    const operator = this.#graph.operators[writer] as Operator;
    const before = this.#operands(operator, target).flatMap(([operand, next]) =>
      this.#back(operand, writer, next, seen),
    );
    const loses = before.length > 0 || this.#loses(tensor, [writer, reader], target);
    return loses ? [...before, writer] : [];
  }

  /** Whether the steps that its writer, or else its reader, would round a tensor to swallow factors of the target. */
  #loses(tensor: number, places: readonly number[], { magnitudes, operandOf }: Target): boolean {
    const tasks = places.map((place) => this.#tasks.get(protectionKey(this.#index, place)));
    const activation = tasks.find((task) => task !== undefined)?.config.activation;
    const range = activation && this.#ranges.range(this.#index, tensor);
    if (!activation || !range) return false;
    const bits = activation.numBits === 16 ? 16 : 8;
    return (
      lostFactors(magnitudes, gridOf(range, { bits, symmetric: activation.symmetric }).step, operandOf) > TOLERATED
    );
  }

  /** Operands whose factors show in the result, each with what becomes of it. */
  #operands(operator: Operator, target: Target): [number, Target][] {
    const rule = this.#rule(operator);
    if (!rule) return [];
    const { operandOf, magnitudes } = target;
    const through = (back: (x: number) => number): Target => ({ magnitudes, operandOf: (x) => back(operandOf(x)) });
    const plain = specOfBuiltin(operatorBuiltin(this.#model, operator))?.plainInputs ?? [];
    const values = operator.inputs.filter((input, position) => input >= 0 && !plain.includes(position));
    const activations = [...new Set(values.filter((input) => !this.#constant(input)))];
    const [only = -1] = activations;
    switch (rule) {
      case 'same':
        return activations.map((operand) => [operand, target]);
      case 'square':
        return activations.map((operand) => [operand, through(Math.sqrt)]);
      case 'root':
        return activations.map((operand) => [operand, through((x) => x * x)]);
      case 'product': {
        if (activations.length !== 1) return [];
        const constant = values.map((input) => this.#constant(input)).find((found) => found !== undefined);
        const factor = constant && meanMagnitude(constant);
        return [[only, constant === undefined ? through(Math.sqrt) : through((x) => x / (factor || 1))]];
      }
      case 'mean':
      case 'sum': {
        if (!activations.every((operand) => this.#oneSigned(operand))) return [];
        const parts = rule === 'sum' && activations.length === 1 ? this.#parts(only, target) : 1;
        return activations.map((operand) => [operand, through((x) => x / parts)]);
      }
    }
  }

  #rule(operator: Operator): FactorRule | undefined {
    const spec = specOfBuiltin(operatorBuiltin(this.#model, operator));
    if (!spec) return floatFactors(operatorName(this.#model, operator));
    const moves = spec.scale === 'same-as-input' || spec.scale === 'same-as-output';
    return spec.ranges?.factors ?? (moves ? 'same' : undefined);
  }

  /** How many elements of an operand a result is the sum of. */
  #parts(operand: number, { magnitudes }: Target): number {
    const count = this.#ranges.magnitudes?.(this.#index, operand)?.count ?? magnitudes.count;
    return Math.max(1, count / magnitudes.count);
  }

  #oneSigned(tensor: number): boolean {
    const range = this.#ranges.range(this.#index, tensor);
    return range !== undefined && (range.min >= 0 || range.max <= 0);
  }

  #constant(tensor: number) {
    const entry = this.#graph.tensors[tensor];
    return entry && tensorConstant(this.#model, entry);
  }
}

function meanMagnitude(constant: Parameters<typeof floats>[0]): number {
  const values = floats(constant);
  return values.reduce((sum, value) => sum + Math.abs(value), 0) / Math.max(values.length, 1);
}
