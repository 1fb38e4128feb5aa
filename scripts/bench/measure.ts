import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What one run of a program cost, processes that it started and waited for included. */
export interface Cost {
  readonly wallSeconds: number;
  /** User and system time. */
  readonly cpuSeconds: number;
  /** Largest memory that any one of the processes had. */
  readonly peakBytes: number;
  readonly output: string;
}

const TIME = '/usr/bin/time';

/** Runs a program to its end. @throws Error when it fails, or where GNU time, which knows the peak memory, is missing. */
export function measureProgram(program: string, args: readonly string[]): Cost {
  if (!existsSync(TIME)) throw new Error(`${TIME} (GNU time) is needed to measure`);
  const folder = mkdtempSync(join(tmpdir(), 'aeq-bench-'));
  try {
    const figures = join(folder, 'time.txt');
    const result = spawnSync(TIME, ['-o', figures, '-f', '%e %U %S %M', program, ...args], {
      encoding: 'utf8',
      maxBuffer: 2 ** 30,
    });
    if (result.status !== 0) {
      const how = result.signal ?? result.error?.message ?? `status ${result.status}`;
      throw new Error(`${program} ${args.join(' ')} failed (${how}): ${result.stderr.slice(-2000)}`);
    }
    const [wall = 0, user = 0, system = 0, kibibytes = 0] = readFileSync(figures, 'utf8').trim().split(' ').map(Number);
    return { wallSeconds: wall, cpuSeconds: user + system, peakBytes: kibibytes * 1024, output: result.stdout };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One of the things that are compared. */
export interface Contender {
  readonly name: string;
  readonly run: () => Cost;
}

/** Runs of each contender, one after the other in turn, so that a disturbance meets all of them. */
export function alternate(contenders: readonly Contender[], runs: number): ReadonlyMap<string, readonly Cost[]> {
  const costs = new Map<string, Cost[]>(contenders.map(({ name }) => [name, []]));
  for (let i = 0; i < runs; i += 1) {
    for (const { name, run } of contenders) costs.get(name)?.push(run());
  }
  return costs;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}
