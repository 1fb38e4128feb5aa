import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { crc32, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { openDataset } from '../../datasets/open.node.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { randomSource } from '../support/random.ts';
import { temporaryFolder } from '../support/temporary.ts';

const INPUTS = [{ name: 'image', type: TensorType.FLOAT32, shape: [1, 28, 28, 1] }];

/** Reads all samples of one file; gives the error. */
async function failure(name: string, content: Uint8Array | string): Promise<unknown> {
  const file = join(temporaryFolder(), name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  try {
    const dataset = await openDataset([file], INPUTS, {});
    for await (const _ of dataset.samples()) {
      // They are only read.
    }
  } catch (error) {
    return error;
  }
  return undefined;
}

const random = (length: number) => {
  const next = randomSource(length);
  return Uint8Array.from({ length }, () => Math.floor(256 * next()));
};

/** A .npy file with this shape in its header and a hundred bytes of data. */
function npy(shape: string, type = '<f4'): Buffer {
  const text = `{'descr': '${type}', 'fortran_order': False, 'shape': ${shape}, }`.padEnd(117);
  const start = Buffer.from(`\x93NUMPY\x01\x00\x00\x00${text}\n`, 'latin1');
  start.writeUInt16LE(118, 8);
  return Buffer.concat([start, Buffer.alloc(100)]);
}

/** A grey PNG picture that claims a size and holds `data` for its pixels. */
function png(width: number, height: number, data: Uint8Array): Buffer {
  const chunk = (type: string, content: Uint8Array) => {
    const body = Buffer.concat([Buffer.from(type), content]);
    const ends = Buffer.alloc(8);
    ends.writeUInt32BE(content.length, 0);
    ends.writeUInt32BE(crc32(body), 4);
    return Buffer.concat([ends.subarray(0, 4), body, ends.subarray(4)]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  const signature = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1');
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(data)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** A zip archive of one deflated entry that claims `size` bytes. */
function zip(name: string, content: Uint8Array, size: number): Buffer {
  const packed = deflateRawSync(content);
  const common = Buffer.alloc(26);
  common.writeUInt16LE(20, 0);
  common.writeUInt16LE(8, 4);
  common.writeUInt32LE(crc32(content), 10);
  common.writeUInt32LE(packed.length, 14);
  common.writeUInt32LE(size, 18);
  common.writeUInt16LE(name.length, 22);
  const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, Buffer.from(name), packed]);
  const rest = Buffer.alloc(14);
  const central = Buffer.concat([Buffer.from('PK\x01\x02\x14\x00'), common, rest, Buffer.alloc(2), Buffer.from(name)]);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(local.length, 16);
  return Buffer.concat([local, central, end]);
}

const ZEROS = Buffer.alloc(64 << 20);

describe('samples that were made to do harm', () => {
  it.each<[string, string, () => Uint8Array | string]>([
    ['a header of three terabytes', 'a.npy', () => npy('(1000000000, 28, 28, 1)')],
    ['a length below zero', 'a.npy', () => npy('(-1, 28, 28, 1)')],
    ['lengths whose product is beyond all numbers', 'a.npy', () => npy('(4294967296, 4294967296, 4294967296)')],
    ['code of Python for a type', 'a.npy', () => npy('(1, 28, 28, 1)', '|O')],
    ['a zip archive that claims four gigabytes', 'a.npz', () => zip('image.npy', npy('(1, 28, 28, 1)'), 0xffff_fffe)],
    ['a zip archive that holds more than it claims', 'a.npz', () => zip('image.npy', ZEROS, 200)],
    ['a picture of four gigapixels', 'a.png', () => png(65_000, 65_000, Buffer.alloc(1000))],
    ['a picture of more pixels than there are numbers', 'a.png', () => png(0x7fff_ffff, 0x7fff_ffff, Buffer.alloc(10))],
    ['a picture without pixels', 'a.png', () => png(0, 5, Buffer.alloc(0))],
    ['a packed archive', 'a.tar.gz', () => gzipSync(ZEROS)],
    ['a manifest of brackets', 'a.dataset.json', () => '['.repeat(100_000)],
    ['lines that are no JSON', 'a.jsonl', () => '{"text": 1}\n{"tex\n'],
    ...['npy', 'npz', 'png', 'jpg', 'wav', 'parquet', 'tar', 'csv', 'txt', 'dataset.json'].map(
      (extension): [string, string, () => Uint8Array] => [
        `random bytes as .${extension}`,
        `a.${extension}`,
        () => random(3000),
      ],
    ),
  ])('fail with one sentence: %s', async (_what, name, content) => {
    const before = process.memoryUsage().rss;
    const error = await failure(name, content());
    expect(error).toMatchObject({ name: 'AeqError', message: expect.stringMatching(/^[^\n]{20,300}[^\s:]$/) });
    expect(error).not.toMatchObject({ code: 'INTERNAL' });
    expect(process.memoryUsage().rss - before).toBeLessThan(400 << 20);
  });
});
