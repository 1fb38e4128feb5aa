import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { MAIN } from '../cli/aeq.ts';
import { projectRoot } from '../support/shared.ts';

/** A fenced block of a page, such as ```sh ... ```. */
export interface Block {
  readonly language: string;
  readonly text: string;
  /** Line of the page where it starts, from 1. */
  readonly line: number;
}

/** The fenced blocks of a page of documentation; `page` is its path in the project. */
export function blocksOf(page: string): Block[] {
  const text = readFileSync(join(projectRoot, page), 'utf8');
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map((match) => ({
    language: match[1] ?? '',
    text: match[2] ?? '',
    line: text.slice(0, match.index).split('\n').length + 1,
  }));
}

/**
 * The commands of a workflow in the order of its steps: what `run:` says, on its line or in the lines below it that stand
 * further in, as they are (`|`) or joined (`>-`). Reads no more of YAML than that.
 */
export function workflowCommands(workflow: string): string[] {
  const lines = workflow.split('\n');
  return lines.flatMap((line, index) => {
    const match = /^(\s*(?:- )?)run: (.*)$/.exec(line);
    if (!match) return [];
    const [, indent = '', command = ''] = match;
    if (command !== '|' && command !== '>-') return [command];
    const below = lines.slice(index + 1);
    const end = below.findIndex((next) => next.trim() !== '' && next.search(/\S/) <= indent.length);
    const parts = below.slice(0, end < 0 ? undefined : end).map((next) => next.trim());
    return [parts.join(command === '|' ? '\n' : ' ').trim()];
  });
}

export interface ShellRun {
  readonly status: number | null;
  /** What came on stdout and stderr, in order of arrival. */
  readonly output: string;
}

/** Runs commands as a user's shell does, stopping at the first that fails; `aeq` is the built command. */
export function shell(commands: string, folder: string, environment: Record<string, string> = {}): Promise<ShellRun> {
  const programs = join(folder, 'node_modules/.bin');
  mkdirSync(programs, { recursive: true });
  writeFileSync(join(programs, 'aeq'), `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`);
  chmodSync(join(programs, 'aeq'), 0o755);
  const env: Record<string, string | undefined> = { ...process.env, ...environment };
  for (const name of ['NO_COLOR', 'FORCE_COLOR', 'CI', 'AEQ_LITERT_LIBRARY']) delete env[name];
  env.PATH = `${programs}${delimiter}${process.env.PATH}`;
  const child = spawn('sh', ['-e', '-c', commands], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, output }));
  });
}

/**
 * Lines that a page shows and a run did not print. Numbers may differ, as they do between interpreters and machines, the
 * words around them may not; what stands behind an ellipsis is not shown.
 */
export function notPrinted(shown: string, output: string): string[] {
  const printed = output.split('\n').map(words);
  return shown
    .split('\n')
    .filter((line) => line.replace(/…$/, '').trim() !== '')
    .filter((line) => {
      const cut = line.endsWith('…');
      const expected = words(cut ? line.slice(0, -1) : line);
      return !printed.some((found) => (cut ? found.startsWith(expected) : found === expected));
    });
}

/** A line with its numbers and the width of its gaps taken out. */
function words(line: string): string {
  return line
    .replace(/< (?=\d)/g, '')
    .replace(/-?\d+(\.\d+)?(e[-+]?\d+)?/g, '#')
    .replace(/\s+/g, ' ')
    .trim();
}
