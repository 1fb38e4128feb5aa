import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TensorReference } from '../../../calibration/capture/reference.ts';
import { captureModel } from '../../../calibration/capture/rewrite.ts';
import { type CaptureOptions, openCapture } from '../../../calibration/capture/session.ts';
import type { Runtime } from '../../../calibration/runtime/runtime.ts';
import { openWasmRuntime } from '../../../calibration/runtime/wasm.node.ts';
import type { Feed } from '../../../datasets/sample.ts';
import { TensorType } from '../../../schema/generated/tflite.ts';
import type { Model } from '../../../schema/model.ts';
import { modelBytes } from '../../../schema/writer.ts';
import { ModelBuilder } from '../../support/model-builder.ts';
import { convolutionModel, denseModel, twoSignatureModel } from '../../support/models.ts';
import { runtimes } from '../runtime/available.ts';
import { numbersOf, randomFeed, tensorOf } from '../runtime/feeds.ts';

const FLOAT = TensorType.FLOAT32;
const floats = (shape: readonly number[], numbers: readonly number[]) => tensorOf(FLOAT, shape, numbers);

let runtime: Runtime;

const all = (model: Model): TensorReference[] =>
  model.subgraphs.flatMap(({ tensors }, subgraph) => tensors.map((_, tensor) => ({ subgraph, tensor })));

type Values = Record<string, readonly number[]>;

/** Runs one sample; values by `subgraph:tensor name`. */
async function capture(
  model: Model,
  wanted: readonly TensorReference[],
  feeds: readonly (readonly [string, Feed])[],
  options: CaptureOptions = {},
) {
  const session = openCapture(runtime, model, wanted, options);
  const results: Values[] = [];
  try {
    for (const [key, feed] of feeds) {
      const values: Record<string, readonly number[]> = {};
      for await (const batch of session.run(key, feed)) {
        for (const { subgraph, tensor, view, kernels } of batch) {
          const name = model.subgraphs[subgraph]?.tensors[tensor]?.name;
          expect(view.name).toBe(name);
          values[`${subgraph}:${name}`] = numbersOf(view, kernels.memory);
        }
      }
      results.push(values);
    }
    return { results, unreachable: session.unreachable, passCount: session.passCount };
  } finally {
    session.close();
  }
}

/** y = x + 1, z = 2 y, w = tanh z, with nothing but z as output. */
function chain(): ModelBuilder {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const x = main.input('x', [2]);
  const one = main.constant('one', [1], [1]);
  const two = main.constant('two', [1], [2]);
  const y = main.operator('ADD', [x, one], { name: 'y', shape: [2] });
  const z = main.operator('MUL', [y, two], { name: 'z', shape: [2] });
  main.operator('TANH', [z], { name: 'w', shape: [2] });
  main.outputs(z);
  return builder;
}

describe.each(runtimes)('capture on $name', ({ open }) => {
  beforeAll(async () => {
    runtime = await open();
  });
  afterAll(() => runtime.close());

  describe('captured values', () => {
    it('are those of the middle of the graph, and of its inputs', async () => {
      const model = chain().build();
      const { results, unreachable } = await capture(model, all(model), [
        ['serving_default', { x: floats([2], [0, 3]) }],
      ]);
      expect(results).toEqual([
        {
          '0:x': [0, 3],
          '0:y': [1, 4],
          '0:z': [2, 8],
          '0:w': [2, 8].map((value) => expect.closeTo(Math.tanh(value), 6)),
        },
      ]);
      expect(unreachable).toEqual([
        { subgraph: 0, tensor: 1, reason: 'constant' },
        { subgraph: 0, tensor: 2, reason: 'constant' },
      ]);
    });

    it('do not depend on what else is captured', async () => {
      const model = convolutionModel().build();
      const feed = randomFeed(
        { key: '', inputs: [{ name: 'image', type: FLOAT, shape: [1, 8, 8, 3] }], outputs: [] },
        3,
      );
      const together = await capture(model, all(model), [['serving_default', feed]]);
      for (const reference of all(model)) {
        const alone = await capture(model, [reference], [['serving_default', feed]]);
        for (const [name, values] of Object.entries(alone.results[0] ?? {})) {
          expect(together.results[0]?.[name]).toEqual(values);
        }
      }
    });

    it('come in several passes when memory is short, and are the same', async () => {
      const model = convolutionModel().build();
      const feed = randomFeed(
        { key: '', inputs: [{ name: 'image', type: FLOAT, shape: [1, 8, 8, 3] }], outputs: [] },
        4,
      );
      const feeds = [1, 2].map(() => ['serving_default', feed] as const);
      const whole = await capture(model, all(model), feeds);
      expect(whole.passCount).toBe(1);
      // Two tensors of 1024 bytes and two of 16.
      for (const [memoryBytes, passCount] of [
        [1100, 2],
        [1, 4],
      ] as const) {
        const parts = await capture(model, all(model), feeds, { memoryBytes });
        expect(parts.passCount).toBe(passCount);
        expect(parts.results).toEqual(whole.results);
      }
    });

    it('are told apart by index where names are missing or repeated', async () => {
      const model = chain().build();
      for (const tensor of model.subgraphs[0]?.tensors ?? []) tensor.name = 'same';
      const session = openCapture(runtime, model, all(model));
      for await (const batch of session.run('serving_default', { same: floats([2], [0, 3]) })) {
        const found = batch.map(({ tensor, view, kernels }) => [tensor, numbersOf(view, kernels.memory)]);
        expect(found.slice(0, 3)).toEqual([
          [0, [0, 3]],
          [3, [1, 4]],
          [4, [2, 8]],
        ]);
      }
      session.close();
    });

    it('leave the original as it was', async () => {
      const model = twoSignatureModel().build();
      const before = modelBytes(model);
      await capture(model, all(model), [['first', { x: floats([1, 4], [1, 2, 3, 4]) }]]);
      expect(modelBytes(model)).toEqual(before);
    });
  });

  describe('signatures', () => {
    it('each give the tensors of their own subgraph', async () => {
      const model = twoSignatureModel().build();
      const x = floats([1, 4], [1, 2, 3, 4]);
      const { results } = await capture(model, all(model), [
        ['first', { x }],
        ['second', { input: x }],
      ]);
      expect(results.map((values) => Object.keys(values))).toEqual([
        ['0:x', '0:y'],
        ['1:input', '1:product', '1:result'],
      ]);
    });

    it('may share a subgraph under different names', async () => {
      const builder = chain();
      builder.signature('one', { inputs: { a: 'x' }, outputs: { sum: 'y' } });
      builder.signature('two', { inputs: { b: 'x' }, outputs: { product: 'z', sum: 'y' } });
      const model = builder.build();
      const x = floats([2], [1, 2]);
      const { results } = await capture(
        model,
        [{ subgraph: 0, tensor: 4 }],
        [
          ['one', { a: x }],
          ['two', { b: x }],
        ],
      );
      expect(results).toEqual([{ '0:z': [4, 6] }, { '0:z': [4, 6] }]);
    });

    it('that are unknown are named, with those there are', async () => {
      const session = openCapture(runtime, denseModel().build(), []);
      const run = async () => {
        for await (const _ of session.run('other', {}));
      };
      await expect(run()).rejects.toMatchObject({
        code: 'FEED_INVALID',
        hint: expect.stringContaining('serving_default'),
      });
    });
  });

  describe('unusual graphs', () => {
    it('whose inputs are outputs, or named twice', async () => {
      const model = chain().build();
      const main = model.subgraphs[0];
      if (!main) throw new Error('no subgraph');
      main.outputs = [0, 4, 4];
      const { results } = await capture(model, all(model), [['serving_default', { x: floats([2], [0, 3]) }]]);
      expect(results[0]).toMatchObject({ '0:x': [0, 3], '0:z': [2, 8] });
      main.inputs = [0, 0];
      model.signatureDefs = [
        { signatureKey: 's', subgraphIndex: 0, inputs: [{ name: 'x', tensorIndex: 0 }], outputs: [] } as never,
      ];
      const again = await capture(model, all(model), [['s', { x: floats([2], [0, 3]) }]]);
      expect(again.results[0]).toMatchObject({ '0:x': [0, 3], '0:z': [2, 8] });
    });

    it('without operators', async () => {
      const builder = new ModelBuilder();
      const main = builder.subgraph();
      main.outputs(main.input('x', [3]));
      const { results } = await capture(builder.build(), all(builder.build()), [
        ['serving_default', { x: floats([3], [1, 2, 3]) }],
      ]);
      expect(results).toEqual([{ '0:x': [1, 2, 3] }]);
    });

    it('of which only inputs are wanted', async () => {
      const { results } = await capture(
        chain().build(),
        [{ subgraph: 0, tensor: 0 }],
        [['serving_default', { x: floats([2], [5, 6]) }]],
      );
      expect(results).toEqual([{ '0:x': [5, 6] }]);
    });

    it('with an input that nothing reads', async () => {
      const builder = chain();
      const model = builder.build();
      const main = model.subgraphs[0];
      main?.inputs.push(main.tensors.push({ ...(main.tensors[0] as object), name: 'idle' } as never) - 1);
      const feed = { x: floats([2], [0, 3]), idle: floats([2], [7, 8]) };
      const { results } = await capture(model, all(model), [['serving_default', feed]]);
      expect(results[0]).toMatchObject({ '0:idle': [7, 8], '0:y': [1, 4] });
    });

    it('run only what the wanted tensors need', () => {
      const { model } = captureModel(chain().build(), [{ subgraph: 0, tensor: 3 }]);
      expect(model.subgraphs[0]?.operators).toHaveLength(1);
      expect(model.buffers.filter((buffer) => buffer !== undefined)).toHaveLength(1);
    });

    it('with loops: the tensors of the body are out of reach', async () => {
      const model = loopModel();
      const { results, unreachable } = await capture(model, all(model), [['serving_default', { x: floats([1], [1]) }]]);
      expect(results).toEqual([{ '0:x': [1], '0:y': [16] }]);
      const reasons = unreachable.map(({ subgraph, reason }) => `${subgraph} ${reason}`);
      expect(new Set(reasons)).toEqual(new Set(['1 inner', '1 constant', '2 inner', '2 constant']));
    });

    it('with a signature over a subgraph that a loop runs too', async () => {
      const model = loopModel();
      model.signatureDefs = [
        signature('whole', 0, 'x', model.subgraphs[0]),
        signature('body', 2, 'v', model.subgraphs[2]),
      ];
      const { results } = await capture(model, all(model), [
        ['whole', { x: floats([1], [1]) }],
        ['body', { v: floats([1], [5]) }],
      ]);
      expect(results).toEqual([
        { '0:x': [1], '0:y': [16] },
        { '2:v': [5], '2:doubled': [10] },
      ]);
    });

    it('with tensors whose size depends on values: those are out of reach, the others are not', async () => {
      const model = valueSizedModel();
      const feeds = [
        ['plain', { x: floats([4], [1, 2, 3, 4]) }],
        ['picking', { x: floats([4], [-1, -1, 2, 3]) }],
        ['picking', { x: floats([4], [0, -1, 2, 3]) }],
      ] as const;
      const { results, unreachable } = await capture(model, all(model), feeds);
      expect(results.map((values) => [values['1:y'], values['1:total']])).toEqual([
        [undefined, undefined],
        [[0, 0, 3, 4], [7]],
        [[1, 0, 3, 4], [8]],
      ]);
      const names = unreachable.filter(({ reason }) => reason === 'dynamic').map(({ tensor }) => tensor);
      expect(names.map((tensor) => model.subgraphs[1]?.tensors[tensor]?.name)).toEqual(['found', 'picked']);
    });

    it('with strings, empty tensors and tensors nobody writes', () => {
      const builder = chain();
      const main = builder.build().subgraphs[0];
      const add = (members: object) =>
        (main?.tensors.push({ ...(main.tensors[0] as object), ...members } as never) ?? 0) - 1;
      const text = add({ name: 'text', type: TensorType.STRING });
      const lonely = add({ name: 'lonely' });
      const wanted = [text, lonely, 99].map((tensor) => ({ subgraph: 0, tensor }));
      const { unreachable } = captureModel(builder.build(), [...wanted, { subgraph: 5, tensor: 0 }]);
      expect(unreachable.map(({ reason }) => reason)).toEqual(['type', 'unwritten', 'missing', 'missing']);
    });
  });

  describe('shapes', () => {
    it('that are open follow the sample, again when it changes', async () => {
      const model = openBatchModel();
      const rows = (batch: number) =>
        floats(
          [batch, 2],
          Array.from({ length: batch * 2 }, (_, i) => i),
        );
      const feeds = [1, 3, 3, 2].map((batch) => ['main', { x: rows(batch) }] as const);
      const { results } = await capture(model, all(model), feeds);
      const sums = (batch: number) => Array.from({ length: batch }, (_, row) => 4 * row + 3);
      expect(results.map((values) => values['0:sums'])).toEqual([sums(1), sums(3), sums(3), sums(2)]);
      expect(results[1]?.['0:plus']).toEqual([1, 2, 3, 4, 5, 6]);
    });

    it('that are fixed can still take another batch', async () => {
      const model = chain2d();
      const { results } = await capture(model, all(model), [
        ['serving_default', { x: floats([1, 2], [1, 2]) }],
        ['serving_default', { x: floats([2, 2], [1, 2, 3, 4]) }],
      ]);
      expect(results.map((values) => values['0:y'])).toEqual([
        [2, 3],
        [2, 3, 4, 5],
      ]);
    });

    it('other than the batch must be those of the model', async () => {
      const run = capture(chain2d(), [], [['serving_default', { x: floats([1, 3], [1, 2, 3]) }]]);
      await expect(run).rejects.toMatchObject({
        code: 'FEED_INVALID',
        message: expect.stringMatching(/\[1,3\].*\[1,2\]/),
      });
    });
  });

  describe('state', () => {
    it('lives from sample to sample until a reset', async () => {
      const builder = new ModelBuilder();
      const main = builder.subgraph();
      const x = main.input('x', [1]);
      const resource = { name: 'handle', shape: [], type: 'RESOURCE' } as const;
      main.connect('CALL_ONCE', [], [], { initSubgraphIndex: 1 });
      const handle = main.operator('VAR_HANDLE', [], resource, { sharedName: 'v' });
      const old = main.operator('READ_VARIABLE', [handle], { name: 'old', shape: [1] });
      const total = main.operator('ADD', [old, x], { name: 'total', shape: [1] });
      main.connect('ASSIGN_VARIABLE', [handle, total], []);
      main.outputs(total);
      const start = builder.subgraph('start');
      const same = start.operator('VAR_HANDLE', [], resource, { sharedName: 'v' });
      start.connect('ASSIGN_VARIABLE', [same, start.constant('zero', [1], [0])], []);
      const model = builder.build();
      const session = openCapture(runtime, model, [{ subgraph: 0, tensor: old }]);
      const step = async () => {
        for await (const [captured] of session.run('serving_default', { x: floats([1], [2]) })) {
          return captured && numbersOf(captured.view, captured.kernels.memory)[0];
        }
        return undefined;
      };
      expect([await step(), await step(), await step()]).toEqual([0, 2, 4]);
      session.reset();
      expect(await step()).toBe(0);
      session.close();
    });
  });
});

it('go on with the next sample after a crash of the interpreter', async () => {
  const runtime = await openWasmRuntime();
  const session = openCapture(runtime, convolutionModel().build(), [{ subgraph: 0, tensor: 3 }]);
  const image = randomFeed(session.signatures[0] ?? { key: '', inputs: [], outputs: [] }, 3);
  const run = async () => {
    for await (const [first] of session.run('serving_default', image)) {
      return { memory: first?.kernels.memory, numbers: first && numbersOf(first.view, first.kernels.memory) };
    }
    return undefined;
  };
  const before = await run();
  if (before?.memory) new Uint8Array(before.memory.buffer).fill(0xff);
  await expect(run()).rejects.toMatchObject({ code: 'RUNTIME_FAILED' });
  expect((await run())?.numbers).toEqual(before?.numbers);
  session.close();
  runtime.close();
});

/** `plain`: y = x + 1. `picking`: the sum of those y = x + 1 that are not 0, by WHERE and GATHER_ND. */
function valueSizedModel(): Model {
  const builder = new ModelBuilder();
  const plain = builder.subgraph('plain');
  const x = plain.input('x', [4]);
  const y = plain.operator('ADD', [x, plain.constant('one', [1], [1])], { name: 'y', shape: [4] });
  plain.outputs(y);
  const picking = builder.subgraph('picking');
  const input = picking.input('x', [4]);
  const sum = picking.operator('ADD', [input, picking.constant('one', [1], [1])], { name: 'y', shape: [4] });
  const found = picking.operator('WHERE', [sum], { name: 'found', shape: [1, 1], type: 'INT64' });
  const picked = picking.operator('GATHER_ND', [sum, found], { name: 'picked', shape: [1] });
  const axis = picking.constant('axis', [1], Int32Array.of(0));
  const total = picking.operator('SUM', [picked, axis], { name: 'total', shape: [] });
  picking.outputs(total);
  builder.signature('plain', { inputs: { x }, outputs: { y } }, 0);
  return builder.signature('picking', { inputs: { x: input }, outputs: { total } }, 1).build();
}

/** x doubled until it is more than 10. */
function loopModel(): Model {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const x = main.input('x', [1]);
  main.outputs(main.operator('WHILE', [x], { name: 'y', shape: [1] }, { condSubgraphIndex: 1, bodySubgraphIndex: 2 }));
  const condition = builder.subgraph('condition');
  const value = condition.input('v', [1]);
  const ten = condition.constant('ten', [1], [10]);
  condition.outputs(condition.operator('LESS_EQUAL', [value, ten], { name: 'more', shape: [1], type: 'BOOL' }));
  const body = builder.subgraph('body');
  const v = body.input('v', [1]);
  body.outputs(body.operator('MUL', [v, body.constant('two', [1], [2])], { name: 'doubled', shape: [1] }));
  return builder.build();
}

const signature = (
  key: string,
  subgraphIndex: number,
  name: string,
  subgraph: Model['subgraphs'][number] | undefined,
) => ({
  signatureKey: key,
  subgraphIndex,
  inputs: [{ name, tensorIndex: subgraph?.inputs[0] ?? 0 }],
  outputs: [{ name: 'out', tensorIndex: subgraph?.outputs[0] ?? 0 }],
});

/** x [-1, 2] -> + 1 -> sum of each row, with the placeholder 1 in every stored shape. */
function openBatchModel(): Model {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const x = main.input('x', [1, 2], { signature: [-1, 2] });
  const one = main.constant('one', [1], [1]);
  const axis = main.constant('axis', [1], Int32Array.of(1));
  const plus = main.operator('ADD', [x, one], { name: 'plus', shape: [1, 2], signature: [-1, 2] });
  const sums = main.operator('SUM', [plus, axis], { name: 'sums', shape: [1], signature: [-1] });
  main.outputs(sums);
  builder.signature('main', { inputs: { x }, outputs: { sums } });
  for (const tensor of builder.build().subgraphs[0]?.tensors ?? []) tensor.hasRank = true;
  return builder.build();
}

function chain2d(): Model {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const x = main.input('x', [1, 2]);
  main.outputs(main.operator('ADD', [x, main.constant('one', [1], [1])], { name: 'y', shape: [1, 2] }));
  return builder.build();
}
