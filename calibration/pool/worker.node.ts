import type { ChildProcess } from 'node:child_process';
import { AeqError } from '../../schema/errors.ts';
import { revivedError } from '../../schema/plain-error.ts';
import type { FromWorker, PoolTalk, ToWorker } from './talk.ts';

/** The worker ended while it was starting or had something to do. */
export class WorkerDied extends Error {
  readonly phase: 'starting' | 'running';
  /** The job it was at; undefined while it was starting. */
  readonly at: unknown;

  constructor(message: string, phase: 'starting' | 'running', at: unknown) {
    super(message);
    this.phase = phase;
    this.at = at;
  }
}

/** Something a worker is given to run. */
export interface Task<T extends PoolTalk> {
  readonly request: T['request'];
}

interface Pending<T extends PoolTalk> {
  readonly task: Task<T> | undefined;
  readonly resolve: (answer: FromWorker<T>) => void;
  readonly reject: (error: unknown) => void;
}

/** How much of what a worker writes on stderr is kept: native libraries say there why they abort. */
const KEPT_CHARACTERS = 2000;

/** One worker process, which does what it is asked one after the other. */
export class Worker<T extends PoolTalk, K extends Task<T> = Task<T>> {
  readonly ready: Promise<T['ready']>;
  readonly #child: ChildProcess;
  readonly #closed: Promise<void>;
  readonly #who: string;
  readonly #keeps: boolean;
  #errorText = '';
  /** What it was asked and has not answered, in order. */
  readonly #pending: Pending<T>[] = [];
  /** What it has run since the last part that it handed over. */
  #kept: K[] = [];
  #load = 0;
  #phase: 'starting' | 'running' = 'starting';
  #death: WorkerDied | undefined;

  /**
   * @param who what it is called in messages, such as "a calibration worker"
   * @param keeps it keeps what tasks come to until that is collected
   */
  constructor(child: ChildProcess, start: T['start'], { who, keeps }: { who: string; keeps: boolean }) {
    this.#child = child;
    this.#who = who;
    this.#keeps = keeps;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errorText = (this.#errorText + text).slice(-KEPT_CHARACTERS);
    });
    child.on('message', (answer) => this.#answered(answer as FromWorker<T>));
    this.#closed = new Promise((resolve) => {
      child.on('error', (error) => {
        this.#die(error.message);
        resolve();
      });
      child.on('close', (status, signal) => {
        const end = signal === null ? `exit status ${status}` : `signal ${signal}`;
        this.#die([end, this.#errorText.trim()].filter((text) => text !== '').join(': '));
        resolve();
      });
    });
    this.ready = this.#ask({ kind: 'start', start }).then((answer) => {
      this.#phase = 'running';
      return this.#expect(answer, 'ready').ready;
    });
    // Whoever uses the worker sees the rejection; nobody may ever ask.
    this.ready.catch(() => undefined);
  }

  get processId(): number | undefined {
    return this.#child.pid;
  }

  /** Tasks that were given to it and have not come back. */
  get load(): number {
    return this.#load;
  }

  /** Tasks whose results only this worker has, where it keeps them. */
  get kept(): readonly K[] {
    return this.#kept;
  }

  /** @throws WorkerDied; what the worker throws. */
  async run(task: K): Promise<T['answer']> {
    this.#load += 1;
    try {
      await this.ready;
      return this.#expect(await this.#ask({ kind: 'run', request: task.request }, task), 'done').answer;
    } finally {
      this.#load -= 1;
    }
  }

  /** What it has kept of the tasks that have come back before this does. @throws WorkerDied; what the worker throws. */
  async collect(): Promise<T['part']> {
    await this.ready;
    return this.#expect(await this.#ask({ kind: 'collect' }), 'part').part;
  }

  tell(notice: T['notice']): void {
    this.#post({ kind: 'tell', notice });
  }

  /** Ends the process, whatever it is doing. */
  async end(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#closed;
  }

  #post(message: ToWorker<T>): void {
    // A process that is gone cannot be written to; how it ended is told by `close`.
    if (!this.#death) this.#child.send(message, () => undefined);
  }

  #ask(message: ToWorker<T>, task?: K): Promise<FromWorker<T>> {
    return new Promise((resolve, reject) => {
      if (this.#death) {
        reject(this.#death);
        return;
      }
      this.#pending.push({ task, resolve, reject });
      this.#post(message);
    });
  }

  #answered(answer: FromWorker<T>): void {
    const pending = this.#pending.shift();
    if (this.#keeps && answer.kind === 'done' && pending?.task) this.#kept.push(pending.task as K);
    if (answer.kind === 'part') this.#kept = [];
    pending?.resolve(answer);
  }

  #die(why: string): void {
    if (this.#death) return;
    const death = new WorkerDied(why, this.#phase, this.#pending.find(({ task }) => task)?.task);
    this.#death = death;
    for (const pending of this.#pending.splice(0)) pending.reject(death);
  }

  #expect<A extends FromWorker<T>['kind']>(answer: FromWorker<T>, kind: A): Extract<FromWorker<T>, { kind: A }> {
    if (answer.kind === 'failed') throw revivedError(answer.error, this.#who);
    if (answer.kind === kind) return answer as Extract<FromWorker<T>, { kind: A }>;
    throw new AeqError('INTERNAL', `${this.#who} answered ${answer.kind} instead of ${kind}`);
  }
}
