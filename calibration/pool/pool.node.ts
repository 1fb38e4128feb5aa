import type { ChildProcess } from 'node:child_process';
import { AeqError, type ErrorWhere } from '../../schema/errors.ts';
import type { PoolTalk } from './talk.ts';
import { Worker, WorkerDied } from './worker.node.ts';

export interface PoolOptions<T extends PoolTalk> {
  /** Starts a process that serves (serve.node.ts). */
  readonly fork: () => ChildProcess;
  readonly workers: number;
  /** Told to each worker. */
  readonly start: T['start'];
  /** What a worker is called in messages. */
  readonly who: string;
}

/** What a request is about, for the message that it kills workers. */
export interface Subject {
  readonly label: string;
  readonly where: ErrorWhere;
}

/** How often a request may end the worker that runs it, or a worker end before it could begin, until that is final. */
const MOST_DEATHS = { running: 2, starting: 4 } as const;

/**
 * Several processes that answer requests. (Processes, because a crash of a native interpreter ends all threads at once.)
 * A worker that ends unexpectedly takes nothing with it but the request it was at, which another one gets.
 */
export class ProcessPool<T extends PoolTalk> {
  /** The first worker's answer to its start. */
  readonly ready: T['ready'];
  readonly size: number;
  readonly #options: PoolOptions<T>;
  readonly #workers: Worker<T>[];
  readonly #idle: Worker<T>[];
  readonly #waiting: ((worker: Worker<T>) => void)[] = [];

  private constructor(options: PoolOptions<T>, workers: Worker<T>[], ready: T['ready']) {
    this.#options = options;
    this.#workers = workers;
    this.#idle = [...workers];
    this.size = workers.length;
    this.ready = ready;
  }

  /** Starts the workers and waits until they can work. @throws what a worker throws when it starts. */
  static async open<T extends PoolTalk>(options: PoolOptions<T>): Promise<ProcessPool<T>> {
    const workers = Array.from({ length: Math.max(1, options.workers) }, () => newWorker(options));
    try {
      const [ready] = await Promise.all(workers.map((worker) => worker.ready));
      return new ProcessPool(options, workers, ready);
    } catch (error) {
      await Promise.all(workers.map((worker) => worker.end()));
      throw error;
    }
  }

  /**
   * Has a request answered by the next worker that is free.
   * @throws what the worker throws; AeqError RUNTIME_FAILED naming the subject when it ends workers.
   */
  async run(request: T['request'], subject: Subject): Promise<T['answer']> {
    const deaths = { running: 0, starting: 0 };
    for (;;) {
      const worker = await this.#take();
      try {
        const answer = await worker.run(request);
        this.#give(worker);
        return answer;
      } catch (error) {
        if (!(error instanceof WorkerDied)) {
          this.#give(worker);
          throw error;
        }
        deaths[error.phase] += 1;
        this.#give(this.#replace(worker));
        if (deaths[error.phase] === MOST_DEATHS[error.phase]) throw deadly(subject, error);
      }
    }
  }

  /** Tells all workers something. */
  tell(notice: T['notice']): void {
    for (const worker of this.#workers) worker.tell(notice);
  }

  /** Process ids of the workers as they are now. */
  get processIds(): readonly number[] {
    return this.#workers.flatMap((worker) => worker.processId ?? []);
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.end()));
  }

  async #take(): Promise<Worker<T>> {
    return this.#idle.pop() ?? new Promise((resolve) => this.#waiting.push(resolve));
  }

  #give(worker: Worker<T>): void {
    const next = this.#waiting.shift();
    if (next) next(worker);
    else this.#idle.push(worker);
  }

  #replace(dead: Worker<T>): Worker<T> {
    const worker = newWorker(this.#options);
    this.#workers[this.#workers.indexOf(dead)] = worker;
    return worker;
  }
}

function newWorker<T extends PoolTalk>({ fork, start, who }: PoolOptions<T>): Worker<T> {
  return new Worker<T>(fork(), start, who);
}

function deadly({ label, where }: Subject, death: WorkerDied): AeqError {
  const times = MOST_DEATHS[death.phase];
  const what =
    death.phase === 'running' ? `ended ${times} workers` : `could not be run: ${times} workers did not start`;
  return new AeqError('RUNTIME_FAILED', `${label} ${what}: ${death.message}`, {
    where,
    hint: 'leave this sample out, or use fewer workers if memory is short',
    cause: death,
  });
}
