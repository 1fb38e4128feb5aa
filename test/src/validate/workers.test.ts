import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeNpy } from '../../../datasets/arrays/npy.ts';
import { openDataset } from '../../../datasets/open.node.ts';
import type { Feed } from '../../../datasets/sample.ts';
import { comparisonJson } from '../../../schema/documents/comparison.ts';
import { TensorType } from '../../../schema/generated/tflite.ts';
import { signatures } from '../../../schema/graph.ts';
import { readModel } from '../../../schema/reader.ts';
import { modelBytes } from '../../../schema/writer.ts';
import { nodeIsolation } from '../../../src/validate/isolation.node.ts';
import { WorkerMeasurer } from '../../../src/validate/measurers.node.ts';
import { candidatesOf, type ValidationPlan, validateModels, validateWith } from '../../../src/validate/validate.ts';
import { feedDataset } from '../../calibration/session-data.ts';
import { randomFloats } from '../../support/model-builder.ts';
import { denseModel } from '../../support/models.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { wasmRuntime } from '../../support/wasm-runtime.ts';
import { quantizedDense } from './quantized-models.ts';

const float = denseModel().bytes();
const quantized = [modelBytes(quantizedDense({ io: 'FLOAT32' })), float];
const [view] = signatures(readModel(float));
const key = view?.key ?? '';

/** One large value in each sample: another one in each, so that sums of doubles depend on their order. */
const feeds: Feed[] = Array.from({ length: 24 }, (_, i) => {
  const data = randomFloats(4, i);
  data[i % 4] = 3 ** (i % 7);
  return { x: { type: TensorType.FLOAT32, shape: [1, 4], data } };
});

const plan = (list: readonly Feed[] = feeds): ValidationPlan => ({
  float: { file: 'float', model: readModel(float), sizeBytes: 1 },
  quantized: quantized.map((bytes, i) => ({ file: `quantized ${i}`, model: readModel(bytes), sizeBytes: 1 })),
  datasets: { [key]: feedDataset(list) },
  distributions: true,
});

async function withWorkers<T>(
  workers: number,
  action: (measurer: WorkerMeasurer) => Promise<T>,
  origins: Readonly<Record<string, unknown>> = {},
): Promise<T> {
  const measurer = await WorkerMeasurer.open(
    {
      float: { file: 'float', source: { bytes: float } },
      quantized: quantized.map((bytes, i) => ({ file: `quantized ${i}`, source: { bytes } })),
      signatures: [key],
      candidate: { distributions: true, injected: true },
      runtime: 'wasm',
      library: undefined,
      memoryBytes: undefined,
      origins,
    },
    workers,
  );
  try {
    return await action(measurer);
  } finally {
    await measurer.close();
  }
}

const validated = (measurer: WorkerMeasurer, some: ValidationPlan = plan()) =>
  validateWith(measurer, some, candidatesOf(some, true));

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

const runtime = await wasmRuntime();
let alone: string;
beforeAll(async () => {
  const comparisons = await validateModels({ ...plan(), runtime, isolation: nodeIsolation(runtime) });
  alone = JSON.stringify(comparisons.map(comparisonJson));
});

describe('validation workers', () => {
  it.each([1, 3])('give the same bytes as a single process: %s', async (workers) => {
    const comparisons = await withWorkers(workers, (measurer) => validated(measurer));
    expect(JSON.stringify(comparisons.map(comparisonJson))).toBe(alone);
    expect(comparisons[0]?.operators.some(({ metrics }) => metrics !== null)).toBe(true);
    expect(comparisons[0]?.signatures[0]?.tensors.some(({ distribution }) => distribution !== null)).toBe(true);
  });

  it('lose no sample when one of them ends', async () => {
    let deaths = 0;
    const comparisons = await withWorkers(2, (measurer) => {
      const onProgress = ({ done }: { done: number }) => {
        if (done !== 3 && done !== 9) return;
        kill(measurer.processIds.slice(0, 1));
        deaths += 1;
      };
      return validated(measurer, { ...plan(), onProgress });
    });
    expect(deaths).toBe(2);
    expect(JSON.stringify(comparisons.map(comparisonJson))).toBe(alone);
  });

  it('name the sample that ends them again and again', async () => {
    await withWorkers(1, async (measurer) => {
      const run = measurer.measure(key, { index: 7, name: 'bad.png', feed: feeds[0] ?? {} }, true);
      const timer = setInterval(() => kill(measurer.processIds), 5);
      await expect(run).rejects.toMatchObject({ code: 'RUNTIME_FAILED', where: { sample: 'bad.png' } });
      clearInterval(timer);
    });
  });

  it('read the samples themselves where they can, and pass over as many bad ones as are allowed', async () => {
    const folder = temporaryFolder();
    feeds.forEach(({ x }, i) => {
      const name = join(folder, `${String(i).padStart(2, '0')}.npy`);
      writeFileSync(
        name,
        i === 5 ? 'nonsense' : encodeNpy({ type: 'float32', shape: [1, 4], data: x?.data as Float32Array }),
      );
    });
    const inputs = [{ name: 'x', type: TensorType.FLOAT32, shape: [1, 4] }];
    const opened = () => openDataset([folder], inputs, { allowBad: 0.1 });
    const indices = { [key]: feeds.map((_, i) => i).slice(2) };
    const local = { ...plan(), datasets: { [key]: await opened() }, indices };
    const expected = await validateModels({ ...local, runtime, isolation: nodeIsolation(runtime) });
    const dataset = await opened();
    let told = 0;
    const samples = (chosen?: Iterable<number>) => {
      told += 1;
      return dataset.samples(chosen);
    };
    const some = { ...plan(), datasets: { [key]: { ...dataset, samples } }, indices };
    const comparisons = await withWorkers(2, (measurer) => validated(measurer, some), { [key]: dataset.origin });
    expect(JSON.stringify(comparisons.map(comparisonJson))).toBe(JSON.stringify(expected.map(comparisonJson)));
    expect(comparisons[0]?.signatures[0]?.samples).toBe(21);
    // Only what a worker could not read was read here.
    expect(told).toBe(1);
    expect(dataset.bad.map(({ index }) => index)).toEqual([5]);
  });

  it('tell of the first sample that does not fit, whichever fails first', async () => {
    const wrong = { x: { type: TensorType.FLOAT32, shape: [1, 3], data: new Float32Array(3) } };
    const list = feeds.map((feed, i) => (i >= 10 ? wrong : feed));
    const done: number[] = [];
    const failing = withWorkers(3, (measurer) =>
      validated(measurer, { ...plan(list), onProgress: (progress) => done.push(progress.done) }),
    );
    await expect(failing).rejects.toMatchObject({ code: 'FEED_INVALID', where: { sample: 'feed 10' } });
    expect(done.at(-1)).toBe(10);
  });
});
