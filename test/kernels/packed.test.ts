import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { roundHalfEven } from '../../kernels/index.ts';
import { expectTwins, randomNumbers, shifts, tensors } from './twins.ts';

/** Codes of one channel, packed, by both implementations. */
function pack(values: ArrayLike<number>, scale: number): string {
  const source = Float32Array.from(values);
  const extent = { outer: 1, channels: 1, inner: source.length };
  const { outputs } = expectTwins(
    [source, Float32Array.of(scale), new Uint8Array(source.length / 2)],
    (k, [at = 0, scales = 0, out = 0]) => k.quantizePacked(at, extent, scales, out),
  );
  return Buffer.from(outputs[2] as Uint8Array).toString('hex');
}

/** The float32 so many steps further from zero. */
function steps(x: number, count: number): number {
  const bits = new Int32Array(Float32Array.of(x).buffer);
  bits[0] = (bits[0] as number) + count;
  return new Float32Array(bits.buffer)[0] as number;
}

describe('quantizePacked', () => {
  it('gives the same bits as its twin', () => {
    const even = tensors.filter(({ extent }) => extent.inner % 2 === 0);
    fc.assert(
      fc.property(even, shifts, ({ extent, values, scales }, shift) => {
        expectTwins(
          [values, scales, new Uint8Array(values.length / 2)],
          (k, [at = 0, scale = 0, out = 0]) => k.quantizePacked(at, extent, scale, out),
          shift,
        );
      }),
      { numRuns: 800 },
    );
  });

  it('rounds half to even, clips, and puts the first value into the low half', () => {
    const some = [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 7.4, 100, -8.5, -100, 3, -3];
    expect(pack(some, 1)).toBe('2002ee7788d3');
    expect(pack([...some, ...new Array<number>(20).fill(1)], 1)).toBe(`2002ee7788d3${'11'.repeat(10)}`);
  });

  it('gives 0 for NaN of either sign among others, and the limits for infinities', () => {
    const values = new Float32Array(32).fill(2);
    new Uint32Array(values.buffer).set([0x7fc00000, 0xffc00000, 0x7f800001, 0xffffffff]);
    values.set([Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY], 6);
    expect(pack(values, 1)).toBe(`00002287${'22'.repeat(12)}`);
  });

  it('divides where the inverse of the scale may round otherwise', () => {
    const random = randomNumbers(7);
    const floats = new Float32Array(32);
    let otherwise = 0;
    for (let run = 0; run < 3000; run += 1) {
      const scale = Math.fround(2 ** (60 * random() - 30));
      for (let i = 0; i < 32; i += 1) {
        const middle = Math.floor(17 * random()) - 8.5;
        const near = steps(Math.fround(middle * scale), Math.floor(7 * random()) - 3);
        // One next to a middle, the others anywhere.
        floats[i] = i === run % 32 ? near : Math.fround((15 * random() - 7.5) * scale);
      }
      const x = floats[run % 32] as number;
      const product = Math.fround(x * Math.fround(1 / scale));
      if (roundHalfEven(product) !== roundHalfEven(Math.fround(x / scale))) otherwise += 1;
      pack(floats, scale);
    }
    expect(otherwise).toBeGreaterThan(30);
  });

  it.each([2 ** -149, 2 ** -127, 2 ** -126, 2 ** 125, 2 ** 126, 1.5 * 2 ** 127])(
    'is right for the scale %f',
    (scale) => {
      const values = Float32Array.from({ length: 64 }, (_, i) => (i / 4 - 8) * scale);
      pack(values, scale);
      pack(
        values.map((x, i) => steps(x, (i % 5) - 2)),
        scale,
      );
    },
  );
});

describe('ranges or scales with codes', () => {
  const even = tensors.filter(({ extent }) => extent.inner > 0 && extent.inner % 2 === 0 && extent.outer === 1);

  it('are those of channels that the twin gives', () => {
    fc.assert(
      fc.property(even, shifts, ({ extent, values }, shift) => {
        const room = () => new Float32Array(extent.channels);
        expectTwins(
          [values, room(), room(), room(), new Uint8Array(values.length / 2)],
          (k, [at = 0, mins = 0, maxs = 0, scales = 0, out = 0]) =>
            k.quantizeChannelsPacked(at, extent, { mins, maxs, scales }, out),
          shift,
        );
      }),
      { numRuns: 500 },
    );
  });

  it.each([true, false])('are those of blocks that the twin gives, limited: %s', (limited) => {
    fc.assert(
      fc.property(even, shifts, ({ extent, values }, shift) => {
        expectTwins(
          [values, new Float32Array(extent.channels), new Uint8Array(values.length / 2)],
          (k, [at = 0, scales = 0, out = 0]) => k.quantizeBlocksPacked(at, extent, limited, scales, out),
          shift,
        );
      }),
      { numRuns: 500 },
    );
  });

  it('are right for more blocks than are taken at once', () => {
    const random = randomNumbers(3);
    const values = Float32Array.from({ length: 300 * 32 }, () => random() - 0.5);
    const { outputs } = expectTwins(
      [values, new Float32Array(300), new Uint8Array(150 * 32)],
      (k, [at = 0, scales = 0, out = 0]) => k.quantizeBlocksPacked(at, { channels: 300, inner: 32 }, true, scales, out),
    );
    expect((outputs[1] as Float32Array).every((scale) => scale > 0.03 && scale < 0.08)).toBe(true);
  });
});
