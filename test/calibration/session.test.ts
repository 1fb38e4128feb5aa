import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { quantizeFeed } from '../../calibration/feed.ts';
import { rangesFromCalibration } from '../../calibration/ranges/source.ts';
import type { Runtime } from '../../calibration/runtime/runtime.ts';
import { openWasmRuntime } from '../../calibration/runtime/wasm.node.ts';
import { parseShard, selectIndices, shardIndices } from '../../calibration/selection.ts';
import { type CalibrateOptions, type CalibrationData, calibrate } from '../../calibration/session.ts';
import { mergeCalibrations, missingSamples } from '../../calibration/statistics/merge.ts';
import { allActivations, estimateMemory, isDecodedConstant, isStateful } from '../../calibration/wanted.ts';
import type { Feed } from '../../datasets/sample.ts';
import type { CalibrationDocument } from '../../schema/documents/calibration.ts';
import { writeCalibration } from '../../schema/documents/calibration-write.ts';
import { AeqError } from '../../schema/errors.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { bytesIdentity } from '../support/bytes-identity.ts';
import { ModelBuilder } from '../support/model-builder.ts';
import { convolutionModel, denseModel, twoSignatureModel } from '../support/models.ts';
import { randomFloats } from '../support/random.ts';
import { feedDataset, onceDataset } from './session-data.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openWasmRuntime();
});
afterAll(() => runtime.close());

const float = (shape: readonly number[], data: Float32Array) => ({ type: TensorType.FLOAT32, shape, data });

/** Feeds of four float32 values for the small models. */
function feeds(count: number, name = 'x'): Feed[] {
  return Array.from({ length: count }, (_, i) => ({ [name]: float([1, 4], randomFloats(4, 100 + i)) }));
}

type Change = Partial<CalibrateOptions>;

function run(builder: ModelBuilder, data: Record<string, CalibrationData>, change: Change = {}) {
  const model = builder.build();
  return calibrate({
    model,
    identity: bytesIdentity(builder.bytes()),
    runtime,
    data: new Map(Object.entries(data)),
    wanted: allActivations(model),
    ...change,
  });
}

const dense = (list: readonly Feed[], change: Change = {}) =>
  run(denseModel(), { serving_default: { dataset: feedDataset(list) } }, change);

/** What a run has saved that was interrupted after some samples. */
async function interruptedAfter(count: number, list: readonly Feed[], change: Change = {}) {
  const controller = new AbortController();
  const saved: CalibrationDocument[] = [];
  const interrupted = dense(list, {
    ...change,
    signal: controller.signal,
    onProgress: ({ done }) => done === count && controller.abort(new Error('interrupted')),
    onPartial: (document) => void saved.push(document),
  });
  await expect(interrupted).rejects.toThrow('interrupted');
  const last = saved.at(-1);
  if (!last) throw new Error('nothing was saved');
  return last;
}

async function errorOf(promise: Promise<unknown>): Promise<AeqError> {
  const error = await promise.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  );
  if (error instanceof AeqError) return error;
  throw error;
}

describe('calibrating', () => {
  it('collects every activation of every sample', async () => {
    const list = feeds(5);
    const { document, samplesRun, unreachable } = await dense(list);
    expect(samplesRun).toBe(5);
    expect(unreachable).toEqual([]);
    expect(document.tensors.map((tensor) => tensor.name)).toEqual(['x', 'dense/output', 'y']);
    const [x] = document.tensors;
    const values = list.map((feed) => Array.from(feed.x?.data as Float32Array));
    expect(Array.from(x?.min ?? [])).toEqual(values.map((sample) => Math.min(...sample)));
    expect(Array.from(x?.max ?? [])).toEqual(values.map((sample) => Math.max(...sample)));
    expect(x?.elements).toBe(20);
    expect(document.runtimes).toEqual([runtime.version]);
    expect(missingSamples(document)).toEqual([]);
  });

  it('runs several signatures and models without any', async () => {
    const two = await run(twoSignatureModel(), {
      second: { dataset: feedDataset(feeds(3, 'input')) },
      first: { dataset: feedDataset(feeds(2)) },
    });
    expect(two.document.samples.map(({ signature, index }) => `${signature} ${index}`)).toEqual([
      'first 0',
      'first 1',
      'second 0',
      'second 1',
      'second 2',
    ]);
    expect(two.document.tensors.map(({ name, samples }) => [name, Array.from(samples)])).toEqual([
      ['x', [0, 1]],
      ['y', [0, 1]],
      ['input', [2, 3, 4]],
      ['product', [2, 3, 4]],
      ['result', [2, 3, 4]],
    ]);
    const image = { image: float([1, 8, 8, 3], randomFloats(192, 5)) };
    const none = await run(convolutionModel(), { serving_default: { dataset: feedDataset([image]) } });
    expect(none.document.tensors).toHaveLength(5);
  });

  it('gives the same bytes in parts, merged in any order', async () => {
    const list = feeds(11);
    const whole = writeCalibration((await dense(list)).document);
    const parts: CalibrationDocument[] = [];
    for (const part of [3, 1, 4, 2]) parts.push((await dense(list, { shard: { part, parts: 4 } })).document);
    expect(parts.map((document) => document.samples.length)).toEqual([3, 3, 2, 3]);
    expect(missingSamples(parts[0] as CalibrationDocument)).toHaveLength(8);
    expect(writeCalibration(mergeCalibrations(parts))).toBe(whole);
  });

  it('gives the same bytes in eight parts, one of them interrupted and resumed', async () => {
    const list = feeds(29);
    const whole = writeCalibration((await dense(list)).document);
    const parts: CalibrationDocument[] = [];
    for (const part of [6, 2, 8, 1, 7, 3, 5, 4]) {
      const shard = { part, parts: 8 };
      const change = part === 7 ? { shard, resume: await interruptedAfter(2, list, { shard }) } : { shard };
      parts.push((await dense(list, change)).document);
    }
    expect(writeCalibration(mergeCalibrations(parts))).toBe(whole);
    expect(writeCalibration(mergeCalibrations(parts.toReversed()))).toBe(whole);
  });

  it('goes on where an interrupted run stopped, to the same bytes', async () => {
    const list = feeds(6);
    const whole = writeCalibration((await dense(list)).document);
    const partial = await interruptedAfter(4, list);
    expect(partial.samples).toHaveLength(4);
    const resumed = await dense(list, { resume: partial });
    expect(resumed.samplesRun).toBe(2);
    expect(writeCalibration(resumed.document)).toBe(whole);
  });

  it('reads iterables once, up to the number of samples', async () => {
    const list = feeds(9);
    const dataset = onceDataset(list);
    const { document } = await run(denseModel(), { serving_default: { dataset, samples: 4 } });
    expect(document.samples).toHaveLength(4);
    expect(dataset.taken).toBe(4);
    expect(document.datasets[0]).toMatchObject({ length: undefined, selected: undefined });
    const again = await run(denseModel(), { serving_default: { dataset: onceDataset(list) } });
    expect(again.document.samples).toHaveLength(9);
  });

  it('takes selected samples only and reports progress', async () => {
    const seen: (readonly [number, number | undefined, number])[] = [];
    const { document } = await run(
      denseModel(),
      { serving_default: { dataset: feedDataset(feeds(8)), selected: [1, 5, 6] } },
      { onProgress: ({ done, total, sample }) => seen.push([done, total, sample.index]) },
    );
    expect(document.samples.map(({ index }) => index)).toEqual([1, 5, 6]);
    expect(seen).toEqual([
      [1, 3, 1],
      [2, 3, 5],
      [3, 3, 6],
    ]);
  });

  it('needs no histogram for min/max', async () => {
    const { document } = await dense(feeds(2), { histograms: false });
    expect(document.tensors.every(({ histogram }) => histogram === undefined)).toBe(true);
    const full = await dense(feeds(2));
    const minmax = (from: CalibrationDocument) => rangesFromCalibration(from, { kind: 'minmax' }).range(0, 0);
    expect(minmax(document)).toEqual(minmax(full.document));
  });

  it('gives the same bytes when tensors are taken in several passes', async () => {
    const whole = writeCalibration((await dense(feeds(3))).document);
    expect(writeCalibration((await dense(feeds(3), { memoryBytes: 12 })).document)).toBe(whole);
  });
});

describe('calibrating refuses', () => {
  it('no samples', async () => {
    const error = await errorOf(dense([]));
    expect(error.code).toBe('CALIBRATION_EMPTY');
    expect(error.message).toContain('memory');
  });

  it('NaN in a sample, naming tensor and sample, unless allowed', async () => {
    const list = [...feeds(2), { x: float([1, 4], Float32Array.of(1, Number.NaN, 2, 3)) }];
    const error = await errorOf(dense(list));
    expect(error).toMatchObject({ code: 'CALIBRATION_NAN', where: { tensor: 'x', sample: 2 } });
    expect(error.message).toContain('1 NaN');
    expect(error.message).toContain('feed 2');
    const { document } = await dense(list, { allowNonFinite: true });
    expect(document.tensors[0]).toMatchObject({ nans: 1, elements: 12 });
    expect(rangesFromCalibration(document, { kind: 'minmax' }).range(0, 0)).toBeDefined();
  });

  it.each([
    ['a missing input', {}, 'x'],
    ['an unknown input', { x: float([1, 4], new Float32Array(4)), z: float([1], new Float32Array(1)) }, 'z'],
    ['another shape', { x: float([1, 5], new Float32Array(5)) }, 'x'],
    ['another type', { x: { type: TensorType.INT32, shape: [1, 4], data: new Int32Array(4) } }, 'x'],
  ])('%s, naming input and sample', async (_, feed: Feed, input) => {
    const error = await errorOf(dense([...feeds(1), feed]));
    expect(error).toMatchObject({ code: 'FEED_INVALID', where: { tensor: input, sample: 1 } });
    expect(error.message).toContain('feed 1');
  });

  it('an unknown signature, naming those there are', async () => {
    const error = await errorOf(run(denseModel(), { main: { dataset: feedDataset(feeds(1)) } }));
    expect(error.code).toBe('USAGE');
    expect(error.hint).toContain('serving_default');
  });

  it('to resume from another model or other data', async () => {
    const { document } = await dense(feeds(1));
    const other = { serving_default: { dataset: feedDataset(feeds(1), ['elsewhere']) } };
    expect((await errorOf(run(denseModel(), other, { resume: document }))).code).toBe('CALIBRATION_MISMATCH');
    const same = { serving_default: { dataset: feedDataset(feeds(1)) } };
    expect((await errorOf(run(denseModel(7), same, { resume: document }))).message).toContain('is of model.tflite');
  });

  it('to begin when the signal is aborted already', async () => {
    await expect(dense(feeds(1), { signal: AbortSignal.abort(new Error('stop')) })).rejects.toThrow('stop');
  });
});

describe('models', () => {
  it('that are quantized in part take float samples', () => {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    const quantization = { scale: 0.5, zeroPoint: 3 };
    const a = main.input('a', [4], { type: 'INT8', quantization });
    const b = main.input('b', [4], { type: 'INT8', quantization: { scale: 0.5 } });
    main.outputs(main.operator('ADD', [a, b], { name: 'sum', shape: [4], type: 'INT8', quantization }));
    const model = builder.build();
    const values = float([4], Float32Array.of(0.75, 0.25, -100, 1000));
    const fed = quantizeFeed(model, 'serving_default', { a: values, b: values });
    // 0.75 / 0.5 + 3 = 4.5 rounds to the even 4.
    expect(fed.a).toEqual({ type: TensorType.INT8, shape: [4], data: Int8Array.of(4, 4, -128, 127) });
    expect(fed.b?.data).toEqual(Int8Array.of(2, 0, -127, 127));
    const integers = { type: TensorType.INT8, shape: [4], data: Int8Array.of(1, 2, 3, 4) };
    expect(quantizeFeed(model, 'serving_default', { a: integers }).a).toBe(integers);
    expect(allActivations(model)).toEqual([]);
  });

  it('with weights in another form have no statistics of these', async () => {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    const x = main.input('x', [1, 4]);
    const quantization = { scale: 0.1 };
    const stored = main.constant('weights', [3, 4], new Int8Array(12).fill(5), { quantization });
    const weights = main.operator('DEQUANTIZE', [stored], { name: 'weights/float', shape: [3, 4] });
    main.outputs(main.operator('FULLY_CONNECTED', [x, weights, -1], { name: 'y', shape: [1, 3] }));
    builder.signature('serving_default', { inputs: { x }, outputs: { y: 'y' } });
    const model = builder.build();
    expect(isDecodedConstant(model, { subgraph: 0, tensor: weights })).toBe(true);
    const wanted = [0, weights].map((tensor) => ({ subgraph: 0, tensor }));
    const { document, unreachable } = await run(
      builder,
      { serving_default: { dataset: feedDataset(feeds(1)) } },
      { wanted },
    );
    expect(unreachable).toEqual([{ subgraph: 0, tensor: weights, reason: 'constant' }]);
    expect(document.tensors.map(({ name }) => name)).toEqual(['x']);
  });

  it('say what memory they take', () => {
    const model = convolutionModel().build();
    const estimate = estimateMemory(model, allActivations(model), { workers: 2 });
    expect(estimate.captureBytes).toBe(4 * (192 + 256 + 256 + 4 + 4));
    expect(estimate.modelBytes).toBe(4 * (108 + 4 + 36 + 4 + 2));
    expect(estimate.peakBytes).toBeGreaterThan(2 * estimate.captureBytes);
    expect(isStateful(model)).toBe(false);
  });
});

describe('selections', () => {
  it('are the first samples, or drawn by a seed', () => {
    expect(selectIndices(4)).toEqual([0, 1, 2, 3]);
    expect(selectIndices(10, 3)).toEqual([0, 1, 2]);
    expect(selectIndices(3, 9)).toEqual([0, 1, 2]);
    const drawn = selectIndices(1000, 20, 7);
    expect(new Set(drawn).size).toBe(20);
    expect(drawn).toEqual(selectIndices(1000, 20, 7));
    expect(drawn).not.toEqual(selectIndices(1000, 20, 8));
    expect(drawn).toEqual(drawn.toSorted((a, b) => a - b));
  });

  it('fall into shards without loss', () => {
    const selected = [3, 4, 8, 9, 12];
    const parts = [1, 2, 3].map((part) => shardIndices(selected, { part, parts: 3 }));
    expect(parts).toEqual([[3, 9], [4, 12], [8]]);
    expect(parseShard('2/8')).toEqual({ part: 2, parts: 8 });
    for (const text of ['0/2', '3/2', '1', '1/0', 'a/b', '1/2/3', '-1/2']) {
      expect(() => parseShard(text), text).toThrowError(expect.objectContaining({ code: 'USAGE' }));
    }
  });
});
