import type { ChildProcess } from 'node:child_process';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { randomFloats } from '../support/model-builder.ts';
import { aeq, type Run, type RunOptions } from './aeq.ts';
import { npy, type Workspace, wideModel, workspace } from './workspace.ts';

const SIZE = 1024;

/** A folder with a model that takes a while, and many samples for it in one file. */
function slowWorkspace(samples: number): Workspace {
  const place = workspace(0);
  place.write('slow.tflite', wideModel(SIZE).bytes());
  place.write('many.npy', npy([samples, 1, SIZE], randomFloats(samples * SIZE, 3)));
  return place;
}

/** Runs the command and sends it a signal as soon as its progress says so. */
function interrupted(
  args: readonly string[],
  when: RegExp,
  options: RunOptions & { signal?: NodeJS.Signals; onSignal?: (child: ChildProcess) => void },
): Promise<Run> {
  let seen = '';
  const onStart = (child: ChildProcess): void => {
    let sent = false;
    child.stderr?.on('data', (text: Buffer) => {
      seen += text;
      if (sent || !when.test(seen)) return;
      sent = true;
      options.onSignal?.(child);
      child.kill(options.signal ?? 'SIGINT');
    });
  };
  return aeq([...args, '--progress', 'json'], { ...options, onStart });
}

function childrenOf(pid: number): number[] {
  const rows = execFileSync('ps', ['-eo', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
  return rows
    .map((row) => row.trim().split(/\s+/).map(Number))
    .flatMap(([own, parent]) => (parent === pid ? [own ?? 0] : []));
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

const words = ({ stderr }: Run) => stderr.split('\n').filter((line) => line !== '' && !line.startsWith('{'));

describe.skipIf(process.platform === 'win32')('Ctrl-C', () => {
  it.each([
    [
      'calibrating in one process',
      ['calibrate', 'slow.tflite', '--data', 'many.npy', '-o', 'c.json', '--workers', '1'],
    ],
    ['calibrating in several', ['calibrate', 'slow.tflite', '--data', 'many.npy', '-o', 'c.json', '--workers', '2']],
    ['quantizing', ['quantize', 'slow.tflite', '--static', '--data', 'many.npy', '-o', 'q.tflite']],
  ])('%s leaves no partial file', async (_what, args) => {
    const { folder } = slowWorkspace(4000);
    const before = readdirSync(folder);
    const run = await interrupted(args, /"done":5/, { cwd: folder });
    expect(words(run)).toEqual(['interrupted: no partial file was left']);
    expect(run).toMatchObject({ status: 130, stdout: '' });
    expect(readdirSync(folder)).toEqual(before);
  });

  it('comparing leaves no partial report', async () => {
    const { folder } = slowWorkspace(4000);
    const quantize = ['quantize', 'slow.tflite', '--recipe', 'dynamic_wi8_afp32', '-o', 'q.tflite', '--no-verify'];
    expect(await aeq([...quantize, '--quiet'], { cwd: folder })).toEqual({ status: 0, stdout: '', stderr: '' });
    const args = ['validate', 'slow.tflite', 'q.tflite', '--data', 'many.npy', '--report', 'report'];
    const run = await interrupted(args, /"done":5/, { cwd: folder });
    expect(words(run)).toEqual(['interrupted: no partial file was left']);
    expect(run).toMatchObject({ status: 130, stdout: '' });
    expect(existsSync(`${folder}/report`)).toBe(false);
  });

  it('while the result is verified keeps the old file and removes the new one', async () => {
    const { folder, path } = workspace(0);
    writeFileSync(path('q.tflite'), 'old');
    const args = ['quantize', 'model.tflite', '--recipe', 'dynamic_wi8_afp32', '-o', 'q.tflite', '--force'];
    const run = await interrupted(args, /verifying/, { cwd: folder });
    expect(run).toMatchObject({ status: 130, stdout: '' });
    expect(readFileSync(path('q.tflite'), 'utf8')).toBe('old');
    expect(readdirSync(folder).sort()).toEqual(['model.tflite', 'q.tflite']);
  });

  it('ends the workers too', async () => {
    const { folder } = slowWorkspace(4000);
    const args = ['calibrate', 'slow.tflite', '--data', 'many.npy', '-o', 'c.json', '--workers', '2'];
    let workers: number[] = [];
    const onSignal = (child: ChildProcess) => {
      workers = childrenOf(child.pid ?? 0);
    };
    const run = await interrupted(args, /"done":5/, { cwd: folder, onSignal });
    expect(run.status).toBe(130);
    expect(workers.length).toBeGreaterThan(0);
    await expect.poll(() => workers.filter(isAlive), { timeout: 5000 }).toEqual([]);
  });

  it('and the end of the terminal are told apart by the status', async () => {
    const { folder } = slowWorkspace(4000);
    const args = ['calibrate', 'slow.tflite', '--data', 'many.npy', '-o', 'c.json', '--workers', '1'];
    expect((await interrupted(args, /"done":5/, { cwd: folder, signal: 'SIGTERM' })).status).toBe(143);
    expect((await interrupted(args, /"done":5/, { cwd: folder, signal: 'SIGHUP' })).status).toBe(129);
  });
});

describe('--resume', () => {
  it('goes on where an interrupted run stopped, to the same bytes', async () => {
    const { folder, path } = slowWorkspace(600);
    const args = ['calibrate', 'slow.tflite', '--data', 'many.npy', '--workers', '1'];
    const first = await interrupted([...args, '--resume', '-o', 'c.json'], /"done":50,/, { cwd: folder });
    expect(first.status).toBe(130);
    expect(words(first)).toEqual(['interrupted: the same command goes on from what was done']);
    const done = JSON.parse(readFileSync(path('c.json'), 'utf8')).samples.length;
    expect(done).toBeGreaterThanOrEqual(50);
    expect(done).toBeLessThan(600);
    const second = await aeq([...args, '--resume', '-o', 'c.json', '--json', '--quiet'], { cwd: folder });
    expect(second).toMatchObject({ status: 0, stderr: '' });
    expect(JSON.parse(second.stdout)).toMatchObject({ samples: 600, samplesRun: 600 - done });
    expect(await aeq([...args, '-o', 'whole.json', '--quiet'], { cwd: folder })).toMatchObject({ status: 0 });
    expect(readFileSync(path('c.json'), 'utf8')).toBe(readFileSync(path('whole.json'), 'utf8'));
    expect(existsSync(path('.c.json'))).toBe(false);
  });
});
