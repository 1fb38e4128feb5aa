import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { ConstantOrigin } from '../../schema/constant.ts';
import { AeqError } from '../../schema/errors.ts';
import { revivedError } from '../../schema/plain-error.ts';
import type { Job, JobAnswer, JobMessage, JobResult } from './job.ts';

/** Threads are worth their start from this many bytes of float weights on. */
const LEAST_BYTES = 64 << 20;

/** How many threads to use for so many bytes of weights: as many as asked for, else one a core where that pays. */
export function threadCount(sizeBytes: number, asked: number | undefined): number {
  return asked ?? (sizeBytes < LEAST_BYTES ? 1 : availableParallelism());
}

interface Pending {
  readonly job: Job;
  readonly origin: ConstantOrigin;
  readonly resolve: (result: JobResult) => void;
  readonly reject: (error: unknown) => void;
}

/** Threads without work are kept this long for the next caller: planning and writing follow each other. */
const SPARE_MILLISECONDS = 1000;
const spare: Thread[] = [];

/** Threads that take jobs in the order in which they are given. */
export class Threads {
  readonly #threads: Thread[];
  readonly #waiting: Pending[] = [];
  readonly #signal: AbortSignal | undefined;
  readonly #abort = () => this.#fail(this.#signal?.reason);

  /** @param signal when it is aborted, what is not done yet rejects with its reason. */
  constructor(count: number, signal?: AbortSignal) {
    this.#threads = Array.from({ length: count }, () => spare.pop() ?? new Thread());
    for (const thread of this.#threads) {
      thread.serve(
        () => this.#waiting.shift(),
        (error) => this.#fail(error),
      );
    }
    this.#signal = signal;
    signal?.addEventListener('abort', this.#abort);
  }

  /** Has a job done. @throws AeqError what the job throws, INTERNAL when a thread ends; the abort reason. */
  run(job: Job, origin: ConstantOrigin): Promise<JobResult> {
    return new Promise((resolve, reject) => {
      if (this.#signal?.aborted) reject(this.#signal.reason);
      this.#waiting.push({ job, origin, resolve, reject });
      this.#threads.find((thread) => thread.idle)?.next();
    });
  }

  /** Gives the threads back, and ends those that are at work. None of them uses a file any more then. */
  async close(): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#abort);
    this.#waiting.length = 0;
    await Promise.all(this.#threads.map((thread) => (thread.idle ? thread.rest() : thread.end())));
  }

  #fail(reason: unknown): void {
    const waiting = this.#waiting.splice(0);
    for (const { reject } of [...this.#threads.flatMap((thread) => thread.pending ?? []), ...waiting]) reject(reason);
  }
}

class Thread {
  readonly #worker: Worker;
  #take: () => Pending | undefined = () => undefined;
  #fail: (error: AeqError) => void = () => undefined;
  #pending: Pending | undefined;
  #lastOrigin: ConstantOrigin | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor() {
    this.#worker = startWorker();
    this.#worker.on('message', (answer: JobAnswer) => {
      if ('error' in answer) this.#pending?.reject(revivedError(answer.error, 'a thread'));
      else this.#pending?.resolve(answer.result);
      this.next();
    });
    this.#worker.on('error', (error) => {
      remove(spare, this);
      this.#fail(new AeqError('INTERNAL', `a thread ended: ${error.message}`, { cause: error }));
    });
  }

  /** From now on, jobs come from `take`; `fail` hears when the thread ends by itself. */
  serve(take: () => Pending | undefined, fail: (error: AeqError) => void): void {
    clearTimeout(this.#timer);
    this.#worker.ref();
    this.#take = take;
    this.#fail = fail;
  }

  /** Waits for the next caller, for a while, without keeping the process alive. */
  rest(): void {
    this.serve(
      () => undefined,
      () => undefined,
    );
    this.#worker.unref();
    this.#timer = setTimeout(() => {
      remove(spare, this);
      void this.end();
    }, SPARE_MILLISECONDS).unref();
    spare.push(this);
  }

  get pending(): Pending | undefined {
    return this.#pending;
  }

  get idle(): boolean {
    return this.#pending === undefined;
  }

  /** Takes the next job, if there is one. */
  next(): void {
    this.#pending = this.#take();
    if (!this.#pending) return;
    const { job, origin } = this.#pending;
    const message: JobMessage = { job, origin: origin === this.#lastOrigin ? undefined : origin };
    this.#lastOrigin = origin;
    this.#worker.postMessage(message);
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}

function remove<T>(list: T[], entry: T): void {
  const at = list.indexOf(entry);
  if (at >= 0) list.splice(at, 1);
}

/** Works from the build and, through tsx, from the TypeScript sources. */
function startWorker(): Worker {
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('./thread-entry.node.js', import.meta.url));
  const entry = new URL('./thread-entry.node.ts', import.meta.url).href;
  const loader = createRequire(import.meta.url)
    .resolve('tsx/esm/api')
    .replace(/cjs$/, 'mjs');
  // The loader's own option for `node` does nothing in threads.
  const text = `import('${pathToFileURL(loader)}').then(({ tsImport }) => tsImport('${entry}', '${entry}'))`;
  return new Worker(text, { eval: true });
}
