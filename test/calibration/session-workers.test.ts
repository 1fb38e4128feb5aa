import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { forkModule } from '../../calibration/pool/fork.node.ts';
import { openWasmRuntime } from '../../calibration/runtime/wasm.node.ts';
import { type CalibrationPlan, calibrate, calibrateWith } from '../../calibration/session.ts';
import { allActivations } from '../../calibration/wanted.ts';
import { WorkerRunner } from '../../calibration/workers.node.ts';
import { openDataset } from '../../datasets/open.node.ts';
import type { Feed } from '../../datasets/sample.ts';
import { writeCalibration } from '../../schema/documents/calibration-write.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { npy } from '../cli/workspace.ts';
import { bytesIdentity } from '../support/bytes-identity.ts';
import { denseModel } from '../support/models.ts';
import { randomFloats } from '../support/random.ts';
import { feedDataset } from './session-data.ts';

const builder = denseModel();
const bytes = builder.bytes();
const model = builder.build();
const settings = { wanted: allActivations(model) };

/** Every feed is a view into one large buffer, as files read in pieces are. */
const values = randomFloats(4 * 24, 3);
const feeds: Feed[] = Array.from({ length: 24 }, (_, i) => ({
  x: { type: TensorType.FLOAT32, shape: [1, 4], data: values.subarray(4 * i, 4 * i + 4) },
}));

const plan = (list: readonly Feed[] = feeds): CalibrationPlan => ({
  model,
  identity: bytesIdentity(bytes),
  data: new Map([['serving_default', { dataset: feedDataset(list) }]]),
});

let folder: string;
let alone: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'aeq-workers-'));
  writeFileSync(join(folder, 'model.tflite'), bytes);
  const runtime = await openWasmRuntime();
  alone = writeCalibration((await calibrate({ ...plan(), ...settings, runtime })).document);
  runtime.close();
});
afterAll(() => rmSync(folder, { recursive: true }));

async function withWorkers<T>(workers: number, action: (runner: WorkerRunner) => Promise<T>): Promise<T> {
  const runner = await WorkerRunner.open({
    model: { path: join(folder, 'model.tflite') },
    workers,
    settings,
    runtime: 'wasm',
  });
  try {
    return await action(runner);
  } finally {
    await runner.close();
  }
}

/** The feeds as arrays in a file. */
function openOnDisk() {
  writeFileSync(join(folder, 'samples.npy'), npy([feeds.length, 4], values));
  const input = { name: 'x', type: TensorType.FLOAT32, shape: [1, 4] };
  return openDataset([join(folder, 'samples.npy')], [input]);
}

/** Ends processes; one may be gone already. */
function kill(ids: readonly number[]): void {
  for (const id of ids) {
    try {
      process.kill(id, 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}

describe('workers', () => {
  it.each([1, 3])('give the same bytes as a single process: %s', async (workers) => {
    const { document } = await withWorkers(workers, (runner) => calibrateWith(runner, plan()));
    expect(writeCalibration(document)).toBe(alone);
  });

  it('lose no sample when one of them ends', async () => {
    const result = await withWorkers(2, (runner) =>
      calibrateWith(runner, {
        ...plan(),
        onProgress: ({ done }) => {
          if (done === 3 || done === 9) kill(runner.processIds.slice(0, 1));
        },
      }),
    );
    expect(result.samplesRun).toBe(24);
    expect(writeCalibration(result.document)).toBe(alone);
  });

  it('read a data set on disk themselves, and lose no sample of it', async () => {
    const dataset = await openOnDisk();
    const fork = () => forkModule(new URL('../../src/index.ts', import.meta.url).href, 'sample-worker.node');
    const origins = { serving_default: dataset.origin };
    const onDisk = { ...plan(), data: new Map([['serving_default', { dataset }]]) };
    const runtime = await openWasmRuntime();
    const expected = writeCalibration((await calibrate({ ...onDisk, ...settings, runtime })).document);
    runtime.close();
    const options = {
      model: { path: join(folder, 'model.tflite') },
      workers: 2,
      settings,
      runtime: 'wasm',
      fork,
      origins,
    };
    const runner = await WorkerRunner.open(options);
    try {
      const told: string[] = [];
      const { document } = await calibrateWith(runner, {
        ...onDisk,
        onProgress: ({ done, sample }) => {
          told.push(sample.name);
          if (done === 5 || done === 11) kill(runner.processIds.slice(0, 1));
        },
      });
      expect(writeCalibration(document)).toBe(expected);
      expect(told.sort()).toEqual([...dataset.names].sort());
    } finally {
      await runner.close();
    }
  });

  it('hand over each sample once, and those of a worker that ended meanwhile', async () => {
    await withWorkers(2, async (runner) => {
      const run = (index: number) =>
        runner.run('serving_default', { index, name: `feed ${index}`, feed: feeds[index] ?? {} });
      await Promise.all([0, 1, 2, 3, 4].map(run));
      const first = await runner.collect();
      expect(first.samples.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4]);
      expect((await runner.collect()).samples).toEqual([]);
      await Promise.all([5, 6, 7, 8].map(run));
      kill(runner.processIds);
      expect((await runner.collect()).samples.map(({ index }) => index)).toEqual([5, 6, 7, 8]);
    });
  });

  it('name the sample that ends them again and again', async () => {
    await withWorkers(1, async (runner) => {
      const run = runner.run('serving_default', { index: 7, name: 'bad.png', feed: feeds[0] ?? {} });
      const timer = setInterval(() => {
        kill(runner.processIds);
      }, 5);
      await expect(run).rejects.toMatchObject({ code: 'RUNTIME_FAILED', where: { sample: 7 } });
      clearInterval(timer);
    });
  });

  it('pass on what is wrong with a sample, and keep what was done', async () => {
    const nan = { x: { type: TensorType.FLOAT32, shape: [1, 4], data: Float32Array.of(1, Number.NaN, 3, 4) } };
    let kept = 0;
    const failing = withWorkers(2, (runner) =>
      calibrateWith(runner, {
        ...plan([...feeds.slice(0, 10), nan]),
        onPartial: (document) => {
          kept = document.samples.length;
        },
      }),
    );
    await expect(failing).rejects.toMatchObject({ code: 'CALIBRATION_NAN', where: { tensor: 'x', sample: 10 } });
    expect(kept).toBe(10);
  });

  it('say why they cannot start', async () => {
    const model = { path: join(folder, 'absent.tflite') };
    await expect(WorkerRunner.open({ model, workers: 2, settings })).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
    const none = { model: { bytes }, workers: 1, settings, runtime: 'native', library: join(folder, 'none.so') };
    await expect(WorkerRunner.open(none)).rejects.toMatchObject({ code: 'RUNTIME_UNAVAILABLE' });
  });
});
