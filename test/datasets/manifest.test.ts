import { describe, expect, it } from 'vitest';
import { encodeNpy } from '../../datasets/arrays/npy.ts';
import { readManifest } from '../../datasets/manifest.node.ts';
import { openDataset } from '../../datasets/open.node.ts';
import type { DatasetOptions } from '../../datasets/options.ts';
import type { InputSpec } from '../../datasets/sample.ts';
import { manifestJsonSchema } from '../../schema/documents/dataset-manifest.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { temporaryFolder } from './temporary.ts';

const folder = temporaryFolder();
const x: InputSpec = { name: 'x', type: TensorType.FLOAT32, shape: [1, 2] };
folder.write('data/a.npy', encodeNpy({ type: 'uint8', shape: [2, 2], data: Uint8Array.of(0, 255, 51, 102) }));

const manifest = (fields: object, name = 'set.dataset.json'): string =>
  folder.write(name, JSON.stringify({ format: 'aeq-dataset', version: 1, ...fields }));

async function read(file: string, options: DatasetOptions = {}, inputs = [x]) {
  const dataset = await openDataset([file], inputs, options);
  const samples = [];
  for await (const { feed } of dataset.samples()) samples.push([...(feed[inputs[0]?.name ?? '']?.data ?? [])]);
  return { dataset, samples };
}

describe('manifests', () => {
  it('say where the data is, how it is fed and what it is', async () => {
    folder.write('truth.csv', 'file,class\na.npy[0],cat\na.npy[1],dog\n');
    folder.write('classes.txt', 'bird\ncat\ndog\n');
    const labels = { file: 'truth.csv', column: 'class', classes: 'classes.txt' };
    const file = manifest({ data: 'data', preprocess: 'zero-one', samples: 1, seed: 5, labels });
    const { dataset, samples } = await read(file);
    expect(samples).toEqual([
      [0, 1],
      [Math.fround(0.2), Math.fround(0.4)],
    ]);
    expect(dataset.labels).toEqual([new Set([1]), new Set([2])]);
    expect(dataset.selection).toEqual({ samples: 1, seed: 5 });
    expect(dataset.description.sources).toEqual([file]);
  });

  it('give way to what is said besides', async () => {
    const file = manifest({ data: ['data/a.npy'], preprocess: 'zero-one' });
    expect((await read(file, { preprocess: 'raw' })).samples[0]).toEqual([0, 255]);
  });

  it('hold data of several signatures', async () => {
    const file = manifest({
      preprocess: 'zero-one',
      signatures: { encode: { data: 'data' }, decode: { data: 'data', preprocess: 'raw' } },
    });
    expect((await read(file, { signature: 'encode' })).samples[0]).toEqual([0, 1]);
    expect((await read(file, { signature: 'decode' })).samples[0]).toEqual([0, 255]);
    expect(readManifest(file).map(({ signature }) => signature)).toEqual(['encode', 'decode']);
    await expect(read(file)).rejects.toMatchObject({ code: 'SIGNATURE_UNKNOWN' });
    await expect(read(file, { signature: 'other' })).rejects.toMatchObject({ code: 'SIGNATURE_UNKNOWN' });
  });

  it('refuse other data than they were written for', async () => {
    const { dataset } = await read(manifest({ data: 'data' }));
    const { contentHash } = dataset.description;
    expect((await read(manifest({ data: 'data', contentHash }))).samples).toHaveLength(2);
    const other = manifest({ data: 'data', contentHash: `sha256:${'0'.repeat(64)}` });
    await expect(read(other)).rejects.toMatchObject({ code: 'DATASET_MISMATCH', where: { field: 'contentHash' } });
  });

  it('say which array, column or role fills an input', async () => {
    const file = manifest({ data: 'data', inputs: { x: 'a' } });
    expect((await read(file)).samples[0]).toEqual([0, 255]);
    const missing = manifest({ data: 'data', inputs: { x: 'b' } });
    await expect(read(missing)).rejects.toMatchObject({ code: 'DATASET_MISMATCH' });
  });

  it.each<[string, object, RegExp]>([
    ['an unknown field', { data: 'data', preproces: 'raw' }, /preproces/],
    ['a wrong value', { data: 'data', resize: 'magic' }, /resize/],
    ['no data', {}, /"data" or "signatures"/],
    ['both', { data: 'data', signatures: { a: { data: 'data' } } }, /"data" or "signatures"/],
    ['another version', { data: 'data', version: 2 }, /version/],
    [
      'an option that means nothing for the data',
      { data: 'data', tokenizer: 'vocab.txt' },
      /"tokenizer" means nothing/,
    ],
  ])('refuse %s', async (_, fields, message) => {
    await expect(read(manifest(fields))).rejects.toMatchObject({
      code: expect.stringMatching(/^(MANIFEST_INVALID|USAGE)$/),
      message: expect.stringMatching(message),
    });
  });

  it('cannot be mixed, and must be there', async () => {
    const file = manifest({ data: 'data' });
    await expect(openDataset([file, folder.path('data')], [x])).rejects.toMatchObject({ code: 'USAGE' });
    await expect(openDataset([folder.path('no.dataset.json')], [x])).rejects.toMatchObject({ code: 'FILE_NOT_FOUND' });
  });

  it('have a JSON Schema', () => {
    expect(manifestJsonSchema()).toMatchObject({
      type: 'object',
      properties: { preprocess: { enum: expect.arrayContaining(['imagenet']) }, data: expect.anything() },
      additionalProperties: false,
    });
  });
});
