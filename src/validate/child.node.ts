import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { forkModule } from '../../calibration/pool/fork.node.ts';

/** How much of what a child writes on stderr is kept: native libraries say there why they abort. */
const KEPT_CHARACTERS = 4000;

/** What became of a child. */
export interface ChildEnd<Answer> {
  /** What it answered; the rest tells how it ended without. */
  readonly answer: Answer | undefined;
  /** An exit status, or the signal that killed it. */
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The end of what it wrote on stderr. */
  readonly errorText: string;
  readonly timedOut: boolean;
}

export interface ChildOptions {
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
}

/** What a child is sent: something to get ready for, if there is time, then the one question. */
type ToChild<Preparation, Question> =
  | { readonly kind: 'prepare'; readonly preparation: Preparation }
  | { readonly kind: 'ask'; readonly question: Question };

/** A module of this folder in a process of its own, which answers one question and ends. */
export class Child<Preparation, Question, Answer> {
  readonly #child: ChildProcess;
  readonly #ended: Promise<Omit<ChildEnd<Answer>, 'errorText' | 'timedOut'>>;
  #errorText = '';

  /**
   * Starts it. Works from the TypeScript sources (through tsx) and from the build. While it has no question, it keeps
   * nobody waiting, and ends with this process.
   * @param entry file name without extension
   * @param preparation what to get ready for
   */
  constructor(entry: string, preparation: Preparation) {
    const child = forkModule(import.meta.url, entry);
    this.#child = child;
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#errorText = (this.#errorText + text).slice(-KEPT_CHARACTERS);
    });
    this.#ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('message', (value) => resolve({ answer: value as Answer, exitCode: null, signal: null }));
      child.once('close', (exitCode, signal) => resolve({ answer: undefined, exitCode, signal }));
    });
    this.#ended.catch(() => undefined);
    this.#send({ kind: 'prepare', preparation });
    this.#hold(false);
  }

  /**
   * Sends the question and waits for the answer, or for an end without. The child is killed either way: giving back the
   * memory of an interpreter takes it up to 0.1 s, for which nobody has to wait.
   * @throws the abort reason when `signal` is aborted
   */
  async ask(question: Question, options: ChildOptions = {}): Promise<ChildEnd<Answer>> {
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      this.kill();
    }, options.timeoutMs ?? 600_000);
    const kill = () => this.kill();
    options.signal?.addEventListener('abort', kill, { once: true });
    try {
      options.signal?.throwIfAborted();
      this.#hold(true);
      this.#send({ kind: 'ask', question });
      const end = await this.#ended;
      options.signal?.throwIfAborted();
      return { ...end, errorText: this.#errorText.trim(), timedOut };
    } finally {
      this.kill();
      this.#hold(false);
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', kill);
    }
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #send(message: ToChild<Preparation, Question>): void {
    // A child that dies at once cannot be written to; how it ended is what counts.
    this.#child.send(message as NodeJS.Dict<unknown>, () => undefined);
  }

  /** Whether this process stays alive for the child. */
  #hold(on: boolean): void {
    const stderr = this.#child.stderr as Socket | null;
    for (const handle of [this.#child, this.#child.channel, stderr]) {
      if (on) handle?.ref();
      else handle?.unref();
    }
  }
}

/** In the child: answers the parent's one question, which then kills it; ends too when the parent does. */
export function serveParent<Preparation, Question>(
  prepare: (preparation: Preparation) => void,
  answer: (question: Question) => Promise<unknown>,
): void {
  process.once('disconnect', () => process.exit());
  process.on('message', async (message: ToChild<Preparation, Question>) => {
    if (message.kind === 'prepare') {
      prepare(message.preparation);
      return;
    }
    process.send?.(await answer(message.question));
  });
}
