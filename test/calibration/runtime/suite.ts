import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openModel } from '../../../calibration/capture/open-model.ts';
import type { Runtime, Session } from '../../../calibration/runtime/runtime.ts';
import type { Feed } from '../../../datasets/sample.ts';
import { TensorType } from '../../../schema/generated/tflite.ts';
import type { Model } from '../../../schema/model.ts';
import { ModelBuilder, type TypeName } from '../../support/model-builder.ts';
import { convolutionModel, denseModel, twoSignatureModel } from '../../support/models.ts';
import { numbersOf, randomFeed, tensorOf } from './feeds.ts';

/** Names of the tests that an interpreter is known not to pass, with the reason. */
export type Exceptions = Readonly<Record<string, string>>;

/** What every interpreter must do. */
export function runtimeSuite(name: string, open: () => Promise<Runtime>, exceptions: Exceptions = {}): void {
  describe(name, () => {
    let runtime: Runtime;
    const test = (title: string, body: () => Promise<void>) => {
      const reason = exceptions[title];
      it.skipIf(reason !== undefined)(reason === undefined ? title : `${title} (not here: ${reason})`, body);
    };
    const withSession = async (model: Model, use: (session: Session) => Promise<void>) => {
      const session = await openModel(runtime, model);
      try {
        await use(session);
      } finally {
        session.close();
      }
    };
    const openAndRun = (model: Model, feed: Feed) =>
      withSession(model, async (session) => {
        await session.run(0, feed);
      });
    beforeAll(async () => {
      runtime = await open();
    });
    afterAll(() => runtime.close());

    test('computes what the graph says', async () => {
      await withSession(constantDense(), async (session) => {
        const feed = { x: tensorOf(TensorType.FLOAT32, [1, 2], [10, -1]) };
        const [y] = await session.run(0, feed);
        expect(y).toMatchObject({ type: TensorType.FLOAT32, shape: [1, 2], sizeBytes: 8 });
        expect(y && numbersOf(y, session.memory)).toEqual([8.5, 26]);
      });
    });

    test('describes the signatures in the order of the file', async () => {
      await withSession(twoSignatureModel().build(), async (session) => {
        const names = session.signatures.map(({ key, inputs, outputs }) => [key, inputs[0]?.name, outputs[0]?.name]);
        expect(names).toEqual([
          ['first', 'x', 'y'],
          ['second', 'input', 'result'],
        ]);
        expect(session.signatures[1]?.inputs).toEqual([{ name: 'input', type: TensorType.FLOAT32, shape: [1, 4] }]);
      });
    });

    test('runs each signature, in any order', async () => {
      await withSession(twoSignatureModel().build(), async (session) => {
        const run = async (index: number, seed: number) => {
          const [signature] = session.signatures.slice(index);
          if (!signature) throw new Error('no signature');
          const [output] = await session.run(index, randomFeed(signature, seed));
          return output && numbersOf(output, session.memory);
        };
        const first = await run(0, 5);
        const second = await run(1, 5);
        expect(await run(0, 5)).toEqual(first);
        expect(await run(1, 5)).toEqual(second);
        expect(await run(1, 6)).not.toEqual(second);
      });
    });

    for (const type of ['FLOAT32', 'INT8', 'UINT8', 'INT16', 'INT32', 'INT64', 'BOOL'] as const) {
      test(`takes and gives ${type}`, async () => {
        const numbers = type === 'BOOL' ? [0, 1, 1, 0] : [0, 1, 100, type === 'UINT8' ? 200 : -100];
        await withSession(castModel(type, 'FLOAT32'), async (session) => {
          const [asFloat] = await session.run(0, { x: tensorOf(TensorType[type], [4], numbers) });
          expect(asFloat && numbersOf(asFloat, session.memory)).toEqual(numbers);
        });
        await withSession(castModel('FLOAT32', type), async (session) => {
          const [back] = await session.run(0, { x: tensorOf(TensorType.FLOAT32, [4], numbers) });
          expect(back?.type).toBe(TensorType[type]);
          expect(back && numbersOf(back, session.memory)).toEqual(numbers);
        });
      });
    }

    test('quantized tensors go in and out as integers', async () => {
      await withSession(quantizeModel(), async (session) => {
        const [quantized] = await session.run(0, { x: tensorOf(TensorType.FLOAT32, [4], [0, 0.5, -0.5, 100]) });
        expect(quantized).toMatchObject({ type: TensorType.INT8, sizeBytes: 4 });
        expect(quantized && numbersOf(quantized, session.memory)).toEqual([3, 5, 1, 127]);
      });
    });

    test('kernels read outputs and inputs where they are', async () => {
      await withSession(convolutionModel().build(), async (session) => {
        const [signature] = session.signatures;
        if (!signature) throw new Error('no signature');
        const feed = randomFeed(signature, 9);
        const [scores] = await session.run(0, feed);
        const values = scores ? numbersOf(scores, session.memory) : [];
        expect(scores && session.kernels.rangeFloat32(scores.byteOffset, 4)).toMatchObject({
          min: Math.min(...values),
          max: Math.max(...values),
        });
        const [image] = session.inputViews(0);
        expect(image && numbersOf(image, session.memory)).toEqual(Array.from(feed.image?.data ?? [], Number));
        expect(session.kernels.memory).toBe(session.memory);
      });
    });

    test('lends memory beside the tensors', async () => {
      await withSession(denseModel().build(), async (session) => {
        const [signature] = session.signatures;
        if (!signature) throw new Error('no signature');
        const address = session.allocate(1000);
        expect(address % 64).toBe(0);
        new Uint8Array(session.memory.buffer, address, 1000).fill(7);
        const [y] = await session.run(0, randomFeed(signature, 2));
        expect(y?.byteOffset).not.toBe(address);
        expect(new Uint8Array(session.memory.buffer, address, 1000).every((byte) => byte === 7)).toBe(true);
        const big = session.allocate(50_000_000);
        expect(session.memory.buffer.byteLength).toBeGreaterThan(big + 50_000_000 - 1);
        session.free(big);
        session.free(address);
        const again = await session.run(0, randomFeed(signature, 2));
        expect(again[0] && numbersOf(again[0], session.memory)).toHaveLength(3);
      });
    });

    test('sessions of one runtime share the memory and do not disturb each other', async () => {
      await withSession(denseModel(1).build(), async (one) => {
        await withSession(denseModel(2).build(), async (other) => {
          expect(other.memory).toBe(one.memory);
          const feed = { x: tensorOf(TensorType.FLOAT32, [1, 4], [1, 2, 3, 4]) };
          const [first] = await one.run(0, feed);
          const before = first && numbersOf(first, one.memory);
          const [second] = await other.run(0, feed);
          expect(first && numbersOf(first, one.memory)).toEqual(before);
          expect(second && numbersOf(second, other.memory)).not.toEqual(before);
        });
      });
    });

    test('names the input that does not fit', async () => {
      await withSession(denseModel().build(), async (session) => {
        const x = tensorOf(TensorType.FLOAT32, [1, 4], [1, 2, 3, 4]);
        const failure = (feed: Parameters<Session['run']>[1]) => expect(session.run(0, feed)).rejects;
        await failure({}).toMatchObject({ code: 'FEED_INVALID', where: { tensor: 'x' } });
        await failure({ x, y: x }).toThrow(/has no input y/);
        await failure({ x: tensorOf(TensorType.INT32, [1, 4], [1, 2, 3, 4]) }).toThrow(/INT32.*FLOAT32/);
        await failure({ x: tensorOf(TensorType.FLOAT32, [1, 3], [1, 2, 3]) }).toThrow(/\[1,3\].*\[1,4\]/);
        expect(await session.run(0, { x })).toHaveLength(1);
      });
    });

    test('refuses what is no model or holds unknown operators, and goes on', async () => {
      const refused = (bytes: Uint8Array) => expect(runtime.open(bytes)).rejects;
      await refused(new Uint8Array(1000)).toMatchObject({ code: 'RUNTIME_REJECTED_MODEL' });
      await refused(denseModel().bytes().slice(0, 300)).toMatchObject({ code: 'RUNTIME_REJECTED_MODEL' });
      const unknown = openAndRun(customModel(), { x: tensorOf(TensorType.FLOAT32, [1], [1]) });
      await expect(unknown).rejects.toMatchObject({ code: 'RUNTIME_REJECTED_MODEL' });
      await expect(unknown).rejects.toThrow(/NoSuchOperator/);
      await withSession(denseModel().build(), async (session) => {
        expect(session.signatures).toHaveLength(1);
      });
    });

    test('says which operator fails in a run, and can run again', async () => {
      await withSession(gatherModel(), async (session) => {
        const index = (value: number) => ({ index: tensorOf(TensorType.INT32, [1], [value]) });
        await expect(session.run(0, index(99))).rejects.toMatchObject({
          code: 'RUNTIME_FAILED',
          message: expect.stringMatching(/out of bounds.*GATHER/),
        });
        const [picked] = await session.run(0, index(2));
        expect(picked && numbersOf(picked, session.memory)).toEqual([30]);
      });
    });

    test('opening and closing many times takes no more memory', async () => {
      const model = convolutionModel().build();
      const cycle = async () => {
        await withSession(model, async (session) => {
          const [signature] = session.signatures;
          if (signature) await session.run(0, randomFeed(signature, 1));
          session.allocate(100_000);
        });
      };
      for (let round = 0; round < 20; round += 1) await cycle();
      const probe = await openModel(runtime, model);
      const before = probe.memory.buffer.byteLength;
      probe.close();
      for (let round = 0; round < 200; round += 1) await cycle();
      const session = await openModel(runtime, model);
      const after = session.memory.buffer.byteLength;
      session.close();
      expect(after).toBe(before);
    });

    test('many runs take no more memory', async () => {
      await withSession(convolutionModel().build(), async (session) => {
        const [signature] = session.signatures;
        if (!signature) throw new Error('no signature');
        const feed = randomFeed(signature, 1);
        await session.run(0, feed);
        const before = session.memory.buffer.byteLength;
        for (let round = 0; round < 2000; round += 1) await session.run(0, feed);
        expect(session.memory.buffer.byteLength).toBe(before);
      });
    });

    test('keeps variables from run to run of a session, not beyond it', async () => {
      const count = async (session: Session) => {
        const [total] = await session.run(0, { x: tensorOf(TensorType.FLOAT32, [1], [5]) });
        return total && numbersOf(total, session.memory);
      };
      await withSession(accumulatorModel(), async (session) => {
        expect([await count(session), await count(session), await count(session)]).toEqual([[5], [10], [15]]);
      });
      await withSession(accumulatorModel(), async (session) => {
        expect(await count(session)).toEqual([5]);
      });
    });

    test('reads constants behind the flatbuffer', async () => {
      const builder = new ModelBuilder();
      const main = builder.subgraph();
      const x = main.input('x', [512]);
      const weights = main.constant(
        'weights',
        [512],
        Float32Array.from({ length: 512 }, (_, i) => i),
      );
      main.outputs(main.operator('ADD', [x, weights], { name: 'sum', shape: [512] }));
      const session = await runtime.open(builder.bytes({ buffers: 'external' }));
      try {
        const [sum] = await session.run(0, { x: tensorOf(TensorType.FLOAT32, [512], new Array(512).fill(1)) });
        expect(sum && numbersOf(sum, session.memory).at(-1)).toBe(512);
      } finally {
        session.close();
      }
    });
  });
}

/** y = x * [[1, 2], [3, 4]]^T + [0.5, 0]. */
function constantDense(): Model {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const x = main.input('x', [1, 2]);
  const weights = main.constant('weights', [2, 2], [1, 2, 3, 4]);
  const bias = main.constant('bias', [2], [0.5, 0]);
  main.outputs(main.operator('FULLY_CONNECTED', [x, weights, bias], { name: 'y', shape: [1, 2] }));
  return builder.build();
}

function castModel(from: TypeName, to: TypeName): Model {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const x = main.input('x', [4], { type: from });
  const options = { inDataType: TensorType[from], outDataType: TensorType[to] };
  main.outputs(main.operator('CAST', [x], { name: 'y', shape: [4], type: to }, options));
  return builder.build();
}

function quantizeModel(): Model {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const x = main.input('x', [4]);
  const quantization = { scale: 0.25, zeroPoint: 3 };
  main.outputs(main.operator('QUANTIZE', [x], { name: 'q', shape: [4], type: 'INT8', quantization }));
  return builder.build();
}

function customModel(): Model {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  main.outputs(main.custom('NoSuchOperator', [main.input('x', [1])], { name: 'y', shape: [1] }));
  return builder.build();
}

function gatherModel(): Model {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const index = main.input('index', [1], { type: 'INT32' });
  const table = main.constant('table', [3], [10, 20, 30]);
  main.outputs(main.operator('GATHER', [table, index], { name: 'picked', shape: [1] }));
  return builder.build();
}

/** A resource variable that starts at 0 and grows by x with every run. */
function accumulatorModel(): Model {
  const builder = new ModelBuilder();
  const variable = { name: 'handle', shape: [], type: 'RESOURCE' } as const;
  const main = builder.subgraph();
  const x = main.input('x', [1]);
  main.connect('CALL_ONCE', [], [], { initSubgraphIndex: 1 });
  const handle = main.operator('VAR_HANDLE', [], variable, { sharedName: 'total' });
  const old = main.operator('READ_VARIABLE', [handle], { name: 'old', shape: [1] });
  const total = main.operator('ADD', [old, x], { name: 'total', shape: [1] });
  main.connect('ASSIGN_VARIABLE', [handle, total], []);
  main.outputs(total);
  const start = builder.subgraph('start');
  const zero = start.constant('zero', [1], [0]);
  const same = start.operator('VAR_HANDLE', [], variable, { sharedName: 'total' });
  start.connect('ASSIGN_VARIABLE', [same, zero], []);
  return builder.build();
}
