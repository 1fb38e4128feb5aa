import type { Feed, TensorValue } from '../datasets/sample.ts';
import { roundHalfEven } from '../kernels/index.ts';
import { TensorType } from '../schema/generated/tflite.ts';
import { signatures } from '../schema/graph.ts';
import type { Model, QuantizationParameters } from '../schema/model.ts';

const { fround } = Math;

const INTEGERS = {
  [TensorType.INT8]: { bits: 8, make: (length: number) => new Int8Array(length) },
  [TensorType.INT16]: { bits: 16, make: (length: number) => new Int16Array(length) },
} as const;

/**
 * The feed with float32 values quantized where the model takes int8 or int16 with a scale, as in a partly quantized
 * model; everything else is passed on. Quantizing is clip(round_half_even(x / scale + zero point)) in float32; with zero
 * point 0 the least integer is left out (-127, -32767), as the original does.
 */
export function quantizeFeed(model: Model, signature: string, feed: Feed): Feed {
  const view = signatures(model).find((entry) => entry.key === signature);
  if (!view) return feed;
  const result: Record<string, TensorValue> = { ...feed };
  for (const { name, tensor } of view.inputs) {
    const target = model.subgraphs[view.subgraph]?.tensors[tensor];
    const value = Object.hasOwn(feed, name) ? feed[name] : undefined;
    if (!value || !target || value.type !== TensorType.FLOAT32) continue;
    const quantized = target.quantization && quantizeValue(value, target.type, target.quantization);
    if (quantized) result[name] = quantized;
  }
  return result;
}

function quantizeValue(
  value: TensorValue,
  type: number,
  quantization: QuantizationParameters,
): TensorValue | undefined {
  const integer = type === TensorType.INT8 || type === TensorType.INT16 ? INTEGERS[type] : undefined;
  const scale = quantization.scale?.[0];
  if (!integer || scale === undefined) return undefined;
  const zeroPoint = Number(quantization.zeroPoint?.[0] ?? 0);
  const greatest = 2 ** (integer.bits - 1) - 1;
  const least = zeroPoint === 0 ? -greatest : -greatest - 1;
  const data = integer.make(value.data.length);
  for (let i = 0; i < data.length; i++) {
    const exact = fround(fround(Number(value.data[i]) / fround(scale)) + zeroPoint);
    data[i] = Math.min(Math.max(roundHalfEven(exact), least), greatest);
  }
  return { type, shape: value.shape, data };
}
