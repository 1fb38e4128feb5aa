import { forkModule } from '../../calibration/pool/fork.node.ts';

/** How much of what a child writes on stderr is kept: native libraries say there why they abort. */
const KEPT_CHARACTERS = 4000;

/** What became of a child. */
export interface ChildEnd<Answer> {
  /** The last message it sent. */
  readonly answer: Answer | undefined;
  /** How it ended: an exit status, or the signal that killed it. */
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

/**
 * Runs a module of this folder in a process of its own, sends it one message and waits for its end. Works from the
 * TypeScript sources (through tsx) and from the build.
 * @param entry file name without extension
 * @throws the abort reason when `signal` is aborted; the child is killed then.
 */
export async function runChild<Answer>(
  entry: string,
  message: unknown,
  options: ChildOptions = {},
): Promise<ChildEnd<Answer>> {
  options.signal?.throwIfAborted();
  const child = forkModule(import.meta.url, entry);
  let answer: Answer | undefined;
  let errorText = '';
  let timedOut = false;
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errorText = (errorText + text).slice(-KEPT_CHARACTERS);
  });
  child.on('message', (value) => {
    answer = value as Answer;
  });
  const kill = () => child.kill('SIGKILL');
  const timer = setTimeout(() => {
    timedOut = true;
    kill();
  }, options.timeoutMs ?? 600_000);
  options.signal?.addEventListener('abort', kill, { once: true });
  try {
    const ended = new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve([code, signal]));
    });
    // A child that dies at once cannot be written to; how it ended is what counts.
    child.send(message as NodeJS.Dict<unknown>, () => undefined);
    const [exitCode, signal] = await ended;
    options.signal?.throwIfAborted();
    return { answer, exitCode, signal, errorText: errorText.trim(), timedOut };
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', kill);
  }
}

/** In the child: answers the parent's one message and ends; ends too when the parent does. */
export function serveParent<Message>(answer: (message: Message) => Promise<unknown>): void {
  process.once('disconnect', () => process.exit());
  process.once('message', async (message) => {
    const value = await answer(message as Message);
    process.send?.(value, undefined, undefined, () => process.exit());
  });
}
