import { outputReferences } from '../../calibration/capture/reference.ts';
import { openCapture } from '../../calibration/capture/session.ts';
import type { Runtime } from '../../calibration/runtime/runtime.ts';
import type { Feed, TensorValue } from '../../datasets/sample.ts';
import { ActivationFunctionType, TensorType } from '../../schema/generated/tflite.ts';
import { cloneModel, elementCount, signatures, tensorConstant } from '../../schema/graph.ts';
import { type Model, NO_TENSOR } from '../../schema/model.ts';
import { randomSource } from '../support/random.ts';
import type { SuiteCase } from './case.ts';
import { decodeCodes } from './stored.ts';

export const KEY = 'serving_default';

/** Codes that a run gave, by tensor of the first subgraph. */
export type Codes = ReadonlyMap<number, Float64Array>;

/** A loaded model: runs samples and shows the wanted tensors of the first subgraph. */
export class Execution {
  readonly #session: ReturnType<typeof openCapture>;

  constructor(runtime: Runtime, model: Model, wanted?: readonly number[]) {
    const references = wanted?.map((tensor) => ({ subgraph: 0, tensor })) ?? outputReferences(model, signatures(model));
    this.#session = openCapture(runtime, model, references);
  }

  async run(feed: Feed): Promise<Codes> {
    const found = new Map<number, Float64Array>();
    for await (const pass of this.#session.run(KEY, feed)) {
      for (const { tensor, view, kernels } of pass) {
        const bytes = new Uint8Array(kernels.memory.buffer, view.byteOffset, view.sizeBytes);
        found.set(tensor, decodeCodes(view.type, bytes, elementCount(view.shape)));
      }
    }
    return found;
  }

  close(): void {
    this.#session.close();
  }
}

/**
 * Repeatable float values for the inputs of a case, sample by sample; integers and truth values are 0 or 1. The first
 * sample has the lowest value of the range in it, the second one the highest.
 */
export function sampleOf({ model, rangeOf }: SuiteCase, sample: number): Feed {
  const next = randomSource(11 + sample);
  const entries = (signatures(model)[0]?.inputs ?? []).map(({ name, tensor }): [string, TensorValue] => {
    const { type, shape = [] } = model.subgraphs[0]?.tensors[tensor] ?? { type: TensorType.FLOAT32 };
    const [low, high] = rangeOf(name);
    const number = type === TensorType.FLOAT32 ? () => low + (high - low) * next() : () => Math.floor(2 * next());
    const numbers = Float64Array.from({ length: elementCount(shape) }, number);
    if (type === TensorType.FLOAT32 && sample < 2) numbers[0] = sample === 0 ? low : high;
    return [name, tensorValue(type, shape, numbers)];
  });
  return Object.fromEntries(entries);
}

/** Numbers as a tensor of a type. */
export function tensorValue(type: number, shape: readonly number[], numbers: ArrayLike<number>): TensorValue {
  return { type, shape, data: dataOf(type, numbers) };
}

function dataOf(type: number, numbers: ArrayLike<number>): TensorValue['data'] {
  switch (type) {
    case TensorType.FLOAT32:
      return Float32Array.from(numbers);
    case TensorType.INT16:
      return Int16Array.from(numbers);
    case TensorType.INT8:
      return Int8Array.from(numbers);
    case TensorType.INT32:
      return Int32Array.from(numbers);
    default:
      return Uint8Array.from(numbers);
  }
}

/**
 * The operator of a float model with every float operand as an input, so that it can be run on other numbers. `linear`:
 * without its fused activation, which never makes an error larger.
 */
export class FloatOperator {
  readonly #execution: Execution;
  readonly #model: Model;
  readonly #inputs: readonly number[];

  constructor(runtime: Runtime, source: Model, linear: boolean) {
    this.#model = openOperands(source, linear);
    this.#inputs = this.#model.subgraphs[0]?.operators[0]?.inputs ?? [];
    this.#execution = new Execution(runtime, this.#model);
  }

  /** Results for the given numbers of each operand position; those of constants that are no floats are not looked at. */
  async run(operands: readonly (ArrayLike<number> | undefined)[]): Promise<Float64Array[]> {
    const graph = this.#model.subgraphs[0];
    const feed: Record<string, TensorValue> = {};
    for (const { name, tensor } of signatures(this.#model)[0]?.inputs ?? []) {
      const { type = 0, shape = [] } = graph?.tensors[tensor] ?? {};
      const numbers = operands[this.#inputs.indexOf(tensor)];
      if (!numbers) throw new Error(`no numbers for operand ${name}`);
      feed[name] = tensorValue(type, shape, numbers);
    }
    const codes = await this.#execution.run(feed);
    return (graph?.outputs ?? []).map((tensor) => codes.get(tensor) ?? new Float64Array());
  }

  close(): void {
    this.#execution.close();
  }
}

function openOperands(source: Model, linear: boolean): Model {
  const model = cloneModel(source);
  const [graph] = model.subgraphs;
  const [operator] = graph?.operators ?? [];
  const [signature] = model.signatureDefs ?? [];
  if (!graph || !operator || !signature) throw new Error('not a model of one operator');
  const opened = operator.inputs.filter((index) => {
    const tensor = graph.tensors[index];
    return index !== NO_TENSOR && tensor?.type === TensorType.FLOAT32 && tensorConstant(model, tensor);
  });
  for (const index of new Set(opened)) {
    const tensor = graph.tensors[index];
    if (!tensor) continue;
    tensor.buffer = 0;
    graph.inputs.push(index);
    signature.inputs?.push({ name: `opened ${index}`, tensorIndex: index });
  }
  const options = operator.builtinOptions;
  if (linear && options && 'fusedActivationFunction' in options) {
    operator.builtinOptions = { ...options, fusedActivationFunction: ActivationFunctionType.NONE };
  }
  return model;
}
