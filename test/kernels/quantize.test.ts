import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { IntegerLimits, IntegerType } from '../../kernels/index.ts';
import { expectTwins, floats, shifts, tensors } from './twins.ts';

const CONTAINERS = { 8: Int8Array, 16: Int16Array, 32: Int32Array } as const;
const INT8 = { bits: 8, least: -128, greatest: 127 } as const;
const INT8_NARROW = { bits: 8, least: -127, greatest: 127 } as const;
const INT16_NARROW = { bits: 16, least: -32767, greatest: 32767 } as const;
const INT32 = { bits: 32, least: -2147483647, greatest: 2147483647 } as const;

/** Quantizes as both implementations do, one scale a channel. */
function quantize(values: number[], scales: number[], zeroPoints: number[], limits: IntegerLimits, inner?: number) {
  const channels = scales.length;
  const each = inner ?? values.length / channels;
  const extent = { outer: values.length / (channels * each), channels, inner: each };
  const { outputs } = expectTwins(
    [
      Float32Array.from(values),
      Float32Array.from(scales),
      Int32Array.from(zeroPoints),
      new CONTAINERS[limits.bits](values.length),
    ],
    (k, [source = 0, scale = 0, zero = 0, target = 0]) => k.quantize(source, extent, scale, zero, limits, target),
  );
  return [...(outputs[3] ?? [])];
}

describe('quantize', () => {
  it('gives the same bits as its twin', () => {
    const limits = fc.constantFrom<IntegerLimits>(
      INT8,
      INT8_NARROW,
      { bits: 8, least: -8, greatest: 7 },
      { bits: 8, least: 0, greatest: 255 },
      INT16_NARROW,
      { bits: 16, least: -32768, greatest: 32767 },
      { bits: 16, least: 0, greatest: 65535 },
      INT32,
    );
    fc.assert(
      fc.property(tensors, limits, shifts, ({ extent, values, scales, zeroPoints }, limit, shift) => {
        const target = new CONTAINERS[limit.bits](values.length);
        expectTwins(
          [values, scales, zeroPoints, target],
          (k, [at = 0, scale = 0, zero = 0, out = 0]) => k.quantize(at, extent, scale, zero, limit, out),
          shift,
        );
      }),
      { numRuns: 800 },
    );
  });

  it('rounds half to even and clips', () => {
    const values = [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 127.5, -128.5, 1000, -1000];
    expect(quantize(values, [1], [0], INT8_NARROW)).toEqual([0, 2, 2, 0, -2, -2, 127, -127, 127, -127]);
    expect(quantize(values, [1], [0], INT8)).toEqual([0, 2, 2, 0, -2, -2, 127, -128, 127, -128]);
  });

  it('takes a scale and a zero point a channel', () => {
    const weights = [0.1, -0.25, 0.5, -1, 0.03, 0, -0.02, 0.005];
    const scales = (steps: number) => [1, 0.03].map((bound) => Math.fround(Math.fround(bound) / steps));
    expect(quantize(weights, scales(127), [0, 0], INT8_NARROW)).toEqual([13, -32, 64, -127, 127, 0, -85, 21]);
    const int4 = { bits: 8, least: -8, greatest: 7 } as const;
    expect(quantize(weights, scales(7), [0, 0], int4)).toEqual([1, -2, 3, -7, 7, 0, -5, 1]);
    const asymmetric = [Math.fround(1.5 / 255), Math.fround(Math.fround(Math.fround(0.03) + Math.fround(0.02)) / 255)];
    expect(quantize(weights, asymmetric, [42, -26], INT8)).toEqual([59, 0, 127, -128, 127, -26, -128, 0]);
    const depthwise = [Math.fround(3 / 127), Math.fround(4 / 127)];
    expect(quantize([1, 2, -3, 4], depthwise, [0, 0], INT8_NARROW, 1)).toEqual([42, 64, -127, 127]);
  });

  it('quantizes in 16 and in 32 bits', () => {
    const scale = Math.fround(Math.fround(3.1) / 32767);
    expect(quantize([-0.3, 0, 1.2, 3.1], [scale], [0], INT16_NARROW)).toEqual([-3171, 0, 12684, 32767]);
    expect(quantize([1e6, -1e6, 100.5], [1e-6], [0], INT32)).toEqual([2147483647, -2147483648, 100500000]);
  });

  it('gives 0 for NaN and the limits for what a zero scale makes infinite', () => {
    expect(quantize([Number.NaN, 1, -1, 0], [0], [0], { bits: 8, least: -8, greatest: 7 })).toEqual([0, 7, -8, 0]);
    expect(quantize([Number.NaN, 1, -1, 0], [Number.NaN], [5], INT8)).toEqual([0, 0, 0, 0]);
    expect(quantize([Number.POSITIVE_INFINITY, 1], [0.5], [1], INT8)).toEqual([127, 3]);
  });

  it('divides: multiplying by the inverse would round some of these otherwise', () => {
    const scale = Math.fround(1 / 49);
    const inverse = Math.fround(1 / scale);
    const values = Array.from({ length: 400 }, (_, i) => Math.fround((i - 200.5) * scale));
    const codes = quantize(values, [scale], [0], INT16_NARROW);
    const divided = values.map((x) => Math.fround(x / scale));
    expect(divided.some((t, i) => t !== Math.fround((values[i] as number) * inverse))).toBe(true);
    codes.forEach((code, i) => {
      expect(Math.abs(code - (divided[i] as number))).toBeLessThanOrEqual(0.5);
    });
  });
});

describe('dequantize', () => {
  const scale = fc.oneof(
    fc.float({ noNaN: true }),
    fc.double({ noNaN: true, min: -1e30, max: 1e30 }),
    fc.constantFrom(2 ** -149, -0, Number.POSITIVE_INFINITY),
  );
  it('gives the same bits as its twin, through the float32 loop and the double one', () => {
    fc.assert(
      fc.property(
        floats(),
        fc.constantFrom<IntegerType>('int8', 'uint8', 'int16', 'int32'),
        scale,
        fc.oneof(fc.integer({ min: -32768, max: 32767 }), fc.double({ noNaN: true, min: -1e9, max: 1e9 })),
        shifts,
        (noise, type, step, zero, shift) => {
          const source = new Uint8Array(noise.buffer);
          const count = type === 'int32' ? noise.length : type === 'int16' ? noise.length * 2 : noise.length * 4;
          const target = new Float32Array(count);
          // An infinite scale makes NaN of zero, whose sign nobody fixes.
          const fixed = Number.isFinite(step) ? zero : 100_000;
          expectTwins(
            [source, target],
            (k, [at = 0, out = 0]) => k.dequantize(at, type, count, step, fixed, out),
            shift,
          );
        },
      ),
      { numRuns: 500 },
    );
  });

  it('computes (q - zero point) * scale in double', () => {
    const source = Int32Array.of(2147483647, -2147483648, 16777217);
    const scale = 0.1;
    const { outputs } = expectTwins([source, new Float32Array(3)], (k, [at = 0, out = 0]) =>
      k.dequantize(at, 'int32', 3, scale, 1, out),
    );
    expect([...(outputs[1] ?? [])]).toEqual([...source].map((q) => Math.fround((q - 1) * scale)));
  });

  it('is within half a step of what was quantized', () => {
    fc.assert(
      fc.property(
        fc.array(fc.float({ min: -10, max: 10, noNaN: true }), { minLength: 1, maxLength: 40, size: 'max' }),
        fc.float({ min: Math.fround(0.08), max: 1, noNaN: true }),
        (values, step) => {
          const codes = Int8Array.from(quantize(values, [step], [0], INT8));
          const { outputs } = expectTwins([codes, new Float32Array(codes.length)], (k, [at = 0, out = 0]) =>
            k.dequantize(at, 'int8', codes.length, step, 0, out),
          );
          values.forEach((x, i) => {
            if (Math.abs(x) > 127 * step) return;
            // Half a step and the rounding of a quotient of at most 127 in float32.
            expect(Math.abs(x - (outputs[1]?.[i] as number))).toBeLessThanOrEqual(step * (0.5 + 2 ** -16));
          });
        },
      ),
    );
  });
});
