import type { ChildProcess } from 'node:child_process';
import { AeqError, type ErrorWhere } from '../../schema/errors.ts';
import type { PoolTalk } from './talk.ts';
import { type Task, Worker, WorkerDied } from './worker.node.ts';

export interface PoolOptions<T extends PoolTalk> {
  /** Starts a process that serves (serve.node.ts). */
  readonly fork: () => ChildProcess;
  readonly workers: number;
  /** Told to each worker. */
  readonly start: T['start'];
  /** What a worker is called in messages. */
  readonly who: string;
  /** Requests at a worker at a time: with more than one, the next are on their way while one runs. Default 1. */
  readonly depth?: number | undefined;
  /** For workers that keep what requests came to, instead of answering it. */
  readonly keeping?: Keeping<T> | undefined;
}

/** How results that workers keep are fetched. The requests since the last time are kept here, to be run again. */
export interface Keeping<T extends PoolTalk> {
  /** Gets the parts, each worker's now and then and all of them by `collect`. */
  readonly add: (part: T['part']) => void;
  /** Bytes that a request takes while it is kept. */
  readonly weigh: (request: T['request']) => number;
}

/** What a request is about, for the message that it kills workers. */
export interface Subject {
  readonly label: string;
  readonly where: ErrorWhere;
}

/**
 * Samples at a worker at a time, for `depth`: while one runs, the next are on their way, or being read. One worker alone
 * keeps the order of the samples.
 */
export const sampleDepth = (workers: number): number => (workers > 1 ? 3 : 1);

/** How often a request may end the worker that runs it, or a worker end before it could begin, until that is final. */
const MOST_DEATHS = { running: 2, starting: 4 } as const;

/**
 * A worker's part is fetched after so many requests, or so many bytes of them: that many are run again when it ends. Fetching
 * the statistics of EfficientNet-Lite0 takes both sides together 6 ms.
 */
const FETCH = { requests: 512, bytes: 32e6 } as const;

/** A request and who waits for it. */
interface Job<T extends PoolTalk> extends Task<T> {
  readonly subject: Subject;
  /** How often a worker ended that was at it. */
  readonly deaths: { running: number; starting: number };
  readonly resolve: (answer: T['answer']) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Several processes that answer requests. (Processes, because a crash of a native interpreter ends all threads at once.)
 * A worker that ends unexpectedly takes nothing with it: the request it was at, those behind it and those whose results it
 * kept are given to another.
 */
export class ProcessPool<T extends PoolTalk> {
  /** The first worker's answer to its start. */
  readonly ready: T['ready'];
  readonly size: number;
  readonly #options: PoolOptions<T>;
  readonly #workers: Worker<T, Job<T>>[];
  /** Requests that no worker has yet. */
  readonly #waiting: Job<T>[] = [];
  /** Requests that are run once more because their worker ended after them; what is wrong with them is told by collect. */
  readonly #again = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;
  #closed = false;

  private constructor(options: PoolOptions<T>, workers: Worker<T, Job<T>>[], ready: T['ready']) {
    this.#options = options;
    this.#workers = workers;
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

  /** How many requests it takes before one has to wait. */
  get capacity(): number {
    return this.size * (this.#options.depth ?? 1);
  }

  /**
   * Has a request answered by the next worker that is free.
   * @throws what the worker throws; AeqError RUNTIME_FAILED naming the subject when it ends workers.
   */
  run(request: T['request'], subject: Subject): Promise<T['answer']> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, subject, deaths: { running: 0, starting: 0 }, resolve, reject });
      this.#assign();
    });
  }

  /** Fetches the results of all requests that were answered, and of those that must be run again for it. */
  async collect(): Promise<void> {
    for (;;) {
      await Promise.all(this.#again);
      const full = this.#workers.filter((worker) => worker.kept.length > 0);
      if (full.length === 0) break;
      await Promise.all(full.map((worker) => this.#fetch(worker)));
    }
    if (this.#failure) throw this.#failure.error;
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
    this.#closed = true;
    await Promise.all(this.#workers.map((worker) => worker.end()));
  }

  /** Gives waiting requests to the workers that have least to do. */
  #assign(): void {
    for (;;) {
      const worker = this.#workers.reduce((least, other) => (other.load < least.load ? other : least));
      const job = worker.load < (this.#options.depth ?? 1) ? this.#waiting.shift() : undefined;
      if (!job) return;
      // What the others have come to shall not be at stake again.
      if (job.deaths.running > 0 && worker.load + worker.kept.length > 0) void this.#fetch(worker);
      void this.#give(worker, job);
    }
  }

  async #give(worker: Worker<T, Job<T>>, job: Job<T>): Promise<void> {
    try {
      const answer = await worker.run(job);
      if (this.#isFull(worker)) void this.#fetch(worker);
      job.resolve(answer);
    } catch (error) {
      if (error instanceof WorkerDied) this.#bury(worker, job, error);
      else job.reject(error);
    }
    this.#assign();
  }

  /** Another worker takes the place of one that ended, and what it was to do waits again. */
  #bury(worker: Worker<T, Job<T>>, job: Job<T>, death: WorkerDied): void {
    if (this.#closed) {
      job.reject(death);
      return;
    }
    this.#replace(worker);
    if (death.phase === 'starting' || death.at === job) {
      job.deaths[death.phase] += 1;
      if (job.deaths[death.phase] === MOST_DEATHS[death.phase]) {
        job.reject(deadly(job.subject, death));
        return;
      }
    }
    this.#waiting.unshift(job);
  }

  #replace(dead: Worker<T, Job<T>>): void {
    const place = this.#workers.indexOf(dead);
    if (place < 0 || this.#closed) return;
    this.#workers[place] = newWorker(this.#options);
    for (const { request, subject } of dead.kept) {
      const again = this.run(request, subject)
        .then(() => undefined)
        .catch((error: unknown) => {
          this.#failure ??= { error };
        })
        .finally(() => this.#again.delete(again));
      this.#again.add(again);
    }
  }

  #isFull({ kept }: Worker<T, Job<T>>): boolean {
    const { keeping } = this.#options;
    const bytes = kept.reduce((sum, { request }) => sum + (keeping?.weigh(request) ?? 0), 0);
    return kept.length >= FETCH.requests || bytes >= FETCH.bytes;
  }

  /** Adds what a worker has kept. One that ends instead is replaced. */
  async #fetch(worker: Worker<T, Job<T>>): Promise<void> {
    const { keeping } = this.#options;
    if (!keeping) return;
    try {
      keeping.add(await worker.collect());
    } catch (error) {
      if (error instanceof WorkerDied) this.#replace(worker);
      else this.#failure ??= { error };
    }
  }
}

function newWorker<T extends PoolTalk>({ fork, start, who, keeping }: PoolOptions<T>): Worker<T, Job<T>> {
  return new Worker<T, Job<T>>(fork(), start, { who, keeps: keeping !== undefined });
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
