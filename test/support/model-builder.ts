/**
 * Builds small models for tests:
 *
 * ```ts
 * const builder = new ModelBuilder();
 * const main = builder.subgraph('main');
 * const x = main.input('x', [1, 4]);                                        // float32 unless a type is given
 * const weights = main.constant('weights', [3, 4], randomFloats(12, 1));    // the type follows from the array
 * const bias = main.constant('bias', [3], new Float32Array(3));
 * const y = main.operator('FULLY_CONNECTED', [x, weights, bias], { name: 'y', shape: [1, 3] }, { keepNumDims: true });
 * main.outputs(main.operator('RELU', [y], { name: 'z', shape: [1, 3] }));
 * builder.signature('serving_default', { inputs: { x } , outputs: { z: 'z' } });
 * const model = builder.build();      // a Model
 * const bytes = builder.bytes();      // a .tflite file
 * ```
 *
 * Tensors are plain indices, so that a test can look them up: `model.subgraphs[0].tensors[y]`. Where an operand is left
 * out, pass NO_TENSOR. Operators with several results: `operators`. Whole models to start from: ./models.ts.
 */
import { bytesConstant, type Constant } from '../../schema/constant.ts';
import type * as tflite from '../../schema/generated/tflite.ts';
import { BuiltinOperator, TensorType } from '../../schema/generated/tflite.ts';
import type { Model, Operator, OperatorCode, QuantizationParameters, Subgraph, Tensor } from '../../schema/model.ts';
import { modelBytes, type WriteOptions } from '../../schema/writer.ts';
import { type OperatorName, type OptionsOf, optionsMembers, withDefaults } from './operator-options.ts';

export type { OperatorName, OptionsOf } from './operator-options.ts';
export { randomFloats, randomSource } from './random.ts';

/** Name of a tensor type, such as `FLOAT32`. */
export type TypeName = keyof typeof TensorType;

/** Scales in the field's words; one scale is per tensor, several are per channel along `axis`. */
export interface QuantizationSpec {
  readonly scale: number | readonly number[];
  readonly zeroPoint?: number | readonly number[];
  readonly axis?: number;
}

export interface TensorSpec {
  readonly name: string;
  /** Stored shape. With `signature`, the free dimensions are 1 here. Left out: no shape vector. */
  readonly shape?: readonly number[];
  /** Shape with -1 for free dimensions. */
  readonly signature?: readonly number[];
  /** FLOAT32 unless given. */
  readonly type?: TypeName;
  readonly quantization?: QuantizationSpec | QuantizationParameters;
  readonly isVariable?: boolean;
}

type Values = Constant | ArrayBufferView | readonly number[];

/** Tensor by index or by name. */
export type TensorReference = number | string;

/** See the example at the top of this file. */
export class ModelBuilder {
  readonly #model: Model;
  readonly #subgraphs: SubgraphBuilder[] = [];

  constructor(description = 'made by a test') {
    this.#model = {
      version: 3,
      description,
      operatorCodes: [],
      subgraphs: [],
      // Entry 0 is what tensors without data share.
      buffers: [undefined],
    };
  }

  /** Adds a subgraph; the first one is the model's main graph. */
  subgraph(name = 'main'): SubgraphBuilder {
    const subgraph = withDefaults<Subgraph>('SubGraph', { name, tensors: [], inputs: [], outputs: [], operators: [] });
    this.#model.subgraphs.push(subgraph);
    const builder = new SubgraphBuilder(this.#model, subgraph);
    this.#subgraphs.push(builder);
    return builder;
  }

  /** Adds a signature over a subgraph: name of each input and output to its tensor. */
  signature(
    key: string,
    maps: { inputs: Record<string, TensorReference>; outputs: Record<string, TensorReference> },
    subgraphIndex = 0,
  ): this {
    const subgraph = this.#subgraphs[subgraphIndex];
    if (!subgraph) throw new RangeError(`no subgraph ${subgraphIndex}`);
    const entries = (map: Record<string, TensorReference>) =>
      Object.entries(map).map(([name, tensor]) => ({ name, tensorIndex: subgraph.find(tensor) }));
    this.#model.signatureDefs ??= [];
    this.#model.signatureDefs.push({
      signatureKey: key,
      subgraphIndex,
      inputs: entries(maps.inputs),
      outputs: entries(maps.outputs),
    });
    return this;
  }

  /** Adds a metadata entry with its own buffer. */
  metadata(name: string, bytes: Uint8Array): this {
    const buffer = this.#model.buffers.push(bytesConstant(bytes)) - 1;
    this.#model.metadata ??= [];
    this.#model.metadata.push({ name, buffer });
    return this;
  }

  /** The model. Not a copy: building goes on in the same object. */
  build(): Model {
    return this.#model;
  }

  /** The model as a `.tflite` file. */
  bytes(options?: WriteOptions): Uint8Array {
    return modelBytes(this.#model, options);
  }
}

/** Adds tensors and operators to one subgraph; every method gives tensor indices. */
export class SubgraphBuilder {
  readonly #model: Model;
  readonly #subgraph: Subgraph;

  constructor(model: Model, subgraph: Subgraph) {
    this.#model = model;
    this.#subgraph = subgraph;
  }

  /** A graph input. */
  input(name: string, shape: readonly number[], spec: Omit<TensorSpec, 'name' | 'shape'> = {}): number {
    const index = this.tensor({ name, shape, ...spec });
    this.#subgraph.inputs.push(index);
    return index;
  }

  /** A constant with its own buffer. Numbers are stored as the given type, FLOAT32 unless given. */
  constant(
    name: string,
    shape: readonly number[],
    values: Values,
    spec: Omit<TensorSpec, 'name' | 'shape'> = {},
  ): number {
    const type = spec.type ?? arrayType(values);
    const buffer = this.#model.buffers.push(constantOf(values, type)) - 1;
    return this.#add({ name, shape, ...spec, type }, buffer);
  }

  /** Another constant over the buffer of an existing one, of this or another subgraph; shape and type as there. */
  sharedConstant(
    name: string,
    of: TensorReference,
    from: SubgraphBuilder = this,
    spec: Omit<TensorSpec, 'name'> = {},
  ): number {
    const { shape, type, buffer } = from.#at(of);
    const index = this.#add({ name, ...(shape && { shape }), ...spec }, buffer);
    this.#at(index).type = type;
    return index;
  }

  /** A tensor without data that nothing writes yet. */
  tensor(spec: TensorSpec): number {
    return this.#add(spec, 0);
  }

  /** An operator with one result; gives the result's index. */
  operator<N extends OperatorName>(
    name: N,
    inputs: readonly TensorReference[],
    result: TensorSpec,
    options: OptionsOf<N> = {},
  ): number {
    return this.operators(name, inputs, [result], options)[0] ?? -1;
  }

  /** An operator with any number of results; gives their indices. */
  operators<N extends OperatorName>(
    name: N,
    inputs: readonly TensorReference[],
    results: readonly TensorSpec[],
    options: OptionsOf<N> = {},
  ): number[] {
    const outputs = results.map((result) => this.tensor(result));
    this.connect(name, inputs, outputs, options);
    return outputs;
  }

  /** An operator that writes tensors that are there already. */
  connect<N extends OperatorName>(
    name: N,
    inputs: readonly TensorReference[],
    outputs: readonly TensorReference[],
    options: OptionsOf<N> = {},
  ): void {
    this.#push(this.#operatorCode(BuiltinOperator[name]), inputs, outputs, optionsMembers(name, options));
  }

  /** A custom operator with one result. */
  custom(code: string, inputs: readonly TensorReference[], result: TensorSpec, options?: Uint8Array): number {
    const output = this.tensor(result);
    const operatorCode = this.#operatorCode(BuiltinOperator.CUSTOM, code);
    this.#push(operatorCode, inputs, [output], options ? { customOptions: options } : {});
    return output;
  }

  /** Appends graph outputs. */
  outputs(...tensors: readonly TensorReference[]): this {
    this.#subgraph.outputs.push(...tensors.map((tensor) => this.find(tensor)));
    return this;
  }

  /** Index of a tensor by name. */
  find(tensor: TensorReference): number {
    if (typeof tensor === 'number') return tensor;
    const index = this.#subgraph.tensors.findIndex(({ name }) => name === tensor);
    if (index < 0) throw new RangeError(`no tensor is named ${tensor}`);
    return index;
  }

  #at(tensor: TensorReference): Tensor {
    const found = this.#subgraph.tensors[this.find(tensor)];
    if (!found) throw new RangeError(`no tensor ${tensor}`);
    return found;
  }

  #add(spec: TensorSpec, buffer: number): number {
    const tensor = withDefaults<Tensor>('Tensor', {
      name: spec.name,
      buffer,
      type: TensorType[spec.type ?? 'FLOAT32'],
      ...(spec.shape && { shape: [...spec.shape] }),
      ...(spec.signature && { shapeSignature: [...spec.signature] }),
      ...(spec.quantization && { quantization: quantizationOf(spec.quantization) }),
      ...(spec.isVariable && { isVariable: true }),
    });
    return this.#subgraph.tensors.push(tensor) - 1;
  }

  #push(
    opcodeIndex: number,
    inputs: readonly TensorReference[],
    outputs: readonly TensorReference[],
    members: Partial<Operator>,
  ): void {
    // The place of out-of-line options belongs to the file, not to the model in memory.
    const defaults: Partial<tflite.Operator> = withDefaults<tflite.Operator>('Operator', {});
    const { largeCustomOptionsOffset: _offset, largeCustomOptionsSize: _size, ...rest } = defaults;
    this.#subgraph.operators.push({
      ...(rest as Operator),
      opcodeIndex,
      inputs: inputs.map((input) => this.find(input)),
      outputs: outputs.map((output) => this.find(output)),
      ...members,
    });
  }

  #operatorCode(builtinCode: number, customCode?: string): number {
    const codes = this.#model.operatorCodes;
    const found = codes.findIndex((code) => code.builtinCode === builtinCode && code.customCode === customCode);
    if (found >= 0) return found;
    const code: OperatorCode = { builtinCode, deprecatedBuiltinCode: Math.min(builtinCode, 127), version: 1 };
    return codes.push(customCode === undefined ? code : { ...code, customCode }) - 1;
  }
}

function quantizationOf(spec: QuantizationSpec | QuantizationParameters): QuantizationParameters {
  if ('quantizedDimension' in spec) return spec;
  const scales = [(spec as QuantizationSpec).scale].flat();
  const { zeroPoint = 0, axis = 0 } = spec as QuantizationSpec;
  const zeroPoints = typeof zeroPoint === 'number' ? scales.map(() => zeroPoint) : zeroPoint;
  return {
    scale: Float32Array.from(scales),
    zeroPoint: BigInt64Array.from(zeroPoints, (value) => BigInt(value)),
    quantizedDimension: axis,
  };
}

const ARRAY_TYPES: readonly (readonly [new (...parameters: never[]) => unknown, TypeName])[] = [
  [Float32Array, 'FLOAT32'],
  [Float64Array, 'FLOAT64'],
  [Int8Array, 'INT8'],
  [Uint8Array, 'UINT8'],
  [Int16Array, 'INT16'],
  [Uint16Array, 'UINT16'],
  [Int32Array, 'INT32'],
  [Uint32Array, 'UINT32'],
  [BigInt64Array, 'INT64'],
  [BigUint64Array, 'UINT64'],
];

function arrayType(values: Values): TypeName {
  return ARRAY_TYPES.find(([array]) => values instanceof array)?.[1] ?? 'FLOAT32';
}

function constantOf(values: Values, type: TypeName): Constant {
  if ('read' in values) return values;
  if (ArrayBuffer.isView(values)) {
    return bytesConstant(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  const numbers = values as readonly number[];
  if (type === 'INT64') return constantOf(BigInt64Array.from(numbers, BigInt), type);
  const array = ARRAY_TYPES.find(([, name]) => name === type)?.[0];
  if (!array) throw new TypeError(`give the bytes of a ${type} constant as a Uint8Array`);
  return constantOf((array as unknown as { from(values: readonly number[]): ArrayBufferView }).from(numbers), type);
}
