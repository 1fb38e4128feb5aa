import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  float16Bits,
  float16Value,
  roundHalfEven,
  roundToBfloat16,
  roundToBlockScale,
  roundToFloat16,
} from '../../kernels/index.ts';
import { expectTwins, floats, shifts } from './twins.ts';

const ALL_HALVES = Int16Array.from({ length: 2 ** 13 }, (_, i) => i);

describe('float16', () => {
  it('rounds like its twin', () => {
    fc.assert(
      fc.property(floats(), shifts, (values, shift) => {
        const target = new Int16Array(values.length);
        expectTwins([values, target], (k, [at = 0, out = 0]) => k.toFloat16(at, values.length, out), shift);
      }),
      { numRuns: 800 },
    );
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7])('every half comes back from float32 (part %i)', (part) => {
    const halves = ALL_HALVES.map((i) => i + part * 2 ** 13);
    const count = halves.length;
    const wide = expectTwins([halves, new Float32Array(count)], (k, [at = 0, out = 0]) =>
      k.fromFloat16(at, count, out),
    );
    const floats32 = wide.outputs[1] as Float32Array;
    const back = expectTwins([floats32, new Int16Array(count)], (k, [at = 0, out = 0]) => k.toFloat16(at, count, out));
    const quiet = (h: number) => ((h & 0x7fff) > 0x7c00 ? h | 0x200 : h);
    expect(back.outputs[1]).toEqual(halves.map(quiet));
    floats32.forEach((x, i) => {
      if (!Number.isNaN(x)) expect(float16Value((halves[i] as number) & 0xffff)).toBe(x);
    });
  });

  it('reads an odd number of halves at an odd place', () => {
    const source = Int16Array.of(0x3c00, 0xc000 - 65536, 1, 0x3ff, 0x7c00, 0x7e00, 0x7bff);
    for (let count = 0; count <= source.length; count += 1) {
      for (let shift = 0; shift < 4; shift += 1) {
        expectTwins(
          [new Uint8Array(), source, new Float32Array(count)],
          (k, [, at = 0, out = 0]) => k.fromFloat16(at, count, out),
          shift,
        );
      }
    }
  });

  it('gives the nearest half, the even one of two', () => {
    fc.assert(
      fc.property(fc.float({ min: -65504, max: 65504, noNaN: true }), (x) => {
        const bits = float16Bits(x);
        const distance = (h: number) => Math.abs(float16Value(h) - x);
        const magnitude = bits & 0x7fff;
        for (const other of [magnitude - 1, magnitude + 1]) {
          if (other < 0 || other >= 0x7c00) continue;
          const neighbour = (bits & 0x8000) | other;
          expect(distance(bits)).toBeLessThanOrEqual(distance(neighbour));
          if (distance(bits) === distance(neighbour)) expect(magnitude % 2).toBe(0);
        }
      }),
      { numRuns: 1000 },
    );
  });

  it.each([
    [65504, 0x7bff],
    [65519.996, 0x7bff],
    [65520, 0x7c00],
    [-1e9, 0xfc00],
    [2 ** -24, 1],
    [2 ** -25, 0],
    [1.5 * 2 ** -24, 2],
    [-0, 0x8000],
    [Number.NaN, 0x7e00],
  ])('%d has the bits %i', (value, bits) => {
    expect(float16Bits(value)).toBe(bits);
  });
});

describe('rounding of single values', () => {
  it('to bfloat16, half to even', () => {
    expect(roundToBfloat16(1 + 2 ** -8)).toBe(1);
    expect(roundToBfloat16(1 + 3 * 2 ** -8)).toBe(1 + 2 ** -6);
    expect(roundToBfloat16(3.4e38)).toBe(Number.POSITIVE_INFINITY);
    expect(roundToBfloat16(Number.NaN)).toBeNaN();
    expect(roundToBfloat16(-0.1)).toBe(-0.10009765625);
  });

  it('to float16', () => {
    expect(roundToFloat16(0.1)).toBe(0.0999755859375);
    expect(roundToFloat16(1e-8)).toBe(0);
  });

  // Greatest magnitude of a block of int4 weights, and the scale that is stored for it.
  it.each([
    [1, 0.142578125],
    [2, 0.28515625],
    [0.3, 0.04296875],
    [1e-6, 1.1920928955078125e-7],
    [1e-10, 0],
    [1e9, Number.POSITIVE_INFINITY],
  ])('to the scale of a block whose greatest value is %d', (most, scale) => {
    expect(roundToBlockScale(Math.fround(Math.fround(most) / 7))).toBe(scale);
  });

  it('stores block scales as float16', () => {
    const stored = [1, 0.013].map((most) => float16Bits(roundToBlockScale(Math.fround(Math.fround(most) / 7))));
    expect(Buffer.from(Uint16Array.from(stored).buffer).toString('hex')).toBe('90309817');
  });

  it('half to even', () => {
    const rounded = [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49999999999999994].map((x) => roundHalfEven(x) + 0);
    expect(rounded).toEqual([0, 2, 2, 0, -2, -2, 0]);
    expect(roundHalfEven(2 ** 53 + 2)).toBe(2 ** 53 + 2);
    expect(roundHalfEven(Number.NEGATIVE_INFINITY)).toBe(Number.NEGATIVE_INFINITY);
    expect(roundHalfEven(Number.NaN)).toBeNaN();
  });
});
