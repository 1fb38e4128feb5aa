import { describe, expect, it } from 'vitest';
import { openModel } from '../../../calibration/capture/open-model.ts';
import { openRuntime } from '../../../calibration/runtime/open.node.ts';
import { openWasmRuntime } from '../../../calibration/runtime/wasm.node.ts';
import { TensorType } from '../../../schema/generated/tflite.ts';
import { ModelBuilder } from '../../support/model-builder.ts';
import { convolutionModel, denseModel } from '../../support/models.ts';
import { numbersOf, randomFeed, tensorOf } from './feeds.ts';
import { runtimeSuite } from './suite.ts';

runtimeSuite('wasm', () => openWasmRuntime());

describe('the embedded interpreter', () => {
  const x = { x: tensorOf(TensorType.FLOAT32, [1, 4], [1, 2, 3, 4]) };

  it('is the build that gives the same numbers on every engine and processor, and says so', async () => {
    const runtime = await openRuntime('wasm');
    expect(runtime.version).toBe('@litertjs/core 2.5.3 (SIMD)');
    runtime.close();
  });

  it('sets no global', async () => {
    const before = Object.getOwnPropertyNames(globalThis);
    const listeners = process.eventNames();
    const runtime = await openWasmRuntime();
    (await openModel(runtime, denseModel().build())).close();
    runtime.close();
    expect(Object.getOwnPropertyNames(globalThis)).toEqual(before);
    expect(process.eventNames()).toEqual(listeners);
  });

  it('runs several copies side by side, each with its own memory', async () => {
    const runtimes = await Promise.all([openWasmRuntime(), openWasmRuntime(), openWasmRuntime()]);
    const results = await Promise.all(
      runtimes.map(async (runtime, index) => {
        const session = await openModel(runtime, denseModel(index < 2 ? 1 : 2).build());
        const [y] = await session.run(0, x);
        return { memory: session.memory, numbers: y && numbersOf(y, session.memory) };
      }),
    );
    expect(new Set(results.map((result) => result.memory)).size).toBe(3);
    expect(results[0]?.numbers).toEqual(results[1]?.numbers);
    expect(results[0]?.numbers).not.toEqual(results[2]?.numbers);
    for (const runtime of runtimes) runtime.close();
  });

  it('gives up a copy that crashed, and starts another for the next session', async () => {
    const runtime = await openWasmRuntime();
    const broken = await openModel(runtime, convolutionModel().build());
    const neighbour = await openModel(runtime, denseModel().build());
    const feed = randomFeed(broken.signatures[0] ?? { key: '', inputs: [], outputs: [] }, 1);
    await broken.run(0, feed);
    new Uint8Array(broken.memory.buffer).fill(0xff);
    await expect(broken.run(0, feed)).rejects.toMatchObject({
      code: 'RUNTIME_FAILED',
      message: expect.stringContaining('crashed'),
    });
    await expect(neighbour.run(0, x)).rejects.toMatchObject({ code: 'RUNTIME_FAILED' });
    broken.close();
    neighbour.close();
    const next = await openModel(runtime, denseModel().build());
    expect(await next.run(0, x)).toHaveLength(1);
    next.close();
    runtime.close();
  });

  it('says so when a model needs more memory than there is', async () => {
    const runtime = await openWasmRuntime();
    const session = await openModel(runtime, hugeModel(800_000_000));
    const feed = { x: tensorOf(TensorType.FLOAT32, [1], [1]) };
    await expect(session.run(0, feed)).rejects.toMatchObject({ code: 'RUNTIME_OUT_OF_MEMORY' });
    expect(() => session.allocate(2 ** 31 - 10)).toThrow(/no more memory/);
    session.close();
    const small = await openModel(runtime, hugeModel(8));
    const [y] = await small.run(0, feed);
    expect(y && numbersOf(y, small.memory)).toEqual(new Array(8).fill(1));
    small.close();
    runtime.close();
  });

  it('refuses open shapes', async () => {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    const input = main.input('x', [1, 4], { signature: [-1, 4] });
    const y = main.operator('RELU', [input], { name: 'y', shape: [1, 4], signature: [-1, 4] });
    main.outputs(y);
    builder.signature('main', { inputs: { x: input }, outputs: { y } });
    const model = builder.build();
    // Without this mark the interpreter takes the stored shape, not the open one.
    for (const tensor of model.subgraphs[0]?.tensors ?? []) tensor.hasRank = true;
    const runtime = await openWasmRuntime();
    await expect(openModel(runtime, model)).rejects.toThrow(/open shape \[-1,4\]/);
    runtime.close();
  });
});

/** x repeated `count` times. */
function hugeModel(count: number) {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const input = main.input('x', [1]);
  const times = main.constant('times', [1], Int32Array.of(count));
  main.outputs(main.operator('TILE', [input, times], { name: 'y', shape: [count] }));
  return builder.build();
}
