import type { Dataset, Sample, SampleName } from '../datasets/sample.ts';
import { AeqError } from '../schema/errors.ts';
import { openModelSource } from './model-source.node.ts';
import { servePool } from './pool/serve.node.ts';
import { openRuntime, type RuntimeChoice } from './runtime/open.node.ts';
import { LocalRunner } from './sample-runner.ts';
import { sampleLabel } from './statistics/merge.ts';
import type { CalibrationTalk } from './worker-protocol.ts';

/** Opens the data set of which that is the origin. */
type Reopen = (origin: unknown) => Promise<Dataset>;

/**
 * In a worker process: one interpreter; samples, or names of samples, in; the sum of what they showed out. What comes as a
 * name is read while the samples before it run.
 */
export function serveCalibration(reopen?: Reopen): void {
  servePool<CalibrationTalk>(async ({ model, runtime, library, settings, origins }) => {
    const datasets = new Map<string, Promise<Dataset>>();
    for (const [signature, origin] of Object.entries(origins)) {
      const dataset = reopen?.(origin) ?? Promise.reject(new AeqError('INTERNAL', 'this worker opens no data sets'));
      // Told by the samples of it.
      dataset.catch(() => undefined);
      datasets.set(signature, dataset);
    }
    const interpreter = await openRuntime(runtime as RuntimeChoice, library === undefined ? {} : { library });
    const runner = new LocalRunner(interpreter, openModelSource(model), settings);
    return {
      ready: { version: runner.version, unreachable: runner.unreachable },
      prepare: async ({ signature, sample }) => ({ signature, sample: await read(datasets.get(signature), sample) }),
      run: async ({ signature, sample }) => {
        await runner.run(signature, sample);
        return undefined;
      },
      collect: () => runner.collect(),
      tell: () => runner.reset(),
    };
  });
}

/** The sample with its values, from the data set where it has none. @throws AeqError DATASET_UNREADABLE */
async function read(dataset: Promise<Dataset> | undefined, sample: Sample | SampleName): Promise<Sample> {
  if ('feed' in sample) return sample;
  for await (const found of (await dataset)?.samples([sample.index]) ?? []) return found;
  throw new AeqError('INTERNAL', `${sampleLabel(sample)} is not in the data set`);
}
