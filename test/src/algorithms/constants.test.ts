import { describe, expect, it } from 'vitest';
import { bytesConstant, type Constant } from '../../../schema/constant.ts';
import { codesAsFloats, float16Constant, quantizedConstant } from '../../../src/algorithms/constants.ts';
import { constantOfOrigin } from '../../../src/algorithms/derivations.ts';
import { extentOfAxis } from '../../../src/algorithms/extent.ts';
import { randomFloats } from '../../support/model-builder.ts';

/** More than one chunk, and no multiple of anything. */
const SHAPE = [7, 61, 1201];
const COUNT = 7 * 61 * 1201;
const values = randomFloats(COUNT, 5);
const source = bytesConstant(new Uint8Array(values.buffer));

const numbers = (bits: number, channels: number) => ({
  bits,
  symmetric: bits < 8,
  unsigned: false,
  scales: Float64Array.from({ length: channels }, (_, i) => Math.fround((1 + (i % 5)) / 2 ** (bits - 1))),
  zeroPoints: Float64Array.from({ length: channels }, (_, i) => (bits < 8 ? 0 : i % 3)),
});

const cases: [string, (source: Constant) => Constant][] = [2, 4, 8, 16].flatMap((bits) =>
  ([undefined, 0, 1, 2] as const).map((axis): [string, (source: Constant) => Constant] => {
    const extent = extentOfAxis(SHAPE, axis);
    const parameters = { ...numbers(bits, extent.channels), carrier: 'float32' as const };
    return [`int${bits} along ${axis ?? 'nothing'}`, (from) => quantizedConstant(from, extent, parameters)];
  }),
);
cases.push(['float16', float16Constant]);
const double = { ...numbers(8, 7), carrier: 'float64' as const };
cases.push(['int8 in double', (from) => quantizedConstant(from, extentOfAxis(SHAPE, 0), double)]);

describe.each(cases)('a constant derived as %s', (_, derive) => {
  const constant = derive(source);
  const whole = constant.read();

  it('gives the same bytes in any pieces', () => {
    const { sizeBytes } = constant;
    for (const [start, end] of [
      [0, 1],
      [1, 2],
      [3, 1002],
      [sizeBytes - 5, sizeBytes],
      [sizeBytes / 3, (2 * sizeBytes) / 3].map(Math.floor) as [number, number],
    ] as const) {
      expect(Buffer.compare(constant.read(start, end), whole.subarray(start, end)), `${start} to ${end}`).toBe(0);
      const joined = [...(constant.pieces?.(start, end) ?? [])].map((piece) => piece.slice());
      expect(Buffer.concat(joined).equals(whole.subarray(start, end)), `pieces of ${start} to ${end}`).toBe(true);
    }
  });

  it('is made again from its origin', () => {
    const origin = { kind: 'file', descriptor: 7, offset: 3, sizeBytes: source.sizeBytes } as const;
    const sent = structuredClone(derive({ ...source, origin }).origin);
    if (!sent) throw new Error('the constant has no origin');
    const again = constantOfOrigin(sent, (file) => {
      expect(file).toEqual(origin);
      return source;
    });
    expect(Buffer.from(again.read()).equals(whole)).toBe(true);
    expect(constant.origin).toBeUndefined();
  });
});

describe('derived constants', () => {
  it('follow the formula, element by element', () => {
    const extent = extentOfAxis(SHAPE, 1);
    const parameters = { ...numbers(8, 61), carrier: 'float32' as const };
    const codes = new Int8Array(quantizedConstant(source, extent, parameters).read().buffer);
    for (let i = 0; i < COUNT; i += 997) {
      const channel = Math.floor(i / 1201) % 61;
      const scaled = Math.fround(Math.fround((values[i] as number) / (parameters.scales[channel] as number)));
      const exact = scaled + (parameters.zeroPoints[channel] as number);
      expect(Math.abs((codes[i] as number) - exact)).toBeLessThanOrEqual(0.5001);
    }
  });

  it('can be derived from derived ones', () => {
    const codes = bytesConstant(new Uint8Array(Int8Array.from({ length: 3000 }, (_, i) => (i % 255) - 127).buffer));
    const floats = codesAsFloats(codes);
    const scale = { ...numbers(8, 1), scales: Float64Array.of(1), carrier: 'float32' as const };
    const back = quantizedConstant(floats, extentOfAxis([3000], undefined), scale);
    expect(back.read(5, 2999)).toEqual(codes.read(5, 2999));
  });
});
