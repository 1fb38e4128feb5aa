import { BuiltinOperator } from '../../schema/generated/tflite.ts';
import {
  builtinName,
  elementCount,
  operatorBuiltin,
  operatorName,
  type SignatureView,
  tensorConstant,
} from '../../schema/graph.ts';
import type { Model, Operator, Subgraph } from '../../schema/model.ts';
import { specOfBuiltin } from '../ops/index.ts';
import { inputCounterpart } from './feeds.ts';
import { LONGEST_INSERTION, mayBeInserted } from './insertions.ts';

/** A tensor of the float model and the tensor of the quantized model that holds the same value. */
export interface TensorPair {
  readonly float: number;
  readonly quantized: number;
  readonly matchedBy: 'producer' | 'name' | 'signature';
}

/** An operator that is in both models. */
export interface OperatorPair {
  readonly float: number;
  readonly quantized: number;
  /** False where an inserted operator transforms what it reads or writes, and its weights are stored transformed. */
  readonly sameInputs: boolean;
}

/** What two subgraphs have in common. */
export interface Matching {
  readonly float: Subgraph;
  readonly quantized: Subgraph;
  /** In the order the float model computes them; inputs first. Constants are not among them. */
  readonly tensors: readonly TensorPair[];
  /** One a signature output, in the order of the float signature. */
  readonly outputs: readonly (TensorPair & { readonly name: string })[];
  readonly operators: readonly OperatorPair[];
  /** The float tensor with the value that a tensor of the quantized subgraph holds. */
  readonly counterpart: (quantizedTensor: number) => number | undefined;
  readonly unmatched: readonly { readonly tensor: number; readonly reason: string }[];
}

/**
 * Finds, for each value of a float subgraph, the tensor of the quantized subgraph that holds it. A value is all tensors
 * that QUANTIZE and DEQUANTIZE make of one another, known by the tensor at its root. Operators are matched in the order
 * they run: those of the same kind that read the same values are the same, whatever their tensors are called; names only
 * choose between several, and find again what an inserted operator has cut off.
 */
export function matchGraphs(
  floatModel: Model,
  floatView: SignatureView,
  quantizedModel: Model,
  quantizedView: SignatureView,
): Matching {
  const float = new Values(floatModel, floatView.subgraph);
  const quantized = new Values(quantizedModel, quantizedView.subgraph);
  const matcher = new Matcher(float, quantized);
  quantizedView.inputs.forEach(({ tensor }, position) => {
    const name = inputCounterpart(quantizedView, floatView, position);
    const counterpart = floatView.inputs.find((input) => input.name === name);
    if (counterpart) matcher.pair(float.root(counterpart.tensor), quantized.root(tensor), 'signature');
  });
  matcher.matchOperators();
  const outputs = floatView.outputs.flatMap(({ name, tensor }, position) => {
    const same = quantizedView.outputs.find((output) => output.name === name);
    const byPosition =
      quantizedView.outputs.length === floatView.outputs.length ? quantizedView.outputs[position] : undefined;
    const counterpart = same ?? byPosition;
    return counterpart ? [{ name, float: tensor, quantized: counterpart.tensor, matchedBy: 'signature' as const }] : [];
  });
  return { float: float.subgraph, quantized: quantized.subgraph, outputs, ...matcher.result() };
}

/** The values of a subgraph and what makes and reads them. */
class Values {
  readonly model: Model;
  readonly subgraph: Subgraph;
  /** Operators other than QUANTIZE and DEQUANTIZE, in order. */
  readonly operators: readonly { readonly index: number; readonly operator: Operator; readonly kind: string }[];
  readonly #source: (number | undefined)[];
  readonly #forms: number[][];
  readonly #byName = new Map<string, number | undefined>();

  constructor(model: Model, index: number) {
    this.model = model;
    this.subgraph = model.subgraphs[index] as Subgraph;
    const { tensors, operators } = this.subgraph;
    this.#source = new Array(tensors.length);
    this.#forms = tensors.map(() => []);
    const others: { index: number; operator: Operator; kind: string }[] = [];
    operators.forEach((operator, o) => {
      const [input] = operator.inputs;
      const [output] = operator.outputs;
      if (isTransparent(model, operator) && input !== undefined && output !== undefined) {
        this.#source[output] = this.root(input);
        this.#forms[this.root(input)]?.push(output);
      } else others.push({ index: o, operator, kind: kindOf(model, operator) });
    });
    this.operators = others;
    tensors.forEach(({ name }, tensor) => {
      // A name that is there twice names nothing.
      if (name) this.#byName.set(name, this.#byName.has(name) ? undefined : tensor);
    });
  }

  /** The tensor at the root of the value that a tensor holds. */
  root(tensor: number): number {
    return this.#source[tensor] ?? tensor;
  }

  /** The root of the only tensor with this name. */
  named(name: string | undefined): number | undefined {
    const tensor = name ? this.#byName.get(name) : undefined;
    return tensor === undefined ? undefined : this.root(tensor);
  }

  /**
   * The tensor with the name that an output has in the float model, where inserted operators compute it from the output
   * (which has another name); undefined where nothing like that is there.
   */
  restored(output: number, name: string | undefined): number | undefined {
    const target = this.named(name);
    let at = target;
    for (let steps = 0; at !== undefined && at !== output && steps < LONGEST_INSERTION; steps += 1) {
      const writer = this.operators.find(({ operator }) => operator.outputs.includes(at as number));
      const inserted = writer && mayBeInserted(this.model, writer.operator) ? writer.operator.inputs : [];
      const source = inserted.find((input) => input >= 0 && !this.isConstant(input));
      at = source === undefined ? undefined : this.root(source);
    }
    return at === output && target !== output ? target : undefined;
  }

  isConstant(tensor: number): boolean {
    const entry = this.subgraph.tensors[this.root(tensor)];
    return entry !== undefined && tensorConstant(this.model, entry) !== undefined;
  }

  /** The form of a value that is compared: as integers if it exists as integers, nearest to where it is made. */
  form(root: number): number {
    const isInteger = (tensor: number) => (this.subgraph.tensors[tensor]?.quantization?.scale?.length ?? 0) > 0;
    return [root, ...(this.#forms[root] ?? [])].find(isInteger) ?? root;
  }

  /** Every name that a value goes by. */
  names(root: number): string[] {
    return [root, ...(this.#forms[root] ?? [])].flatMap((tensor) => this.subgraph.tensors[tensor]?.name || []);
  }
}

/** Operators that change how a value is stored and nothing else. */
export function isTransparent(model: Model, operator: Operator): boolean {
  const builtin = operatorBuiltin(model, operator);
  return builtin === BuiltinOperator.QUANTIZE || builtin === BuiltinOperator.DEQUANTIZE;
}

/** Operators with this in common can be the same one: what stands in an operator's place in integers counts as it. */
function kindOf(model: Model, operator: Operator): string {
  const form = specOfBuiltin(operatorBuiltin(model, operator))?.integerForm;
  return form ? builtinName(form.builtin) : operatorName(model, operator);
}

type NumberedOperator = Values['operators'][number];

class Matcher {
  readonly #float: Values;
  readonly #quantized: Values;
  /** Root in the float model by root in the quantized model, and the other way round. */
  readonly #toFloat = new Map<number, number>();
  readonly #pairs = new Map<number, { quantized: number; matchedBy: TensorPair['matchedBy'] }>();
  readonly #operators: OperatorPair[] = [];

  constructor(float: Values, quantized: Values) {
    this.#float = float;
    this.#quantized = quantized;
  }

  /** Says that two roots hold the same value, unless either is taken. */
  pair(float: number, quantized: number, matchedBy: TensorPair['matchedBy']): void {
    if (this.#pairs.has(float) || this.#toFloat.has(quantized)) return;
    this.#pairs.set(float, { quantized, matchedBy });
    this.#toFloat.set(quantized, float);
  }

  matchOperators(): void {
    const waiting = new Map<string, NumberedOperator[]>();
    for (const entry of this.#float.operators) {
      const key = this.#key(this.#float, entry, (root) => root);
      waiting.set(key, [...(waiting.get(key) ?? []), entry]);
    }
    const taken = new Set<number>();
    for (const entry of this.#quantized.operators) {
      const key = this.#key(this.#quantized, entry, (root) => this.#toFloat.get(root));
      const candidates = (waiting.get(key) ?? []).filter(({ index }) => !taken.has(index));
      const found = this.#choose(candidates, entry);
      if (found) {
        taken.add(found.index);
        this.#pairOperators(found, entry, 'producer');
        continue;
      }
      const named = this.#byName(entry);
      if (named && !taken.has(named.index)) {
        taken.add(named.index);
        this.#pairOperators(named, entry, 'name');
      }
    }
  }

  result(): Pick<Matching, 'tensors' | 'operators' | 'counterpart' | 'unmatched'> {
    const { inputs, operators } = this.#float.subgraph;
    const tensors: TensorPair[] = [];
    const unmatched: { tensor: number; reason: string }[] = [];
    const written = operators.flatMap((operator) => operator.outputs);
    for (const tensor of [...inputs, ...written]) {
      if (this.#float.root(tensor) !== tensor || this.#float.isConstant(tensor)) continue;
      const found = this.#pairs.get(tensor);
      if (!found) unmatched.push({ tensor, reason: 'the quantized model has no operator that makes this value' });
      else
        tensors.push({ float: tensor, quantized: this.#quantized.form(found.quantized), matchedBy: found.matchedBy });
    }
    const counterpart = (tensor: number) => this.#toFloat.get(this.#quantized.root(tensor));
    return { tensors, operators: this.#operators, counterpart, unmatched };
  }

  /** What an operator is and which values it reads; constants are told by their place only. */
  #key(values: Values, { operator, kind }: NumberedOperator, translate: (root: number) => number | undefined): string {
    const operands = operator.inputs.map((tensor) => {
      if (tensor < 0) return '-';
      if (values.isConstant(tensor)) return 'c';
      return `${translate(values.root(tensor)) ?? 'new'}`;
    });
    while (operands.length > 0 && /^[-c]$/.test(operands.at(-1) ?? '')) operands.pop();
    return `${kind}(${operands.join()})${operator.outputs.length}`;
  }

  /** Of several operators that read the same values, the one whose outputs or constants have the same names. */
  #choose(candidates: readonly NumberedOperator[], entry: NumberedOperator): NumberedOperator | undefined {
    if (candidates.length < 2) return candidates[0];
    const names = namesOf(this.#quantized, entry);
    return (
      candidates.find((candidate) => intersects(namesOf(this.#float, candidate).outputs, names.outputs)) ??
      candidates.find((candidate) => intersects(namesOf(this.#float, candidate).constants, names.constants)) ??
      candidates.find((candidate) => !this.#hasNamesake(candidate)) ??
      candidates[0]
    );
  }

  /** Some tensor of the quantized model has the name of this operator's output, so another operator is its counterpart. */
  #hasNamesake(candidate: NumberedOperator): boolean {
    return namesOf(this.#float, candidate).outputs.some((name) => this.#quantized.named(name) !== undefined);
  }

  /** An operator of the same kind whose first output has the name, and the size, of this one's. */
  #byName(entry: NumberedOperator): NumberedOperator | undefined {
    const output = this.#quantized.root(entry.operator.outputs[0] ?? -1);
    for (const name of this.#quantized.names(output)) {
      const root = this.#float.named(name);
      const found = this.#float.operators.find(({ operator }) => root !== undefined && operator.outputs[0] === root);
      if (found?.kind === entry.kind && this.#sameSize(found.operator.outputs[0] ?? -1, output)) return found;
    }
    return undefined;
  }

  #sameSize(float: number, quantized: number): boolean {
    const a = this.#float.subgraph.tensors[float];
    const b = this.#quantized.subgraph.tensors[quantized];
    return a !== undefined && b !== undefined && elementCount(a.shape) === elementCount(b.shape);
  }

  #pairOperators(float: NumberedOperator, quantized: NumberedOperator, matchedBy: TensorPair['matchedBy']): void {
    const sameInputs = quantized.operator.inputs.every((tensor, position) => {
      if (tensor < 0 || this.#quantized.isConstant(tensor)) return true;
      return (
        this.#toFloat.get(this.#quantized.root(tensor)) === this.#float.root(float.operator.inputs[position] ?? -1)
      );
    });
    let sameOutputs = true;
    float.operator.outputs.forEach((output, position) => {
      const counterpart = quantized.operator.outputs[position];
      if (counterpart === undefined) return;
      const restored = this.#quantized.restored(counterpart, this.#float.subgraph.tensors[output]?.name);
      if (restored !== undefined) sameOutputs = false;
      this.pair(output, restored ?? counterpart, matchedBy);
    });
    this.#operators.push({
      float: float.index,
      quantized: quantized.index,
      sameInputs: sameInputs && sameOutputs,
    });
  }
}

function namesOf(values: Values, { operator }: NumberedOperator): { outputs: string[]; constants: string[] } {
  const constants = operator.inputs.filter((tensor) => tensor >= 0 && values.isConstant(tensor));
  return {
    outputs: operator.outputs.flatMap((tensor) => values.names(tensor)),
    constants: constants.flatMap((tensor) => values.names(values.root(tensor))),
  };
}

const intersects = (a: readonly string[], b: readonly string[]) => a.some((name) => b.includes(name));
