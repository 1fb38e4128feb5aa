#!/usr/bin/env node
import { AeqError, EXIT_STATUS } from '../../schema/errors.ts';
import { writeError } from '../../schema/file-errors.node.ts';
import { removeUnfinishedFiles } from '../../schema/write-file.node.ts';
import { keepCompiledCode } from './code-cache.ts';
import { createContext, errorText } from './context.ts';
import { type Outcome, runProgram } from './program.ts';
import { createStyle, printable } from './style.ts';

/** Status of a process that a signal ended, as shells expect it. */
const SIGNAL_STATUS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

// The bundles are one long line each; what is loaded from here on is told by the lines of its sources.
if (process.env.AEQ_DEBUG) process.setSourceMapsEnabled(true);
keepCompiledCode();
const words = process.argv.slice(2);
const controller = new AbortController();
const outcome: Outcome = { status: 0, context: undefined };

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    const again = controller.signal.aborted;
    controller.abort(signal);
    if (outcome.context?.interruption.text === undefined || again) process.exit(interrupted());
  });
}
// A reader that has seen enough (aeq quantize ... 2>&1 | head) closes the pipe: that is no error, and the work goes on. So it
// does where remarks cannot be written.
let closed = false;
process.stderr.on('error', () => undefined);
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  closed ||= error.code === 'EPIPE';
  if (!closed) process.exit(unwritable(error));
});

try {
  await runProgram(words, controller.signal, outcome);
  process.exitCode = outcome.status;
} catch (error) {
  process.exitCode = report(error);
  removeUnfinishedFiles();
}

/** Cleans up at once, tells what is left, and returns the exit status. */
function interrupted(): number {
  removeUnfinishedFiles();
  outcome.context?.progress.clear();
  const text = outcome.context?.interruption.text ?? 'no partial file was left';
  process.stderr.write(`interrupted: ${text}\n`);
  return SIGNAL_STATUS[controller.signal.reason as keyof typeof SIGNAL_STATUS];
}

/** Cleans up when the result cannot be written, such as to a full disk; tells that, and returns the exit status. */
function unwritable(cause: Error): number {
  removeUnfinishedFiles();
  const error = writeError('standard output', cause);
  process.stderr.write(`${errorText(error, createStyle(process.stderr))}\n`);
  return EXIT_STATUS[error.kind];
}

/** Tells the error on stderr, and as the result where the output is for a program. Returns the exit status. */
function report(error: unknown): number {
  if (controller.signal.aborted) return interrupted();
  const { code, exitCode } = error as { code?: string; exitCode?: number };
  // Commander has shown help or the version: as asked for, or because there was no command.
  if (code?.startsWith('commander.')) return exitCode === 0 ? 0 : EXIT_STATUS.usage;
  const known = error instanceof AeqError ? error : unexpected(error);
  const context = outcome.context ?? createContext({ json: words.includes('--json') }, controller.signal);
  context.progress.clear();
  process.stderr.write(`${printable(errorText(known, createStyle(process.stderr)))}\n`);
  if (known.code === 'INTERNAL' && error instanceof Error && process.env.AEQ_DEBUG) {
    process.stderr.write(`${error.stack}\n`);
  }
  const { message, where, hint } = known;
  context.result({ error: { code: known.code, message, where, ...(hint ? { hint } : {}) } });
  return EXIT_STATUS[known.kind];
}

function unexpected(error: unknown): AeqError {
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new AeqError('INTERNAL', `internal error: ${message}`, {
    hint: 'this is a fault of aeq; run again with AEQ_DEBUG=1 for the stack and report it',
    cause: error,
  });
}
