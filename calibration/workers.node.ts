import { type ChildProcess, fork } from 'node:child_process';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Sample } from '../datasets/sample.ts';
import { AeqError } from '../schema/errors.ts';
import type { UnreachableTensor } from './capture/reference.ts';
import type { RunnerSettings, SampleObservations, SampleRunner } from './sample-runner.ts';
import { sampleLabel } from './statistics/merge.ts';
import type { ModelSource, PlainError, WorkerAnswer, WorkerRequest, WorkerStart } from './worker-protocol.ts';

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

/** How often a sample may end the worker that runs it, or a worker end before it could begin, until that is final. */
const MOST_DEATHS = { running: 2, starting: 4 } as const;

/**
 * Runs samples in several processes. (Processes, because a crash of a native interpreter ends all threads at once.) The
 * statistics are added up by the one that asks, so that a worker that ends unexpectedly takes nothing with it but the
 * sample it was at, which another one runs again.
 */
export class WorkerRunner implements SampleRunner {
  readonly version: string;
  readonly unreachable: readonly UnreachableTensor[];
  readonly concurrency: number;
  readonly #start: WorkerStart;
  readonly #workers: Worker[];
  readonly #idle: Worker[];
  readonly #waiting: ((worker: Worker) => void)[] = [];

  private constructor(start: WorkerStart, workers: Worker[], ready: Ready) {
    this.#start = start;
    this.#workers = workers;
    this.#idle = [...workers];
    this.version = ready.version;
    this.unreachable = ready.unreachable;
    this.concurrency = workers.length;
  }

  /**
   * Starts the workers and waits until their interpreters are there.
   * @throws what an interpreter or the model's reader throws.
   */
  static async open({ model, workers, runtime = 'auto', library, settings }: WorkersOptions): Promise<WorkerRunner> {
    const start: WorkerStart = { kind: 'start', model, runtime, library, settings: plainSettings(settings) };
    const started = Array.from({ length: Math.max(1, workers) }, () => new Worker(start));
    try {
      const [ready] = await Promise.all(started.map((worker) => worker.ready()));
      if (!ready) throw new AeqError('INTERNAL', 'there is no worker');
      return new WorkerRunner(start, started, ready);
    } catch (error) {
      await Promise.all(started.map((worker) => worker.end()));
      throw error;
    }
  }

  async run(signature: string, sample: Sample): Promise<SampleObservations> {
    const deaths = { running: 0, starting: 0 };
    for (;;) {
      const worker = await this.#take();
      try {
        const observations = await worker.run(signature, sample);
        this.#give(worker);
        return observations;
      } catch (error) {
        if (!(error instanceof WorkerDied)) {
          this.#give(worker);
          throw error;
        }
        deaths[error.phase] += 1;
        this.#give(this.#replace(worker));
        if (deaths[error.phase] === MOST_DEATHS[error.phase]) throw deadly(sample, error);
      }
    }
  }

  /** Process ids of the workers as they are now. */
  get processIds(): readonly number[] {
    return this.#workers.flatMap((worker) => worker.processId ?? []);
  }

  reset(): void {
    for (const worker of this.#workers) worker.post({ kind: 'reset' });
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.end()));
  }

  async #take(): Promise<Worker> {
    return this.#idle.pop() ?? new Promise((resolve) => this.#waiting.push(resolve));
  }

  #give(worker: Worker): void {
    const next = this.#waiting.shift();
    if (next) next(worker);
    else this.#idle.push(worker);
  }

  #replace(dead: Worker): Worker {
    const worker = new Worker(this.#start);
    this.#workers[this.#workers.indexOf(dead)] = worker;
    return worker;
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

function deadly(sample: Sample, death: WorkerDied): AeqError {
  const times = MOST_DEATHS[death.phase];
  const what =
    death.phase === 'running' ? `ended ${times} workers` : `could not be run: ${times} workers did not start`;
  const message = `${sampleLabel(sample)} ${what}: ${death.message}`;
  return new AeqError('RUNTIME_FAILED', message, {
    where: { sample: sample.index },
    hint: 'leave this sample out, or use fewer workers if memory is short',
    cause: death,
  });
}

/** The worker ended while it was starting or had a sample to run. */
class WorkerDied extends Error {
  readonly phase: 'starting' | 'running';

  constructor(message: string, phase: 'starting' | 'running') {
    super(message);
    this.phase = phase;
  }
}

type Ready = Extract<WorkerAnswer, { kind: 'ready' }>;

interface Pending {
  readonly resolve: (answer: WorkerAnswer) => void;
  readonly reject: (error: unknown) => void;
}

/** How much of what a worker writes on stderr is kept: native libraries say there why they abort. */
const KEPT_CHARACTERS = 2000;

/** One worker process, which does one thing at a time. */
class Worker {
  readonly #child: ChildProcess;
  readonly #closed: Promise<void>;
  readonly #ready: Promise<Ready>;
  #errorText = '';
  #pending: Pending | undefined;
  #phase: 'starting' | 'running' = 'starting';
  #death: WorkerDied | undefined;

  constructor(start: WorkerStart) {
    this.#child = forkEntry();
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errorText = (this.#errorText + text).slice(-KEPT_CHARACTERS);
    });
    this.#child.on('message', (answer) => this.#settle((pending) => pending.resolve(answer as WorkerAnswer)));
    this.#closed = new Promise((resolve) => {
      this.#child.on('error', (error) => {
        this.#die(error.message);
        resolve();
      });
      this.#child.on('close', (status, signal) => {
        const end = signal === null ? `exit status ${status}` : `signal ${signal}`;
        this.#die([end, this.#errorText.trim()].filter((text) => text !== '').join(': '));
        resolve();
      });
    });
    this.#ready = this.#ask(start).then((answer) => expectKind(answer, 'ready'));
    // Whoever uses the worker sees the rejection; nobody may ever ask.
    this.#ready.catch(() => undefined);
  }

  get processId(): number | undefined {
    return this.#child.pid;
  }

  ready(): Promise<Ready> {
    return this.#ready;
  }

  async run(signature: string, sample: Sample): Promise<SampleObservations> {
    await this.#ready;
    this.#phase = 'running';
    return expectKind(await this.#ask({ kind: 'run', signature, sample }), 'seen').observations;
  }

  post(request: WorkerRequest | WorkerStart): void {
    // A process that is gone cannot be written to; how it ended is told by `close`.
    if (!this.#death) this.#child.send(request, () => undefined);
  }

  /** Ends the process, whatever it is doing. */
  async end(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#closed;
  }

  #ask(request: WorkerRequest | WorkerStart): Promise<WorkerAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#death) {
        reject(this.#death);
        return;
      }
      this.#pending = { resolve, reject };
      this.post(request);
    });
  }

  #settle(action: (pending: Pending) => void): void {
    const pending = this.#pending;
    this.#pending = undefined;
    if (pending) action(pending);
  }

  #die(why: string): void {
    this.#death ??= new WorkerDied(why, this.#phase);
    const death = this.#death;
    this.#settle((pending) => pending.reject(death));
  }
}

function expectKind<K extends WorkerAnswer['kind']>(answer: WorkerAnswer, kind: K): Extract<WorkerAnswer, { kind: K }> {
  if (answer.kind === 'failed') throw revived(answer.error);
  if (answer.kind !== kind) throw new AeqError('INTERNAL', `a worker answered ${answer.kind} instead of ${kind}`);
  return answer as Extract<WorkerAnswer, { kind: K }>;
}

function revived({ code, message, where, hint }: PlainError): Error {
  if (code === undefined) return new AeqError('INTERNAL', `a calibration worker failed: ${message}`);
  return new AeqError(code, message, hint === undefined ? { where } : { where, hint });
}

/** Works from the build and, through tsx, from the TypeScript sources. */
function forkEntry(): ChildProcess {
  const sources = import.meta.url.endsWith('.ts');
  const path = fileURLToPath(new URL(`./worker-entry.node${sources ? '.ts' : '.js'}`, import.meta.url));
  const loader = () => pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;
  return fork(path, {
    serialization: 'advanced',
    execArgv: sources ? ['--import', loader()] : [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
}
