import { ByteBuffer } from 'flatbuffers';
import type { FieldDescriptor } from '../../schema/codec/format.ts';
import { TABLES, UNIONS } from '../../schema/generated/tflite.ts';

type Table = Record<string, unknown>;

class AlignedBuffer extends ByteBuffer {
  readonly forced: boolean;
  constructor(bytes: Uint8Array, forced: boolean) {
    super(bytes);
    this.forced = forced;
  }
}

const WIDTHS: Readonly<Record<string, number>> = {
  bool: 1,
  byte: 1,
  ubyte: 1,
  short: 2,
  ushort: 2,
  int: 4,
  uint: 4,
  float: 4,
  long: 8,
  ulong: 8,
};

/**
 * Decodes a root table with the `flatbuffers` package alone: a second opinion on what our writer writes. Vectors must lie
 * at the alignment that the schema forces on them, unless `forced` is false: not every writer does that.
 */
export function readWithFlatbuffers(bytes: Uint8Array, rootType: string, forced = true): Table {
  const buffer = new AlignedBuffer(bytes, forced);
  return readTable(buffer, rootType, buffer.readInt32(0));
}

function readTable(buffer: AlignedBuffer, type: string, position: number): Table {
  const result: Table = {};
  for (const field of TABLES[type] ?? []) {
    const value = readField(buffer, field, position);
    if (value !== undefined) result[field.name] = value;
  }
  return result;
}

function readField(buffer: AlignedBuffer, field: FieldDescriptor, table: number): unknown {
  const offset = buffer.__offset(table, 4 + 2 * field.id);
  if (offset === 0) return field.kind === 'scalar' ? field.defaultValue : undefined;
  const at = table + offset;
  switch (field.kind) {
    case 'scalar':
      return readScalar(buffer, field.type, at);
    case 'string':
      return readText(buffer, at);
    case 'table':
      return readTable(buffer, field.type, buffer.__indirect(at));
    case 'union': {
      const tag = buffer.readUint8(table + buffer.__offset(table, 4 + 2 * (field.id - 1)));
      const member = Object.entries(UNIONS[field.type] ?? {}).find(([, value]) => value === tag)?.[0] ?? 'none';
      return { table: member, ...readTable(buffer, member, buffer.__indirect(at)) };
    }
    default:
      return readVector(buffer, field, at);
  }
}

function readVector(buffer: AlignedBuffer, field: FieldDescriptor, at: number): unknown {
  const start = buffer.__vector(at);
  const width = WIDTHS[field.type] ?? 4;
  const align = Math.max(4, width, buffer.forced ? (field.align ?? 0) : 0);
  if (start % align !== 0) throw new RangeError(`${field.name} lies unaligned at ${start}`);
  const places = Array.from({ length: buffer.__vector_len(at) }, (_, i) => start + i * width);
  if (field.kind === 'tables') return places.map((place) => readTable(buffer, field.type, buffer.__indirect(place)));
  if (field.kind === 'strings') return places.map((place) => readText(buffer, place));
  const values = places.map((place) => readScalar(buffer, field.type, place));
  switch (field.type) {
    case 'ubyte':
      return Uint8Array.from(values as number[]);
    case 'float':
      return Float32Array.from(values as number[]);
    case 'long':
      return BigInt64Array.from(values as bigint[]);
    case 'ulong':
      return BigUint64Array.from(values as bigint[]);
    default:
      return values;
  }
}

function readText(buffer: AlignedBuffer, at: number): string {
  const start = at + buffer.readInt32(at);
  const end = start + 4 + buffer.readInt32(start);
  if (buffer.readUint8(end) !== 0) throw new RangeError(`the string at ${start} does not end in a zero byte`);
  return new TextDecoder('utf-8', { ignoreBOM: true, fatal: true }).decode(buffer.bytes().subarray(start + 4, end));
}

function readScalar(buffer: AlignedBuffer, type: string, at: number): number | bigint | boolean {
  if (at % (WIDTHS[type] ?? 1) !== 0) throw new RangeError(`a ${type} lies unaligned at ${at}`);
  switch (type) {
    case 'bool':
      return buffer.readUint8(at) !== 0;
    case 'byte':
      return buffer.readInt8(at);
    case 'ubyte':
      return buffer.readUint8(at);
    case 'short':
      return buffer.readInt16(at);
    case 'ushort':
      return buffer.readUint16(at);
    case 'int':
      return buffer.readInt32(at);
    case 'uint':
      return buffer.readUint32(at);
    case 'float':
      return buffer.readFloat32(at);
    case 'long':
      return buffer.readInt64(at);
    default:
      return buffer.readUint64(at);
  }
}
