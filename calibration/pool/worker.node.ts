import type { ChildProcess } from 'node:child_process';
import { AeqError } from '../../schema/errors.ts';
import { revivedError } from '../../schema/plain-error.ts';
import type { FromWorker, PoolTalk, ToWorker } from './talk.ts';

/** The worker ended while it was starting or had something to run. */
export class WorkerDied extends Error {
  readonly phase: 'starting' | 'running';

  constructor(message: string, phase: 'starting' | 'running') {
    super(message);
    this.phase = phase;
  }
}

interface Pending<T extends PoolTalk> {
  readonly resolve: (answer: FromWorker<T>) => void;
  readonly reject: (error: unknown) => void;
}

/** How much of what a worker writes on stderr is kept: native libraries say there why they abort. */
const KEPT_CHARACTERS = 2000;

/** One worker process, which does one thing at a time. */
export class Worker<T extends PoolTalk> {
  readonly ready: Promise<T['ready']>;
  readonly #child: ChildProcess;
  readonly #closed: Promise<void>;
  readonly #who: string;
  #errorText = '';
  #pending: Pending<T> | undefined;
  #phase: 'starting' | 'running' = 'starting';
  #death: WorkerDied | undefined;

  /** @param who what it is called in messages, such as "a calibration worker" */
  constructor(child: ChildProcess, start: T['start'], who: string) {
    this.#child = child;
    this.#who = who;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errorText = (this.#errorText + text).slice(-KEPT_CHARACTERS);
    });
    child.on('message', (answer) => this.#settle((pending) => pending.resolve(answer as FromWorker<T>)));
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
    this.ready = this.#ask({ kind: 'start', start }).then((answer) => this.#expect(answer, 'ready').ready);
    // Whoever uses the worker sees the rejection; nobody may ever ask.
    this.ready.catch(() => undefined);
  }

  get processId(): number | undefined {
    return this.#child.pid;
  }

  /** @throws WorkerDied; what the worker throws. */
  async run(request: T['request']): Promise<T['answer']> {
    await this.ready;
    this.#phase = 'running';
    return this.#expect(await this.#ask({ kind: 'run', request }), 'done').answer;
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

  #ask(message: ToWorker<T>): Promise<FromWorker<T>> {
    return new Promise((resolve, reject) => {
      if (this.#death) {
        reject(this.#death);
        return;
      }
      this.#pending = { resolve, reject };
      this.#post(message);
    });
  }

  #settle(action: (pending: Pending<T>) => void): void {
    const pending = this.#pending;
    this.#pending = undefined;
    if (pending) action(pending);
  }

  #die(why: string): void {
    this.#death ??= new WorkerDied(why, this.#phase);
    const death = this.#death;
    this.#settle((pending) => pending.reject(death));
  }

  #expect<K extends FromWorker<T>['kind']>(answer: FromWorker<T>, kind: K): Extract<FromWorker<T>, { kind: K }> {
    if (answer.kind === 'failed') throw revivedError(answer.error, this.#who);
    if (answer.kind === kind) return answer as Extract<FromWorker<T>, { kind: K }>;
    throw new AeqError('INTERNAL', `${this.#who} answered ${answer.kind} instead of ${kind}`);
  }
}
