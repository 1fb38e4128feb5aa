import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeNpy } from '../../datasets/arrays/npy.ts';
import { checkDataset } from '../../datasets/check.ts';
import { iterableDataset, type SampleInput } from '../../datasets/iterable.ts';
import { openDataset } from '../../datasets/open.node.ts';
import type { DatasetOptions } from '../../datasets/options.ts';
import type { InputSpec } from '../../datasets/sample.ts';
import { sketchSample, sketchTensor } from '../../datasets/sketch.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { randomFloats } from '../support/random.ts';
import { projectRoot } from '../support/shared.ts';
import { temporaryFolder } from './temporary.ts';

const folder = temporaryFolder();
const picture: InputSpec = { name: 'image', type: TensorType.FLOAT32, shape: [1, 16, 16, 1] };
const DIGITS = join(projectRoot, 'datasets/samples/digits');

/** Smooth shapes, another one for each k, in 0..1. */
const blob = (k: number): Float32Array =>
  Float32Array.from({ length: 256 }, (_, i) => {
    const [x, y] = [i % 16, Math.floor(i / 16)];
    return 0.5 + 0.5 * Math.sin(x / 3 + k) * Math.cos(y / 4 + k / 2);
  });

const random = (k: number): Float32Array => randomFloats(256, k, 0, 1);

const many = (make: (k: number) => Float32Array, count = 40): SampleInput[] =>
  Array.from({ length: count }, (_, k) => ({ image: make(k) }));

const codes = async (samples: SampleInput[], inputs = [picture]) =>
  (await checkDataset(iterableDataset(samples, inputs), inputs)).findings.map(({ level, code }) => `${level} ${code}`);

describe('checking data', () => {
  it('finds nothing in real data', async () => {
    const spec: InputSpec = { name: 'image', type: TensorType.FLOAT32, shape: [1, 28, 28, 1] };
    const dataset = await openDataset([join(DIGITS, 'calibration')], [spec]);
    const check = await checkDataset(dataset, [spec]);
    expect(check.findings).toEqual([]);
    expect(check).toMatchObject({
      samples: 100,
      inputs: [{ name: 'image', type: 'FLOAT32', min: 0, max: 1, nans: 0 }],
    });
    const [summary] = check.inputs;
    expect(summary?.elements).toBe(100 * 784);
    expect(summary?.mean).toBeGreaterThan(0.05);
    expect(summary?.standardDeviation).toBeGreaterThan(0.2);
  });

  it.each<[string, SampleInput[], string[]]>([
    ['nothing in smooth pictures', many(blob), []],
    ['noise', many(random), ['warning noise']],
    ['raw pixels', many((k) => blob(k).map((value) => Math.round(255 * value))), ['warning raw-pixels']],
    ['resized raw pixels', many((k) => blob(k).map((value) => 250.5 * value)), ['warning raw-pixels']],
    ['values beyond pixels', many((k) => blob(k).map((value) => 5000 * value)), ['warning large-values']],
    ['values scaled twice', many((k) => blob(k).map((value) => value / 255)), ['warning tiny-values']],
    ['NaN', many((k) => (k === 3 ? blob(k).fill(Number.NaN, 5, 6) : blob(k))), ['error non-finite']],
    [
      'infinities',
      many((k) => (k === 3 ? blob(k).fill(Number.POSITIVE_INFINITY, 5, 6) : blob(k))),
      ['error non-finite'],
    ],
    ['one constant picture', many((k) => (k === 0 ? new Float32Array(256).fill(0.5) : blob(k))), ['warning constant']],
    ['all pictures constant', many((k) => new Float32Array(256).fill(k / 40)), ['error constant']],
    ['all samples the same', many(() => blob(0)), ['error all-equal']],
    ['many repetitions', many((k) => blob(k % 20)), ['warning repeated']],
    ['few repetitions', many((k) => blob(Math.min(k, 38))), ['note repeated']],
    ['few samples', many(blob, 20), ['note too-few']],
    ['very few samples', many(blob, 3), ['warning too-few']],
  ])('finds %s', async (_, samples, expected) => {
    expect(await codes(samples)).toEqual(expected);
  });

  it('finds ids that the model has no row for', async () => {
    const ids: InputSpec = { name: 'ids', type: TensorType.INT32, shape: [1, 3], rows: 42 };
    const from = (first: number): SampleInput[] => Array.from({ length: 40 }, (_, k) => ({ ids: [first + k, 5, 6] }));
    expect(await codes(from(2), [ids])).toEqual([]);
    expect(await codes(from(3), [ids])).toEqual(['error no-row']);
    expect(await codes(from(-1), [ids])).toEqual(['error no-row']);
    expect(await codes(from(900), [{ ...ids, rows: undefined }])).toEqual([]);
  });

  it('finds 16-bit sound', async () => {
    const sound: InputSpec = { name: 'sound', type: TensorType.FLOAT32, shape: [1, 1024] };
    const waves = (scale: number): SampleInput[] =>
      Array.from({ length: 40 }, (_, k) => ({
        sound: Float32Array.from({ length: 1024 }, (__, i) => Math.round(scale * Math.sin(i / (20 + k)))),
      }));
    expect(await codes(waves(20_000), [sound])).toEqual(['warning large-values']);
    expect(await codes(waves(100_000), [sound])).toEqual([]);
    expect(await codes(waves(100), [sound])).toEqual([]);
  });

  it('lets values be that somebody said are meant', async () => {
    const data = Uint8Array.from(blob(0), (value) => Math.round(255 * value));
    folder.write('pixels/0.npy', encodeNpy({ type: 'uint8', shape: [16, 16, 1], data }));
    const found = async (options: DatasetOptions) => {
      const dataset = await openDataset([folder.path('pixels')], [picture], options);
      return (await checkDataset(dataset, [picture])).findings.map(({ code }) => code);
    };
    expect(await found({})).toEqual(['raw-pixels', 'too-few']);
    expect(await found({ preprocess: 'raw' })).toEqual(['too-few']);
    expect(await found({ preprocess: 'zero-one' })).toEqual(['too-few']);
  });

  it('finds texts that are cut off, and lets full masks be', async () => {
    const inputs: InputSpec[] = [
      { name: 'input_ids', type: TensorType.INT32, shape: [1, 4] },
      { name: 'attention_mask', type: TensorType.INT32, shape: [1, 4] },
      { name: 'token_type_ids', type: TensorType.INT32, shape: [1, 4] },
    ];
    const texts = (full: number): SampleInput[] =>
      Array.from({ length: 40 }, (_, k) => ({
        input_ids: [1, k, k + 1, 2],
        attention_mask: k < full ? [1, 1, 1, 1] : [1, 1, 1, 0],
        token_type_ids: [0, 0, 0, 0],
      }));
    expect(await codes(texts(10), inputs)).toEqual([]);
    expect(await codes(texts(30), inputs)).toEqual(['warning truncated']);
  });

  it('goes on after samples that are damaged or do not fit', async () => {
    const good = encodeNpy({ type: 'float32', shape: [1, 16, 16, 1], data: blob(0) });
    folder.write('mixed/0.npy', good);
    folder.write('mixed/1.npy', 'nonsense');
    folder.write(
      'mixed/2.npy',
      encodeNpy({ type: 'float64', shape: [16, 16], data: Float64Array.from(blob(2), (v) => v * 1e300) }),
    );
    const dataset = await openDataset([folder.path('mixed')], [picture]);
    const check = await checkDataset(dataset, [picture]);
    expect(check.samples).toBe(1);
    expect(check.findings.map(({ code }) => code)).toEqual(['mismatch', 'unreadable', 'too-few']);
    expect(check.findings[1]).toMatchObject({ level: 'error', samples: ['1.npy'] });
  });

  it('knows how many samples there are', async () => {
    async function* endless() {
      for (;;) yield { image: blob(0) };
    }
    await expect(checkDataset(iterableDataset(endless(), [picture]), [picture])).rejects.toMatchObject({
      code: 'USAGE',
    });
    const some = await checkDataset(iterableDataset(many(blob), [picture]), [picture], [0, 1]);
    expect(some.samples).toBe(2);
  });
});

describe('sketches', () => {
  it('show pictures, signals and values', () => {
    const data = Float32Array.from({ length: 64 }, (_, i) => (i % 8 < 4 ? 0 : 1));
    expect(sketchTensor({ type: TensorType.FLOAT32, shape: [1, 8, 8, 1], data })).toBe(
      Array(4).fill('    @@@@').join('\n'),
    );
    const signal = Float32Array.from({ length: 100 }, (_, i) => (i < 50 ? 0.1 : -1));
    expect(sketchTensor({ type: TensorType.FLOAT32, shape: [1, 100], data: signal }, 4)).toBe('▁▁██');
    const feed = { ids: { type: TensorType.INT64, shape: [1, 3], data: BigInt64Array.of(1n, 2n, 3n) } };
    expect(sketchSample({ index: 0, name: 'a.txt:1', feed })).toBe('a.txt:1\nids [1,3]\n1 2 3');
    expect(sketchSample({ index: 0, name: 'a.txt:1', feed }, 64, { ids: 'one\u001b[31m\ntwo', other: 'x' })).toBe(
      'a.txt:1\nids [1,3]\n1 2 3\none [31m two',
    );
  });
});
