import type { AeqError } from '../../schema/errors.ts';
import type { OptionValues } from './options.ts';
import { createProgress, type Progress } from './progress.ts';
import { createStyle, type Style } from './style.ts';

/** What every command gets: its options, and the only ways to talk to the user. */
export interface Context {
  readonly options: OptionValues;
  /** Text for people, on stdout; silent under --json. */
  print(text: string): void;
  /** Remarks that must not be lost, on stderr; silent under --quiet. */
  warn(text: string): void;
  /** The machine-readable result: written on stdout under --json, and only then. */
  result(value: unknown): void;
  readonly progress: Progress;
  readonly style: Style;
  /** Aborted by Ctrl-C. */
  readonly signal: AbortSignal;
}

/** A command runs and gives its exit status: 0, or 1 when a gate failed. */
export type CommandRun = (args: readonly string[], context: Context) => Promise<0 | 1>;

export function createContext(options: OptionValues, signal: AbortSignal): Context {
  const json = options.json === true;
  const quiet = options.quiet === true;
  return {
    options,
    print: (text) => {
      if (!json) process.stdout.write(`${text}\n`);
    },
    warn: (text) => {
      if (!quiet) process.stderr.write(`${createStyle(process.stderr).yellow('warning')}  ${text}\n`);
    },
    result: (value) => {
      if (json) process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
    },
    progress: createProgress(quiet ? 'none' : (options.progress ?? 'auto'), process.stderr),
    style: createStyle(process.stdout),
    signal,
  };
}

/** The two or three lines a user sees of an error: what and where, then what to do. */
export function errorText(error: AeqError, style: Style): string {
  const { file, offset, subgraph, operator, tensor, sample, field } = error.where;
  const where = Object.entries({ file, subgraph, operator, tensor, sample, field, offset })
    .filter(([, value]) => value !== undefined && !error.message.includes(String(value)))
    .map(([key, value]) => `${key} ${value}`)
    .join(', ');
  const lines = [`${style.red('error')}  ${error.message}${where ? ` (${where})` : ''} [${error.code}]`];
  if (error.hint) lines.push(`${style.dim('hint')}   ${error.hint}`);
  return lines.join('\n');
}
