import type { Dataset, Sample, SampleName } from '../datasets/sample.ts';
import { AeqError } from '../schema/errors.ts';
import { sampleLabel } from './statistics/merge.ts';

/** Opens the data set of which that is the origin, passing over samples that cannot be read. */
export type Reopen = (origin: unknown) => Promise<Dataset>;

/**
 * Origins, by signature, of the data sets that a worker can open itself: of their samples it is told the names only, so
 * that they are read where they are used, while others run.
 */
export function originsOf(datasets: Iterable<readonly [string, Dataset]>): Record<string, unknown> {
  const known = [...datasets].flatMap(([signature, { names, origin }]) =>
    names && origin ? [[signature, origin] as const] : [],
  );
  return Object.fromEntries(known);
}

/** Samples of a data set that are still to be read; undefined where it does not know what they are called. */
export function sampleNames({ names }: Dataset, indices: readonly number[] | undefined): SampleName[] | undefined {
  return names && indices?.map((index) => ({ index, name: names[index] ?? '' }));
}

/** In a worker: the data sets of these origins, opened at once. */
export class NamedSamples {
  readonly #datasets = new Map<string, Promise<Dataset>>();
  /** Iterations over one sample each, which lasts as long as they do. */
  readonly #open = new Map<Sample | SampleName, AsyncIterator<Sample>>();

  constructor(origins: Readonly<Record<string, unknown>>, reopen?: Reopen) {
    for (const [signature, origin] of Object.entries(origins)) {
      const dataset = reopen?.(origin) ?? Promise.reject(new AeqError('INTERNAL', 'this worker opens no data sets'));
      // Told by the samples of it.
      dataset.catch(() => undefined);
      this.#datasets.set(signature, dataset);
    }
  }

  /**
   * The sample with its values, from the data set where it has none; they are valid until it is released.
   * @throws AeqError DATASET_UNREADABLE
   */
  async read(signature: string, sample: Sample | SampleName): Promise<Sample> {
    if ('feed' in sample) return sample;
    const dataset = await this.#datasets.get(signature);
    const iterator = dataset?.samples([sample.index], { reuseMemory: true })[Symbol.asyncIterator]();
    const found = await iterator?.next();
    // Why, and whether that is allowed, is found out by whoever asked (readHere).
    if (!iterator || !found || found.done) {
      throw new AeqError('DATASET_UNREADABLE', `${sampleLabel(sample)} cannot be read`);
    }
    this.#open.set(found.value, iterator);
    return found.value;
  }

  /** The values of a sample are needed no more: others may be read to where they are. */
  async release(sample: Sample | SampleName): Promise<void> {
    await this.#open.get(sample)?.return?.();
    this.#open.delete(sample);
  }
}

/** The error of a worker that could not read a sample. */
export const isUnreadable = (error: unknown): boolean =>
  error instanceof AeqError && error.code === 'DATASET_UNREADABLE';

/**
 * A sample that a worker could not read. Undefined when it is bad here too and the data set allows that.
 * @param selected all samples that the data set is asked for
 * @throws AeqError DATASET_UNREADABLE when it is one too many, naming all that cannot be read.
 */
export async function readHere(
  dataset: Dataset,
  selected: readonly number[] | undefined,
  index: number,
): Promise<Sample | undefined> {
  try {
    for await (const sample of dataset.samples([index])) return sample;
    return undefined;
  } catch (error) {
    // Once there are too many, the data set looks at all that it is asked for before it says so.
    for await (const _ of dataset.samples(selected)) break;
    throw error;
  }
}
