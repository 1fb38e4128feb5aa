import { AeqError } from '../../schema/errors.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { typeName } from '../../schema/graph.ts';
import { shapeText } from '../arrays/array.ts';
import type { InputSpec, TensorValue } from '../sample.ts';
import { elementsIn, freshMemory, type SampleMemory } from '../sample-memory.ts';
import { resampleSound } from './resample.ts';
import type { Sound } from './wav.ts';

/** How recordings become the tensors of a model. */
export interface SoundRecipe {
  /** Values per window; undefined where the model takes recordings of any length. */
  readonly window: number | undefined;
  /** Values per second the model expects; undefined to take recordings as they are. */
  readonly sampleRate: number | undefined;
}

/** The dimension of time: the only one that is neither 1 nor a free batch in front. */
function timeAxis({ name, shape, type }: InputSpec): number {
  const long = shape.flatMap((length, axis) => (length > 1 ? [axis] : []));
  const open = shape.flatMap((length, axis) => (length < 0 ? [axis] : []));
  const candidates = long.length > 0 ? long : open.length > 1 ? open.filter((axis) => axis > 0) : open;
  const others = long.length > 0 ? open.filter((axis) => axis > 0) : [];
  const [axis] = candidates;
  const types: readonly number[] = [TensorType.FLOAT32, TensorType.INT16];
  if (axis !== undefined && candidates.length === 1 && others.length === 0 && types.includes(type)) return axis;
  throw new AeqError(
    'DATASET_MISMATCH',
    `sound does not fit input "${name}": it takes ${typeName(type)} ${shapeText(shape)}`,
    {
      where: { tensor: name },
      hint: 'a sound input is float32 or int16 [1,length]; give spectrograms and other features as .npy files',
    },
  );
}

/** @throws AeqError DATASET_MISMATCH for an input that is no sound */
export function soundRecipe(input: InputSpec, sampleRate: number | undefined): SoundRecipe {
  const length = input.shape[timeAxis(input)] ?? -1;
  return { window: length < 0 ? undefined : length, sampleRate };
}

/** Windows of a recording: as many as are at least half filled, and at least one. */
export function windowCount(values: number, { window }: SoundRecipe): number {
  return window === undefined ? 1 : Math.max(1, Math.round(values / window));
}

/** The mean of the channels, in double, rounded to float32. */
function mixDown({ channels }: Sound, memory: SampleMemory = freshMemory): Float32Array {
  const [first = new Float32Array(), ...others] = channels;
  if (others.length === 0) return first;
  const result = elementsIn(memory, Float32Array, first.length);
  first.forEach((value, i) => {
    result[i] = others.reduce((sum, channel) => sum + (channel[i] ?? 0), value) / channels.length;
  });
  return result;
}

/**
 * One window of a recording: mixed to one channel, brought to the model's rate, silence behind its end. float32 inputs get
 * values of -1 to 1, int16 inputs 32768 times that, rounded to nearest and limited to the type.
 */
export function soundTensor(
  sound: Sound,
  window: number,
  recipe: SoundRecipe,
  input: InputSpec,
  memory: SampleMemory,
): TensorValue {
  const mono = mixDown(sound, memory);
  const { sampleRate = sound.sampleRate } = recipe;
  const values = resampleSound(mono, sound.sampleRate, sampleRate, memory);
  const length = recipe.window ?? values.length;
  const part = elementsIn(memory, Float32Array, length);
  const heard = values.subarray(window * length, (window + 1) * length);
  part.set(heard);
  part.fill(0, heard.length);
  const axis = timeAxis(input);
  const shape = input.shape.map((dimension, i) => (i === axis ? length : Math.abs(dimension)));
  if (input.type === TensorType.FLOAT32) return { type: input.type, shape, data: part };
  const integers = Int16Array.from(part, (value) => Math.max(-32_768, Math.min(32_767, Math.round(value * 32_768))));
  return { type: input.type, shape, data: integers };
}
