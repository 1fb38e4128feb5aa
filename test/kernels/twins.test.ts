import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ChannelExtent, instantiateKernels, type Kernels, plainKernels } from '../../kernels/index.ts';

/** Bits of float32 values that matter: NaN of two payloads, infinities, zeros, denormals, the filters' edges, ordinary. */
const SPECIAL = [0x7fc00000, 0xffc12345, 0x7f800000, 0xff800000, 0, 0x80000000, 1, 0x80000001, 0x7f61b1e6, 0xff61b1e6];
const float32 = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(...SPECIAL) },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 0xffffffff }) },
  { weight: 6, arbitrary: fc.float({ min: -100, max: 100, noNaN: true }).map(bitsOf) },
);
const floats = (minLength = 0) => fc.array(float32, { minLength, maxLength: 67 });
const BASE = 1024;
const AREA = 4096;
const GUARD = 0xa5;

function bitsOf(value: number): number {
  return new Uint32Array(new Float32Array([value]).buffer)[0] as number;
}

/** Runs a kernel of both kinds on equal memories and gives both memories back, result first. */
function both<T>(fill: (memory: DataView) => void, run: (kernels: Kernels) => T) {
  const [simd, plain] = [instantiateKernels, plainKernels].map((make) => {
    const memory = new WebAssembly.Memory({ initial: 2 });
    new Uint8Array(memory.buffer).fill(GUARD);
    fill(new DataView(memory.buffer));
    const result = run(make(memory));
    return { result, bytes: new Uint8Array(memory.buffer) };
  });
  return { simd, plain } as { simd: { result: T; bytes: Uint8Array }; plain: { result: T; bytes: Uint8Array } };
}

/** Nothing outside the target changed, and both kinds wrote the same bytes. */
function expectTwins<T>({ simd, plain }: ReturnType<typeof both<T>>): void {
  expect(simd.result).toEqual(plain.result);
  expect(Buffer.compare(simd.bytes, plain.bytes)).toBe(0);
}

const put = (view: DataView, address: number, bits: readonly number[]) =>
  bits.forEach((value, i) => void view.setUint32(address + 4 * i, value, true));

const extents = fc
  .record({
    outer: fc.integer({ min: 1, max: 5 }),
    channels: fc.integer({ min: 1, max: 9 }),
    inner: fc.integer({ min: 1, max: 37 }),
  })
  .filter(({ outer, channels, inner }) => outer * channels * inner <= 400);

const tensors = extents.chain((extent) => {
  const count = extent.outer * extent.channels * extent.inner;
  return fc.record({
    extent: fc.constant<ChannelExtent>(extent),
    bits: fc.array(float32, { minLength: count, maxLength: count }),
    scales: fc.array(
      fc.oneof(
        fc.float({ min: Math.fround(1e-8), max: 10, noNaN: true }),
        fc.constantFrom(0, Number.NaN, Number.POSITIVE_INFINITY),
      ),
      {
        minLength: extent.channels,
        maxLength: extent.channels,
      },
    ),
    zeroPoints: fc.array(fc.integer({ min: -128, max: 127 }), {
      minLength: extent.channels,
      maxLength: extent.channels,
    }),
  });
});

describe('SIMD and plain kernels give the same bits', () => {
  it('rangeFloat32', () => {
    fc.assert(
      fc.property(floats(1), fc.integer({ min: 0, max: 3 }), (bits, shift) => {
        const address = BASE + 4 * shift;
        expectTwins(
          both(
            (view) => put(view, address, bits),
            (kernels) => kernels.rangeFloat32(address, bits.length),
          ),
        );
      }),
      { numRuns: 500 },
    );
  });

  it('rangePerChannel', () => {
    fc.assert(
      fc.property(tensors, fc.boolean(), ({ extent, bits }, merge) => {
        expectTwins(
          both(
            (view) => {
              put(view, BASE, bits);
              put(view, AREA * 8, new Array(extent.channels).fill(bitsOf(-3)));
              put(view, AREA * 9, new Array(extent.channels).fill(bitsOf(3)));
            },
            (kernels) => kernels.rangePerChannel(BASE, extent, AREA * 8, AREA * 9, merge),
          ),
        );
      }),
      { numRuns: 300 },
    );
  });

  it('quantize', () => {
    const limits = fc.constantFrom(
      { bits: 8, least: -128, greatest: 127 } as const,
      { bits: 8, least: -7, greatest: 7 } as const,
      { bits: 16, least: -32767, greatest: 32767 } as const,
      { bits: 32, least: -2147483647, greatest: 2147483647 } as const,
    );
    fc.assert(
      fc.property(tensors, limits, ({ extent, bits, scales, zeroPoints }, limit) => {
        expectTwins(
          both(
            (view) => {
              put(view, BASE, bits);
              put(view, AREA * 8, scales.map(bitsOf));
              zeroPoints.forEach((zero, i) => void view.setInt32(AREA * 9 + 4 * i, zero, true));
            },
            (kernels) => kernels.quantize(BASE, extent, AREA * 8, AREA * 9, limit, AREA * 10),
          ),
        );
      }),
      { numRuns: 500 },
    );
  });

  it('dequantize', () => {
    fc.assert(
      fc.property(
        floats(),
        fc.constantFrom('int8', 'uint8', 'int16', 'int32' as const),
        fc.float({ noNaN: true }),
        fc.integer({ min: -32768, max: 32767 }),
        (bits, type, scale, zero) => {
          expectTwins(
            both(
              (view) => put(view, BASE, bits),
              (kernels) => kernels.dequantize(BASE, type, bits.length, scale, zero, AREA * 8),
            ),
          );
        },
      ),
      { numRuns: 300 },
    );
  });

  it('compare', () => {
    const pairs = fc.array(fc.tuple(float32, float32), { maxLength: 67 });
    fc.assert(
      fc.property(pairs, (values) => {
        expectTwins(
          both(
            (view) => {
              put(
                view,
                BASE,
                values.map(([reference]) => reference),
              );
              put(
                view,
                AREA * 4,
                values.map(([, test]) => test),
              );
            },
            (kernels) => kernels.compare(BASE, AREA * 4, values.length),
          ),
        );
      }),
      { numRuns: 500 },
    );
  });

  it('histogramFloat32', () => {
    fc.assert(
      fc.property(floats(), fc.integer({ min: 2, max: 4 }), (bits, mantissaBits) => {
        expectTwins(
          both(
            (view) => {
              put(view, BASE, bits);
              for (let i = 0; i < 2 ** (9 + mantissaBits); i += 1) view.setUint32(AREA * 8 + 4 * i, i % 3, true);
            },
            (kernels) => kernels.histogramFloat32(BASE, bits.length, AREA * 8, mantissaBits),
          ),
        );
      }),
    );
  });

  it('pack and toFloat16', () => {
    const bytes = fc.array(fc.integer({ min: -128, max: 127 }), { maxLength: 70 });
    fc.assert(
      fc.property(bytes, fc.constantFrom(4, 2 as const), (values, bits) => {
        const fill = (view: DataView) => values.forEach((value, i) => void view.setInt8(BASE + i, value));
        expectTwins(both(fill, (kernels) => kernels.pack(BASE, values.length, bits, AREA * 8)));
      }),
    );
    fc.assert(
      fc.property(floats(), (bits) => {
        const fill = (view: DataView) => put(view, BASE, bits);
        expectTwins(both(fill, (kernels) => kernels.toFloat16(BASE, bits.length, AREA * 8)));
      }),
      { numRuns: 500 },
    );
  });
});

describe('the one-sided range filters', () => {
  const { NaN: nan, POSITIVE_INFINITY: inf, NEGATIVE_INFINITY: ninf } = Number;
  it.each([
    [
      [1, nan],
      [1, 1],
    ],
    [
      [nan, nan],
      [nan, nan],
    ],
    [
      [inf, 1],
      [1, 1],
    ],
    [
      [ninf, 1],
      [1, 1],
    ],
    [
      [inf, inf],
      [inf, inf],
    ],
    [
      [ninf, inf],
      [ninf, inf],
    ],
    [
      [3.2e38, 1],
      [1, 1],
    ],
    [
      [-3e38, 1],
      [1, 1],
    ],
    [
      [3.2e38, 3.3e38],
      [3.2e38, 3.3e38],
    ],
    [
      [nan, inf],
      [nan, nan],
    ],
  ])('%j gives %j', (values, [min, max]) => {
    for (const make of [instantiateKernels, plainKernels]) {
      const memory = new WebAssembly.Memory({ initial: 1 });
      new Float32Array(memory.buffer, 64, values.length).set(values);
      const range = make(memory).rangeFloat32(64, values.length);
      expect([range.min, range.max]).toEqual([Math.fround(min as number), Math.fround(max as number)]);
    }
  });
});

it('the module has no data, table or start section', async () => {
  const { KERNELS_BASE64 } = await import('../../kernels/generated/kernels.ts');
  const wasm = Buffer.from(KERNELS_BASE64, 'base64');
  const sections: number[] = [];
  for (let at = 8; at < wasm.length; ) {
    sections.push(wasm[at] as number);
    let size = 0;
    let shift = 0;
    at += 1;
    do size |= ((wasm[at] as number) & 127) << shift;
    while ((shift += 7) && (wasm[at++] as number) & 128);
    at += size;
  }
  expect(sections).not.toContain(4);
  expect(sections).not.toContain(8);
  expect(sections).not.toContain(11);
});
