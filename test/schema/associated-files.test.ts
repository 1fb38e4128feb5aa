import { strToU8, unzipSync, zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { listAssociatedFiles } from '../../schema/associated-files.ts';
import { cloneModel } from '../../schema/graph.ts';
import { readModel } from '../../schema/reader.ts';
import { modelBytes } from '../../schema/writer.ts';
import { denseModel } from '../support/models.ts';
import { expectSameModel } from '../support/same-model.ts';

const FILES = { 'labels.txt': strToU8('cat\ndog\n'), 'vocab.txt': strToU8('x'.repeat(5000)) };
const END = 0x06054b50;

const joined = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));

/** Offsets as Python's zipfile writes them when it appends to a file: from the start of the file. */
function withAbsoluteOffsets(archive: Uint8Array, start: number): Uint8Array {
  const result = archive.slice();
  const view = new DataView(result.buffer);
  const end = result.length - 22;
  let at = view.getUint32(end + 16, true);
  view.setUint32(end + 16, at + start, true);
  for (let i = 0; i < view.getUint16(end + 10, true); i += 1) {
    view.setUint32(at + 42, view.getUint32(at + 42, true) + start, true);
    at += 46 + view.getUint16(at + 28, true) + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return result;
}

describe('files packed behind a model', () => {
  const model = denseModel().bytes();
  const archive = zipSync(FILES);

  it.each([
    ['offsets from the start of the file', withAbsoluteOffsets(archive, model.length), FILES],
    ['offsets from the start of the archive', archive, FILES],
    ['a comment', zipWithComment(archive), FILES],
    ['no files', zipSync({}), {}],
  ])('with %s follow the model when its size changes', (_name, appended, expected) => {
    const read = readModel(joined(model, appended));
    expectSameModel({ ...read, associatedFiles: undefined }, denseModel().build());
    const files = listAssociatedFiles(read.associatedFiles ?? expect.fail('no archive'));
    read.description = 'a longer description than before, which moves everything behind it';
    const written = modelBytes(cloneModel(read), { buffers: 'external' });
    expect(written.length).not.toBe(model.length + appended.length);
    const again = readModel(written);
    expectSameModel(again, read);
    expect(unzipSync(again.associatedFiles?.read() ?? archive)).toEqual(expected);
    expect(files.map(({ name, sizeBytes }) => [name, sizeBytes])).toEqual(
      Object.entries<Uint8Array>(expected).map(([name, bytes]) => [name, bytes.length]),
    );
    // The whole file must be readable as an archive: its offsets count from the start of the file.
    const view = new DataView(written.buffer);
    const end = written.findLastIndex((_, i) => i + 4 <= written.length && view.getUint32(i, true) === END);
    expect(view.getUint32(end + 16, true) + view.getUint32(end + 12, true)).toBe(end);
  });

  it('can be read in any pieces', () => {
    const files = readModel(joined(model, archive)).associatedFiles ?? expect.fail('no archive');
    const whole = files.read();
    for (let from = 0; from < whole.length; from += 97) {
      for (const to of [from, from + 1, from + 100, whole.length]) {
        expect(files.read(from, Math.min(to, whole.length))).toEqual(whole.subarray(from, to));
      }
    }
  });

  it('that are damaged are no archive, and never an error', () => {
    const file = joined(model, withAbsoluteOffsets(archive, model.length));
    for (let at = model.length; at < file.length; at += 1) {
      for (const value of [0, 1, 0xff]) {
        const changed = file.slice();
        changed[at] = value;
        const read = readModel(changed);
        modelBytes(read);
      }
    }
    expect(readModel(file.subarray(0, file.length - 1)).associatedFiles).toBeUndefined();
  });
});

function zipWithComment(archive: Uint8Array): Uint8Array {
  const result = joined(archive, strToU8('a comment'));
  new DataView(result.buffer).setUint16(archive.length - 2, 9, true);
  return result;
}
