import { createHash } from 'node:crypto';
import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { memorySource } from '../../schema/codec/byte-source.ts';
import { openFileSource } from '../../schema/file-source.node.ts';
import { openModelFile, writeModelFile } from '../../schema/model-file.node.ts';
import { layoutModel } from '../../schema/writer.ts';
import { ModelBuilder, randomSource } from '../support/model-builder.ts';
import { denseModel } from '../support/models.ts';
import { expectSameModel } from '../support/same-model.ts';
import { temporaryFolder } from '../support/temporary.ts';

const code = (name: string) => expect.objectContaining({ code: name });

describe('files as byte sources', () => {
  it('give the bytes of any range, across pages and through an overfull cache', () => {
    const file = join(temporaryFolder(), 'a.bin');
    const next = randomSource(3);
    const bytes = Uint8Array.from({ length: 6_000_001 }, (_, i) => (i * 31 + (i >> 8)) & 255);
    writeFileSync(file, bytes);
    const source = openFileSource(file);
    const memory = memorySource(bytes);
    expect(source.sizeBytes).toBe(bytes.length);
    for (let i = 0; i < 3000; i += 1) {
      const length = Math.floor(next() ** 8 * 300_000);
      const offset = Math.floor(next() * (bytes.length - length));
      const wanted = memory.view(offset, length);
      expect(Buffer.compare(source.view(offset, length), wanted)).toBe(0);
      expect(Buffer.compare(source.read(offset, length), wanted)).toBe(0);
    }
    expect(source.view(bytes.length, 0)).toHaveLength(0);
    source.close();
    source.close();
    expect(() => source.view(0, 1)).toThrow(/closed/);
  });

  it('work beyond 4 GiB', () => {
    const file = join(temporaryFolder(), 'sparse.bin');
    const descriptor = openSync(file, 'w');
    const at = 5 * 2 ** 30 + 12345;
    ftruncateSync(descriptor, at + 100);
    writeSync(descriptor, Uint8Array.of(1, 2, 3), 0, 3, at);
    closeSync(descriptor);
    const source = openFileSource(file);
    expect([...source.view(at - 1, 5)]).toEqual([0, 1, 2, 3, 0]);
    expect(source.sizeBytes).toBe(at + 100);
    source.close();
  });

  it('say so when the file becomes shorter while it is read', () => {
    const file = join(temporaryFolder(), 'a.bin');
    writeFileSync(file, new Uint8Array(300_000));
    const source = openFileSource(file);
    truncateSync(file, 1000);
    expect(() => source.read(200_000, 10)).toThrow(code('MODEL_TRUNCATED'));
    source.close();
  });
});

describe('openModelFile', () => {
  it('opens by path or URL and gives size, hash and model', () => {
    const file = join(temporaryFolder(), 'a model.tflite');
    const bytes = denseModel().bytes();
    writeFileSync(file, bytes);
    for (const place of [file, pathToFileURL(file)]) {
      const opened = openModelFile(place);
      expect(opened.sizeBytes).toBe(bytes.length);
      expect(opened.sha256()).toBe(createHash('sha256').update(bytes).digest('hex'));
      expectSameModel(opened.model, denseModel().build());
      opened.close();
    }
  });

  it('names a missing file and a folder', () => {
    const folder = temporaryFolder();
    expect(() => openModelFile(join(folder, 'no.tflite'))).toThrow(code('FILE_NOT_FOUND'));
    mkdirSync(join(folder, 'models'));
    expect(() => openModelFile(join(folder, 'models'))).toThrow(/is a folder/);
  });

  it('reads the graph of a model of 6 GiB without its weights', () => {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    const sizeBytes = 3 * 2 ** 30;
    for (const name of ['first', 'second']) {
      main.constant(name, [3, 2 ** 30], { sizeBytes, read: () => new Uint8Array(0) }, { type: 'INT8' });
    }
    const layout = layoutModel(builder.build());
    const file = join(temporaryFolder(), 'large.tflite');
    const descriptor = openSync(file, 'w');
    ftruncateSync(descriptor, layout.sizeBytes);
    for (const segment of layout.segments) {
      if ('bytes' in segment) writeSync(descriptor, segment.bytes, 0, segment.bytes.length, segment.offset);
      else writeSync(descriptor, Uint8Array.of(42), 0, 1, segment.offset + segment.sizeBytes - 1);
    }
    closeSync(descriptor);
    const opened = openModelFile(file);
    for (const constant of opened.model.buffers.slice(1)) {
      expect(constant?.sizeBytes).toBe(sizeBytes);
      expect([...(constant?.read(sizeBytes - 2) ?? [])]).toEqual([0, 42]);
    }
    opened.close();
  });
});

describe('writeModelFile', () => {
  it('writes what the layout says and returns its size', () => {
    const file = join(temporaryFolder(), 'a.tflite');
    const sizeBytes = writeModelFile(file, denseModel().build());
    expect(statSync(file).size).toBe(sizeBytes);
    expect(Buffer.compare(readFileSync(file), denseModel().bytes())).toBe(0);
    expect(() => writeModelFile(file, denseModel().build())).toThrow(code('FILE_EXISTS'));
  });

  it('can replace the file that its constants come from', () => {
    const file = join(temporaryFolder(), 'a.tflite');
    writeModelFile(file, denseModel().build());
    const opened = openModelFile(file);
    writeModelFile(file, opened.model, { overwrite: true, buffers: 'external' });
    opened.close();
    const again = openModelFile(file);
    expectSameModel(again.model, denseModel().build());
    again.close();
  });
});
