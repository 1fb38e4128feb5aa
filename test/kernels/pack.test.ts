import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { expectTwins, shifts } from './twins.ts';

const codes = (bits: number) =>
  fc
    .array(fc.integer({ min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 }), { maxLength: 200, size: 'max' })
    .map((values) => Int8Array.from(values));

function pack(values: readonly number[], bits: 4 | 2): string {
  const source = Int8Array.from(values);
  const target = new Uint8Array(Math.ceil((source.length * bits) / 8));
  const { outputs } = expectTwins([source, target], (k, [at = 0, out = 0]) => k.pack(at, source.length, bits, out));
  return Buffer.from(outputs[1] as Uint8Array).toString('hex');
}

describe('pack and unpack', () => {
  it.each([4, 2] as const)('%i bits: same bits as the twin, and one undoes the other', (bits) => {
    fc.assert(
      fc.property(codes(bits), shifts, (values, shift) => {
        const packed = new Uint8Array(Math.ceil((values.length * bits) / 8));
        const there = expectTwins(
          [values, packed],
          (k, [at = 0, out = 0]) => k.pack(at, values.length, bits, out),
          shift,
        );
        const back = expectTwins(
          [there.outputs[1] as Uint8Array, new Int8Array(values.length)],
          (k, [at = 0, out = 0]) => k.unpack(at, values.length, bits, out),
          shift,
        );
        expect(back.outputs[1]).toEqual(values);
      }),
      { numRuns: 300 },
    );
  });

  it('masks values that are too wide', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -128, max: 127 }), { maxLength: 130, size: 'max' }), (values) => {
        const masked = (bits: number) => values.map((x) => (x << (32 - bits)) >> (32 - bits));
        expect(pack(values, 4)).toBe(pack(masked(4), 4));
        expect(pack(values, 2)).toBe(pack(masked(2), 2));
      }),
    );
  });

  it('puts the first value into the low bits, through the ends of rows, and pads with zeros', () => {
    expect(pack([1, 2, 3, -8, 7], 4)).toBe('218307');
    expect(pack([-1], 4)).toBe('0f');
    expect(pack([1, -2, 0, -1, 1], 2)).toBe('c901');
    expect(pack([7, -7, 1, 4, -6, 7], 4)).toBe('97417a');
    expect(pack([1, -2, 3, -7, 7, 0, -5, 1], 4)).toBe('e193071b');
    expect(pack([0, 0, 0, -1, 1, 0, -1, 0], 2)).toBe('c031');
  });
});
