import { AeqError } from '../../schema/errors.ts';
import { typeName } from '../../schema/graph.ts';
import type { InputSpec, TensorValue } from '../sample.ts';
import type { SampleMemory } from '../sample-memory.ts';
import { type NumberArray, shapeCount, shapeText } from './array.ts';
import { convertElements } from './convert.ts';

/** How the samples lie in an array of a file. */
export interface SampleLayout {
  readonly samples: number;
  /** Shape of one sample as the model gets it; free dimensions of the input are filled from the array. */
  readonly shape: readonly number[];
}

/** `[28,28]` for `[1,28,28,1]`. */
const squeeze = (shape: readonly number[]): number[] => shape.filter((length) => length !== 1);

const fits = (shape: readonly number[], input: readonly number[]): boolean =>
  shape.length === input.length && input.every((length, axis) => length < 0 || length === shape[axis]);

const fitsSqueezed = (shape: readonly number[], input: readonly number[]): boolean => {
  const fixed = squeeze(input);
  return fixed.every((length) => length >= 0) && fits(squeeze(shape), fixed);
};

/**
 * Finds the samples in an array of this shape. In order: the input's own shape is one sample; one axis more in front is
 * the samples; where the input's first dimension (the batch) is b, the array's first dimension is cut into samples of b;
 * the same once more without the dimensions of length 1, so that `[2000,28,28]` fits an input `[1,28,28,1]`.
 * With `oneSample` only the forms of a single sample are tried, and a free batch takes what the array has; without it a
 * free batch is filled with 1.
 * @returns undefined when the shape does not fit.
 */
export function findSamples(
  shape: readonly number[],
  input: readonly number[],
  oneSample: boolean,
): SampleLayout | undefined {
  const [batch, ...rest] = input;
  const [first, ...others] = shape;
  const freeBatch = batch !== undefined && batch < 0;
  if (fits(shape, input) && (oneSample || !freeBatch)) return { samples: 1, shape };
  if (!oneSample && first !== undefined) {
    if (fits(others, input)) return { samples: first, shape: others };
    if (batch !== undefined && fits(others, rest)) {
      const size = freeBatch ? 1 : batch;
      if (size > 0 && first % size === 0) return { samples: first / size, shape: [size, ...others] };
    }
  }
  const filled = freeBatch ? [1, ...rest] : input;
  if (fitsSqueezed(shape, filled)) return { samples: 1, shape: filled };
  if (oneSample || first === undefined || (filled[0] ?? 1) !== 1) return undefined;
  return fitsSqueezed(others, filled) ? { samples: first, shape: filled } : undefined;
}

/** @throws AeqError DATASET_MISMATCH where `findSamples` finds nothing. */
export function requireSamples(array: NumberShape, input: InputSpec, file: string, oneSample: boolean): SampleLayout {
  const layout = findSamples(array.shape, input.shape, oneSample);
  if (layout && layout.samples > 0) return layout;
  const expected = `${typeName(input.type)} ${shapeText(input.shape)}`;
  const got = `${array.type} ${shapeText(array.shape)}`;
  throw new AeqError('DATASET_MISMATCH', `${file} holds ${got}, but input "${input.name}" takes ${expected}`, {
    where: { file, tensor: input.name },
    hint: oneSample
      ? 'one sample is an array of exactly the input’s shape'
      : 'give one sample of exactly this shape, or several along one more dimension in front',
  });
}

type NumberShape = Pick<NumberArray, 'type' | 'shape'>;

/**
 * One sample as a tensor of the model's type and shape, in this memory where it has to be converted. @throws AeqError DATASET_MISMATCH where the types do not convert.
 */
export function toTensor(
  array: NumberArray,
  shape: readonly number[],
  input: InputSpec,
  file: string,
  memory: SampleMemory,
): TensorValue {
  const data = convertElements(array, input.type, memory);
  if (typeof data === 'string') {
    throw new AeqError('DATASET_MISMATCH', `${file} does not fit input "${input.name}": ${data}`, {
      where: { file, tensor: input.name },
      hint: `the input takes ${typeName(input.type)} ${shapeText(input.shape)}, the file holds ${array.type}`,
    });
  }
  if (data.length !== shapeCount(shape))
    throw new AeqError('INTERNAL', `${file}: ${data.length} elements for ${shape}`);
  return { type: input.type, shape, data };
}
