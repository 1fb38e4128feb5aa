import type { FieldDescriptor } from '../../schema/codec/format.ts';
import { TABLES, UNIONS } from '../../schema/generated/tflite.ts';

type Next = () => number;
type Table = Record<string, unknown>;

const pick = <T>(next: Next, values: readonly T[]): T => {
  const value = values[Math.floor(next() * values.length)];
  if (value === undefined) throw new RangeError('nothing to pick from');
  return value;
};

/** Least and greatest value of the stored integer types. */
const LIMITS: Readonly<Record<string, readonly [number, number]>> = {
  byte: [-128, 127],
  ubyte: [0, 255],
  short: [-32768, 32767],
  ushort: [0, 65535],
  int: [-(2 ** 31), 2 ** 31 - 1],
  uint: [0, 2 ** 32 - 1],
};

function randomScalar(type: string, next: Next): number | bigint | boolean {
  if (type === 'bool') return next() < 0.5;
  if (type === 'float') {
    return pick(next, [0, -0, 1, Number.NaN, Infinity, -Infinity, Math.fround(1e-42), Math.fround(next() * 2e9 - 1e9)]);
  }
  if (type === 'long')
    return pick(next, [0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), BigInt(Math.floor(next() * 1e15))]);
  if (type === 'ulong') return pick(next, [0n, 1n, 2n ** 64n - 1n, BigInt(Math.floor(next() * 1e15))]);
  const [least, greatest] = LIMITS[type] ?? [0, 0];
  return pick(next, [0, 1, least, greatest, Math.floor(least + next() * (greatest - least))]);
}

const VECTORS: Readonly<Record<string, (values: never[]) => unknown>> = {
  ubyte: (values) => Uint8Array.from(values),
  float: (values) => Float32Array.from(values),
  long: (values) => BigInt64Array.from(values),
  ulong: (values) => BigUint64Array.from(values),
};

const TEXTS = ['', 'a', 'weights/read:0', 'größe', '重み', '🙂', '\ufeffmark', 'nul\u0000inside', 'x'.repeat(300)];

/** A table of the file format with random fields: some left out, some empty, some at the ends of their type. */
export function randomTable(type: string, next: Next, depth = 0): Table {
  const result: Table = {};
  for (const field of TABLES[type] ?? []) {
    const value = randomField(field, next, depth);
    if (value !== undefined) result[field.name] = value;
  }
  return result;
}

function randomField(field: FieldDescriptor, next: Next, depth: number): unknown {
  if (field.kind === 'scalar') return next() < 0.3 ? field.defaultValue : randomScalar(field.type, next);
  if (next() < 0.3) return undefined;
  const deep = depth > 3;
  const count = pick(next, [0, 1, 2, 5]);
  switch (field.kind) {
    case 'scalars': {
      const values = Array.from({ length: count }, () => randomScalar(field.type, next));
      return VECTORS[field.type]?.(values as never[]) ?? values;
    }
    case 'string':
      return pick(next, TEXTS);
    case 'strings':
      return Array.from({ length: count }, () => pick(next, TEXTS));
    case 'table':
      return deep ? undefined : randomTable(field.type, next, depth + 1);
    case 'tables':
      return deep ? [] : Array.from({ length: count }, () => randomTable(field.type, next, depth + 1));
    case 'union': {
      const member = pick(next, Object.keys(UNIONS[field.type] ?? {}));
      return deep ? undefined : { table: member, ...randomTable(member, next, depth + 1) };
    }
  }
}
