import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ARRAY_TYPES,
  type ArrayType,
  allocateElements,
  type NumberArray,
  shapeCount,
} from '../../datasets/arrays/array.ts';
import { convertElements } from '../../datasets/arrays/convert.ts';
import { findSamples } from '../../datasets/arrays/fit.ts';
import { decodeNpy, encodeNpy } from '../../datasets/arrays/npy.ts';
import { decodeNpz, encodeNpz } from '../../datasets/arrays/npz.ts';
import { decodeNumberTable } from '../../datasets/arrays/number-files.ts';
import { AeqError } from '../../schema/errors.ts';
import { TensorType } from '../../schema/generated/tflite.ts';

const code = (run: () => unknown): string => {
  try {
    run();
    return 'no error';
  } catch (error) {
    if (error instanceof AeqError) return error.code;
    throw error;
  }
};

/** A .npy file with any header text, as NumPy's format description (NEP 1) lays it out. */
function npyFile(header: string, data: Uint8Array, version = 1): Uint8Array {
  const text = new TextEncoder().encode(`${header}\n`);
  const prefix = version === 1 ? 10 : 12;
  const bytes = new Uint8Array(prefix + text.length + data.length);
  bytes.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0]);
  const view = new DataView(bytes.buffer);
  if (version === 1) view.setUint16(8, text.length, true);
  else view.setUint32(8, text.length, true);
  bytes.set(text, prefix);
  bytes.set(data, prefix + text.length);
  return bytes;
}

const header = (type: string, shape: string, fortran = false): string =>
  `{'descr': '${type}', 'fortran_order': ${fortran ? 'True' : 'False'}, 'shape': (${shape}), }`;

const anyArray = fc
  .record({
    type: fc.constantFrom(...ARRAY_TYPES),
    shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }),
    seed: fc.integer(),
  })
  .map(({ type, shape, seed }): NumberArray => {
    const data = allocateElements(type, shapeCount(shape));
    const bytes = new Uint8Array(data.buffer);
    bytes.forEach((_, i) => {
      bytes[i] = type === 'bool' ? (seed >> (i % 31)) & 1 : Math.imul(seed + i, 2654435761) >>> 24;
    });
    return { type, shape, data };
  });

const bytesOf = ({ data }: NumberArray): number[] => [...new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];

describe('.npy', () => {
  it('reads what it writes, for every type and shape', () => {
    fc.assert(
      fc.property(anyArray, (array) => {
        const back = decodeNpy(encodeNpy(array), 'a.npy');
        expect({ type: back.type, shape: back.shape }).toEqual({ type: array.type, shape: array.shape });
        expect(bytesOf(back)).toEqual(bytesOf(array));
      }),
    );
  });

  it.each([1, 2, 3])('reads format version %i', (version) => {
    const bytes = npyFile(header('<i2', '2, 2'), Uint8Array.of(1, 0, 2, 0, 3, 0, 255, 255), version);
    expect(decodeNpy(bytes, 'a.npy')).toEqual({ type: 'int16', shape: [2, 2], data: Int16Array.of(1, 2, 3, -1) });
  });

  it('reads both byte orders', () => {
    const data = new Uint8Array(12);
    const view = new DataView(data.buffer);
    [1.5, -2.25, 3e20].forEach((value, i) => {
      view.setFloat32(4 * i, value, false);
    });
    const array = decodeNpy(npyFile(header('>f4', '3,'), data), 'a.npy');
    expect([...array.data]).toEqual([1.5, -2.25, Math.fround(3e20)]);
    const big = decodeNpy(npyFile(header('>u8', '1,'), Uint8Array.of(0, 0, 0, 0, 0, 0, 1, 2)), 'a.npy');
    expect([...big.data]).toEqual([258n]);
  });

  it('puts Fortran order into rows', () => {
    // The 2x3 array [[1,2,3],[4,5,6]] column by column.
    const array = decodeNpy(npyFile(header('|u1', '2, 3', true), Uint8Array.of(1, 4, 2, 5, 3, 6)), 'a.npy');
    expect(array).toEqual({ type: 'uint8', shape: [2, 3], data: Uint8Array.of(1, 2, 3, 4, 5, 6) });
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }), (shape) => {
        const stored = Uint8Array.from({ length: shapeCount(shape) }, (_, i) => i);
        const rows = decodeNpy(npyFile(header('|u1', `${shape.join(',')},`, true), stored), 'a.npy').data;
        let i = 0;
        const visit = (axis: number, at: number): void => {
          if (axis === shape.length) expect(rows[i++]).toBe(at);
          else for (let k = 0; k < (shape[axis] ?? 0); k++) visit(axis + 1, at + k * shapeCount(shape.slice(0, axis)));
        };
        visit(0, 0);
      }),
    );
  });

  it.each<[string, Uint8Array]>([
    ['empty', new Uint8Array()],
    ['another magic', new TextEncoder().encode('PK\x03\x04 something else')],
    ['a version of the future', npyFile(header('<f4', '1,'), new Uint8Array(4), 9)],
    ['a header longer than the file', npyFile(header('<f4', '1,'), new Uint8Array(4)).subarray(0, 20)],
    ['a header of 4 GB', Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 2, 0, 255, 255, 255, 255)],
    ['objects', npyFile(header('|O', '1,'), new Uint8Array(8))],
    ['structures', npyFile("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", new Uint8Array(4))],
    ['complex numbers', npyFile(header('<c8', '1,'), new Uint8Array(8))],
    ['too little data', npyFile(header('<f4', '3,'), new Uint8Array(8))],
    ['too much data', npyFile(header('<f4', '1,'), new Uint8Array(8))],
    ['a shape beyond all bounds', npyFile(header('<f4', '99999999999, 99999999999'), new Uint8Array(8))],
    ['a negative shape', npyFile(header('<f4', '-1,'), new Uint8Array(8))],
    ['a thousand dimensions', npyFile(header('<f4', '1,'.repeat(1000)), new Uint8Array(4))],
    ['no header at all', npyFile('import os', new Uint8Array(4))],
  ])('refuses %s', (_, bytes) => {
    expect(code(() => decodeNpy(bytes, 'bad.npy'))).toBe('DATASET_UNREADABLE');
  });

  it('survives any damage', () => {
    const good = encodeNpy({ type: 'float32', shape: [2, 3], data: new Float32Array(6) });
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), (at, value) => {
        const bytes = good.slice();
        bytes[at] = value;
        expect(['no error', 'DATASET_UNREADABLE']).toContain(code(() => decodeNpy(bytes, 'bad.npy')));
      }),
    );
  });
});

describe('.npz', () => {
  const arrays = {
    a: { type: 'float32', shape: [2], data: Float32Array.of(1, 2) },
    b: { type: 'int64', shape: [], data: BigInt64Array.of(7n) },
  } as const satisfies Record<string, NumberArray>;

  it.each([true, false])('reads what it writes, deflated %s', (compress) => {
    const { names, arrays: back } = decodeNpz(encodeNpz(arrays, compress), 'a.npz');
    expect(names).toEqual(['a', 'b']);
    expect(Object.fromEntries(back)).toEqual(arrays);
  });

  it('unpacks only what is wanted', () => {
    const { names, arrays: back } = decodeNpz(encodeNpz(arrays), 'a.npz', new Set(['b']));
    expect(names).toEqual(['a', 'b']);
    expect([...back.keys()]).toEqual(['b']);
  });

  it('refuses what is no archive, survives any damage', () => {
    expect(code(() => decodeNpz(new TextEncoder().encode('not a zip'), 'a.npz'))).toBe('DATASET_UNREADABLE');
    const good = encodeNpz(arrays);
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), (at, value) => {
        const bytes = good.slice();
        bytes[at] = value;
        expect(['no error', 'DATASET_UNREADABLE']).toContain(code(() => decodeNpz(bytes, 'bad.npz')));
      }),
      { numRuns: 300 },
    );
    for (let length = 0; length < good.length; length += 7) {
      expect(code(() => decodeNpz(good.subarray(0, length), 'cut.npz'))).toBe('DATASET_UNREADABLE');
    }
  });
});

describe('tables of numbers', () => {
  it('reads numbers, with or without a header', () => {
    expect(decodeNumberTable('a,b\n1,2\n3,4.5\n', 't.csv')).toEqual({
      type: 'float64',
      shape: [2, 2],
      data: Float64Array.of(1, 2, 3, 4.5),
    });
    expect(decodeNumberTable('1;2\r\n3;-4', 't.csv')).toEqual({
      type: 'int64',
      shape: [2, 2],
      data: BigInt64Array.of(1n, 2n, 3n, -4n),
    });
    expect([...decodeNumberTable('nan -inf 1e-3', 't.csv').data]).toEqual([
      Number.NaN,
      Number.NEGATIVE_INFINITY,
      0.001,
    ]);
  });

  it('names the line that is wrong', () => {
    expect(() => decodeNumberTable('1,2\n3,x', 't.csv')).toThrow(/line 2 has "x"/);
    expect(() => decodeNumberTable('1,2\n3', 't.csv')).toThrow(/line 2 has 1 numbers/);
    expect(() => decodeNumberTable('\n', 't.csv')).toThrow(/no numbers/);
  });
});

describe('finding samples in an array', () => {
  it.each<[number[], number[], boolean, { samples: number; shape: number[] } | undefined]>([
    [[1, 28, 28, 1], [1, 28, 28, 1], false, { samples: 1, shape: [1, 28, 28, 1] }],
    [[100, 28, 28], [1, 28, 28, 1], false, { samples: 100, shape: [1, 28, 28, 1] }],
    [[100, 28, 28, 1], [1, 28, 28, 1], false, { samples: 100, shape: [1, 28, 28, 1] }],
    [[100, 1, 28, 28, 1], [1, 28, 28, 1], false, { samples: 100, shape: [1, 28, 28, 1] }],
    [[100, 28, 28, 1], [-1, 28, 28, 1], false, { samples: 100, shape: [1, 28, 28, 1] }],
    [[100, 28, 28, 1], [-1, 28, 28, 1], true, { samples: 1, shape: [100, 28, 28, 1] }],
    [[100, 28, 28, 1], [50, 28, 28, 1], false, { samples: 2, shape: [50, 28, 28, 1] }],
    [[28, 28], [1, 28, 28, 1], true, { samples: 1, shape: [1, 28, 28, 1] }],
    [[5, 7, 3], [1, -1, 3], false, { samples: 5, shape: [1, 7, 3] }],
    [[5], [], false, { samples: 5, shape: [] }],
    [[10], [1, 10], false, { samples: 1, shape: [1, 10] }],
    [[3, 2, 16], [3, 2, 16], false, { samples: 1, shape: [3, 2, 16] }],
    [[99, 28, 28, 1], [50, 28, 28, 1], false, undefined],
    [[28, 27], [1, 28, 28, 1], false, undefined],
    [[100, 28, 28], [1, 28, 28, 1], true, undefined],
    [[], [1, 28, 28, 1], false, undefined],
  ])('%j for an input %j, one sample %s', (shape, input, oneSample, expected) => {
    expect(findSamples(shape, input, oneSample)).toEqual(expected);
  });
});

describe('converting elements', () => {
  const array = (type: ArrayType, ...values: (number | bigint)[]): NumberArray => {
    const data = allocateElements(type, values.length);
    values.forEach((value, i) => {
      data[i] = value as never;
    });
    return { type, shape: [values.length], data };
  };

  it('keeps every value or refuses', () => {
    expect(convertElements(array('uint8', 0, 255), TensorType.FLOAT32)).toEqual(Float32Array.of(0, 255));
    expect(convertElements(array('int64', -5n), TensorType.INT32)).toEqual(Int32Array.of(-5));
    expect(convertElements(array('int32', 5), TensorType.INT64)).toEqual(BigInt64Array.of(5n));
    expect(convertElements(array('float16', 0x3c00, 0xc000), TensorType.FLOAT32)).toEqual(Float32Array.of(1, -2));
    expect(convertElements(array('float64', 0.1), TensorType.FLOAT32)).toEqual(Float32Array.of(0.1));
    expect(convertElements(array('float32', 1, -2), TensorType.FLOAT16)).toEqual(Uint16Array.of(0x3c00, 0xc000));
    expect(convertElements(array('int64', 2n ** 40n), TensorType.INT32)).toMatch(/does not fit int32/);
    expect(convertElements(array('int32', 2 ** 24 + 1), TensorType.FLOAT32)).toMatch(/not kept exactly/);
    expect(convertElements(array('float64', 1e300), TensorType.FLOAT32)).toMatch(/beyond the range/);
    expect(convertElements(array('float32', 1), TensorType.INT32)).toMatch(/not converted/);
    expect(convertElements(array('uint8', 2), TensorType.BOOL)).toMatch(/does not fit bool/);
    expect(convertElements(array('uint8', 2), TensorType.STRING)).toMatch(/STRING/);
  });

  it('keeps NaN and infinities of floats', () => {
    const kept = convertElements(array('float64', Number.NaN, Number.NEGATIVE_INFINITY), TensorType.FLOAT32);
    expect(kept).toEqual(Float32Array.of(Number.NaN, Number.NEGATIVE_INFINITY));
  });
});
