import { TensorType } from '../../schema/generated/tflite.ts';
import type { Layout } from '../options.ts';
import type { TensorValue } from '../sample.ts';
import { elementsIn, type SampleMemory } from '../sample-memory.ts';
import { applyValueRange, checkChannels, type ValueRange } from '../value-range.ts';

/**
 * A float32 tensor, in this memory, with the value range applied per channel: the last dimension, or the second one for `nchw`. Tensors of
 * other types are returned as they are. In float32. @throws AeqError USAGE when mean or std do not fit the channels.
 */
export function scaleTensor(value: TensorValue, range: ValueRange, layout: Layout, memory: SampleMemory): TensorValue {
  if (value.type !== TensorType.FLOAT32) return value;
  const perChannel = range.mean.length > 1 || range.std.length > 1;
  const axis = layout === 'nchw' ? Math.min(1, value.shape.length - 1) : value.shape.length - 1;
  const channels = perChannel ? (value.shape[axis] ?? 1) : 1;
  if (perChannel) checkChannels(range, channels);
  const inner = perChannel ? value.shape.slice(axis + 1).reduce((product, length) => product * length, 1) : 1;
  const data = elementsIn(memory, Float32Array, value.data.length);
  for (let i = 0; i < data.length; i++) {
    const channel = Math.floor(i / inner) % channels;
    const from = range.reverseColors ? i + (channels - 1 - 2 * channel) * inner : i;
    data[i] = applyValueRange(range, Number(value.data[from]), channel);
  }
  return { ...value, data };
}
