import type { Cursor } from './cursor.ts';
import type { FieldDescriptor } from './format.ts';

/** A table as plain data: field name (camel case) to value; the member of a union is named in `table`. */
export type Table = Record<string, unknown>;

/** Reads the raw bytes of a [ubyte] field lazily: given the place, returns what to store in the field. */
export type ByteVectorReader = (table: string, field: string, start: number, length: number) => unknown;

/** Keeps a byte order mark, as any other character of a name. */
const TEXT = new TextDecoder('utf-8', { ignoreBOM: true });

/** No valid model nests tables deeper; a file whose tables point to themselves does. */
const MAX_DEPTH = 32;

const SCALAR_BYTES: Readonly<Record<string, number>> = {
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
  double: 8,
};

/** Bytes of a stored scalar type. */
export const scalarBytes = (type: string): number => SCALAR_BYTES[type] ?? 0;

/** Decodes the table `type` at `offset` with everything below it. @throws AeqError MODEL_TRUNCATED, MODEL_INVALID. */
export function decodeTable(cursor: Cursor, type: string, offset: number, bytes: ByteVectorReader, depth = 0): Table {
  if (depth > MAX_DEPTH) throw cursor.damage('MODEL_INVALID', `tables nested deeper than ${MAX_DEPTH}`, offset);
  const vtable = readVtable(cursor, type, offset);
  const result: Table = {};
  for (const field of cursor.format.tables[type] ?? []) {
    const value = decodeField(cursor, type, field, vtable, bytes, depth);
    if (value !== undefined) result[field.name] = value;
  }
  return result;
}

/** Where each field of one table lies: field id to absolute offset, 0 when absent. */
interface Vtable {
  readonly offset: number;
  place(id: number): number;
}

function readVtable(cursor: Cursor, type: string, offset: number): Vtable {
  const start = offset - cursor.int32(offset, `table ${type}`);
  cursor.check(start, 4, `vtable of ${type}`);
  const sizeBytes = cursor.uint16(start, `vtable of ${type}`);
  const tableBytes = cursor.uint16(start + 2, `vtable of ${type}`);
  if (sizeBytes < 4 || sizeBytes % 2 !== 0 || tableBytes < 4) {
    throw cursor.damage('MODEL_INVALID', `vtable of ${type} has size ${sizeBytes} and table size ${tableBytes}`, start);
  }
  cursor.check(start, sizeBytes, `vtable of ${type}`);
  cursor.check(offset, tableBytes, `table ${type}`);
  cursor.spendTable(8 + sizeBytes, offset);
  const place = (id: number) => {
    const at = 4 + 2 * id;
    if (at + 2 > sizeBytes) return 0;
    const relative = cursor.uint16(start + at, `vtable of ${type}`);
    if (relative !== 0 && (relative < 4 || relative >= tableBytes)) {
      throw cursor.damage('MODEL_INVALID', `field ${id} of ${type} lies outside its table`, start + at);
    }
    return relative === 0 ? 0 : offset + relative;
  };
  return { offset, place };
}

function decodeField(
  cursor: Cursor,
  table: string,
  field: FieldDescriptor,
  vtable: Vtable,
  bytes: ByteVectorReader,
  depth: number,
): unknown {
  const at = vtable.place(field.id);
  const what = `${table}.${field.name}`;
  switch (field.kind) {
    case 'scalar':
      return at === 0 ? field.defaultValue : readScalar(cursor, field.type, at, what);
    case 'union':
      return decodeUnion(cursor, field, vtable, bytes, depth, what);
    case 'string':
      return at === 0 ? undefined : readString(cursor, cursor.follow(at, what), what);
    case 'table':
      return at === 0 ? undefined : decodeTable(cursor, field.type, cursor.follow(at, what), bytes, depth + 1);
    case 'scalars':
      return at === 0 ? undefined : readScalars(cursor, table, field, cursor.follow(at, what), bytes, what);
    default:
      return at === 0 ? undefined : readReferences(cursor, field, cursor.follow(at, what), bytes, depth, what);
  }
}

function decodeUnion(
  cursor: Cursor,
  field: FieldDescriptor,
  vtable: Vtable,
  bytes: ByteVectorReader,
  depth: number,
  what: string,
): Table | undefined {
  const tagPlace = vtable.place(field.id - 1);
  const tag = tagPlace === 0 ? 0 : readTag(cursor, tagPlace, what);
  const at = vtable.place(field.id);
  if (tag === 0 || at === 0) return undefined;
  const member = Object.entries(cursor.format.unions[field.type] ?? {}).find(([, value]) => value === tag)?.[0];
  if (member === undefined) throw cursor.damage('MODEL_INVALID', `${what} has the unknown kind ${tag}`, tagPlace);
  return { table: member, ...decodeTable(cursor, member, cursor.follow(at, what), bytes, depth + 1) };
}

function readTag(cursor: Cursor, at: number, what: string): number {
  const position = cursor.locate(at, 1, what);
  return cursor.window.getUint8(position);
}

function readScalar(cursor: Cursor, type: string, at: number, what: string): number | bigint | boolean {
  const position = cursor.locate(at, scalarBytes(type), what);
  const view = cursor.window;
  switch (type) {
    case 'bool':
      return view.getUint8(position) !== 0;
    case 'byte':
      return view.getInt8(position);
    case 'ubyte':
      return view.getUint8(position);
    case 'short':
      return view.getInt16(position, true);
    case 'ushort':
      return view.getUint16(position, true);
    case 'int':
      return view.getInt32(position, true);
    case 'uint':
      return view.getUint32(position, true);
    case 'float':
      return view.getFloat32(position, true);
    case 'double':
      return view.getFloat64(position, true);
    case 'long':
      return view.getBigInt64(position, true);
    default:
      return view.getBigUint64(position, true);
  }
}

function readString(cursor: Cursor, offset: number, what: string): string {
  const { start, length } = cursor.vector(offset, 1, what);
  cursor.spend(length, offset);
  return TEXT.decode(cursor.source.view(start, length));
}

function readScalars(
  cursor: Cursor,
  table: string,
  field: FieldDescriptor,
  offset: number,
  bytes: ByteVectorReader,
  what: string,
): unknown {
  const { start, length } = cursor.vector(offset, scalarBytes(field.type), what);
  if (field.type === 'ubyte') return bytes(table, field.name, start, length);
  cursor.spend(length * scalarBytes(field.type), offset);
  // A copy at offset 0 of its own buffer, so that typed arrays of any width can be laid over it.
  const copy = cursor.source.read(start, length * scalarBytes(field.type)).slice();
  switch (field.type) {
    case 'bool':
      return Array.from(copy, (value) => value !== 0);
    case 'byte':
      return Array.from(new Int8Array(copy.buffer));
    case 'short':
      return Array.from(new Int16Array(copy.buffer));
    case 'ushort':
      return Array.from(new Uint16Array(copy.buffer));
    case 'int':
      return Array.from(new Int32Array(copy.buffer));
    case 'uint':
      return Array.from(new Uint32Array(copy.buffer));
    case 'float':
      return new Float32Array(copy.buffer);
    case 'double':
      return new Float64Array(copy.buffer);
    case 'long':
      return new BigInt64Array(copy.buffer);
    default:
      return new BigUint64Array(copy.buffer);
  }
}

function readReferences(
  cursor: Cursor,
  field: FieldDescriptor,
  offset: number,
  bytes: ByteVectorReader,
  depth: number,
  what: string,
): unknown[] {
  const { start, length } = cursor.vector(offset, 4, what);
  cursor.spend(4 * length, offset);
  const result: unknown[] = [];
  for (let i = 0; i < length; i += 1) {
    const target = cursor.follow(start + 4 * i, `${what}[${i}]`);
    result.push(
      field.kind === 'strings'
        ? readString(cursor, target, what)
        : decodeTable(cursor, field.type, target, bytes, depth + 1),
    );
  }
  return result;
}
