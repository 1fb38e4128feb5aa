import { readFileSync, writeFileSync } from 'node:fs';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodePicture } from '../../datasets/images/decode.node.ts';
import { centerBox, onBlack, type Picture, resize, toGrey, wholeBox } from '../../datasets/images/picture.ts';
import { pictureRecipe, pictureTensor } from '../../datasets/images/tensor.ts';
import { openDataset } from '../../datasets/open.node.ts';
import type { ImageOptions } from '../../datasets/options.ts';
import type { InputSpec } from '../../datasets/sample.ts';
import { RESIZE_METHODS } from '../../schema/documents/dataset-manifest.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { temporaryFolder } from './temporary.ts';

const folder = temporaryFolder();
const input = (shape: number[], type: number = TensorType.FLOAT32): InputSpec => ({ name: 'image', type, shape });

/** A 2 x 1 picture: a red and a blue pixel. */
const redBlue = () => sharp(Uint8Array.of(255, 0, 0, 0, 0, 255), { raw: { width: 2, height: 1, channels: 3 } });

async function decoded(name: string, picture: Sharp): Promise<Picture> {
  const file = folder.path(name);
  await picture.toFile(file);
  return decodePicture(readFileSync(file), name);
}

const pixels = ({ data }: Picture): number[] => [...data];

async function first(file: string, spec: InputSpec, options: ImageOptions = {}) {
  const dataset = await openDataset([file], [spec], options);
  for await (const { feed } of dataset.samples()) return feed.image;
  throw new Error('no sample');
}

describe('decoding pictures', () => {
  it.each(['png', 'webp'] as const)('reads lossless %s exactly', async (format) => {
    const picture = await decoded(`rb.${format}`, redBlue().toFormat(format, { lossless: true }));
    expect(picture).toMatchObject({ width: 2, height: 1, channels: 3 });
    expect(pixels(picture)).toEqual([255, 0, 0, 0, 0, 255]);
  });

  it('reads JPEG', async () => {
    const grey = sharp({ create: { width: 8, height: 8, channels: 3, background: '#808080' } });
    const picture = await decoded('grey.jpg', grey.jpeg());
    expect(picture).toMatchObject({ width: 8, height: 8, channels: 3 });
    expect(new Set(pixels(picture))).toEqual(new Set([128]));
  });

  it.each([
    [1, 2, 1, [255, 0, 0, 0, 0, 255]],
    [2, 2, 1, [0, 0, 255, 255, 0, 0]],
    [3, 2, 1, [0, 0, 255, 255, 0, 0]],
    [6, 1, 2, [255, 0, 0, 0, 0, 255]],
    [8, 1, 2, [0, 0, 255, 255, 0, 0]],
  ])('turns EXIF orientation %i upright', async (orientation, width, height, expected) => {
    const picture = await decoded(`o${orientation}.png`, redBlue().withMetadata({ orientation }).png());
    expect(picture).toMatchObject({ width, height });
    expect(pixels(picture)).toEqual(expected);
  });

  it('resolves grey, palette, 16-bit and alpha', async () => {
    const grey = sharp(Uint8Array.of(7, 200), { raw: { width: 2, height: 1, channels: 1 } });
    expect(pixels(toGrey(await decoded('g.png', grey.toColourspace('b-w').png())))).toEqual([7, 200]);
    expect(pixels(await decoded('p.png', redBlue().png({ palette: true })))).toEqual([255, 0, 0, 0, 0, 255]);
    const deep = sharp(Uint16Array.of(0x1234, 0xff00, 0x80ff), { raw: { width: 1, height: 1, channels: 3 } });
    expect(pixels(await decoded('d.png', deep.toColourspace('rgb16').png()))).toEqual([0x12, 0xff, 0x80]);
    const alpha = sharp(Uint8Array.of(200, 100, 50, 128), { raw: { width: 1, height: 1, channels: 4 } });
    const picture = await decoded('a.png', alpha.png());
    expect(picture.channels).toBe(4);
    expect(pixels(onBlack(picture))).toEqual([100, 50, 25]);
  });

  it.each<[string, string | Uint8Array]>([
    ['text.jpg', 'this is no picture'],
    ['empty.png', ''],
    ['huge.png', hugePng()],
  ])('refuses %s, naming it', async (name, content) => {
    const file = folder.write(`bad/${name}`, content);
    await expect(decodePicture(readFileSync(file), file)).rejects.toMatchObject({
      code: 'DATASET_UNREADABLE',
      message: expect.stringContaining(name),
      where: { file },
    });
  });

  it('refuses a picture that is cut off', async () => {
    const noise = Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => Math.imul(i, 2654435761) >>> 24);
    const whole = await sharp(noise, { raw: { width: 64, height: 64, channels: 3 } })
      .jpeg()
      .toBuffer();
    const file = folder.write('bad/cut.jpg', whole.subarray(0, whole.length / 2));
    await expect(decodePicture(readFileSync(file), file)).rejects.toMatchObject({ code: 'DATASET_UNREADABLE' });
  });
});

/** A PNG header that claims 60000 x 60000 pixels. */
function hugePng(): Uint8Array {
  const bytes = new Uint8Array(57);
  bytes.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13, 0x49, 0x48, 0x44, 0x52]);
  new DataView(bytes.buffer).setUint32(16, 60_000);
  new DataView(bytes.buffer).setUint32(20, 60_000);
  bytes.set([8, 2], 24);
  return bytes;
}

describe('resizing', () => {
  const gradient = (width: number, height: number): Picture => ({
    width,
    height,
    channels: 1,
    data: Uint8Array.from({ length: width * height }, (_, i) => (i % width) * 10 + Math.floor(i / width)),
  });

  it.each(RESIZE_METHODS)('%s keeps a picture of one colour and its own size', (method) => {
    const flat: Picture = { width: 5, height: 7, channels: 3, data: new Uint8Array(105).fill(77) };
    expect(new Set(resize(flat, wholeBox(flat), 13, 3, method).data)).toEqual(new Set([77]));
    const picture = gradient(5, 4);
    expect(resize(picture, wholeBox(picture), 5, 4, method)).toEqual(picture);
  });

  it('averages the whole area when it shrinks', () => {
    const picture: Picture = { width: 4, height: 1, channels: 1, data: Uint8Array.of(0, 0, 100, 100) };
    // Triangle over 4 pixels around the centre: weights 1, 3, 3, 1 (of 8); at the edge 3, 3, 1 (of 7).
    expect([...resize(picture, wholeBox(picture), 2, 1, 'bilinear').data]).toEqual([14, 86]);
    expect([...resize(picture, wholeBox(picture), 1, 1, 'bilinear').data]).toEqual([50]);
  });

  it('interpolates between pixel centres when it grows', () => {
    const picture: Picture = { width: 2, height: 1, channels: 1, data: Uint8Array.of(0, 100) };
    expect([...resize(picture, wholeBox(picture), 4, 1, 'bilinear').data]).toEqual([0, 25, 75, 100]);
    expect([...resize(picture, wholeBox(picture), 4, 1, 'nearest').data]).toEqual([0, 0, 100, 100]);
  });

  it('cuts the largest box of the wanted proportion around the middle, at fractions of a pixel', () => {
    expect(centerBox(gradient(9, 4), 2, 2)).toEqual({ left: 2.5, top: 0, width: 4, height: 4 });
    const picture: Picture = { width: 3, height: 1, channels: 1, data: Uint8Array.of(0, 100, 200) };
    expect([...resize(picture, { left: 0.5, top: 0, width: 2, height: 1 }, 2, 1, 'bilinear').data]).toEqual([50, 150]);
  });

  const kernels = {
    bilinear: { reach: 1, weight: (x: number) => 1 - x },
    cubic: {
      reach: 2,
      weight: (x: number) => (x < 1 ? 1.5 * x ** 3 - 2.5 * x ** 2 + 1 : -0.5 * x ** 3 + 2.5 * x ** 2 - 4 * x + 2),
    },
    lanczos: {
      reach: 3,
      weight: (x: number) =>
        x === 0 ? 1 : (3 * Math.sin(Math.PI * x) * Math.sin((Math.PI * x) / 3)) / (Math.PI * x) ** 2,
    },
  } as const;

  /** One line resized by the definition of the kernel, in double. */
  function exactLine(
    line: number[],
    offset: number,
    extent: number,
    target: number,
    method: keyof typeof kernels,
  ): number[] {
    const { reach, weight } = kernels[method];
    const ratio = extent / target;
    const widening = Math.max(1, ratio);
    return Array.from({ length: target }, (_, place) => {
      const distances = line.map((__, i) => Math.abs((i + 0.5 - offset - (place + 0.5) * ratio) / widening));
      const weights = distances.map((distance) => (distance < reach ? weight(distance) : 0));
      const sum = weights.reduce((total, one) => total + one, 0);
      return line.reduce((total, value, i) => total + value * (weights[i] ?? 0), 0) / sum;
    });
  }

  it.each(['bilinear', 'cubic', 'lanczos'] as const)('%s is the kernel it says, to one step of 255', (method) => {
    const [width, height] = [23, 17];
    const data = Uint8Array.from({ length: width * height }, (_, i) => 60 + ((Math.imul(i, 2654435761) >>> 24) >> 1));
    const box = { left: 1.25, top: 0.5, width: 20.5, height: 14 };
    for (const [targetWidth, targetHeight] of [
      [9, 5],
      [40, 31],
      [9, 31],
      [40, 5],
    ] as const) {
      const ours = resize({ width, height, channels: 1, data }, box, targetWidth, targetHeight, method).data;
      const rows = Array.from({ length: height }, (_, y) =>
        exactLine([...data.subarray(y * width, (y + 1) * width)], box.left, box.width, targetWidth, method),
      );
      for (let x = 0; x < targetWidth; x++) {
        const column = rows.map((row) => row[x] ?? 0);
        const exact = exactLine(column, box.top, box.height, targetHeight, method);
        exact.forEach((value, y) => {
          expect(Math.abs(value - (ours[y * targetWidth + x] ?? 0))).toBeLessThanOrEqual(1.2);
        });
      }
    }
  });
});

describe('pictures as tensors', () => {
  const picture: Picture = { width: 2, height: 1, channels: 3, data: Uint8Array.of(255, 127, 0, 1, 2, 3) };
  const tensor = (shape: number[], options: ImageOptions = {}, type: number = TensorType.FLOAT32) => {
    const spec = input(shape, type);
    const { shape: result, data } = pictureTensor(picture, pictureRecipe(spec, options), spec);
    return [result, [...data]];
  };
  const f = Math.fround;

  it('fills layouts and free dimensions', () => {
    const nhwc = [255, 127, 0, 1, 2, 3];
    expect(tensor([1, 1, 2, 3], { preprocess: 'raw' })).toEqual([[1, 1, 2, 3], nhwc]);
    expect(tensor([-1, -1, -1, 3], { preprocess: 'raw' })).toEqual([[1, 1, 2, 3], nhwc]);
    expect(tensor([1, 2, 3], { preprocess: 'raw' })).toEqual([[1, 2, 3], nhwc]);
    expect(tensor([1, 3, 1, 2], { preprocess: 'raw' })).toEqual([
      [1, 3, 1, 2],
      [255, 1, 127, 2, 0, 3],
    ]);
    expect(tensor([1, 3, 1, 3], { preprocess: 'raw', layout: 'nchw', resize: 'nearest' })).toEqual([
      [1, 3, 1, 3],
      [255, 1, 1, 127, 2, 2, 0, 3, 3],
    ]);
    expect(tensor([1, -1, -1, 3], { preprocess: 'raw', size: [1, 1], resize: 'nearest' })).toEqual([
      [1, 1, 1, 3],
      [1, 2, 3],
    ]);
  });

  it('makes grey by luma and adds an opaque alpha channel', () => {
    const luma = Math.floor((255 * 19595 + 127 * 38470 + 0x8000) / 65536);
    expect(tensor([1, 1, 2, 1], { preprocess: 'raw' })).toEqual([
      [1, 1, 2, 1],
      [luma, 2],
    ]);
    expect(tensor([2, 2], { preprocess: 'raw', resize: 'nearest' })).toEqual([
      [2, 2],
      [luma, 2, luma, 2],
    ]);
    expect(tensor([1, 1, 2, 4], { preprocess: 'raw' })).toEqual([
      [1, 1, 2, 4],
      [255, 127, 0, 255, 1, 2, 3, 255],
    ]);
  });

  it('applies value ranges in float32', () => {
    const shape = [1, 1, 2, 3];
    expect(tensor(shape)[1]).toEqual([1, f(127 / 255), 0, f(1 / 255), f(2 / 255), f(3 / 255)]);
    expect(tensor(shape, { preprocess: 'minus-one-one' })[1]).toEqual(
      [255, 127, 0, 1, 2, 3].map((value) => f(f(value / 127.5) - 1)),
    );
    expect(tensor(shape, { mean: [127], std: [128] })[1]).toEqual([
      1,
      0,
      f(-127 / 128),
      -126 / 128,
      -125 / 128,
      -124 / 128,
    ]);
    const torch = (value: number, mean: number, std: number) => f(f(f(value / 255) - f(mean)) / f(std));
    expect(tensor(shape, { preprocess: 'imagenet' })[1]).toEqual([
      torch(255, 0.485, 0.229),
      torch(127, 0.456, 0.224),
      torch(0, 0.406, 0.225),
      torch(1, 0.485, 0.229),
      torch(2, 0.456, 0.224),
      torch(3, 0.406, 0.225),
    ]);
    // Blue, green, red.
    expect((tensor(shape, { preprocess: 'caffe' })[1] as number[]).slice(0, 3)).toEqual([
      f(0 - f(103.939)),
      f(127 - f(116.779)),
      f(255 - f(123.68)),
    ]);
  });

  it('feeds integer inputs with the pixels', () => {
    const shape = [1, 1, 2, 3];
    expect(tensor(shape, {}, TensorType.UINT8)[1]).toEqual([255, 127, 0, 1, 2, 3]);
    expect(tensor(shape, {}, TensorType.INT8)[1]).toEqual([127, -1, -128, -127, -126, -125]);
    expect(tensor(shape, {}, TensorType.INT64)[1]).toEqual([255n, 127n, 0n, 1n, 2n, 3n]);
  });

  it.each<[string, InputSpec, ImageOptions, string]>([
    ['a model without a picture input', input([1, 10]), {}, 'DATASET_MISMATCH'],
    ['a batch', input([8, 2, 2, 3]), {}, 'DATASET_MISMATCH'],
    ['strings', input([1, 2, 2, 3], TensorType.STRING), {}, 'DATASET_MISMATCH'],
    ['a preset together with a mean', input([1, 2, 2, 3]), { preprocess: 'zero-one', mean: [1] }, 'USAGE'],
    ['too many means', input([1, 2, 2, 3]), { mean: [1, 2] }, 'USAGE'],
    ['a deviation of zero', input([1, 2, 2, 3]), { std: [0] }, 'USAGE'],
    ['caffe for grey', input([1, 2, 2, 1]), { preprocess: 'caffe' }, 'USAGE'],
    ['scaling for integers', input([1, 2, 2, 3], TensorType.UINT8), { preprocess: 'zero-one' }, 'USAGE'],
    ['another size than the model’s', input([1, 2, 2, 3]), { size: [3, 3] }, 'USAGE'],
  ])('refuses %s', (_, spec, options, code) => {
    expect(() => pictureRecipe(spec, options)).toThrow(expect.objectContaining({ code }));
  });
});

describe('folders of pictures', () => {
  it('reads all folders in order of name and records what decides the numbers', async () => {
    for (const [name, value] of [
      ['b/2.png', 2],
      ['b/10.png', 10],
      ['a.PNG', 1],
    ] as const) {
      folder.write(`set/${name}`, '');
      const one = sharp(Uint8Array.of(value), { raw: { width: 1, height: 1, channels: 1 } });
      writeFileSync(folder.path('set', name), await one.png().toBuffer());
    }
    folder.write('set/labels.csv', 'file,label');
    const dataset = await openDataset([folder.path('set')], [input([1, 1, 1, 1])], { preprocess: 'raw' });
    const values = [];
    for await (const { feed, name } of dataset.samples()) values.push([name, feed.image?.data[0]]);
    expect(values).toEqual([
      ['a.PNG', 1],
      ['b/10.png', 10],
      ['b/2.png', 2],
    ]);
    expect(dataset.description).toMatchObject({
      kind: 'images',
      preprocessing: { layout: 'nhwc', channels: 1, height: 1, width: 1, resize: 'bilinear', crop: 'none' },
      contentHash: expect.stringMatching(/^sha256:/),
    });
  });

  it('crops before it resizes', async () => {
    await redBlue().resize(6, 2, { kernel: 'nearest', fit: 'fill' }).png().toFile(folder.path('wide.png'));
    const cropped = await first(folder.path('wide.png'), input([1, 1, 2, 3]), {
      preprocess: 'raw',
      crop: 'center',
      resize: 'nearest',
    });
    expect([...(cropped?.data ?? [])]).toEqual([255, 0, 0, 0, 0, 255]);
  });

  it('names every picture that cannot be decoded', async () => {
    for (const name of ['1.png', '2.png', '3.png']) await redBlue().toFile(await prepared(`mixed/${name}`));
    folder.write('mixed/0.jpg', 'nothing');
    folder.write('mixed/4.webp', 'nothing');
    const spec = input([1, 1, 2, 3]);
    const read = async (allowBad: number) => {
      const dataset = await openDataset([folder.path('mixed')], [spec], { allowBad });
      const names = [];
      for await (const { name } of dataset.samples()) names.push(name);
      return { names, bad: dataset.bad.map(({ name }) => name) };
    };
    await expect(read(0)).rejects.toMatchObject({
      code: 'DATASET_UNREADABLE',
      message: expect.stringMatching(/2 of 5 samples cannot be decoded: 0.jpg, 4.webp/),
    });
    expect(await read(0.4)).toEqual({ names: ['1.png', '2.png', '3.png'], bad: ['0.jpg', '4.webp'] });
  });

  it('refuses models with several inputs and mixed kinds', async () => {
    const spec = input([1, 1, 2, 3]);
    await expect(openDataset([folder.path('mixed')], [spec, { ...spec, name: 'other' }])).rejects.toMatchObject({
      code: 'DATASET_MISMATCH',
    });
    folder.write('kinds/a.npy', '');
    folder.write('kinds/a.png', '');
    await expect(openDataset([folder.path('kinds')], [spec])).rejects.toMatchObject({
      code: 'DATASET_UNKNOWN_KIND',
      message: expect.stringContaining('1 pictures and 1 arrays'),
    });
  });
});

/** A path whose folder exists. */
async function prepared(name: string): Promise<string> {
  return folder.write(name, '');
}
