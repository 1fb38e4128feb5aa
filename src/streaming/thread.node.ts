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

/**
 * How many threads to use for so many bytes of weights, that of the caller among them: as many as asked for, else one a
 * core where that pays.
 */
export function threadCount(sizeBytes: number, asked: number | undefined): number {
  return asked ?? (sizeBytes < LEAST_BYTES ? 1 : availableParallelism());
}

/** A job that somebody waits for. */
export interface Pending {
  readonly job: Job;
  readonly origin: ConstantOrigin;
  readonly resolve: (result: JobResult) => void;
  readonly reject: (error: unknown) => void;
}

/** Threads without work are kept this long for the next caller: planning and writing follow each other. */
const SPARE_MILLISECONDS = 1000;
const spare: Thread[] = [];

/** A thread that was kept, or a new one. */
export const takeThread = (): Thread => spare.pop() ?? new Thread();

/**
 * Starts the threads that work on so many bytes of weights needs beside the caller's, ahead of it: they get ready while
 * the program is loaded.
 */
export function startThreads(sizeBytes: number): void {
  const count = threadCount(sizeBytes, undefined) - 1;
  for (let started = spare.length; started < count; started += 1) new Thread().rest();
}

/** Jobs that a thread has been sent: one that it does and one that it goes on with, however long the answer takes. */
const JOBS_AHEAD = 2;

/** One thread beside the caller's. */
export class Thread {
  readonly #worker: Worker;
  #take: () => Pending | undefined = () => undefined;
  #fail: (error: AeqError) => void = () => undefined;
  /** In the order in which they are answered. */
  readonly #pending: Pending[] = [];
  #lastOrigin: ConstantOrigin | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor() {
    this.#worker = startWorker();
    this.#worker.on('message', (answer: JobAnswer) => {
      const done = this.#pending.shift();
      if ('error' in answer) done?.reject(revivedError(answer.error, 'a thread'));
      else done?.resolve(answer.result);
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

  get pending(): readonly Pending[] {
    return this.#pending;
  }

  get idle(): boolean {
    return this.#pending.length === 0;
  }

  get hasRoom(): boolean {
    return this.#pending.length < JOBS_AHEAD;
  }

  /** Takes the next jobs, if there are any. */
  next(): void {
    while (this.hasRoom) {
      const pending = this.#take();
      if (!pending) return;
      this.#pending.push(pending);
      const { job, origin } = pending;
      const message: JobMessage = { job, origin: origin === this.#lastOrigin ? undefined : origin };
      this.#lastOrigin = origin;
      this.#worker.postMessage(message);
    }
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
