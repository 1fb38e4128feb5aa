import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  expectTwins,
  floats,
  floatsOf,
  type implementations,
  randomNumbers,
  shifts,
  tensors,
  type Values,
} from './twins.ts';

describe('rangeFloat32', () => {
  it('gives the same bits as its twin', () => {
    fc.assert(
      fc.property(floats(), shifts, (values, shift) => {
        // Behind the first array, so that the shift applies.
        expectTwins([new Uint8Array(), values], (k, [, at = 0]) => k.rangeFloat32(at, values.length), shift);
        expectTwins([values], (k, [at = 0]) => k.rangeFloat32(at, values.length));
      }),
      { numRuns: 500 },
    );
  });

  const { NaN: nan, POSITIVE_INFINITY: inf, NEGATIVE_INFINITY: ninf } = Number;
  it.each([
    { values: [1, nan], range: [1, 1] },
    { values: [nan, nan], range: [nan, nan] },
    { values: [inf, 1], range: [1, 1] },
    { values: [ninf, 1], range: [1, 1] },
    { values: [inf, inf], range: [inf, inf] },
    { values: [ninf, inf], range: [ninf, inf] },
    { values: [3.2e38, 1], range: [1, 1] },
    { values: [-3e38, 1], range: [1, 1] },
    { values: [3.2e38, 3.3e38], range: [3.2e38, 3.3e38] },
    { values: [nan, inf], range: [nan, nan] },
    { values: [0, -0], range: [-0, 0] },
    { values: [-0, -0], range: [-0, -0] },
    { values: [-3, -2], range: [-3, -2] },
    { values: [], range: [inf, ninf] },
  ])('%o', ({ values, range }) => {
    const array = Float32Array.from(values);
    const { result } = expectTwins([array], (k, [at = 0]) => k.rangeFloat32(at, array.length));
    expect([result.min, result.max]).toEqual(range.map(Math.fround));
  });

  // More values than are looked at piece by piece, of one sign at first, with something else at a place of its own.
  it.each([0.5, -0.5])('sees a value anywhere among many of one sign: %s', (sign) => {
    const random = randomNumbers(5);
    const ordinary = Float32Array.from({ length: 20_003 }, () => sign * (1 + random()));
    for (const odd of [undefined, 0, -0, 0.25, -0.25, 9, -9, nan, inf, ninf, 3.2e38, -3.2e38]) {
      for (const place of [0, 4095, 4096, 11_111, 20_002]) {
        const values = ordinary.slice();
        if (odd !== undefined) values[place] = odd;
        expectTwins([values], (k, [at = 0]) => k.rangeFloat32(at, values.length));
        expectTwins([values, new Uint32Array(2 ** 9)], (k, [at = 0, table = 0]) =>
          k.surveyFloat32(at, values.length, table, 0, 3),
        );
      }
    }
  });

  it('counts NaN and infinities', () => {
    const array = floatsOf([0x7fc00000, 0xffc00001, 0x7f800001, 0x7f800000, 0xff800000, 0x3f800000, 0x40000000]);
    const { result } = expectTwins([array], (k, [at = 0]) => k.rangeFloat32(at, array.length));
    expect(result).toEqual({ min: 1, max: 2, nanCount: 3, infiniteCount: 2 });
  });
});

describe('rangeInteger', () => {
  it.each([
    { bits: 8, signed: true, Type: Int8Array },
    { bits: 8, signed: false, Type: Uint8Array },
    { bits: 16, signed: true, Type: Int16Array },
    { bits: 16, signed: false, Type: Int16Array },
    { bits: 32, signed: true, Type: Int32Array },
    { bits: 32, signed: false, Type: Uint32Array },
  ] as const)('$bits bits, signed: $signed', ({ bits, signed, Type }) => {
    const integers = fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), {
      minLength: 1,
      maxLength: 67,
      size: 'max',
    });
    fc.assert(
      fc.property(integers, shifts, (numbers, shift) => {
        const values = Type.from(numbers);
        const run = (at: number) => (kernels: (typeof implementations)[0]) =>
          kernels.rangeInteger(at, values.length, bits, signed);
        const { result } = expectTwins<{ min: number; max: number }>(
          [new Uint8Array(), values],
          (k, [, at = 0]) => run(at)(k),
          shift,
        );
        const wrapped = numbers.map((x) =>
          signed ? (x << (32 - bits)) >> (32 - bits) : (x << (32 - bits)) >>> (32 - bits),
        );
        expect(result).toEqual({ min: Math.min(...wrapped), max: Math.max(...wrapped) });
        expectTwins([values], (k, [at = 0]) => run(at)(k));
      }),
    );
  });
});

describe('rangePerChannel', () => {
  it('gives the same bits as its twin, NaN winning', () => {
    fc.assert(
      fc.property(tensors, fc.boolean(), shifts, ({ extent, values }, merge, shift) => {
        const mins = new Float32Array(extent.channels).fill(-3);
        const maxs = new Float32Array(extent.channels).fill(3);
        const { outputs } = expectTwins(
          [values, mins, maxs],
          (k, [at = 0, low = 0, high = 0]) => k.rangePerChannel(at, extent, low, high, merge),
          shift,
        );
        for (let c = 0; c < extent.channels; c += 1) {
          const channel = [...values].filter((_, i) => Math.floor(i / extent.inner) % extent.channels === c);
          expect(outputs[1]?.[c]).toBe(Math.min(merge ? -3 : Number.POSITIVE_INFINITY, ...channel));
          expect(outputs[2]?.[c]).toBe(Math.max(merge ? 3 : Number.NEGATIVE_INFINITY, ...channel));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('in chunks that are merged is the same as at once', () => {
    const random = randomNumbers(7);
    const values = Float32Array.from({ length: 6 * 50 }, () => random() - 0.5);
    const whole = { outer: 1, channels: 6, inner: 50 };
    const results = [[50], [13, 20, 17]].map((pieces) => {
      const outputs: Values[] = [new Float32Array(6), new Float32Array(6)];
      let start = 0;
      for (const [n, inner] of pieces.entries()) {
        const part = Float32Array.from({ length: 6 * inner }, (_, i) => {
          return values[Math.floor(i / inner) * 50 + start + (i % inner)] as number;
        });
        const run = expectTwins([part, outputs[0] as Values, outputs[1] as Values], (k, [at = 0, low = 0, high = 0]) =>
          k.rangePerChannel(at, { ...whole, inner }, low, high, n > 0),
        );
        outputs.splice(0, 2, ...run.outputs.slice(1));
        start += inner;
      }
      return outputs;
    });
    expect(results[0]).toEqual(results[1]);
  });
});
