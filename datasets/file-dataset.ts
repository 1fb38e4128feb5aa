import { AeqError } from '../schema/errors.ts';
import type { Labels } from './labels.ts';
import type { BadSample, FileDataset } from './options.ts';
import type { DatasetDescription, Feed, ReadOptions, Sample } from './sample.ts';
import { freshMemory, MemoryPool, type SampleMemory } from './sample-memory.ts';
import { saysValueRange, type ValueRangeOptions } from './value-range.ts';

/** What a data set is made of: names and a way to read each sample. */
export interface SampleSource {
  readonly names: readonly string[];
  readonly description: DatasetDescription;
  /** Where the source itself tells them. */
  readonly labels?: Labels | undefined;
  /** Of texts: what the token ids of a sample say, by input. */
  readonly words?: (feed: Feed) => Readonly<Record<string, string>>;
  /**
   * Makes the tensors of a sample, in this memory where they are large.
   * @throws AeqError DATASET_UNREADABLE for a sample that cannot be decoded: only these count as bad.
   */
  load(index: number, memory: SampleMemory): Promise<Feed>;
}

/** Samples read ahead of the one that is used, so that decoding overlaps the run of a model. */
const READ_AHEAD = 3;
/** Bad files that an error names; the others are counted. */
const MOST_NAMED = 10;

export interface FileDatasetOptions extends ValueRangeOptions {
  /** Share of the samples that may fail to decode. */
  readonly allowBad?: number | undefined;
  readonly selection?: FileDataset['selection'] | undefined;
}

/** A data set over a source; more than `allowBad` (a share) of unreadable samples fail the reading of it. */
export function createFileDataset(source: SampleSource, options: FileDatasetOptions = {}): FileDataset {
  const { names, description } = source;
  const { allowBad = 0, selection = {} } = options;
  const bad = new Map<number, BadSample>();
  const allowed = Math.floor(allowBad * names.length);

  const load = async (index: number, memory: SampleMemory): Promise<Sample | undefined> => {
    const name = names[index];
    if (name === undefined) {
      throw new AeqError('INTERNAL', `the data set has ${names.length} samples, sample ${index} was asked for`);
    }
    try {
      return { index, name, feed: await source.load(index, memory) };
    } catch (error) {
      if (!(error instanceof AeqError) || error.code !== 'DATASET_UNREADABLE') throw error;
      bad.set(index, { index, name, reason: error.message });
      return undefined;
    }
  };

  const pool = new MemoryPool();

  async function* samples(
    indices: Iterable<number> = names.keys(),
    { reuseMemory = false }: ReadOptions = {},
  ): AsyncGenerator<Sample> {
    const wanted = indices[Symbol.iterator]();
    const begin = async (index: number) => {
      const memory = reuseMemory ? pool.take() : freshMemory;
      return { memory, sample: await load(index, memory) };
    };
    for await (const { memory, sample } of readAhead(wanted, begin)) {
      if (bad.size > allowed) {
        for (let next = wanted.next(); !next.done; next = wanted.next()) await load(next.value, freshMemory);
        throw tooManyBad(ascending(bad.values()), names.length, allowBad);
      }
      // What failed may still be written to.
      if (!sample) continue;
      try {
        yield sample;
      } finally {
        pool.give(memory);
      }
    }
  }

  return {
    length: names.length,
    names,
    description,
    labels: source.labels,
    selection,
    valueRangeSaid: saysValueRange(options),
    ...(source.words && { words: source.words }),
    get bad() {
      return ascending(bad.values());
    },
    samples,
  };
}

const ascending = (bad: Iterable<BadSample>) => [...bad].sort((a, b) => a.index - b.index);

/** Loads in order, a few at a time. */
async function* readAhead<T>(indices: Iterator<number>, load: (index: number) => Promise<T>): AsyncGenerator<T> {
  const pending: Promise<T>[] = [];
  const start = () => {
    const next = indices.next();
    if (next.done) return false;
    const promise = load(next.value);
    // Reported when its turn comes; without this a reader that stops early would leave an unhandled rejection.
    promise.catch(() => undefined);
    pending.push(promise);
    return true;
  };
  while (pending.length < READ_AHEAD && start());
  for (let next = pending.shift(); next; next = pending.shift()) {
    const value = await next;
    start();
    yield value;
  }
}

function tooManyBad(bad: readonly BadSample[], total: number, allowBad: number): AeqError {
  const [first] = bad;
  if (bad.length === 1 && first) {
    return new AeqError('DATASET_UNREADABLE', `1 of ${total} samples cannot be decoded: ${first.reason}`, {
      where: { sample: first.index },
      hint: 'repair or remove the file, or allow a share of bad files with --allow-bad',
    });
  }
  const named = bad.slice(0, MOST_NAMED).map(({ name }) => name);
  const more = bad.length > named.length ? ` and ${bad.length - named.length} more` : '';
  const limit = allowBad > 0 ? `, more than the allowed share of ${allowBad}` : '';
  return new AeqError(
    'DATASET_UNREADABLE',
    `${bad.length} of ${total} samples cannot be decoded${limit}: ${named.join(', ')}${more}`,
    { hint: `the first one: ${first?.reason}. Repair or remove them, or allow a share with --allow-bad` },
  );
}
