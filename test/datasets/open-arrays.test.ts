import { describe, expect, it } from 'vitest';
import type { NumberArray } from '../../datasets/arrays/array.ts';
import { encodeNpy } from '../../datasets/arrays/npy.ts';
import { encodeNpz } from '../../datasets/arrays/npz.ts';
import { openDataset } from '../../datasets/open.node.ts';
import type { Dataset, InputSpec } from '../../datasets/sample.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { temporaryFolder } from './temporary.ts';

const folder = temporaryFolder();
const x: InputSpec = { name: 'x', type: TensorType.FLOAT32, shape: [1, 2] };
const ids: InputSpec = { name: 'ids', type: TensorType.INT32, shape: [1, 2] };

const floats = (shape: number[], ...values: number[]): NumberArray => ({
  type: 'float32',
  shape,
  data: Float32Array.from(values),
});
const ints = (shape: number[], ...values: number[]): NumberArray => ({
  type: 'int32',
  shape,
  data: Int32Array.from(values),
});

async function read(dataset: Dataset, indices?: number[]) {
  const samples = [];
  for await (const { index, name, feed } of dataset.samples(indices)) {
    const values = Object.fromEntries(Object.entries(feed).map(([key, { shape, data }]) => [key, [shape, [...data]]]));
    samples.push({ index, name, values });
  }
  return samples;
}

describe('arrays on disk', () => {
  it('takes samples along the first dimension of one .npy, by index and in any order', async () => {
    const file = folder.write('many.npy', encodeNpy(floats([3, 2], 1, 2, 3, 4, 5, 6)));
    const dataset = await openDataset([file], [x]);
    expect(dataset.length).toBe(3);
    expect(await read(dataset, [2, 0])).toEqual([
      {
        index: 2,
        name: 'many.npy[2]',
        values: {
          x: [
            [1, 2],
            [5, 6],
          ],
        },
      },
      {
        index: 0,
        name: 'many.npy[0]',
        values: {
          x: [
            [1, 2],
            [1, 2],
          ],
        },
      },
    ]);
    expect(dataset.description).toMatchObject({ kind: 'arrays', sources: [file], preprocessing: { conversions: {} } });
    expect(dataset.description.contentHash).toMatch(/^sha256:[0-9a-f]{64}$/);
  });

  it('takes a folder of files in the order of their names, whatever folder it is', async () => {
    for (const root of ['one', 'two']) {
      folder.write(`${root}/b.npy`, encodeNpy(floats([1, 2], 3, 4)));
      folder.write(`${root}/a/z.npy`, encodeNpy(floats([2], 1, 2)));
      folder.write(`${root}/.hidden.npy`, 'nonsense');
      folder.write(`${root}/labels.csv`, 'file,label\n');
    }
    const dataset = await openDataset([folder.path('one')], [x]);
    expect((await read(dataset)).map(({ name, values }) => [name, values.x?.[1]])).toEqual([
      ['a/z.npy', [1, 2]],
      ['b.npy', [3, 4]],
    ]);
    const other = await openDataset([folder.path('two')], [x]);
    expect(other.description.contentHash).toBe(dataset.description.contentHash);
  });

  it('takes .npz files with the input names as keys', async () => {
    folder.write('npz/0.npz', encodeNpz({ x: floats([1, 2], 1, 2), ids: ints([2], 7, 8), more: ints([1], 1) }));
    folder.write('npz/1.npz', encodeNpz({ x: floats([1, 2], 3, 4), ids: ints([1, 2], 9, 10) }));
    const dataset = await openDataset([folder.path('npz')], [x, ids]);
    expect(await read(dataset)).toEqual([
      {
        index: 0,
        name: '0.npz',
        values: {
          x: [
            [1, 2],
            [1, 2],
          ],
          ids: [
            [1, 2],
            [7, 8],
          ],
        },
      },
      {
        index: 1,
        name: '1.npz',
        values: {
          x: [
            [1, 2],
            [3, 4],
          ],
          ids: [
            [1, 2],
            [9, 10],
          ],
        },
      },
    ]);
  });

  it('takes a single .npz with samples along the first dimension', async () => {
    const file = folder.write('stack.npz', encodeNpz({ x: floats([2, 2], 1, 2, 3, 4), ids: ints([2, 2], 5, 6, 7, 8) }));
    const samples = await read(await openDataset([file], [x, ids]));
    expect(samples.map(({ values }) => [values.x?.[1], values.ids?.[1]])).toEqual([
      [
        [1, 2],
        [5, 6],
      ],
      [
        [3, 4],
        [7, 8],
      ],
    ]);
  });

  it('takes one .npy per input, named after it', async () => {
    folder.write('named/x.npy', encodeNpy(floats([2, 2], 1, 2, 3, 4)));
    folder.write('named/ids.npy', encodeNpy(ints([2, 2], 5, 6, 7, 8)));
    const samples = await read(await openDataset([folder.path('named')], [x, ids]));
    expect(samples.map(({ values }) => values.ids?.[1])).toEqual([
      [5, 6],
      [7, 8],
    ]);
    await expect(openDataset([folder.path('named/x.npy')], [x, ids])).rejects.toMatchObject({
      code: 'DATASET_MISMATCH',
      message: expect.stringContaining('"ids"'),
    });
  });

  it('takes raw float32 files and tables of numbers', async () => {
    const raw = folder.write('raw.f32', new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer));
    expect((await read(await openDataset([raw], [x]))).map(({ values }) => values.x?.[1])).toEqual([
      [1, 2],
      [3, 4],
    ]);
    await expect(openDataset([folder.write('odd.f32', new Uint8Array(12))], [x])).rejects.toMatchObject({
      code: 'DATASET_MISMATCH',
    });
  });

  it('converts without loss and scales only when asked', async () => {
    const pixels: NumberArray = { type: 'uint8', shape: [1, 2], data: Uint8Array.of(0, 255) };
    const file = folder.write('pixels.npy', encodeNpy(pixels));
    const plain = await openDataset([file], [x]);
    expect((await read(plain))[0]?.values.x?.[1]).toEqual([0, 255]);
    expect(plain.description.preprocessing).toEqual({ conversions: { x: 'uint8 -> float32' } });
    const scaled = await openDataset([file], [x], { preprocess: 'minus-one-one' });
    expect((await read(scaled))[0]?.values.x?.[1]).toEqual([-1, 1]);
    const perChannel = await openDataset([file], [x], { mean: [0, 127], std: [1, 128] });
    expect((await read(perChannel))[0]?.values.x?.[1]).toEqual([0, 1]);
  });

  it.each<[string, NumberArray, InputSpec, RegExp]>([
    [
      'wrong shape',
      floats([3, 3], ...new Array(9).fill(0)),
      x,
      /shape.npy holds float32 \[3,3\], but input "x" takes FLOAT32 \[1,2\]/,
    ],
    [
      'floats for integers',
      floats([1, 2], 1, 2),
      ids,
      /shape.npy does not fit input "ids": float32 values are not converted to int32/,
    ],
    ['no samples', floats([0, 2]), x, /holds float32 \[0,2\]/],
  ])('refuses %s, naming file, input, expected and got', async (_, array, input, message) => {
    const file = folder.write('shape.npy', encodeNpy(array));
    const reading = async () => read(await openDataset([file], [input]));
    await expect(reading()).rejects.toMatchObject({
      code: 'DATASET_MISMATCH',
      message: expect.stringMatching(message),
    });
  });

  it('refuses a .npz without one of the inputs', async () => {
    const file = folder.write('lacks.npz', encodeNpz({ x: floats([1, 2], 1, 2) }));
    await expect(openDataset([file], [x, ids])).rejects.toMatchObject({
      code: 'DATASET_MISMATCH',
      message: expect.stringContaining('no array for input "ids": it has x'),
    });
  });

  it('counts damaged files and fails above the allowed share', async () => {
    for (const name of ['0', '1', '2']) folder.write(`damaged/${name}.npy`, encodeNpy(floats([1, 2], 1, 2)));
    folder.write('damaged/3.npy', 'nonsense');
    await expect(read(await openDataset([folder.path('damaged')], [x]))).rejects.toMatchObject({
      code: 'DATASET_UNREADABLE',
      message: expect.stringContaining('1 of 4 samples'),
    });
    const tolerant = await openDataset([folder.path('damaged')], [x], { allowBad: 0.25 });
    expect((await read(tolerant)).map(({ index }) => index)).toEqual([0, 1, 2]);
    expect(tolerant.bad).toMatchObject([{ index: 3, name: '3.npy' }]);
  });

  it('says what is wrong with a source', async () => {
    folder.write('empty/.keep', '');
    await expect(openDataset([folder.path('empty')], [x])).rejects.toMatchObject({ code: 'DATASET_EMPTY' });
    await expect(openDataset([folder.path('nowhere')], [x])).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
    const other = folder.write('what.xyz', '');
    await expect(openDataset([other], [x])).rejects.toMatchObject({ code: 'DATASET_UNKNOWN_KIND' });
  });
});
