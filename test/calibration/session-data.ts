import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { arrayTypeOf } from '../../datasets/arrays/convert.ts';
import { decodeNpz } from '../../datasets/arrays/npz.ts';
import type { Dataset, Feed, Sample } from '../../datasets/sample.ts';
import { TensorType } from '../../schema/generated/tflite.ts';

/** A data set of feeds in memory, as one made of files: of known length, readable by index. */
export function feedDataset(feeds: readonly Feed[], sources: readonly string[] = ['memory']): Dataset {
  return {
    length: feeds.length,
    description: { kind: 'feeds', sources, preprocessing: {} },
    async *samples(indices = feeds.keys()) {
      for (const index of indices) yield sampleAt(feeds, index);
    },
  };
}

/** The same as an iterable that can be read once. */
export function onceDataset(feeds: readonly Feed[]): Dataset & { taken: number } {
  const source = feeds.keys();
  return {
    taken: 0,
    length: undefined,
    description: { kind: 'iterable', sources: [], preprocessing: {} },
    async *samples() {
      for (const index of source) {
        this.taken += 1;
        yield sampleAt(feeds, index);
      }
    },
  };
}

function sampleAt(feeds: readonly Feed[], index: number): Sample {
  return { index, name: `feed ${index}`, feed: feeds[index] ?? {} };
}

/** Feeds out of a folder of .npz files, one a sample. */
export function npzFeeds(folder: string): Feed[] {
  const types = Object.values(TensorType);
  return readdirSync(folder)
    .sort()
    .map((file) => {
      const { arrays } = decodeNpz(readFileSync(join(folder, file)), file);
      return Object.fromEntries(
        [...arrays].map(([name, { type, shape, data }]) => {
          const code = types.find((candidate) => arrayTypeOf(candidate) === type) ?? TensorType.FLOAT32;
          return [name, { type: code, shape, data }];
        }),
      );
    });
}
