import { writeFileSync } from 'node:fs';
import { type ColumnSource, parquetWriteBuffer } from 'hyparquet-writer';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { type ArrayType, allocateElements, type NumberArray, shapeCount } from '../../datasets/arrays/array.ts';
import { encodeNpy } from '../../datasets/arrays/npy.ts';
import { encodeNpz } from '../../datasets/arrays/npz.ts';
import { openDataset } from '../../datasets/open.node.ts';
import type { DatasetOptions, FileDataset } from '../../datasets/options.ts';
import type { InputSpec } from '../../datasets/sample.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { temporaryFolder } from './temporary.ts';
import { wav } from './wav.ts';

const folder = temporaryFolder();
const SAMPLES = 12;

const spec = (shape: number[], type: number = TensorType.FLOAT32): InputSpec => ({ name: 'x', shape, type });

/** Numbers that differ from element to element and from array to array. */
function array(type: ArrayType, shape: number[], seed: number): NumberArray {
  const data = allocateElements(type, shapeCount(shape));
  for (let i = 0; i < data.length; i++) data[i] = (((i + 1) * (seed + 3)) % 101) as never;
  return { type, shape, data };
}

function bigEndian(bytes: Uint8Array): Uint8Array {
  const text = new TextDecoder('latin1').decode(bytes).replace("'<f4'", "'>f4'");
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

/** A picture of a size of its own: what it is made of needs other memory than for the last one. */
async function picture(i: number): Promise<Uint8Array> {
  const [width, height] = [9 + ((i * 7) % 11), 8 + ((i * 5) % 13)];
  const channels = ([3, 4, 1] as const)[i % 3] ?? 3;
  const pixels = Uint8Array.from({ length: width * height * channels }, (_, at) => (at * (i + 2) * 37) % 256);
  return new Uint8Array(await sharp(pixels, { raw: { width, height, channels } }).png().toBuffer());
}

async function pictures(name: string): Promise<string> {
  folder.write(`${name}/labels.csv`, 'file,label');
  for (let i = 0; i < SAMPLES; i++) writeFileSync(folder.path(name, `${10 + i}.png`), await picture(i));
  return folder.path(name);
}

function files(name: string, content: (i: number) => Uint8Array): string {
  for (let i = 0; i < SAMPLES; i++) folder.write(`${name}/${10 + i}.${name}`, content(i));
  return folder.path(name);
}

/** Long and short by turns, so that what is left over from the last one shows. */
const sound = (i: number) =>
  wav(new Uint8Array(Int16Array.from({ length: 2 * (5 + ((i * 17) % 40)) }, (_, at) => 300 * (at + i)).buffer), {
    channels: 2,
    sampleRate: 8000,
  });

function parquet(name: string, data: ColumnSource['data'], type: 'BYTE_ARRAY' | 'DOUBLE'): string {
  return folder.write(name, new Uint8Array(parquetWriteBuffer({ columnData: [{ name: 'x', data, type }] })));
}

const stacked = encodeNpy(array('float32', [SAMPLES, 5], 1));
const raw = () => new Uint8Array(array('float32', [SAMPLES, 5], 2).data.buffer as ArrayBuffer);

/** What it is, where it lies, what it is for, how it is read. */
type Kind = [name: string, make: () => string | Promise<string>, input: InputSpec, options?: DatasetOptions];

const KINDS: readonly Kind[] = [
  ['a stacked .npy', () => folder.write('a.npy', stacked), spec([1, 5])],
  ['a .npy of other bytes order', () => folder.write('b.npy', bigEndian(stacked)), spec([1, 5])],
  ['a .npy of bytes', () => folder.write('c.npy', encodeNpy(array('uint8', [SAMPLES, 5], 4))), spec([1, 5])],
  [
    'a .npy that is scaled',
    () => folder.write('d.npy', encodeNpy(array('uint8', [SAMPLES, 5], 4))),
    spec([1, 5]),
    { preprocess: 'minus-one-one' },
  ],
  ['.npy files', () => files('npy', (i) => encodeNpy(array('float32', [1, 5], i))), spec([1, 5])],
  ['.npz files', () => files('npz', (i) => encodeNpz({ x: array('float32', [1, 5], i) }, i % 2 === 0)), spec([1, 5])],
  ['a stacked .npz', () => folder.write('e.npz', encodeNpz({ x: array('int16', [SAMPLES, 5], 6) })), spec([1, 5])],
  ['a raw file', () => folder.write('f.f32', raw()), spec([1, 5])],
  [
    'a table',
    () => folder.write('g.csv', Array.from({ length: SAMPLES }, (_, i) => `${i},${i + 0.5}`).join('\n')),
    spec([1, 2]),
  ],
  ['pictures', () => pictures('pictures'), spec([1, 6, 7, 3])],
  ['grey pictures', () => pictures('grey'), spec([1, 6, 7, 1]), { resize: 'nearest', preprocess: 'raw' }],
  ['pictures with alpha', () => pictures('alpha'), spec([1, 4, 6, 7], TensorType.UINT8), { crop: 'center' }],
  ['recordings', () => files('wav', sound), spec([1, 30]), { sampleRate: 6000 }],
  ['recordings for integers', () => files('wav', sound), spec([1, 30], TensorType.INT16)],
  [
    'numbers in parquet files',
    () =>
      parquet(
        'h.parquet',
        Array.from({ length: SAMPLES }, (_, i) => i / 3),
        'DOUBLE',
      ),
    spec([1, 1]),
  ],
  [
    'pictures in parquet files',
    async () =>
      parquet('i.parquet', await Promise.all(Array.from({ length: SAMPLES }, (_, i) => picture(i))), 'BYTE_ARRAY'),
    spec([1, 6, 7, 3]),
  ],
];

async function copies(dataset: FileDataset, reuseMemory: boolean) {
  const found = [];
  for await (const { index, feed } of dataset.samples(undefined, { reuseMemory })) {
    found.push({ index, shape: feed.x?.shape, values: [...(feed.x?.data ?? [])] });
  }
  return found;
}

describe.each(KINDS.map(([name, make, input, options = {}]) => ({ name, make, input, options })))('$name', (kind) => {
  const { make, input, options } = kind;

  it('has the same values where memory is used again', async () => {
    const dataset = await openDataset([await make()], [input], options);
    const expected = await copies(dataset, false);
    expect(expected).toHaveLength(SAMPLES);
    expect(new Set(expected.map(({ values }) => values.join())).size).toBe(SAMPLES);
    expect(await copies(dataset, true)).toEqual(expected);
    // The memory is full of values now.
    expect(await copies(dataset, true)).toEqual(expected);
  });

  it('leaves a sample as it is by default', async () => {
    const dataset = await openDataset([await make()], [input], options);
    const expected = await copies(dataset, false);
    const kept = [];
    for await (const sample of dataset.samples()) kept.push(sample);
    await copies(dataset, true);
    expect(kept.map(({ feed }) => [...(feed.x?.data ?? [])])).toEqual(expected.map(({ values }) => values));
  });
});

describe('memory that is used again', () => {
  const many = () => folder.write('many.npy', encodeNpy(array('float32', [200, 5], 7)));

  it('is that of a few samples', async () => {
    const dataset = await openDataset([many()], [spec([1, 5])]);
    const buffers = new Set<unknown>();
    const fresh = new Set<unknown>();
    for await (const { feed } of dataset.samples(undefined, { reuseMemory: true })) buffers.add(feed.x?.data.buffer);
    for await (const { feed } of dataset.samples()) fresh.add(feed.x?.data.buffer);
    expect(buffers.size).toBeLessThan(6);
    expect(fresh.size).toBe(200);
  });

  it('is used until the iteration is ended, and by the next one then', async () => {
    const dataset = await openDataset([many()], [spec([1, 5])]);
    const buffers = new Set<unknown>();
    const one = async (index: number) => {
      const iterator = dataset.samples([index], { reuseMemory: true })[Symbol.asyncIterator]();
      const { feed } = (await iterator.next()).value;
      buffers.add(feed.x?.data.buffer);
      return { values: [...(feed.x?.data ?? [])], feed, end: () => iterator.return?.() };
    };
    const first = await one(3);
    const second = await one(4);
    expect([...(first.feed.x?.data ?? [])]).toEqual(first.values);
    expect(buffers.size).toBe(2);
    await Promise.all([first.end(), second.end()]);
    for (let index = 0; index < 10; index++) await (await one(index)).end();
    expect(buffers.size).toBe(2);
  });

  it('of samples that cannot be read is left alone', async () => {
    for (const i of [0, 1, 2, 3]) folder.write(`bad/${i}.npy`, encodeNpy(array('float32', [1, 5], i)));
    folder.write('bad/4.npy', 'nonsense');
    const dataset = await openDataset([folder.path('bad')], [spec([1, 5])], { allowBad: 0.2 });
    expect((await copies(dataset, true)).map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    expect(dataset.bad).toHaveLength(1);
  });
});
