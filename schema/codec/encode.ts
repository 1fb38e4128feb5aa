import type { Constant } from '../constant.ts';
import type { Table } from './decode.ts';
import { scalarBytes } from './decode.ts';
import type { FieldDescriptor, FlatbufferFormat } from './format.ts';
import { Sink } from './sink.ts';

/** In place of a [ubyte] field: the vector is laid out behind all structure, so that it can be streamed. */
export class LateVector {
  readonly constant: Constant;
  constructor(constant: Constant) {
    this.constant = constant;
  }
}

/** In place of a ulong field: an absolute file offset that is known only when the structure is laid out. */
export class LateOffset {
  readonly constant: Constant;
  constructor(constant: Constant) {
    this.constant = constant;
  }
}

/** The encoded structure and what has to be filled in once constants have their places. */
export interface EncodedStructure {
  /** Flatbuffer without its late vectors. The caller owns the bytes and patches them. */
  readonly bytes: Uint8Array;
  /** Places of 32-bit relative offsets to late vectors, in order. */
  readonly vectors: readonly { at: number; align: number; constant: Constant }[];
  /** Places of 64-bit absolute offsets, in order. */
  readonly offsets: readonly { at: number; constant: Constant }[];
}

/**
 * Encodes a root table front to back: a table, then what it refers to, depth first, so that every relative offset is
 * positive and things lie near their owner. Equal vtables are shared; scalars at their default value are left out.
 */
export function encodeStructure(
  format: FlatbufferFormat,
  rootType: string,
  root: Table,
  identifier: string,
): EncodedStructure {
  const encoder = new Encoder(format);
  encoder.sink.uint32(0);
  encoder.sink.text(identifier);
  encoder.sink.patchUint32(0, encoder.table(rootType, root));
  return { bytes: encoder.sink.finish(), vectors: encoder.vectors, offsets: encoder.offsets };
}

/** One field of a table that is present: where it lies and what is written there. */
interface Slot {
  readonly id: number;
  readonly bytes: number;
  readonly write: (at: number) => void;
  /** Writes what a reference points to, after the table itself. */
  readonly follow?: (at: number) => void;
}

class Encoder {
  readonly sink = new Sink();
  readonly vectors: { at: number; align: number; constant: Constant }[] = [];
  readonly offsets: { at: number; constant: Constant }[] = [];
  readonly #format: FlatbufferFormat;
  readonly #vtables = new Map<string, number>();

  constructor(format: FlatbufferFormat) {
    this.#format = format;
  }

  /** Returns the table's position. */
  table(type: string, value: Table): number {
    const slots = (this.#format.tables[type] ?? []).flatMap((field) => this.#slots(field, value[field.name]));
    const { places, sizeBytes, align } = arrange(slots);
    const vtable = this.#vtable(slots, places, sizeBytes);
    const start = this.sink.align(align);
    this.sink.skip(sizeBytes);
    this.sink.patchInt32(start, start - vtable);
    slots.forEach((slot, i) => {
      slot.write(start + (places[i] ?? 0));
    });
    slots.forEach((slot, i) => {
      slot.follow?.(start + (places[i] ?? 0));
    });
    return start;
  }

  #vtable(slots: readonly Slot[], places: readonly number[], tableBytes: number): number {
    const entries = new Array<number>(slots.reduce((most, slot) => Math.max(most, slot.id + 1), 0)).fill(0);
    slots.forEach((slot, i) => {
      entries[slot.id] = places[i] ?? 0;
    });
    const words = [4 + 2 * entries.length, tableBytes, ...entries];
    const key = words.join();
    const known = this.#vtables.get(key);
    if (known !== undefined) return known;
    const position = this.sink.align(2);
    for (const word of words) this.sink.uint16(word);
    this.#vtables.set(key, position);
    return position;
  }

  #slots(field: FieldDescriptor, value: unknown): Slot[] {
    if (value === undefined) return [];
    switch (field.kind) {
      case 'scalar':
        // Object.is: -0 is not the default 0.
        return Object.is(value, field.defaultValue) ? [] : [this.#scalar(field, value)];
      case 'union':
        return this.#union(field, value as Table);
      case 'string':
        return [this.#reference(field.id, () => this.#string(value as string))];
      case 'table':
        return [this.#reference(field.id, () => this.table(field.type, value as Table))];
      case 'scalars':
        return [
          value instanceof LateVector
            ? this.#lateVector(field, value)
            : this.#reference(field.id, () => this.#scalars(field, value)),
        ];
      default:
        return [this.#reference(field.id, () => this.#references(field, value as readonly unknown[]))];
    }
  }

  #scalar(field: FieldDescriptor, value: unknown): Slot {
    const bytes = scalarBytes(field.type);
    if (value instanceof LateOffset) {
      const { constant } = value;
      return { id: field.id, bytes, write: (at) => this.offsets.push({ at, constant }) };
    }
    return {
      id: field.id,
      bytes,
      write: (at) => this.sink.patchScalar(at, field.type, value as number | bigint | boolean),
    };
  }

  #union(field: FieldDescriptor, value: Table): Slot[] {
    const member = String(value.table);
    const tag = this.#format.unions[field.type]?.[member];
    if (tag === undefined) throw new TypeError(`${field.name}: ${member} is no member of ${field.type}`);
    return [
      { id: field.id - 1, bytes: 1, write: (at) => this.sink.patchScalar(at, 'ubyte', tag) },
      this.#reference(field.id, () => this.table(member, value)),
    ];
  }

  #reference(id: number, write: () => number): Slot {
    return { id, bytes: 4, write: () => {}, follow: (at) => this.sink.patchUint32(at, write() - at) };
  }

  #lateVector(field: FieldDescriptor, { constant }: LateVector): Slot {
    return {
      id: field.id,
      bytes: 4,
      write: (at) => this.vectors.push({ at, align: field.align ?? 4, constant }),
    };
  }

  #string(value: string): number {
    const bytes = new TextEncoder().encode(value);
    const start = this.sink.align(4);
    this.sink.uint32(bytes.length);
    this.sink.bytes(bytes);
    this.sink.skip(1);
    return start;
  }

  #scalars(field: FieldDescriptor, value: unknown): number {
    const elementBytes = scalarBytes(field.type);
    const values = value as ArrayLike<number | bigint | boolean>;
    const start = this.sink.align(Math.max(4, elementBytes, field.align ?? 0), 4);
    this.sink.uint32(values.length);
    if (isStored(field.type, values)) {
      this.sink.bytes(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
      return start;
    }
    const at = this.sink.skip(values.length * elementBytes);
    for (let i = 0; i < values.length; i += 1) this.sink.patchScalar(at + i * elementBytes, field.type, values[i] ?? 0);
    return start;
  }

  #references(field: FieldDescriptor, values: readonly unknown[]): number {
    const start = this.sink.align(4);
    this.sink.uint32(values.length);
    const first = this.sink.skip(4 * values.length);
    values.forEach((value, i) => {
      const at = first + 4 * i;
      const target = field.kind === 'strings' ? this.#string(value as string) : this.table(field.type, value as Table);
      this.sink.patchUint32(at, target - at);
    });
    return start;
  }
}

/** The array has the bytes of the file. Scales and zero points of all channels are many; others go one by one. */
function isStored(type: string, values: object): values is Uint8Array | Float32Array | BigInt64Array {
  if (values instanceof Float32Array) return type === 'float';
  return values instanceof BigInt64Array ? type === 'long' : values instanceof Uint8Array;
}

/** Places the fields behind the table's 4-byte vtable offset, wide ones first so that little padding is needed. */
function arrange(slots: readonly Slot[]): { places: number[]; sizeBytes: number; align: number } {
  const places = new Array<number>(slots.length).fill(0);
  const order = slots.map((_, i) => i).sort((a, b) => (slots[b]?.bytes ?? 0) - (slots[a]?.bytes ?? 0) || a - b);
  const align = Math.max(4, ...slots.map((slot) => slot.bytes));
  let end = 4;
  for (const i of order) {
    const bytes = slots[i]?.bytes ?? 0;
    end = Math.ceil(end / bytes) * bytes;
    places[i] = end;
    end += bytes;
  }
  return { places, sizeBytes: end, align };
}
