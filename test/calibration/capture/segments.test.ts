import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TensorReference } from '../../../calibration/capture/reference.ts';
import { captureModel } from '../../../calibration/capture/rewrite.ts';
import { cutIntoSegments } from '../../../calibration/capture/segments.ts';
import { type CaptureOptions, openCapture } from '../../../calibration/capture/session.ts';
import type { Runtime } from '../../../calibration/runtime/runtime.ts';
import type { Feed } from '../../../datasets/sample.ts';
import { TensorType } from '../../../schema/generated/tflite.ts';
import { tensorConstant } from '../../../schema/graph.ts';
import type { Model } from '../../../schema/model.ts';
import { ModelBuilder, randomFloats } from '../../support/model-builder.ts';
import { twoSignatureModel } from '../../support/models.ts';
import { runtimes } from '../runtime/available.ts';
import { numbersOf, tensorOf } from '../runtime/feeds.ts';

const activations = (model: Model): TensorReference[] =>
  model.subgraphs.flatMap(({ tensors }, subgraph) =>
    tensors.flatMap((entry, tensor) => (tensorConstant(model, entry) ? [] : [{ subgraph, tensor }])),
  );

/** FULLY_CONNECTED from width to width (t1, t2, ... after the input x), then the sum of the last with another input. */
function row(widths: readonly number[], otherInput = 'late'): Model {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const [first = 1, ...rest] = widths;
  let last = main.input('x', [1, first]);
  let width = first;
  for (const [index, next] of rest.entries()) {
    const weights = main.constant(`w${index}`, [next, width], randomFloats(next * width, index));
    last = main.operator('FULLY_CONNECTED', [last, weights], { name: `t${index + 1}`, shape: [1, next] });
    width = next;
  }
  const other = main.input(otherInput, [1, width]);
  main.outputs(main.operator('ADD', [last, other], { name: 'sum', shape: [1, width] }));
  return builder.build();
}

/** x + 1 = a, a + 1 = b, b + 1 = c, c + a = d, each of `size` floats. */
function shortcut(size: number): Model {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const x = main.input('x', [size]);
  const one = main.constant('one', [1], [1]);
  const sum = (name: string, p: number, q: number) => main.operator('ADD', [p, q], { name, shape: [size] });
  const a = sum('a', x, one);
  main.outputs(sum('d', sum('c', sum('b', a, one), one), a));
  return builder.build();
}

/** Names of what each segment computes, takes and carries over. */
function segmentsOf(model: Model, wanted: readonly TensorReference[], segmentBytes: number, mostCarried = 1 / 4) {
  const segments = cutIntoSegments(captureModel(model, wanted), { segmentBytes, mostCarried });
  const name = ({ tensor }: { tensor: number }) => model.subgraphs[0]?.tensors[tensor]?.name;
  return segments?.map(({ captured, carried }) => {
    const [signature] = captured.signatures;
    return {
      inputs: signature?.inputs.map(name),
      outputs: signature?.outputs.map(name),
      wantedInputs: signature?.wantedInputs.map((tensor) => name({ tensor })),
      carried: carried.size,
    };
  });
}

describe('cutting into segments', () => {
  it('carries over what later segments read, and shows each wanted tensor once', () => {
    const model = row([4, 64, 2, 64, 2, 2]);
    expect(segmentsOf(model, activations(model), 270)).toEqual([
      { inputs: ['x'], outputs: ['t1', 't2'], wantedInputs: ['x'], carried: 1 },
      { inputs: ['t2'], outputs: ['t3', 't4'], wantedInputs: [], carried: 1 },
      { inputs: ['late', 't4'], outputs: ['t5', 'sum'], wantedInputs: ['late'], carried: 0 },
    ]);
  });

  it('cuts where least is carried over', () => {
    const model = row([4, 64, 8, 32, 2, 32, 64]);
    expect(segmentsOf(model, activations(model), 600)?.map(({ outputs }) => outputs)).toEqual([
      ['t1', 't2', 't3', 't4'],
      ['t5', 't6', 'sum'],
    ]);
  });

  it('does not cut where more would be carried over than is asked for', () => {
    const model = shortcut(16);
    expect(segmentsOf(model, activations(model), 64)).toBeUndefined();
    expect(segmentsOf(model, activations(model), 64, 2)?.map(({ inputs, carried }) => [inputs, carried])).toEqual([
      [['x'], 1],
      [['a'], 1],
      [['b'], 1],
      [['c', 'a'], 0],
    ]);
  });

  it('carries nothing over that is not an output anyway', () => {
    const model = row([4, 64, 2, 64, 2, 64, 2]);
    const without = activations(model).filter(({ tensor }) => model.subgraphs[0]?.tensors[tensor]?.name !== 't2');
    expect(segmentsOf(model, without, 300)?.map(({ outputs }) => outputs)).toEqual([
      ['t1', 't3', 't4'],
      ['t5', 't6', 'sum'],
    ]);
  });

  it('leaves a model alone that is small, or has several signatures', () => {
    const model = row([4, 64, 2, 64, 2]);
    expect(segmentsOf(model, activations(model), 1e6)).toBeUndefined();
    const two = twoSignatureModel().build();
    expect(segmentsOf(two, activations(two), 1)).toBeUndefined();
  });

  it('does not change the whole model', () => {
    const model = row([4, 64, 2, 64, 2]);
    const whole = captureModel(model, activations(model));
    const before = structuredClone({ ...whole.model, buffers: [] });
    cutIntoSegments(whole, { segmentBytes: 300, mostCarried: 1 / 4 });
    expect({ ...whole.model, buffers: [] }).toEqual(before);
  });
});

describe.each(runtimes)('segments on $name', ({ name, open }) => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await open();
  });
  afterAll(() => runtime.close());

  async function capture(model: Model, feeds: readonly Feed[], options: CaptureOptions) {
    const session = openCapture(runtime, model, activations(model), options);
    const results: Record<string, readonly number[]>[] = [];
    const outputs: number[][] = [];
    try {
      for (const feed of feeds) {
        const values: Record<string, readonly number[]> = {};
        for await (const batch of session.run('serving_default', feed)) {
          for (const { view, kernels } of batch) values[view.name] = numbersOf(view, kernels.memory);
          outputs.push(batch.filter(({ view }) => !(view.name in feed)).map(({ view }) => view.byteOffset));
        }
        results.push(values);
      }
      return { results, outputs, passCount: session.passCount };
    } finally {
      session.close();
    }
  }

  const feed = (seed: number, batch = 1, other = 'late'): Feed => ({
    x: tensorOf(TensorType.FLOAT32, [batch, 4], [...randomFloats(batch * 4, seed)]),
    [other]: tensorOf(TensorType.FLOAT32, [batch, 2], [...randomFloats(batch * 2, seed + 1)]),
  });

  it.each([1, 300, 600])('give the same values as the whole model, with %d bytes at a time', async (memoryBytes) => {
    const model = row([4, 64, 2, 64, 2, 64, 2]);
    const feeds = [feed(1), feed(3), feed(1)];
    const whole = await capture(model, feeds, {});
    const parts = await capture(model, feeds, { segmented: true, memoryBytes });
    expect(parts.results).toEqual(whole.results);
    expect(parts.passCount).toBeGreaterThan(1);
  });

  it('follow the shapes of the samples', async () => {
    const model = row([4, 64, 2, 64, 2]);
    const feeds = [feed(1), feed(3, 2), feed(5)];
    const whole = await capture(model, feeds, {});
    expect((await capture(model, feeds, { segmented: true, memoryBytes: 300 })).results).toEqual(whole.results);
  });

  it('tell an input from what they carry over, whatever it is called', async () => {
    const model = row([4, 64, 2, 64, 2], 'carried_4');
    expect(model.subgraphs[0]?.tensors[4]?.name).toBe('t2');
    const feeds = [feed(1, 1, 'carried_4')];
    const whole = await capture(model, feeds, {});
    const parts = await capture(model, feeds, { segmented: true, memoryBytes: 300 });
    expect(parts.passCount).toBeGreaterThan(1);
    expect(parts.results).toEqual(whole.results);
  });

  it.runIf(name === 'native')('write one after the other to the same place', async () => {
    const model = row([4, 64, 2, 64, 2, 64, 2]);
    const { outputs } = await capture(model, [feed(1), feed(2)], { segmented: true, memoryBytes: 300 });
    const first = outputs.slice(-3).map(([address]) => address);
    expect(new Set(first).size).toBe(1);
  });
});
