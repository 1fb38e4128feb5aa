import type { Feed, TensorValue, TypedArray } from '../../datasets/sample.ts';
import { roundHalfEven, sharedWorkspace } from '../../kernels/index.ts';
import { AeqError } from '../../schema/errors.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { elementCount, hasScales, type SignatureView, typeName } from '../../schema/graph.ts';
import type { Model, Tensor } from '../../schema/model.ts';

const { fround } = Math;

/** Least and greatest code of the integer types a model may take as input. */
const LIMITS = {
  [TensorType.INT8]: { least: -128, greatest: 127, array: Int8Array },
  [TensorType.UINT8]: { least: 0, greatest: 255, array: Uint8Array },
  [TensorType.INT16]: { least: -32768, greatest: 32767, array: Int16Array },
} as const;

/**
 * The feed that a quantized model takes for a sample made for its float twin: float32 values for integer inputs are
 * quantized as a program that uses the file would do it, everything else goes in as it is. Inputs are found by name, or
 * by position where neither model names them.
 * @throws AeqError MODELS_DIFFER when an input of the quantized model has no counterpart, or one of another type.
 */
export function feedFor(quantized: Model, view: SignatureView, float: SignatureView, feed: Feed): Feed {
  const tensors = quantized.subgraphs[view.subgraph]?.tensors ?? [];
  const entries = view.inputs.map(({ name, tensor }, position) => {
    const source = inputCounterpart(view, float, position);
    const value = source === undefined ? undefined : feed[source];
    const target = tensors[tensor];
    if (value === undefined || target === undefined) {
      throw new AeqError(
        'MODELS_DIFFER',
        `input ${name} of the quantized model has no counterpart in the float model`,
        {
          where: { tensor: name },
          hint: 'compare a model with the float model that it was made from',
        },
      );
    }
    return [name, value.type === target.type ? value : quantizedValue(name, value, target)] as const;
  });
  return Object.fromEntries(entries);
}

/** Name of the float signature's input that belongs to an input of the quantized one; undefined where there is none. */
export function inputCounterpart(view: SignatureView, float: SignatureView, position: number): string | undefined {
  const name = view.inputs[position]?.name;
  if (float.inputs.some((input) => input.name === name)) return name;
  return view.inputs.length === float.inputs.length ? float.inputs[position]?.name : undefined;
}

/**
 * clip(round_half_even(x / scale + zeroPoint)) in float32 over the full range of the type; NaN gives the zero point,
 * because some code has to.
 */
function quantizedValue(name: string, value: TensorValue, target: Tensor): TensorValue {
  const limits = LIMITS[target.type as keyof typeof LIMITS];
  if (value.type !== TensorType.FLOAT32 || limits === undefined || !hasScales(target)) {
    throw new AeqError(
      'MODELS_DIFFER',
      `input ${name} is ${typeName(value.type)} in the float model and ${typeName(target.type)} in the quantized one`,
      { where: { tensor: name }, hint: 'compare a model with the float model that it was made from' },
    );
  }
  const scale = target.quantization?.scale?.[0] ?? 1;
  const zeroPoint = Number(target.quantization?.zeroPoint?.[0] ?? 0);
  const data = new limits.array(value.data.length);
  quantizeInto(data, value.data as Float32Array, { scale, zeroPoint, ...limits });
  return { type: target.type, shape: value.shape, data };
}

interface Codes {
  readonly scale: number;
  readonly zeroPoint: number;
  readonly least: number;
  readonly greatest: number;
}

function quantizeInto(data: Int8Array | Uint8Array | Int16Array, values: Float32Array, codes: Codes): void {
  const { scale, zeroPoint, least, greatest } = codes;
  const workspace = sharedWorkspace();
  const { kernels } = workspace;
  const parameters = workspace.allocate(8);
  const source = workspace.place(values);
  const ordinary = scale > 0 && Number.isFinite(scale);
  if (ordinary && kernels.rangeFloat32(source, values.length).nanCount === 0) {
    const target = workspace.allocate(data.byteLength);
    workspace.floats(parameters, 1)[0] = scale;
    new Int32Array(kernels.memory.buffer, parameters + 4, 1)[0] = zeroPoint;
    const bits = data.BYTES_PER_ELEMENT === 2 ? 16 : 8;
    const extent = { outer: 1, channels: 1, inner: values.length };
    kernels.quantize(source, extent, parameters, parameters + 4, { bits, least, greatest }, target);
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    bytes.set(workspace.bytes(target, data.byteLength));
    return;
  }
  // The kernel gives 0 for what is no number.
  for (let i = 0; i < data.length; i += 1) {
    const code = roundHalfEven(fround(fround((values[i] as number) / scale) + zeroPoint));
    data[i] = Number.isNaN(code) ? zeroPoint : Math.min(Math.max(code, least), greatest);
  }
}

const ARRAYS: Readonly<Record<number, new (length: number) => TypedArray>> = {
  [TensorType.FLOAT32]: Float32Array,
  [TensorType.FLOAT16]: Uint16Array,
  [TensorType.BFLOAT16]: Uint16Array,
  [TensorType.FLOAT64]: Float64Array,
  [TensorType.INT8]: Int8Array,
  [TensorType.UINT8]: Uint8Array,
  [TensorType.BOOL]: Uint8Array,
  [TensorType.INT16]: Int16Array,
  [TensorType.UINT16]: Uint16Array,
  [TensorType.INT32]: Int32Array,
  [TensorType.UINT32]: Uint32Array,
  [TensorType.INT64]: BigInt64Array,
  [TensorType.UINT64]: BigUint64Array,
};

/**
 * Values to try a model with. `indices`: integers are 0, an index that is always in range, real values (quantized ones
 * too) a fixed irregular pattern in [0, 1). `masks`: the same with integers 1, for models that divide by how many places
 * of a mask are set. `zeros`: everything 0.
 */
export const GENERIC_VALUES = ['indices', 'masks', 'zeros'] as const;

/** A feed of generic values for a signature; undefined where a type cannot be fed. `shapeOf` fills free dimensions. */
export function genericFeed(
  model: Model,
  view: SignatureView,
  values: (typeof GENERIC_VALUES)[number],
  shapeOf: (tensor: Tensor) => readonly number[],
): Feed | undefined {
  const feed: Record<string, TensorValue> = {};
  for (const { name, tensor } of view.inputs) {
    const entry = model.subgraphs[view.subgraph]?.tensors[tensor];
    const make = entry && ARRAYS[entry.type];
    if (entry === undefined || make === undefined) return undefined;
    const shape = shapeOf(entry);
    const data = new make(elementCount(shape));
    const real = new Float32Array(data.length).map((_, i) => (values === 'zeros' ? 0 : pattern(i)));
    if (entry.type === TensorType.FLOAT32) (data as Float32Array).set(real);
    else if (values === 'masks') fillWithOnes(data);
    const value: TensorValue = { type: TensorType.FLOAT32, shape, data: real };
    const quantizable = entry.type in LIMITS && hasScales(entry);
    feed[name] = quantizable ? quantizedValue(name, value, entry) : { type: entry.type, shape, data };
  }
  return feed;
}

function fillWithOnes(data: TypedArray): void {
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) data.fill(1n);
  else data.fill(1);
}

/** Multiples of the golden ratio modulo 1: irregular, the same everywhere, and spread evenly. */
const pattern = (index: number): number => ((index + 1) * 0.6180339887498949) % 1;
