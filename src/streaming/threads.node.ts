import { setImmediate } from 'node:timers/promises';
import type { ConstantOrigin } from '../../schema/constant.ts';
import { Hands } from './hands.node.ts';
import type { Job, JobResult } from './job.ts';
import { type Pending, type Thread, takeThread } from './thread.node.ts';

/**
 * Threads that take jobs in the order in which they are given. The caller's own is one of them: it does a job whenever it
 * would only wait.
 */
export class Threads {
  readonly #threads: Thread[];
  readonly #waiting: Pending[] = [];
  readonly #signal: AbortSignal | undefined;
  readonly #abort = () => this.#fail(this.#signal?.reason);
  readonly #hands = new Hands();
  #atWork = false;

  /** @param signal when it is aborted, what is not done yet rejects with its reason. */
  constructor(count: number, signal?: AbortSignal) {
    this.#threads = Array.from({ length: count - 1 }, takeThread);
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
      const thread = this.#threads.find(({ idle }) => idle) ?? this.#threads.find(({ hasRoom }) => hasRoom);
      if (thread) thread.next();
      else if (!this.#atWork) void this.#work();
    });
  }

  /** Gives the threads back, and ends those that are at work. None of them uses a file any more then. */
  async close(): Promise<void> {
    this.#forget();
    await Promise.all(this.#threads.map((thread) => (thread.idle ? thread.rest() : thread.end())));
  }

  /**
   * Ends the threads when all jobs are done and no more are to be expected: that takes them some milliseconds, which
   * nobody waits for now, but the process would at its end.
   */
  dismiss(): void {
    this.#forget();
    for (const thread of this.#threads) void thread.end();
  }

  #forget(): void {
    this.#signal?.removeEventListener('abort', this.#abort);
    this.#waiting.length = 0;
  }

  /** Does jobs here as long as there are any. Between them answers of the others come in, and interrupts. */
  async #work(): Promise<void> {
    this.#atWork = true;
    await setImmediate();
    for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
      try {
        next.resolve(this.#hands.do(next.job, next.origin));
      } catch (error) {
        next.reject(error);
      }
      await setImmediate();
    }
    this.#atWork = false;
  }

  #fail(reason: unknown): void {
    const waiting = this.#waiting.splice(0);
    for (const { reject } of [...this.#threads.flatMap(({ pending }) => pending), ...waiting]) reject(reason);
  }
}
