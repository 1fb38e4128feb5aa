import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bytesIdentity } from '../../calibration/identity.node.ts';
import { openWasmRuntime } from '../../calibration/runtime/wasm.node.ts';
import { type CalibrationPlan, calibrate, calibrateWith } from '../../calibration/session.ts';
import { allActivations } from '../../calibration/wanted.ts';
import { WorkerRunner } from '../../calibration/workers.node.ts';
import type { Feed } from '../../datasets/sample.ts';
import { writeCalibration } from '../../schema/documents/calibration.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
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
  const runner = await WorkerRunner.open({ model: { path: join(folder, 'model.tflite') }, workers, settings });
  try {
    return await action(runner);
  } finally {
    await runner.close();
  }
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
