import { float16Value } from '../../kernels/index.ts';
import type { Constant } from '../../schema/constant.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { cloneModel, hasScales, isBlockwise, tensorConstant } from '../../schema/graph.ts';
import type { Model, Operator, Subgraph, Tensor } from '../../schema/model.ts';
import { extentOfAxis } from '../algorithms/extent.ts';

/**
 * A model may store weights as float16 or int8 and turn them into float32 by an operator in front of their reader. The
 * copy that is returned shows such operators' results as the float32 constants they are, so that they can be quantized
 * like others; the operators stay in the graph until `settleDecoded`. The same model if there are none.
 */
export function withDecodedWeights(model: Model): Model {
  const found = model.subgraphs.some((graph) => graph.operators.some((operator) => decodes(model, graph, operator)));
  if (!found) return model;
  const copy = cloneModel(model);
  for (const graph of copy.subgraphs) {
    for (const operator of graph.operators) {
      const parts = decodes(copy, graph, operator);
      if (!parts) continue;
      copy.buffers.push(parts.values);
      parts.output.buffer = copy.buffers.length - 1;
    }
  }
  return copy;
}

/** The operator's result is a constant of the (prepared) model: it decodes stored weights. */
export const isDecoder = (model: Model, graph: Subgraph, { outputs }: Pick<Operator, 'outputs'>): boolean =>
  outputs.length > 0 && outputs.every((output) => hasConstant(model, graph.tensors[output]));

const hasConstant = (model: Model, tensor: Tensor | undefined) =>
  tensor !== undefined && tensorConstant(model, tensor) !== undefined;

/**
 * After the transformation of a prepared model: a decoder whose result is still read as float32 computes it again. One
 * whose result is stored in another form now, or read by nobody, goes, and so does one that is read beside a quantized
 * constant: the runtime refuses a convolution of such a weight and a decoded bias, so the bias stays a constant.
 */
export function settleDecoded(prepared: Model, result: Model): void {
  prepared.subgraphs.forEach((before, s) => {
    const after = result.subgraphs[s];
    if (!after) return;
    const decoded = new Set(before.operators.flatMap((o) => (isDecoder(prepared, before, o) ? o.outputs : [])));
    if (decoded.size === 0) return;
    const read = (tensor: number) =>
      after.outputs.includes(tensor) || after.operators.some(({ inputs }) => inputs.includes(tensor));
    const besideCodes = new Set(after.operators.filter((o) => readsCodes(result, after, o)).flatMap((o) => o.inputs));
    const isFloat = (t: number) => after.tensors[t]?.type === TensorType.FLOAT32;
    const restored = [...decoded].filter((t) => isFloat(t) && read(t) && !besideCodes.has(t));
    for (const tensor of restored) (after.tensors[tensor] as Tensor).buffer = 0;
    const goes = (o: Operator) => o.outputs.some((t) => decoded.has(t) && !restored.includes(t));
    const gone = after.operators.filter(goes);
    after.operators = after.operators.filter((operator) => !goes(operator));
    for (const tensor of gone.flatMap(({ inputs, outputs }) => [...inputs, ...outputs])) {
      const entry = after.tensors[tensor];
      if (entry && !read(tensor)) entry.buffer = 0;
    }
  });
}

const readsCodes = (model: Model, graph: Subgraph, { inputs }: Operator) =>
  inputs.some((input) => {
    const tensor = graph.tensors[input];
    return tensor !== undefined && (hasScales(tensor) || isBlockwise(tensor)) && hasConstant(model, tensor);
  });

function decodes(model: Model, graph: Subgraph, operator: Operator): { output: Tensor; values: Constant } | undefined {
  const [input = -1, ...more] = operator.inputs;
  const source = graph.tensors[input];
  const output = graph.tensors[operator.outputs[0] ?? -1];
  const stored = source && tensorConstant(model, source);
  if (!source || !stored || !output || more.length > 0 || operator.outputs.length !== 1) return undefined;
  if (output.type !== TensorType.FLOAT32 || tensorConstant(model, output)) return undefined;
  if (graph.outputs.includes(operator.outputs[0] ?? -1)) return undefined;
  const values =
    source.type === TensorType.FLOAT16
      ? decodedFloat16(stored)
      : source.type === TensorType.INT8 && hasScales(source)
        ? decodedInt8(stored, source)
        : undefined;
  return values && { output, values };
}

/** float16 as float32, exactly. */
function decodedFloat16(stored: Constant): Constant {
  return derived(stored.sizeBytes * 2, (first, last) => {
    const halves = new Uint16Array(stored.read(first * 2, last * 2).slice().buffer);
    return Float32Array.from(halves, float16Value);
  });
}

/** (code - zero point) * scale in float32, as the interpreter computes it. */
function decodedInt8(stored: Constant, { quantization, shape = [] }: Tensor): Constant {
  const scales = quantization?.scale ?? new Float32Array([1]);
  const zeroPoints = quantization?.zeroPoint ?? new BigInt64Array(1);
  const { channels, inner } = extentOfAxis(shape, scales.length > 1 ? quantization?.quantizedDimension : undefined);
  return derived(stored.sizeBytes * 4, (first, last) => {
    const codes = new Int8Array(stored.read(first, last).slice().buffer);
    return Float32Array.from(codes, (code, i) => {
      const channel = Math.floor((first + i) / inner) % channels;
      return Math.fround((code - Number(zeroPoints[channel] ?? 0n)) * (scales[channel] ?? 1));
    });
  });
}

/** A float32 constant from a function of an element range. */
function derived(sizeBytes: number, values: (first: number, last: number) => Float32Array): Constant {
  const read = (start = 0, end = sizeBytes) => {
    const first = Math.floor(start / 4);
    const bytes = new Uint8Array(values(first, Math.ceil(end / 4)).buffer);
    return bytes.subarray(start - 4 * first, end - 4 * first);
  };
  return { sizeBytes, read };
}
