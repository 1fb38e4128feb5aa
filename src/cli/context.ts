import type { AeqError } from '../../schema/errors.ts';
import type { OptionValues } from './options.ts';
import { createProgress, type Progress } from './progress.ts';
import { createStyle, printable, type Style } from './style.ts';

/** What every command gets: its options, and the only ways to talk to the user. */
export interface Context {
  readonly options: OptionValues;
  /** What the user asked to be shown, on stdout; not under --json. */
  print(text: string): void;
  /** What was done, on stdout; not under --json or --quiet. */
  say(text: string): void;
  /** Remarks that must not be lost, on stderr; not under --quiet. */
  warn(text: string): void;
  /** Why the exit status will be 1, on stderr, where nothing else tells it. */
  fail(what: 'gate' | 'error', text: string): void;
  /** The machine-readable result: written on stdout under --json, and only then. */
  result(value: unknown): void;
  /** From here on an interrupt lets the command end by itself; `text` tells the user what is left then. */
  endsOnInterrupt(text: string): void;
  readonly interruption: { text: string | undefined };
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
  const progress = createProgress(quiet ? 'none' : (options.progress ?? 'auto'), process.stderr);
  const errorStyle = createStyle(process.stderr);
  const write = (stream: NodeJS.WriteStream) => (text: string) => {
    progress.clear();
    stream.write(`${printable(text)}\n`);
  };
  const [out, tell] = [write(process.stdout), write(process.stderr)];
  const interruption: Context['interruption'] = { text: undefined };
  return {
    options,
    interruption,
    endsOnInterrupt: (text) => {
      interruption.text = text;
    },
    print: (text) => (json ? undefined : out(text)),
    say: (text) => (json || quiet ? undefined : out(text)),
    warn: (text) => (quiet ? undefined : tell(`${errorStyle.yellow('warning')}  ${text}`)),
    fail: (what, text) => (json || quiet ? tell(`${errorStyle.red(what)}  ${text}`) : undefined),
    result: (value) => (json ? out(JSON.stringify(value, null, 2)) : undefined),
    progress,
    style: createStyle(process.stdout),
    signal,
  };
}

/** The two or three lines a user sees of an error: what and where, then what to do. */
export function errorText(error: AeqError, style: Style): string {
  const { file, offset, subgraph, operator, tensor, sample, field } = error.where;
  // The message itself tells the place in a text, and most models have one subgraph.
  const binary = file !== undefined && !/ line \d/.test(error.message);
  const places = { file, subgraph: subgraph === 0 ? undefined : subgraph, operator, tensor, sample, field };
  const where = Object.entries({ ...places, offset: binary ? offset : undefined })
    .filter(([, value]) => value !== undefined && !error.message.includes(String(value)))
    .map(([key, value]) => `${key} ${value}`)
    .join(', ');
  const lines = [`${style.red('error')}  ${error.message}${where ? ` (${where})` : ''} [${error.code}]`];
  if (error.hint) lines.push(`${style.dim('hint')}   ${error.hint}`);
  return lines.join('\n');
}
