import type { Constant } from './constant.ts';
import { BuiltinOperator, TensorType } from './generated/tflite.ts';
import type { Model, Operator, OperatorCode, SignatureDef, Subgraph, Tensor } from './model.ts';

const BUILTIN_NAMES = new Map<number, string>(Object.entries(BuiltinOperator).map(([name, code]) => [code, name]));
const TYPE_NAMES = new Map<number, string>(Object.entries(TensorType).map(([name, code]) => [code, name]));

/** Bits of one element by tensor type; types without a fixed width (strings, resources) are not there. */
const TYPE_BITS: Readonly<Record<number, number>> = {
  [TensorType.FLOAT32]: 32,
  [TensorType.FLOAT16]: 16,
  [TensorType.INT32]: 32,
  [TensorType.UINT8]: 8,
  [TensorType.INT64]: 64,
  [TensorType.BOOL]: 8,
  [TensorType.INT16]: 16,
  [TensorType.COMPLEX64]: 64,
  [TensorType.INT8]: 8,
  [TensorType.FLOAT64]: 64,
  [TensorType.COMPLEX128]: 128,
  [TensorType.UINT64]: 64,
  [TensorType.UINT32]: 32,
  [TensorType.UINT16]: 16,
  [TensorType.INT4]: 4,
  [TensorType.BFLOAT16]: 16,
  [TensorType.INT2]: 2,
  [TensorType.UINT4]: 4,
  [TensorType.FLOAT8_E4M3FN]: 8,
  [TensorType.FLOAT8_E5M2]: 8,
};

/** The builtin code of an operator code entry: old files fill only the 8-bit field, new ones the larger of the two. */
export function builtinCode(code: OperatorCode): number {
  return Math.max(code.deprecatedBuiltinCode, code.builtinCode);
}

/** The builtin code of an operator. */
export function operatorBuiltin(model: Model, operator: Operator): number {
  const code = model.operatorCodes[operator.opcodeIndex];
  return code === undefined ? -1 : builtinCode(code);
}

/** `CONV_2D`; the custom code for custom operators; `BUILTIN_<n>` for codes newer than the schema. */
export function operatorName(model: Model, operator: Operator): string {
  const code = model.operatorCodes[operator.opcodeIndex];
  if (code === undefined) return 'UNKNOWN';
  const builtin = builtinCode(code);
  if (builtin === BuiltinOperator.CUSTOM) return code.customCode ?? 'CUSTOM';
  return builtinName(builtin);
}

export const builtinName = (builtin: number): string => BUILTIN_NAMES.get(builtin) ?? `BUILTIN_${builtin}`;

/** `INT8` for 9. */
export const typeName = (type: number): string => TYPE_NAMES.get(type) ?? `TYPE_${type}`;

/** Bits of one element; undefined for types without a fixed width. */
export const typeBits = (type: number): number | undefined => TYPE_BITS[type];

/** Number of elements; an absent or empty shape is a scalar. Free dimensions (stored as 1 or -1) count as 1. */
export function elementCount(shape: readonly number[] | undefined): number {
  return (shape ?? []).reduce((product, length) => product * (length < 0 ? 1 : length), 1);
}

/** Bytes of `count` elements in a file; sub-byte types are packed. */
export function storedBytes(type: number, count: number): number | undefined {
  const bits = typeBits(type);
  return bits === undefined ? undefined : Math.ceil((count * bits) / 8);
}

/**
 * The constant behind a tensor; undefined for activations. An empty buffer is the constant of a tensor without elements,
 * but no constant for one that has elements: some writers give activations such a buffer, and runtimes take it so.
 */
export function tensorConstant(model: Model, tensor: Tensor): Constant | undefined {
  const constant = model.buffers[tensor.buffer];
  return constant?.sizeBytes === 0 && elementCount(tensor.shape) > 0 ? undefined : constant;
}

/** The tensor's name, or `tensor <index>` where the file gives none: for messages. */
export function tensorLabel(subgraph: Subgraph, index: number): string {
  return subgraph.tensors[index]?.name || `tensor ${index}`;
}

/** Per-tensor or per-channel scales are there (a blockwise tensor has none: see `isBlockwise`). */
export function hasScales(tensor: Tensor): boolean {
  return (tensor.quantization?.scale?.length ?? 0) > 0;
}

export function isBlockwise(tensor: Tensor): boolean {
  return tensor.quantization?.details?.table === 'BlockwiseQuantization';
}

/** The shape with -1 for free dimensions. */
export function signatureShape(tensor: Tensor): readonly number[] {
  const signature = tensor.shapeSignature;
  return signature && signature.length > 0 ? signature : (tensor.shape ?? []);
}

/** Some dimension is free. */
export function isDynamic(tensor: Tensor): boolean {
  return signatureShape(tensor).some((length) => length < 0);
}

/** The operator that writes each tensor of a subgraph; undefined for inputs, constants and unused tensors. */
export function producers(subgraph: Subgraph): (number | undefined)[] {
  const result = new Array<number | undefined>(subgraph.tensors.length).fill(undefined);
  subgraph.operators.forEach((operator, o) => {
    for (const output of operator.outputs) result[output] = o;
  });
  return result;
}

/** The operators that read each tensor of a subgraph, ascending, once per operand. */
export function consumers(subgraph: Subgraph): number[][] {
  const result: number[][] = subgraph.tensors.map(() => []);
  subgraph.operators.forEach((operator, o) => {
    for (const input of operator.inputs) result[input]?.push(o);
  });
  return result;
}

/** The index of the operator code with this builtin and custom code, appended with `version` when there is none. */
export function findOrAddOperatorCode(model: Model, builtin: number, version = 1): number {
  const found = model.operatorCodes.findIndex((code) => builtinCode(code) === builtin);
  if (found >= 0) return found;
  const placeholder = BuiltinOperator.PLACEHOLDER_FOR_GREATER_OP_CODES;
  model.operatorCodes.push({
    deprecatedBuiltinCode: Math.min(builtin, placeholder),
    version,
    builtinCode: builtin,
  });
  return model.operatorCodes.length - 1;
}

/** A signature as every part of the program sees it, with or without a SignatureDef in the file. */
export interface SignatureView {
  readonly key: string;
  readonly subgraph: number;
  readonly inputs: readonly { readonly name: string; readonly tensor: number }[];
  readonly outputs: readonly { readonly name: string; readonly tensor: number }[];
  /** False where the file has no signature and the names are tensor names. */
  readonly declared: boolean;
}

/** Key of the signature that stands in where a file has none. */
export const DEFAULT_SIGNATURE = 'serving_default';

/** The model's signatures; a model without any gets one over its first subgraph, named by tensor names. */
export function signatures(model: Model): SignatureView[] {
  const declared = model.signatureDefs ?? [];
  if (declared.length > 0) return declared.map(declaredView);
  const first = model.subgraphs[0];
  if (!first) return [];
  const name = (tensor: number) => ({ name: first.tensors[tensor]?.name || `tensor_${tensor}`, tensor });
  return [
    {
      key: DEFAULT_SIGNATURE,
      subgraph: 0,
      inputs: first.inputs.map(name),
      outputs: first.outputs.map(name),
      declared: false,
    },
  ];
}

function declaredView(definition: SignatureDef): SignatureView {
  const map = (entry: { name?: string | undefined; tensorIndex: number }) => ({
    name: entry.name ?? '',
    tensor: entry.tensorIndex,
  });
  return {
    key: definition.signatureKey ?? DEFAULT_SIGNATURE,
    subgraph: definition.subgraphIndex,
    inputs: definition.inputs.map(map),
    outputs: definition.outputs.map(map),
    declared: true,
  };
}

/** A deep copy of the graph; constants are shared handles. */
export function cloneModel(model: Model): Model {
  const { buffers, associatedFiles, ...graph } = model;
  return { ...structuredClone(graph), buffers: [...buffers], ...(associatedFiles && { associatedFiles }) };
}

/**
 * A copy whose buffer list starts with an empty entry and has data in every other one, so that all activations share
 * buffer 0 and "is constant" is exactly "has a buffer". References of tensors and metadata are renumbered.
 */
export function compactBuffers(model: Model): Model {
  const copy = cloneModel(model);
  const buffers: (Constant | undefined)[] = [undefined];
  const renumbered = model.buffers.map((constant) => (constant === undefined ? 0 : buffers.push(constant) - 1));
  const renumber = (buffer: number) => renumbered[buffer] ?? 0;
  for (const subgraph of copy.subgraphs) {
    for (const tensor of subgraph.tensors) tensor.buffer = renumber(tensor.buffer);
  }
  for (const entry of copy.metadata ?? []) entry.buffer = renumber(entry.buffer);
  if (copy.metadataBuffer) copy.metadataBuffer = copy.metadataBuffer.map(renumber);
  copy.buffers = buffers;
  return copy;
}
