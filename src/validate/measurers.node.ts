import { forkModule } from '../../calibration/pool/fork.node.ts';
import { ProcessPool } from '../../calibration/pool/pool.node.ts';
import { sampleLabel } from '../../calibration/statistics/merge.ts';
import type { Sample } from '../../datasets/sample.ts';
import type { CandidateMeasurement, SampleMeasurer } from './measurement.ts';
import type { MeasurerTalk } from './measurer-talk.ts';

/** Measures samples in several processes, each with all models in an interpreter of its own. */
export class WorkerMeasurer implements SampleMeasurer {
  readonly version: string;
  readonly concurrency: number;
  readonly #pool: ProcessPool<MeasurerTalk>;

  private constructor(pool: ProcessPool<MeasurerTalk>) {
    this.#pool = pool;
    this.version = pool.ready.version;
    this.concurrency = pool.size;
  }

  /** Starts the workers and waits until their interpreters are there. @throws what an interpreter or a reader throws. */
  static async open(start: MeasurerTalk['start'], workers: number): Promise<WorkerMeasurer> {
    const fork = () => forkModule(import.meta.url, 'measurer-entry.node');
    return new WorkerMeasurer(
      await ProcessPool.open<MeasurerTalk>({ fork, workers, start, who: 'a validation worker' }),
    );
  }

  measure(signature: string, sample: Sample, alone: boolean): Promise<readonly CandidateMeasurement[]> {
    const { index, name, feed } = sample;
    const subject = { label: sampleLabel(sample), where: { sample: name } };
    return this.#pool.run({ signature, sample: { index, name, feed }, alone }, subject);
  }

  /** Process ids of the workers as they are now. */
  get processIds(): readonly number[] {
    return this.#pool.processIds;
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}
