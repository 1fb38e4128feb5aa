import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RuntimeChoice } from '../../calibration/runtime/open.node.ts';
import type { Feed } from '../../datasets/sample.ts';
import { AeqError } from '../../schema/errors.ts';
import { Child, type ChildEnd } from './child.node.ts';

export interface VerifyOptions {
  /** What to call the file in messages, where it is not the path itself. */
  readonly file?: string;
  readonly runtime?: RuntimeChoice | undefined;
  /** Path of LiteRT's C library for the native interpreter. */
  readonly library?: string | undefined;
  /** A real sample by signature key, in the types of the float model or of the file; generic values otherwise. */
  readonly feeds?: Readonly<Record<string, Feed>>;
  /** Started before with the same interpreter; it can be used once. */
  readonly verifier?: Verifier | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Default: ten minutes. */
  readonly timeoutMs?: number;
}

/** `skipped`: this interpreter cannot hold the file, which says nothing about the file. */
export type Verification =
  | { readonly status: 'ok'; readonly runtime: string; readonly signatures: readonly string[] }
  | { readonly status: 'skipped'; readonly reason: string };

/** Which interpreter verify-entry is to get ready. */
export interface VerifyInterpreter {
  readonly runtime: RuntimeChoice;
  readonly library: string | undefined;
}

/** What verify-entry is asked. */
export interface VerifyRequest extends VerifyInterpreter {
  readonly path: string;
  readonly feeds: Readonly<Record<string, Feed>>;
}

/** What verify-entry answers. */
export type VerifyAnswer =
  | Verification
  | { readonly status: 'failed'; readonly step: 'load' | 'run'; readonly message: string; readonly signature?: string }
  | { readonly status: 'broken'; readonly code: string; readonly message: string; readonly hint: string | undefined };

/** The process that verifies a file, started before there is one. */
export type Verifier = Child<VerifyInterpreter, VerifyRequest, VerifyAnswer>;

/** Starts the process that `verifyModelFile` needs, so that it gets ready while the file is being made. */
export function startVerifier({ runtime = 'auto', library }: Pick<VerifyOptions, 'runtime' | 'library'>): Verifier {
  return new Child('verify-entry.node', { runtime, library });
}

/**
 * Loads a `.tflite` file and runs each of its signatures once, in a process of its own, so that a file that kills the
 * interpreter is an error here and nothing worse.
 * @throws AeqError VERIFY_FAILED with the interpreter's words; RUNTIME_UNAVAILABLE; the abort reason.
 */
export async function verifyModelFile(model: string | Uint8Array, options: VerifyOptions = {}): Promise<Verification> {
  if (typeof model === 'string') return verifyPath(model, options.file ?? model, options);
  const folder = mkdtempSync(join(tmpdir(), 'aeq-verify-'));
  try {
    const path = join(folder, 'model.tflite');
    writeFileSync(path, model);
    return await verifyPath(path, options.file ?? 'the model', options);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function verifyPath(path: string, name: string, options: VerifyOptions): Promise<Verification> {
  const request: VerifyRequest = {
    path,
    runtime: options.runtime ?? 'auto',
    library: options.library,
    feeds: options.feeds ?? {},
  };
  options.signal?.throwIfAborted();
  const verifier = options.verifier ?? startVerifier(options);
  const end = await verifier.ask(request, options);
  const { answer } = end;
  if (answer === undefined) throw died(name, end);
  if (answer.status === 'ok' || answer.status === 'skipped') return answer;
  if (answer.status === 'broken') {
    throw new AeqError(
      answer.code as 'INTERNAL',
      answer.message,
      answer.hint === undefined ? {} : { hint: answer.hint },
    );
  }
  const what = answer.step === 'load' ? 'does not load' : `loads, but running ${answer.signature} fails`;
  throw new AeqError('VERIFY_FAILED', `${name} ${what}: ${answer.message}`, {
    where: { file: name },
    hint: 'keep the operator that is named in float (--exclude), or choose another recipe; --no-verify delivers the file as it is',
  });
}

function died(name: string, end: ChildEnd<VerifyAnswer>): AeqError {
  const words = end.errorText.split('\n').at(-1) ?? '';
  const how = end.timedOut
    ? 'did not finish in time'
    : `killed the interpreter (${end.signal ?? `exit status ${end.exitCode}`})`;
  return new AeqError('VERIFY_FAILED', `${name} ${how}${words === '' ? '' : `: ${words}`}`, {
    where: { file: name },
    hint: 'leave operators out (--exclude) until it runs; aeq validate finds the one that does it',
  });
}
