import { forkModule } from '../../calibration/pool/fork.node.ts';
import { ProcessPool, sampleDepth } from '../../calibration/pool/pool.node.ts';
import { sampleLabel } from '../../calibration/statistics/merge.ts';
import type { Sample, SampleName } from '../../datasets/sample.ts';
import type { CandidateMeasurement, SampleMeasurer } from './measurement.ts';
import type { MeasurerTalk } from './measurer-talk.ts';

/** Measures samples in several processes, each with all models in an interpreter of its own. */
export class WorkerMeasurer implements SampleMeasurer {
  readonly version: string;
  readonly concurrency: number;
  readonly keepsSamples = true;
  readonly #pool: ProcessPool<MeasurerTalk>;
  readonly #origins: MeasurerTalk['start']['origins'];

  private constructor(pool: ProcessPool<MeasurerTalk>, origins: MeasurerTalk['start']['origins']) {
    this.#pool = pool;
    this.#origins = origins;
    this.version = pool.ready.version;
    this.concurrency = pool.capacity;
  }

  /** Starts the workers and waits until their interpreters are there. @throws what an interpreter or a reader throws. */
  static async open(start: MeasurerTalk['start'], workers: number): Promise<WorkerMeasurer> {
    const fork = () => forkModule(import.meta.url, 'measurer-entry.node');
    const depth = sampleDepth(workers);
    const pool = await ProcessPool.open<MeasurerTalk>({ fork, workers, start, depth, who: 'a validation worker' });
    return new WorkerMeasurer(pool, start.origins);
  }

  reads(signature: string): boolean {
    return Object.hasOwn(this.#origins, signature);
  }

  measure(signature: string, sample: Sample | SampleName, alone: boolean): Promise<readonly CandidateMeasurement[]> {
    const { index, name } = sample;
    const told = 'feed' in sample ? { index, name, feed: sample.feed } : { index, name };
    const subject = { label: sampleLabel(sample), where: { sample: name } };
    return this.#pool.run({ signature, sample: told, alone }, subject);
  }

  /** Process ids of the workers as they are now. */
  get processIds(): readonly number[] {
    return this.#pool.processIds;
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}
