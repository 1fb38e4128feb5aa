import type { ChildProcess } from 'node:child_process';
import type { Sample, SampleName } from '../datasets/sample.ts';
import type { UnreachableTensor } from './capture/reference.ts';
import { forkModule } from './pool/fork.node.ts';
import { ProcessPool, sampleDepth } from './pool/pool.node.ts';
import type { RunnerSettings, SampleRunner } from './sample-runner.ts';
import { sampleLabel } from './statistics/merge.ts';
import { type CollectedStatistics, StatisticsSum } from './statistics/statistics.ts';
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
  /** Origins of data sets, by signature, whose samples the workers are to read; `fork` must start workers that can. */
  readonly origins?: Readonly<Record<string, unknown>> | undefined;
  /** Starts a module that calls `serveCalibration`. By default one that knows no data sets. */
  readonly fork?: (() => ChildProcess) | undefined;
}

/** What the workers handed over since it was asked for the last time. */
interface Parts {
  sum: StatisticsSum;
}

/**
 * Runs samples in several processes. Each adds up what its samples showed, which is fetched now and then; the samples
 * since then are run again by another when it ends unexpectedly.
 */
export class WorkerRunner implements SampleRunner {
  readonly version: string;
  readonly unreachable: readonly UnreachableTensor[];
  readonly concurrency: number;
  /** Of a worker that ends, the samples are run again. */
  readonly keepsSamples = true;
  readonly #pool: ProcessPool<CalibrationTalk>;
  readonly #origins: Readonly<Record<string, unknown>>;
  readonly #parts: Parts;

  private constructor(pool: ProcessPool<CalibrationTalk>, parts: Parts, origins: Readonly<Record<string, unknown>>) {
    this.#pool = pool;
    this.#parts = parts;
    this.#origins = origins;
    this.version = pool.ready.version;
    this.unreachable = pool.ready.unreachable;
    this.concurrency = pool.capacity;
  }

  /**
   * Starts the workers and waits until their interpreters are there.
   * @throws what an interpreter or the model's reader throws.
   */
  static async open(options: WorkersOptions): Promise<WorkerRunner> {
    const { model, workers, runtime = 'auto', library, settings, origins = {}, fork = forkPlain } = options;
    const parts: Parts = { sum: new StatisticsSum() };
    const pool = await ProcessPool.open<CalibrationTalk>({
      fork,
      workers,
      start: { model, runtime, library, settings: plainSettings(settings), origins },
      who: 'a calibration worker',
      depth: sampleDepth(workers),
      keeping: { add: (part) => parts.sum.absorb(part), weigh: ({ sample }) => feedBytes(sample) },
    });
    return new WorkerRunner(pool, parts, origins);
  }

  reads(signature: string): boolean {
    return Object.hasOwn(this.#origins, signature);
  }

  async run(signature: string, sample: Sample | SampleName): Promise<void> {
    await this.#pool.run({ signature, sample }, { label: sampleLabel(sample), where: { sample: sample.index } });
  }

  async collect(): Promise<CollectedStatistics> {
    await this.#pool.collect();
    const collected = this.#parts.sum.build();
    this.#parts.sum = new StatisticsSum();
    return collected;
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

const forkPlain = () => forkModule(import.meta.url, 'worker-entry.node');

const feedBytes = (sample: Sample | SampleName) =>
  'feed' in sample ? Object.values(sample.feed).reduce((sum, { data }) => sum + data.byteLength, 0) : 0;

/** Only what a worker understands: callers may pass an object with more in it. */
function plainSettings(settings: RunnerSettings): RunnerSettings {
  const { wanted, allowNonFinite, histograms, resetState, memoryBytes, threads } = settings;
  const places = wanted.map(({ subgraph, tensor, rowMaximum, rowLength, squaresOnly }) => ({
    subgraph,
    tensor,
    rowMaximum: rowMaximum ?? false,
    ...(rowLength !== undefined && { rowLength, squaresOnly: squaresOnly ?? false }),
  }));
  return { wanted: places, allowNonFinite, histograms, resetState, memoryBytes, threads };
}
