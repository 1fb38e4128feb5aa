import { gzipSync } from 'fflate';
import { type ColumnSource, parquetWriteBuffer, type SchemaElement } from 'hyparquet-writer';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import { openDataset } from '../../datasets/open.node.ts';
import type { DatasetOptions } from '../../datasets/options.ts';
import type { InputSpec } from '../../datasets/sample.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { temporaryFolder } from './temporary.ts';

const folder = temporaryFolder();
const spec = (name: string, shape: number[], type: number = TensorType.FLOAT32): InputSpec => ({ name, shape, type });

/** A list of numbers per row needs its schema said. */
function listColumn(name: string, type: 'FLOAT' | 'INT64'): SchemaElement[] {
  return [
    { name, repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST' },
    { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
    { name: 'element', repetition_type: 'OPTIONAL', type },
  ];
}

function parquet(name: string, columnData: ColumnSource[], extra: object = {}): string {
  return folder.write(name, new Uint8Array(parquetWriteBuffer({ columnData, rowGroupSize: 2, ...extra })));
}

async function read(file: string, inputs: InputSpec[], options: DatasetOptions = {}, indices?: number[]) {
  const dataset = await openDataset([file], inputs, options);
  const samples = [];
  for await (const { name, feed } of dataset.samples(indices)) {
    samples.push([name, ...Object.values(feed).map(({ data }) => [...data])]);
  }
  return { dataset, samples };
}

describe('parquet', () => {
  it('gives lists of numbers by the names of the inputs, in any order of rows, with labels', async () => {
    const file = parquet(
      'numbers.parquet',
      [
        {
          name: 'x',
          data: [
            [1, 2],
            [3, 4],
            [5, 6],
          ],
        },
        { name: 'label', data: [0, 2, 1] },
      ],
      {
        schema: [
          { name: 'root', num_children: 2 },
          ...listColumn('x', 'FLOAT'),
          { name: 'label', type: 'INT32', repetition_type: 'REQUIRED' },
        ],
      },
    );
    const { dataset, samples } = await read(file, [spec('x', [1, 2])], {}, [2, 0, 1]);
    expect(samples).toEqual([
      ['numbers.parquet[2]', [5, 6]],
      ['numbers.parquet[0]', [1, 2]],
      ['numbers.parquet[1]', [3, 4]],
    ]);
    expect(dataset.labels).toEqual([new Set([0]), new Set([2]), new Set([1])]);
    expect(dataset.description).toMatchObject({ kind: 'parquet', preprocessing: { columns: ['x'] } });
    // The only column of numbers that is no label.
    expect((await read(file, [spec('other', [1, 2])])).samples[0]).toEqual(['numbers.parquet[0]', [1, 2]]);
    expect((await read(file, [spec('x', [1, 2])], { scale: 2 })).samples[0]).toEqual(['numbers.parquet[0]', [2, 4]]);
  });

  it('gives numbers of 64 bits to integer inputs, from columns named otherwise', async () => {
    const file = parquet(
      'ids.parquet',
      [
        {
          name: 'tokens',
          data: [
            [1n, 2n],
            [3n, 4n],
          ],
        },
      ],
      {
        schema: [{ name: 'root', num_children: 1 }, ...listColumn('tokens', 'INT64')],
      },
    );
    const inputs = [spec('ids', [1, 2], TensorType.INT32)];
    expect((await read(file, inputs, { inputs: { ids: 'tokens' } })).samples[1]).toEqual(['ids.parquet[1]', [3, 4]]);
  });

  it('gives pictures, plain or as Hugging Face stores them', async () => {
    const png = async (value: number) =>
      new Uint8Array(
        await sharp(Uint8Array.of(value), { raw: { width: 1, height: 1, channels: 1 } })
          .png()
          .toBuffer(),
      );
    const pictures = [await png(10), await png(20)];
    const plain = parquet('plain.parquet', [{ name: 'image', data: pictures, type: 'BYTE_ARRAY' }]);
    const input = spec('pixels', [1, 1, 1, 1]);
    expect((await read(plain, [input], { preprocess: 'raw' })).samples).toEqual([
      ['plain.parquet[0]', [10]],
      ['plain.parquet[1]', [20]],
    ]);
    const nested = parquet(
      'nested.parquet',
      [{ name: 'image', data: pictures.map((bytes) => ({ bytes, path: null })) }],
      {
        schema: [
          { name: 'root', num_children: 1 },
          { name: 'image', repetition_type: 'OPTIONAL', num_children: 2 },
          { name: 'bytes', repetition_type: 'OPTIONAL', type: 'BYTE_ARRAY' },
          { name: 'path', repetition_type: 'OPTIONAL', type: 'BYTE_ARRAY', converted_type: 'UTF8' },
        ],
      },
    );
    expect((await read(nested, [input], { preprocess: 'raw' })).samples[1]).toEqual(['nested.parquet[1]', [20]]);
  });

  it('gives texts', async () => {
    const tokenizer = folder.write('vocab.txt', '[PAD]\n[UNK]\n[CLS]\n[SEP]\none\ntwo\n');
    const file = parquet('texts.parquet', [
      { name: 'id', data: ['a', 'b'], type: 'STRING' },
      { name: 'text', data: ['one', 'two two'], type: 'STRING' },
    ]);
    const { samples } = await read(file, [spec('ids', [1, 4], TensorType.INT32)], { tokenizer });
    expect(samples).toEqual([
      ['texts.parquet[0]', [2, 4, 3, 0]],
      ['texts.parquet[1]', [2, 5, 5, 3]],
    ]);
  });

  it('reads gzip', async () => {
    const GZIP = (bytes: Uint8Array) => gzipSync(bytes);
    const file = parquet('gzip.parquet', [{ name: 'x', data: [1.5, 2.5, 3.5], type: 'FLOAT' }], {
      codec: 'GZIP',
      compressors: { GZIP },
    });
    expect((await read(file, [spec('x', [1])])).samples.map(([, values]) => values)).toEqual([[1.5], [2.5], [3.5]]);
  });

  it('refuses what does not fit', async () => {
    const file = parquet('words.parquet', [{ name: 'word', data: ['a'], type: 'STRING' }]);
    await expect(read(file, [spec('x', [1])])).rejects.toMatchObject({
      code: 'DATASET_MISMATCH',
      message: expect.stringContaining('word (text)'),
    });
    await expect(read(folder.write('bad.parquet', 'PAR1 and nothing else'), [spec('x', [1])])).rejects.toMatchObject({
      code: 'DATASET_UNREADABLE',
    });
    const whole = new Uint8Array(parquetWriteBuffer({ columnData: [{ name: 'x', data: [1], type: 'FLOAT' }] }));
    for (let at = 0; at < whole.length; at += 3) {
      const bytes = whole.slice();
      bytes[at] = 0xff;
      await read(folder.write('damaged.parquet', bytes), [spec('x', [1])]).catch((error: unknown) => {
        expect(error).toMatchObject({ code: expect.stringMatching(/^(DATASET|FEED)_/) });
      });
    }
  });
});
