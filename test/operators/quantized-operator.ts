import { BuiltinOperator, TensorType } from '../../schema/generated/tflite.ts';
import { operatorBuiltin, producers, tensorConstant } from '../../schema/graph.ts';
import { type Model, NO_TENSOR, type Operator, type Subgraph, type Tensor } from '../../schema/model.ts';
import { specOfBuiltin } from '../../src/ops/index.ts';
import { type StoredNumbers, storedConstant } from './stored.ts';

/** Least and greatest code of the types that activations have. */
const LIMITS: Readonly<Record<number, readonly [least: number, greatest: number]>> = {
  [TensorType.INT8]: [-128, 127],
  [TensorType.UINT8]: [0, 255],
  [TensorType.INT16]: [-32768, 32767],
};

/** From one grid to another a kernel rounds twice: see kernel-rounding.ts. */
const FIRST_ROUNDING = 0.25;

/** The operator under test in the file that was written, with the conversions around it. */
export class QuantizedOperator {
  readonly model: Model;
  readonly graph: Subgraph;
  readonly operator: Operator;
  readonly #producers: readonly (number | undefined)[];
  readonly #constants = new Map<number, StoredNumbers>();

  /** @throws Error unless the first subgraph has exactly one operator of that builtin, or what stands for it in integers. */
  constructor(model: Model, builtin: number) {
    const [graph] = model.subgraphs;
    const forms = [builtin, specOfBuiltin(builtin)?.integerForm?.builtin];
    const found = graph?.operators.filter((operator) => forms.includes(operatorBuiltin(model, operator))) ?? [];
    const [operator] = found;
    if (!graph || !operator || found.length !== 1) throw new Error(`${found.length} operators of the kind under test`);
    this.model = model;
    this.graph = graph;
    this.operator = operator;
    this.#producers = producers(graph);
  }

  tensor(index: number): Tensor {
    const found = this.graph.tensors[index];
    if (!found) throw new Error(`no tensor ${index}`);
    return found;
  }

  /** The constant that an operand is, also behind a DEQUANTIZE; undefined for values of the run. */
  constantOf(index: number): { readonly tensor: Tensor; readonly numbers: StoredNumbers } | undefined {
    const tensor = this.tensor(index);
    if (tensorConstant(this.model, tensor)) {
      const known = this.#constants.get(index) ?? storedConstant(this.model, 0, tensor);
      this.#constants.set(index, known);
      return { tensor, numbers: known };
    }
    const conversion = this.conversionOf(index);
    return conversion?.kind === 'DEQUANTIZE' ? this.constantOf(conversion.from) : undefined;
  }

  /** The QUANTIZE or DEQUANTIZE that writes a tensor. */
  conversionOf(index: number): { readonly kind: 'QUANTIZE' | 'DEQUANTIZE'; readonly from: number } | undefined {
    const producer = this.graph.operators[this.#producers[index] ?? -1];
    if (!producer) return undefined;
    const builtin = operatorBuiltin(this.model, producer);
    const [from = NO_TENSOR] = producer.inputs;
    if (builtin === BuiltinOperator.QUANTIZE) return { kind: 'QUANTIZE', from };
    return builtin === BuiltinOperator.DEQUANTIZE ? { kind: 'DEQUANTIZE', from } : undefined;
  }

  /** Step between two codes of an activation; 0 for floats. */
  step(index: number): number {
    return this.tensor(index).quantization?.scale?.[0] ?? 0;
  }

  /** Least and greatest value that an activation can have. */
  limits(index: number): readonly [number, number] {
    const { type, quantization } = this.tensor(index);
    const limits = LIMITS[type];
    const step = this.step(index);
    if (!limits || step === 0) return [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
    const zeroPoint = Number(quantization?.zeroPoint?.[0] ?? 0n);
    return [(limits[0] - zeroPoint) * step, (limits[1] - zeroPoint) * step];
  }

  /** How far a value is rounded on its way from the graph's inputs (or from tensor `from`) to a tensor. */
  roundingUpTo(index: number, from = NO_TENSOR): number {
    if (index === from) return 0;
    const conversion = this.conversionOf(index);
    const half = this.step(index) / 2;
    if (!conversion) return half;
    const before = this.roundingUpTo(conversion.from, from);
    if (conversion.kind === 'DEQUANTIZE') return before;
    const between = this.step(conversion.from) === 0 ? 0 : FIRST_ROUNDING * this.step(index);
    return before + half + between;
  }

  /** The tensor behind the conversions that lead to a graph output. */
  originOf(index: number): number {
    const conversion = this.conversionOf(index);
    return conversion ? this.originOf(conversion.from) : index;
  }
}
