import { AeqError } from '../schema/errors.ts';
import type { Dataset, Feed, InputSpec, ReadOptions, Sample, TypedArray } from './sample.ts';
import { type InputValue, toInputTensor } from './tensor-like.ts';

/** One sample of a user of the library: values by input name; the value alone for a model with one input. */
export type SampleInput = Readonly<Record<string, InputValue>> | TypedArray;

export type SampleIterable = Iterable<SampleInput> | AsyncIterable<SampleInput>;

export interface IterableOptions {
  /** Take at most this many; needed where the iterable never ends. */
  readonly samples?: number | undefined;
}

/**
 * A data set over an iterable, which is read once, in order, and no further than it is used. Values are not changed, and
 * copied unless memory may be reused: an iterable may give the same buffer again and again. A missing, unknown or
 * unfitting input fails the reading with AeqError FEED_INVALID that names sample and input.
 */
export function iterableDataset(
  iterable: SampleIterable,
  inputs: readonly InputSpec[],
  options: IterableOptions = {},
): Dataset {
  const most = options.samples ?? Number.POSITIVE_INFINITY;
  async function* samples(
    indices?: Iterable<number>,
    { reuseMemory = false }: ReadOptions = {},
  ): AsyncGenerator<Sample> {
    const wanted = indices && new Set(indices);
    let left = wanted?.size ?? Number.POSITIVE_INFINITY;
    let index = 0;
    if (most === 0 || left === 0) return;
    for await (const value of iterable) {
      if (!wanted || wanted.has(index)) {
        const sample = await toSample(value, index, inputs);
        yield reuseMemory ? sample : { ...sample, feed: copied(sample.feed) };
        left -= 1;
      }
      index += 1;
      if (index >= most || left === 0) return;
    }
  }
  return {
    length: Array.isArray(iterable) ? Math.min(iterable.length, most) : undefined,
    description: { kind: 'iterable', sources: [], preprocessing: {} },
    samples,
  };
}

/** (`structuredClone` would copy the whole buffers that the values are views into.) */
const copied = (feed: Feed): Feed =>
  Object.fromEntries(Object.entries(feed).map(([name, value]) => [name, { ...value, data: value.data.slice() }]));

async function toSample(value: unknown, index: number, inputs: readonly InputSpec[]): Promise<Sample> {
  const where = { sample: index };
  const named = byName(value, index, inputs);
  const unknown = Object.keys(named).find((name) => !inputs.some((input) => input.name === name));
  if (unknown !== undefined) {
    throw new AeqError('FEED_INVALID', `sample ${index} has the input "${unknown}", which the model does not take`, {
      where,
      hint: `the inputs are ${inputs.map(({ name }) => name).join(', ')}`,
    });
  }
  const entries = inputs.map(
    async (input) => [input.name, await toInputTensor(named[input.name], input, where)] as const,
  );
  return { index, name: `sample ${index}`, feed: Object.fromEntries(await Promise.all(entries)) };
}

function byName(value: unknown, index: number, inputs: readonly InputSpec[]): Readonly<Record<string, unknown>> {
  const [only] = inputs;
  if (typeof value === 'object' && value !== null) {
    const prototype: unknown = Object.getPrototypeOf(value);
    const plain = prototype === Object.prototype || prototype === null;
    const named = inputs.some(({ name }) => Object.hasOwn(value, name));
    if (named || (plain && !('shape' in value))) return value as Readonly<Record<string, unknown>>;
    if (only && inputs.length === 1) return { [only.name]: value };
  }
  throw new AeqError('FEED_INVALID', `sample ${index} is not an object with a value for each input`, {
    where: { sample: index },
    hint: `give { ${inputs.map(({ name }) => `"${name}": ...`).join(', ')} }`,
  });
}
