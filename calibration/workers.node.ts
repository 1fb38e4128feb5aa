import type { Sample } from '../datasets/sample.ts';
import type { UnreachableTensor } from './capture/reference.ts';
import { forkModule } from './pool/fork.node.ts';
import { ProcessPool } from './pool/pool.node.ts';
import type { RunnerSettings, SampleObservations, SampleRunner } from './sample-runner.ts';
import { sampleLabel } from './statistics/merge.ts';
import type { CalibrationTalk, ModelSource } from './worker-protocol.ts';

export interface WorkersOptions {
  readonly model: ModelSource;
  /** How many interpreters, each with the model in its own memory. */
  readonly workers: number;
  /** A value of `--runtime`. Default `auto`. */
  readonly runtime?: string | undefined;
  /** Path of LiteRT's C library for the native interpreter. */
  readonly library?: string | undefined;
  readonly settings: RunnerSettings;
}

/**
 * Runs samples in several processes. The statistics are added up by the one that asks, so that a worker that ends
 * unexpectedly takes nothing with it but the sample it was at, which another one runs again.
 */
export class WorkerRunner implements SampleRunner {
  readonly version: string;
  readonly unreachable: readonly UnreachableTensor[];
  readonly concurrency: number;
  readonly #pool: ProcessPool<CalibrationTalk>;

  private constructor(pool: ProcessPool<CalibrationTalk>) {
    this.#pool = pool;
    this.version = pool.ready.version;
    this.unreachable = pool.ready.unreachable;
    this.concurrency = pool.size;
  }

  /**
   * Starts the workers and waits until their interpreters are there.
   * @throws what an interpreter or the model's reader throws.
   */
  static async open({ model, workers, runtime = 'auto', library, settings }: WorkersOptions): Promise<WorkerRunner> {
    const pool = await ProcessPool.open<CalibrationTalk>({
      fork: () => forkModule(import.meta.url, 'worker-entry.node'),
      workers,
      start: { model, runtime, library, settings: plainSettings(settings) },
      who: 'a calibration worker',
    });
    return new WorkerRunner(pool);
  }

  run(signature: string, sample: Sample): Promise<SampleObservations> {
    return this.#pool.run({ signature, sample }, { label: sampleLabel(sample), where: { sample: sample.index } });
  }

  /** Process ids of the workers as they are now. */
  get processIds(): readonly number[] {
    return this.#pool.processIds;
  }

  reset(): void {
    this.#pool.tell('reset');
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}

/** Only what a worker understands: callers may pass an object with more in it. */
function plainSettings(settings: RunnerSettings): RunnerSettings {
  const { wanted, allowNonFinite, histograms, resetState, memoryBytes, threads } = settings;
  const places = wanted.map(({ subgraph, tensor, rowMaximum }) => ({
    subgraph,
    tensor,
    rowMaximum: rowMaximum ?? false,
  }));
  return { wanted: places, allowNonFinite, histograms, resetState, memoryBytes, threads };
}
