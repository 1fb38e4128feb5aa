import { expect } from 'vitest';
import { aeq, stable } from './aeq.ts';

/** Runs what somebody should not have typed: one sentence and what to do, on stderr; nothing on stdout. */
export async function mistake(args: readonly string[], cwd: string): Promise<string> {
  const run = await aeq([...args, '--quiet'], { cwd });
  expect(run.stdout).toBe('');
  expect(run.stderr).toMatch(/^error {2}[^\n]+ \[[A-Z_]+\]\n(hint {3}[^\n]+\n)?$/);
  return stable(run);
}
