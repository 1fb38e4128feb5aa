import { describe, expect, it } from 'vitest';
import { AeqError } from '../../schema/errors.ts';
import { SectionType } from '../../schema/generated/litertlm.ts';
import { layoutBytes } from '../../schema/layout.ts';
import { readContainer } from '../../schema/litertlm/container.ts';
import { layoutContainer } from '../../schema/litertlm/layout.ts';
import { container, containerBytes, type RawSection, section } from '../support/containers.ts';
import { denseModel } from '../support/models.ts';

const CODES = new Set(['CONTAINER_INVALID', 'MODEL_TRUNCATED', 'MODEL_INVALID']);

/** Reads a damaged container: an AeqError, or a container that can be written again. True when it was refused. */
function refused(bytes: Uint8Array): boolean {
  try {
    const read = readContainer(bytes, 'hostile.litertlm');
    for (const { source } of read.sections) expect(source.read(0, source.sizeBytes)).toHaveLength(source.sizeBytes);
    layoutContainer(read);
    return false;
  } catch (error) {
    if (!(error instanceof AeqError)) throw error;
    expect(CODES).toContain(error.code);
    expect(error.where.file).toBe('hostile.litertlm');
    return true;
  }
}

const bytes = layoutBytes(
  layoutContainer(
    container(
      section('TFLITE_MODEL', denseModel().bytes(), 'tf_lite_embedder'),
      section('GENERIC_BINARY', Uint8Array.of(1, 2, 3)),
    ),
  ),
);
const headerEnd = Number(new DataView(bytes.buffer).getBigUint64(24, true));

describe('damaged containers', () => {
  it('cut off anywhere are refused', () => {
    for (let length = 0; length < headerEnd + 10; length += 1) expect(refused(bytes.subarray(0, length))).toBe(true);
    for (let length = headerEnd; length < bytes.length; length += 997)
      expect(refused(bytes.subarray(0, length))).toBe(true);
    expect(refused(bytes.subarray(0, bytes.length - 1))).toBe(true);
  });

  it('with any byte of the header changed are refused or still containers', () => {
    for (let at = 0; at < headerEnd; at += 1) {
      for (const value of [0, 1, 0x7f, 0x80, 0xff]) {
        const changed = bytes.slice();
        changed[at] = value;
        refused(changed);
      }
    }
  });

  it('with absurd numbers in the header are refused or still containers', () => {
    for (let at = 0; at + 8 <= headerEnd; at += 4) {
      for (const value of [0n, 0xffffffffn, 2n ** 63n, 2n ** 64n - 1n, BigInt(bytes.length)]) {
        const changed = bytes.slice();
        new DataView(changed.buffer).setBigUint64(at, value, true);
        refused(changed);
      }
    }
  });

  const file = (sections: readonly RawSection[]) => containerBytes(sections, 40_000, []);
  const type = SectionType.GENERIC_BINARY;

  it.each([
    [
      'sections that overlap',
      [
        { begin: 16384, end: 20000, type },
        { begin: 19999, end: 30000, type },
      ],
      /overlap/,
    ],
    ['a section over the header', [{ begin: 40, end: 20000, type }], /overlaps the header/],
    ['a section that ends before it starts', [{ begin: 20000, end: 16384, type }], /before its start/],
    ['a section behind the file', [{ begin: 16384, end: 40_001, type }], /in a file of 40000 bytes/],
  ])('%s', (_name, sections, message) => {
    expect(() => readContainer(file(sections))).toThrow(message);
  });

  it('say what they look like when they are none, and when they are too new', () => {
    expect(() => readContainer(denseModel().bytes())).toThrow(/it is a \.tflite model/);
    const newer = bytes.slice();
    newer[8] = 2;
    expect(() => readContainer(newer)).toThrow(/version 2\.7\.0/);
  });
});
