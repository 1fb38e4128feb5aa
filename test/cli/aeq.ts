import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { projectRoot } from '../support/shared.ts';

/** The built command; AEQ_TEST_MAIN names another one, such as an installed package. */
export const MAIN = process.env.AEQ_TEST_MAIN ?? join(projectRoot, 'dist/src/cli/main.js');

export interface RunOptions {
  readonly cwd?: string;
  /** Set besides the ones of this process; undefined takes one away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** User and group to run as, where this process may choose. */
  readonly uid?: number;
  /** Called as soon as the process runs. */
  readonly onStart?: (child: ChildProcess) => void;
}

export interface Run {
  /** Exit status, or the name of the signal that ended it. */
  readonly status: number | string;
  readonly stdout: string;
  readonly stderr: string;
}

/** What would change the output from machine to machine. */
const QUIET_ENVIRONMENT = { NO_COLOR: undefined, FORCE_COLOR: undefined, CI: undefined, AEQ_LITERT_LIBRARY: undefined };

/** Runs the command as a user would, and waits for its end. */
export const aeq = (args: readonly string[], options: RunOptions = {}): Promise<Run> =>
  execute(process.execPath, [MAIN, ...args], options);

/** Runs any program. */
export function execute(program: string, args: readonly string[], options: RunOptions = {}): Promise<Run> {
  const env = { ...process.env, ...QUIET_ENVIRONMENT, ...options.env };
  const child = spawn(program, args, {
    cwd: options.cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  });
  options.onStart?.(child);
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ status: code ?? signal ?? 'unknown', stdout, stderr }));
  });
}

/** A run with what differs from time to time and machine to machine taken out, for a snapshot. */
export function stable({ status, stdout, stderr }: Run): string {
  const text = [stdout && `${stdout.trimEnd()}`, stderr && `${stderr.trimEnd()}`, `exit status ${status}`];
  return text
    .filter(Boolean)
    .join('\n')
    .replace(/\(\d+(\.\d+)? (ms|s)\)/g, '(TIME)')
    .replace(/about \S+ \w+ of memory/g, 'about MEMORY')
    .replace(/\d+(\.\d+)? (B|KiB|MiB)/g, 'SIZE')
    .replace(/@litertjs\/core \S+ \([^)]+\)/g, 'RUNTIME');
}
