import { describe, expect, it } from 'vitest';
import { iterableDataset, type SampleIterable } from '../../datasets/iterable.ts';
import type { InputSpec, Sample } from '../../datasets/sample.ts';
import { TensorType } from '../../schema/generated/tflite.ts';

const image: InputSpec = { name: 'image', type: TensorType.FLOAT32, shape: [1, 2, 2, 1] };
const ids: InputSpec = { name: 'ids', type: TensorType.INT64, shape: [1, 2] };
const open: InputSpec = { name: 'open', type: TensorType.FLOAT32, shape: [-1, 3] };

async function read(iterable: SampleIterable, inputs: InputSpec[], samples?: number): Promise<Sample[]> {
  const result = [];
  for await (const sample of iterableDataset(iterable, inputs, { samples }).samples()) result.push(sample);
  return result;
}

describe('samples of an iterable', () => {
  const pixels = Float32Array.of(1, 2, 3, 4);
  const expected = { type: TensorType.FLOAT32, shape: [1, 2, 2, 1], data: pixels };

  it.each<[string, unknown]>([
    ['a typed array', pixels],
    [
      'a TensorFlow.js tensor',
      { shape: [1, 2, 2, 1], dataSync: () => pixels, data: async () => pixels, dtype: 'float32' },
    ],
    ['a tensor with dataSync only', { shape: [2, 2], dataSync: () => pixels }],
    ['an ONNX Runtime tensor', { dims: [1, 2, 2, 1], data: pixels, type: 'float32' }],
    [
      'nested arrays',
      [
        [
          [[1], [2]],
          [[3], [4]],
        ],
      ],
    ],
    [
      'nested arrays without batch and channel',
      [
        [1, 2],
        [3, 4],
      ],
    ],
    ['a flat list', [1, 2, 3, 4]],
    ['bytes', Uint8Array.of(1, 2, 3, 4)],
    ['clamped bytes', Uint8ClampedArray.of(1, 2, 3, 4)],
    [
      'float16 of ONNX Runtime',
      { dims: [1, 2, 2, 1], type: 'float16', data: Uint16Array.of(0x3c00, 0x4000, 0x4200, 0x4400) },
    ],
  ])('takes %s', async (_, value) => {
    const [sample] = await read([{ image: value }] as SampleIterable, [image]);
    expect(sample).toEqual({ index: 0, name: 'sample 0', feed: { image: expected } });
  });

  it('takes integers for 64-bit inputs and fills a free dimension', async () => {
    const [sample] = await read([{ ids: [1, 2], open: Float32Array.of(1, 2, 3, 4, 5, 6) }], [ids, open]);
    expect(sample?.feed.ids?.data).toEqual(BigInt64Array.of(1n, 2n));
    expect(sample?.feed.open?.shape).toEqual([2, 3]);
  });

  it('takes the value alone for a single input', async () => {
    expect((await read([pixels], [image]))[0]?.feed.image).toEqual(expected);
  });

  it('reads an endless iterable once and no further than needed, and closes it', async () => {
    let given = 0;
    let closed = false;
    async function* endless() {
      try {
        for (;;) {
          given += 1;
          yield { image: pixels };
        }
      } finally {
        closed = true;
      }
    }
    expect(await read(endless(), [image], 3)).toHaveLength(3);
    expect({ given, closed }).toEqual({ given: 3, closed: true });
  });

  it('gives the wanted indices and stops after them', async () => {
    const dataset = iterableDataset([{ image: pixels }, { image: pixels }, { image: [0] }], [image]);
    const indices = [];
    for await (const { index } of dataset.samples([1])) indices.push(index);
    expect(indices).toEqual([1]);
    expect(dataset.length).toBe(3);
  });

  it('has a memory of its own for each sample, unless told that none is kept', async () => {
    function* same() {
      for (const number of [1, 2, 3]) yield pixelsOf.fill(number);
    }
    const pixelsOf = new Float32Array(4);
    const kept = await read(same(), [image]);
    expect(kept.map(({ feed }) => feed.image?.data[0])).toEqual([1, 2, 3]);
    for await (const { feed } of iterableDataset(same(), [image]).samples(undefined, { reuseMemory: true })) {
      expect(feed.image?.data.buffer).toBe(pixelsOf.buffer);
    }
  });

  it('does not change what it is given', async () => {
    const frozen = Object.freeze({
      image: Object.freeze([
        [1, 2],
        [3, 4],
      ]),
    });
    await read([frozen] as unknown as SampleIterable, [image]);
    expect(pixels).toEqual(Float32Array.of(1, 2, 3, 4));
  });

  it.each<[string, unknown, RegExp]>([
    ['a missing input', {}, /input "image" takes FLOAT32 \[1,2,2,1\]: got nothing/],
    ['an unknown input', { image: pixels, imgae: pixels }, /"imgae", which the model does not take/],
    ['too few values', { image: Float32Array.of(1) }, /got float32 1 values/],
    ['another shape', { image: { shape: [3, 2], data: new Float32Array(6) } }, /got float32 \[3,2\]/],
    ['a shape that lies', { image: { shape: [1, 2, 2, 1], data: new Float32Array(3) } }, /got float32 \[1,2,2,1\]/],
    ['ragged arrays', { image: [[1, 2], [3]] }, /unequal lengths/],
    ['text', { image: 'pixels' }, /got pixels/],
    [
      'text among numbers',
      {
        image: [
          [1, 2],
          [3, 'x'],
        ],
      },
      /got x among the numbers/,
    ],
    ['null', null, /not an object/],
    ['a number', 5, /not an object/],
  ])('refuses %s, naming sample and input', async (_, value, message) => {
    await expect(read([value] as SampleIterable, [image])).rejects.toMatchObject({
      code: 'FEED_INVALID',
      message: expect.stringMatching(message),
      where: { sample: 0 },
    });
  });

  it('refuses fractions for integers', async () => {
    await expect(read([{ ids: [1.5, 2] }], [ids])).rejects.toMatchObject({ code: 'FEED_INVALID' });
  });
});
