import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { putVarint, VarintReader } from '../../schema/documents/varint.ts';

describe('numbers in base 128', () => {
  it('come back as they were', () => {
    fc.assert(
      fc.property(fc.array(fc.maxSafeNat()), (numbers) => {
        const bytes = new Uint8Array(8 * numbers.length);
        const end = numbers.reduce((at, number) => putVarint(bytes, at, number), 0);
        const reader = new VarintReader(bytes.subarray(0, end), Number.MAX_SAFE_INTEGER);
        expect(numbers.map(() => reader.next())).toEqual(numbers);
        expect(reader.ended).toBe(true);
      }),
    );
  });

  it.each([
    ['end in the middle of one', [128], 'it ends in the middle of a number'],
    ['hold a larger one than there may be', [129, 1], 'a number in it is too large'],
    ['hold more digits than a number has', [...new Array(200).fill(128), 0], 'a number in it is too large'],
  ])('are refused where bytes %s', (_, bytes, message) => {
    expect(() => new VarintReader(Uint8Array.from(bytes), 128).next()).toThrow(new RangeError(message));
  });
});
