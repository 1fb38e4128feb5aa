import { bytesConstant } from '../../schema/constant.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { cloneModel } from '../../schema/graph.ts';
import type { Model, Tensor } from '../../schema/model.ts';
import type { ZooWeights } from '../../test/support/operator-zoo.ts';

/** Values that a tensor takes. */
export interface Range {
  readonly min: number;
  readonly max: number;
}

/** How a probe stores a model of one operator. */
export interface ProbeForm {
  /** Type of activations and of constants that are data; undefined: they stay float32. */
  readonly activations?: 'INT8' | 'INT16';
  readonly weights?: { readonly bits: 8 | 4 | 2; readonly perChannel: boolean };
  /** free: every tensor has its own scale; same: one for all; negated: the input's with the zero point negated; else the output's. */
  readonly scales: 'free' | 'same' | 'negated' | { readonly scale: number; readonly zeroPoint: number };
}

/**
 * Stores a float model of one operator as a form says, in double arithmetic of its own: the probe must not depend on the
 * quantizer, which is written from what the probe finds.
 */
export function quantizeForProbe(
  model: Model,
  ranges: ReadonlyMap<number, Range>,
  form: ProbeForm,
  weights: ZooWeights | undefined,
): Model {
  const result = cloneModel(model);
  const [graph] = result.subgraphs;
  const [operator] = graph?.operators ?? [];
  if (!graph || !operator) return result;
  const weight = weights && form.weights ? operator.inputs[weights.weight] : undefined;
  const bias = weights?.bias === undefined ? undefined : operator.inputs[weights.bias];
  const all = [
    ...ranges.values(),
    ...graph.tensors.flatMap((tensor, t) => (t === weight || t === bias ? [] : (constantRange(result, tensor) ?? []))),
  ];
  const union = { min: Math.min(...all.map(({ min }) => min)), max: Math.max(...all.map(({ max }) => max)) };
  graph.tensors.forEach((tensor, t) => {
    if (tensor.type !== TensorType.FLOAT32 || t === bias) return;
    if (t === weight && form.weights) storeWeight(result, tensor, form.weights, weights?.axis ?? 0);
    else if (form.activations) {
      const own = ranges.get(t) ?? constantRange(result, tensor) ?? union;
      const fixed = typeof form.scales === 'object' && operator.outputs.includes(t) ? form.scales : undefined;
      storeData(result, tensor, form.activations, form.scales === 'same' ? union : own, fixed);
    }
  });
  if (form.scales === 'negated')
    negateOutput(graph.tensors[operator.inputs[0] ?? -1], graph.tensors[operator.outputs[0] ?? -1]);
  const input = weights && graph.tensors[operator.inputs[weights.input] ?? -1];
  const stored = weight === undefined ? undefined : graph.tensors[weight];
  const biasTensor = bias === undefined ? undefined : graph.tensors[bias];
  if (form.activations && input && stored && biasTensor) storeBias(result, biasTensor, input, stored, form.activations);
  return result;
}

/** Codes with their sign swapped stand for what they stood for, negated. */
function negateOutput(input: Tensor | undefined, output: Tensor | undefined): void {
  const { scale, zeroPoint } = input?.quantization ?? {};
  if (!output || !scale || !zeroPoint) return;
  output.quantization = { scale, zeroPoint: BigInt64Array.of(-(zeroPoint[0] ?? 0n)), quantizedDimension: 0 };
}

const numbersOf = (model: Model, tensor: Tensor): Float32Array =>
  new Float32Array((model.buffers[tensor.buffer]?.read() ?? new Uint8Array()).slice().buffer);

function constantRange(model: Model, tensor: Tensor): Range | undefined {
  if (tensor.type !== TensorType.FLOAT32 || model.buffers[tensor.buffer] === undefined) return undefined;
  const numbers = numbersOf(model, tensor);
  return { min: Math.min(...numbers), max: Math.max(...numbers) };
}

const code = (value: number, least: number, greatest: number) => Math.min(Math.max(Math.round(value), least), greatest);

function storeData(
  model: Model,
  tensor: Tensor,
  type: 'INT8' | 'INT16',
  range: Range,
  fixed: { scale: number; zeroPoint: number } | undefined,
): void {
  const [low, high] = [Math.min(range.min, 0), Math.max(range.max, 0)];
  const wide = type === 'INT16';
  const scale = fixed?.scale ?? (wide ? Math.max(-low, high) / 32767 : (high - low) / 255);
  const zeroPoint = fixed?.zeroPoint ?? (wide ? 0 : code(-128 - low / scale, -128, 127));
  if (model.buffers[tensor.buffer] !== undefined) {
    const numbers = Array.from(numbersOf(model, tensor), (value) => value / scale + zeroPoint);
    const codes = wide
      ? Int16Array.from(numbers, (value) => code(value, -32768, 32767))
      : Int8Array.from(numbers, (value) => code(value, -128, 127));
    model.buffers[tensor.buffer] = bytesConstant(new Uint8Array(codes.buffer));
  }
  tensor.type = TensorType[type];
  tensor.quantization = quantization([scale], [zeroPoint], 0);
}

function storeWeight(model: Model, tensor: Tensor, form: { bits: 8 | 4 | 2; perChannel: boolean }, axis: number): void {
  const numbers = numbersOf(model, tensor);
  const shape = tensor.shape ?? [];
  const inner = shape.slice(axis + 1).reduce((product, length) => product * length, 1);
  const channels = form.perChannel ? (shape[axis] ?? 1) : 1;
  const channelOf = (index: number) => (form.perChannel ? Math.floor(index / inner) % channels : 0);
  const largest = new Float64Array(channels);
  numbers.forEach((value, index) => {
    largest[channelOf(index)] = Math.max(largest[channelOf(index)] ?? 0, Math.abs(value));
  });
  const greatest = 2 ** (form.bits - 1) - 1;
  const scales = Array.from(largest, (bound) => Math.fround(bound / greatest));
  const codes = Int8Array.from(numbers, (value, index) =>
    code(value / (scales[channelOf(index)] ?? 1), -greatest, greatest),
  );
  model.buffers[tensor.buffer] = bytesConstant(
    form.bits === 8 ? new Uint8Array(codes.buffer) : packed(codes, form.bits),
  );
  tensor.type = form.bits === 8 ? TensorType.INT8 : form.bits === 4 ? TensorType.INT4 : TensorType.INT2;
  tensor.quantization = quantization(
    scales,
    scales.map(() => 0),
    form.perChannel ? axis : 0,
  );
}

function packed(codes: Int8Array, bits: 4 | 2): Uint8Array {
  const each = 8 / bits;
  const bytes = new Uint8Array(Math.ceil(codes.length / each));
  codes.forEach((value, index) => {
    const place = Math.floor(index / each);
    bytes[place] = (bytes[place] ?? 0) | ((value & (2 ** bits - 1)) << (bits * (index % each)));
  });
  return bytes;
}

function storeBias(model: Model, bias: Tensor, input: Tensor, weight: Tensor, type: 'INT8' | 'INT16'): void {
  const step = input.quantization?.scale?.[0] ?? 1;
  const scales = Array.from(weight.quantization?.scale ?? [1], (scale) => Math.fround(scale * step));
  const codes = Array.from(numbersOf(model, bias), (value, index) =>
    Math.round(value / (scales[scales.length === 1 ? 0 : index] ?? 1)),
  );
  const stored = type === 'INT8' ? Int32Array.from(codes) : BigInt64Array.from(codes, BigInt);
  model.buffers[bias.buffer] = bytesConstant(new Uint8Array(stored.buffer));
  bias.type = type === 'INT8' ? TensorType.INT32 : TensorType.INT64;
  bias.quantization = quantization(
    scales,
    scales.map(() => 0),
    0,
  );
}

const quantization = (scales: readonly number[], zeroPoints: readonly number[], quantizedDimension: number) => ({
  scale: Float32Array.from(scales),
  zeroPoint: BigInt64Array.from(zeroPoints, BigInt),
  quantizedDimension,
});
