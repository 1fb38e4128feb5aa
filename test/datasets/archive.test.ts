import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { encodeNpy } from '../../datasets/arrays/npy.ts';
import { openDataset } from '../../datasets/open.node.ts';
import type { InputSpec } from '../../datasets/sample.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { temporaryFolder } from './temporary.ts';

const folder = temporaryFolder();
const encoder = new TextEncoder();

/** One entry of a ustar archive: its header block and its content, padded to blocks of 512. */
function entry(name: string, content: Uint8Array | string, kind = '0', prefix = ''): Uint8Array {
  const data = typeof content === 'string' ? encoder.encode(content) : content;
  const bytes = new Uint8Array(512 + Math.ceil(data.length / 512) * 512);
  const put = (at: number, text: string) => bytes.set(encoder.encode(text), at);
  put(0, name);
  put(100, '0000644\0');
  put(124, `${data.length.toString(8).padStart(11, '0')}\0`);
  put(148, '        ');
  put(156, kind);
  put(257, 'ustar\0' + '00');
  put(345, prefix);
  const sum = bytes.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  put(148, `${sum.toString(8).padStart(6, '0')}\0 `);
  bytes.set(data, 512);
  return bytes;
}

const tar = (...entries: Uint8Array[]): Uint8Array => Buffer.concat([...entries, new Uint8Array(1024)]);
const png = (value: number) =>
  sharp(Uint8Array.of(value), { raw: { width: 1, height: 1, channels: 1 } })
    .png()
    .toBuffer();
const pixel: InputSpec = { name: 'image', type: TensorType.FLOAT32, shape: [1, 1, 1, 1] };

async function read(sources: string[], spec: InputSpec, options = {}) {
  const dataset = await openDataset(sources, [spec], options);
  const samples = [];
  for await (const { name, feed } of dataset.samples()) samples.push([name, feed[spec.name]?.data[0]]);
  return { dataset, samples };
}

describe('tar archives', () => {
  it('are read in place, with the classes of WebDataset', async () => {
    const shard = tar(
      entry('a.png', await png(1)),
      entry('a.cls', '7\n'),
      entry('./folder/', '', '5'),
      entry('folder/b.png', await png(2)),
      entry('folder/b.cls', '3'),
      entry('folder/.hidden.png', 'nothing'),
      entry('c.png', await png(3)),
    );
    const { dataset, samples } = await read([folder.write('shard.tar', shard)], pixel, { preprocess: 'raw' });
    expect(samples).toEqual([
      ['a.png', 1],
      ['folder/b.png', 2],
      ['c.png', 3],
    ]);
    expect(dataset.labels).toEqual([new Set([7]), new Set([3]), undefined]);
  });

  it('of several shards keep their samples apart', async () => {
    const shards = await Promise.all(
      [4, 5].map(async (value) => tar(entry('a.png', await png(value)), entry('a.cls', `${value}`))),
    );
    const files = shards.map((shard, i) => folder.write(`shards/${i}.tar`, shard));
    const { dataset, samples } = await read([folder.path('shards')], pixel, { preprocess: 'raw' });
    expect(samples).toEqual([
      ['0.tar/a.png', 4],
      ['1.tar/a.png', 5],
    ]);
    expect(dataset.labels).toEqual([new Set([4]), new Set([5])]);
    expect((await read(files, pixel, { preprocess: 'raw' })).samples).toEqual(samples);
  });

  it('may hold long names and arrays', async () => {
    const npy = encodeNpy({ type: 'float32', shape: [1, 2], data: Float32Array.of(8, 9) });
    const long = `${'long/'.repeat(40)}x.npy`;
    const pax = `${`path=${long}\n`.length + 4} path=${long}\n`;
    const spec: InputSpec = { name: 'x', type: TensorType.FLOAT32, shape: [1, 2] };
    for (const [name, ...entries] of [
      ['gnu.tar', entry('././@LongLink', `${long}\0`, 'L'), entry('cut', npy)],
      ['pax.tar', entry('PaxHeader', pax, 'x'), entry('cut', npy)],
    ] as const) {
      expect((await read([folder.write(name, tar(...entries))], spec)).samples).toEqual([[long, 8]]);
    }
    const split = tar(entry('x.npy', npy, '0', 'some/folder'));
    expect((await read([folder.write('prefix.tar', split)], spec)).samples).toEqual([['some/folder/x.npy', 8]]);
  });

  it.each<[string, Uint8Array]>([
    ['noise', new Uint8Array(2048).fill(0x41)],
    ['a wrong checksum', tar(entry('a.png', 'x')).fill(0x42, 0, 1)],
    ['a file that is cut off', entry('a.png', new Uint8Array(5000)).subarray(0, 1024)],
    ['a class that is none', tar(entry('a.cls', 'cat'))],
  ])('refuse %s', async (_, bytes) => {
    await expect(read([folder.write('bad.tar', bytes)], pixel)).rejects.toMatchObject({
      code: expect.stringMatching(/^(DATASET_UNREADABLE|LABELS_INVALID)$/),
    });
  });
});
