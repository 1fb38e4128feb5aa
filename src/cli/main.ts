#!/usr/bin/env node
import { AeqError, EXIT_STATUS } from '../../schema/errors.ts';
import { removeUnfinishedFiles } from '../../schema/write-file.node.ts';
import { errorText } from './context.ts';
import { createProgram, type Outcome, usageError } from './program.ts';
import { createStyle } from './style.ts';

/** Status of a process that Ctrl-C (SIGINT) or SIGTERM ended, as shells expect it. */
const SIGNAL_STATUS = { SIGINT: 130, SIGTERM: 143 } as const;

const controller = new AbortController();
const outcome: Outcome = { status: 0, context: undefined };

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    controller.abort();
    removeUnfinishedFiles();
    process.stderr.write('\ninterrupted; no partial file was left\n');
    process.exit(SIGNAL_STATUS[signal]);
  });
}
// A reader that has seen enough (aeq inspect model | head) closes the pipe: that is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 5));

try {
  await createProgram(controller.signal, outcome).parseAsync(process.argv);
  process.exitCode = outcome.status;
} catch (error) {
  process.exitCode = report(error);
  removeUnfinishedFiles();
}

/** Tells the error on stderr, and as the result where the output is for a program. Returns the exit status. */
function report(error: unknown): number {
  const usage = usageError(error);
  // Commander has printed help or the version, which is what was asked for.
  if (!usage && (error as { code?: string }).code?.startsWith('commander.')) return outcome.status;
  const known = usage ?? (error instanceof AeqError ? error : unexpected(error));
  if (!usage) process.stderr.write(`${errorText(known, createStyle(process.stderr))}\n`);
  else if (known.hint) process.stderr.write(`${createStyle(process.stderr).dim('hint')}   ${known.hint}\n`);
  if (known.code === 'INTERNAL' && error instanceof Error && process.env.AEQ_DEBUG)
    process.stderr.write(`${error.stack}\n`);
  outcome.context?.result({
    error: {
      code: known.code,
      message: known.message,
      where: known.where,
      ...(known.hint ? { hint: known.hint } : {}),
    },
  });
  return EXIT_STATUS[known.kind];
}

function unexpected(error: unknown): AeqError {
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return new AeqError('INTERNAL', `internal error: ${message}`, {
    hint: 'this is a fault of aeq; run again with AEQ_DEBUG=1 for the stack and report it',
    cause: error,
  });
}
