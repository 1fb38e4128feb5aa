import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Feed, Sample } from '../datasets/sample.ts';
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

/** How often a sample may end the worker that runs it before it is given up. */
const MOST_DEATHS = 2;

/**
 * Runs samples in several threads. The statistics are added up in the thread that asks, so that a worker that ends
 * unexpectedly takes nothing with it but the sample it was at, which another one runs again.
 */
export class WorkerRunner implements SampleRunner {
  readonly version: string;
  readonly unreachable: readonly UnreachableTensor[];
  readonly concurrency: number;
  /** The threads as they are now, for whoever watches over them. */
  readonly threads: readonly Thread[];
  readonly #start: WorkerStart;
  readonly #threads: Thread[];
  readonly #idle: Thread[];
  readonly #waiting: ((thread: Thread) => void)[] = [];

  private constructor(start: WorkerStart, threads: Thread[], ready: Ready) {
    this.#start = start;
    this.#threads = threads;
    this.threads = threads;
    this.#idle = [...threads];
    this.version = ready.version;
    this.unreachable = ready.unreachable;
    this.concurrency = threads.length;
  }

  /**
   * Starts the workers and waits until their interpreters are there.
   * @throws what an interpreter or the model's reader throws.
   */
  static async open({ model, workers, runtime = 'auto', library, settings }: WorkersOptions): Promise<WorkerRunner> {
    const start: WorkerStart = { model, runtime, library, settings: plainSettings(settings) };
    const threads = Array.from({ length: Math.max(1, workers) }, () => new Thread(start));
    try {
      const [ready] = await Promise.all(threads.map((thread) => thread.ready()));
      if (!ready) throw new AeqError('INTERNAL', 'there is no worker');
      return new WorkerRunner(start, threads, ready);
    } catch (error) {
      await Promise.all(threads.map((thread) => thread.end()));
      throw error;
    }
  }

  async run(signature: string, sample: Sample): Promise<SampleObservations> {
    for (let deaths = 0; ; ) {
      const thread = await this.#take();
      try {
        const observations = await thread.run(signature, sample);
        this.#give(thread);
        return observations;
      } catch (error) {
        if (!(error instanceof WorkerDied)) {
          this.#give(thread);
          throw error;
        }
        deaths += 1;
        this.#give(this.#replace(thread));
        if (deaths === MOST_DEATHS) throw deadly(sample, error);
      }
    }
  }

  reset(): void {
    for (const thread of this.#threads) thread.post({ kind: 'reset' });
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.end()));
  }

  async #take(): Promise<Thread> {
    return this.#idle.pop() ?? new Promise((resolve) => this.#waiting.push(resolve));
  }

  #give(thread: Thread): void {
    const next = this.#waiting.shift();
    if (next) next(thread);
    else this.#idle.push(thread);
  }

  #replace(dead: Thread): Thread {
    const thread = new Thread(this.#start);
    this.#threads[this.#threads.indexOf(dead)] = thread;
    return thread;
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
  const message = `${sampleLabel(sample)} ended ${MOST_DEATHS} workers: ${death.message}`;
  return new AeqError('RUNTIME_FAILED', message, {
    where: { sample: sample.index },
    hint: 'leave this sample out, or use fewer workers if memory is short',
    cause: death,
  });
}

/** The thread ended while it had something to do. */
class WorkerDied extends Error {}

type Ready = Extract<WorkerAnswer, { kind: 'ready' }>;

interface Pending {
  readonly resolve: (answer: WorkerAnswer) => void;
  readonly reject: (error: unknown) => void;
}

/** One worker thread, which does one thing at a time. */
class Thread {
  readonly #worker: Worker;
  #pending: Pending | undefined;
  #death: WorkerDied | undefined;
  #ready: Promise<Ready> | undefined;

  constructor(start: WorkerStart) {
    this.#worker = startWorker(start);
    this.#worker.on('message', (answer: WorkerAnswer) => this.#settle((pending) => pending.resolve(answer)));
    this.#worker.on('error', (error: Error) => this.#die(error.message));
    this.#worker.on('exit', (status) => this.#die(`it exited with status ${status}`));
    this.#ready = this.#answer().then((answer) => expectKind(answer, 'ready'));
    // Whoever uses the thread sees the rejection; nobody may ever ask.
    this.#ready.catch(() => undefined);
  }

  async ready(): Promise<Ready> {
    if (!this.#ready) throw new AeqError('INTERNAL', 'the worker was not started');
    return this.#ready;
  }

  async run(signature: string, sample: Sample): Promise<SampleObservations> {
    await this.ready();
    const answered = this.#answer();
    this.post({ kind: 'run', signature, sample: { ...sample, feed: compact(sample.feed) } });
    return expectKind(await answered, 'seen').observations;
  }

  post(request: WorkerRequest): void {
    if (!this.#death) this.#worker.postMessage(request);
  }

  /** Ends the thread, whatever it is doing. */
  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #answer(): Promise<WorkerAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#death) reject(this.#death);
      else this.#pending = { resolve, reject };
    });
  }

  #settle(action: (pending: Pending) => void): void {
    const pending = this.#pending;
    this.#pending = undefined;
    if (pending) action(pending);
  }

  #die(why: string): void {
    this.#death ??= new WorkerDied(why);
    const death = this.#death;
    this.#settle((pending) => pending.reject(death));
  }
}

/** The same feed without what else lies in the buffers of its views: a message takes whole buffers. */
function compact(feed: Feed): Feed {
  return Object.fromEntries(
    Object.entries(feed).map(([name, value]) => {
      const whole = value.data.byteLength === value.data.buffer.byteLength;
      return [name, whole ? value : { ...value, data: value.data.slice() }];
    }),
  );
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

/** Works from the build and, through tsx, from the TypeScript sources; a thread must ask for tsx in its own code. */
function startWorker(start: WorkerStart): Worker {
  const sources = import.meta.url.endsWith('.ts');
  const entry = new URL(`./worker-entry.node${sources ? '.ts' : '.js'}`, import.meta.url);
  if (!sources) return new Worker(entry, { workerData: start });
  const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx/package.json'));
  const code = `import('${new URL('dist/esm/api/index.mjs', tsx)}').then(({ register }) => { register(); return import('${entry.href}'); })`;
  return new Worker(code, { eval: true, workerData: start });
}
