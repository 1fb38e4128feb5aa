import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memorySource } from '../../schema/codec/byte-source.ts';
import { Cursor } from '../../schema/codec/cursor.ts';
import { decodeTable } from '../../schema/codec/decode.ts';
import { encodeStructure } from '../../schema/codec/encode.ts';
import { TABLES, TFLITE } from '../../schema/generated/tflite.ts';
import { readWithFlatbuffers } from '../support/flatbuffers-reader.ts';
import { randomSource } from '../support/random.ts';
import { randomTable } from '../support/random-tables.ts';

const decode = (bytes: Uint8Array, type: string) => {
  const cursor = new Cursor(memorySource(bytes), TFLITE);
  return decodeTable(cursor, type, cursor.follow(0, 'root'), (_table, _field, start, length) =>
    bytes.slice(start, start + length),
  );
};

describe('codec', () => {
  it.each(Object.keys(TABLES))('%s: reads what it wrote, and so does the flatbuffers package', (type) => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 }), (seed) => {
        const table = randomTable(type, randomSource(seed));
        const { bytes } = encodeStructure(TFLITE, type, table, 'TEST');
        expect(decode(bytes, type)).toEqual(table);
        expect(readWithFlatbuffers(bytes, type)).toEqual(table);
      }),
      { numRuns: type === 'Model' || type === 'SubGraph' ? 20 : 3, seed: 7 },
    );
  });

  it('leaves out scalars at their default but keeps -0', () => {
    const zero = encodeStructure(TFLITE, 'SoftmaxOptions', { beta: 0 }, 'TEST').bytes;
    const negative = encodeStructure(TFLITE, 'SoftmaxOptions', { beta: -0 }, 'TEST').bytes;
    expect(negative.length).toBeGreaterThan(zero.length);
    expect(decode(negative, 'SoftmaxOptions')).toEqual({ beta: -0 });
  });

  it('refuses to write a union member that the format does not have', () => {
    const operator = { builtinOptions: { table: 'NoSuchOptions' } };
    expect(() => encodeStructure(TFLITE, 'Operator', operator, 'TEST')).toThrow(/NoSuchOptions/);
  });
});
