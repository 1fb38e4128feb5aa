import fc from 'fast-check';
import { expect } from 'vitest';
import { type ChannelExtent, instantiateKernels, type Kernels, plainKernels } from '../../kernels/index.ts';

const MEMORY_BYTES = 3 * 65536;
const GUARD = 0xa5;
const ALIGNMENT = 16;

/** The SIMD kernels and their twin, each over a memory of its own. */
export const implementations = [instantiateKernels, plainKernels].map((make) =>
  make(new WebAssembly.Memory({ initial: MEMORY_BYTES / 65536 })),
) as [Kernels, Kernels];

/** A typed array that a kernel reads or writes; where it lies is decided when it is placed. */
export type Values =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | Float32Array
  | Float64Array;

/**
 * Puts the arrays into both memories, the rest filled with a guard, runs the kernel with their addresses and expects
 * equal results and equal memories. The twin works on views of exactly the arrays, so a byte that the SIMD kernel writes
 * anywhere else shows. `shift` moves each array off its alignment by so many elements; the first array ends where the
 * memory ends, so that reading past it traps.
 */
export function expectTwins<T>(
  arrays: readonly Values[],
  run: (kernels: Kernels, addresses: readonly number[]) => T,
  shift = 0,
): { result: T; outputs: Values[] } {
  const addresses = place(arrays, shift);
  const results = implementations.map((kernels) => {
    new Uint8Array(kernels.memory.buffer).fill(GUARD);
    arrays.forEach((array, i) => {
      viewLike(array, kernels.memory, addresses[i] as number).set(array);
    });
    return run(kernels, addresses);
  });
  const [simd, plain] = implementations.map(({ memory }) => Buffer.from(memory.buffer)) as [Buffer, Buffer];
  expect(results[0]).toEqual(results[1]);
  expect(Buffer.compare(simd, plain)).toBe(0);
  const outputs = arrays.map((array, i) => viewLike(array, implementations[0].memory, addresses[i] as number).slice());
  return { result: results[0] as T, outputs };
}

function place(arrays: readonly Values[], shift: number): number[] {
  let next = ALIGNMENT;
  const addresses = arrays.map((array, i) => {
    if (i === 0) return MEMORY_BYTES - array.byteLength;
    const address = next + shift * array.BYTES_PER_ELEMENT;
    next = Math.ceil((address + array.byteLength + 1) / ALIGNMENT) * ALIGNMENT;
    return address;
  });
  expect(next).toBeLessThanOrEqual(addresses[0] ?? 0);
  return addresses;
}

function viewLike(array: Values, memory: WebAssembly.Memory, address: number): Values {
  const Type = array.constructor as new (buffer: ArrayBuffer, address: number, length: number) => Values;
  return new Type(memory.buffer, address, array.length);
}

/** The float32 values of bits; as an array, because a NaN's payload may not survive being a number. */
export const floatsOf = (bits: ArrayLike<number>) => new Float32Array(Uint32Array.from(bits).buffer);

/** NaN of several payloads and signs, infinities, zeros, denormals, the edges of filters and of float16. */
const SPECIAL = [
  0x7fc00000, 0xffc12345, 0x7f800001, 0xffffffff, 0x7f800000, 0xff800000, 0, 0x80000000, 1, 0x80000001, 0x807fffff,
  0x7f61b1e6, 0xff61b1e6, 0x7f61b1e5, 0xff61b1e5, 0x7f7fffff, 0xff7fffff, 0x477fefff, 0x477ff000, 0x33000000,
];

/** Bits of float32 values: mostly ordinary, some of any bits, some special; some arrays ordinary throughout. */
const ordinary = fc
  .float({ min: -100, max: 100, noNaN: true })
  .map((x) => new Uint32Array(Float32Array.of(x).buffer)[0]);
const bits = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(...SPECIAL) },
  { weight: 3, arbitrary: fc.integer({ min: 0, max: 0xffffffff }) },
  { weight: 6, arbitrary: ordinary as fc.Arbitrary<number> },
);

/** Float32 arrays of 0 to 67 elements (or of other lengths). Without a size, long arrays are hardly ever made. */
export const floats = ({ minLength = 0, maxLength = 67 } = {}) =>
  fc.oneof(
    fc.array(bits, { minLength, maxLength, size: 'max' }).map(floatsOf),
    fc.array(ordinary as fc.Arbitrary<number>, { minLength, maxLength, size: 'max' }).map(floatsOf),
  );

/** Off alignment by up to three elements. */
export const shifts = fc.integer({ min: 0, max: 3 });

/** A tensor as [outer, channels, inner] with a scale and a zero point for each channel. */
export const tensors = fc
  .record({
    outer: fc.integer({ min: 0, max: 4 }),
    channels: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 10, max: 40 })),
    inner: fc.oneof(fc.constantFrom(0, 1, 1), fc.integer({ min: 2, max: 67 })),
  })
  .filter(({ outer, channels, inner }) => outer * channels * inner <= 600)
  .chain((extent: ChannelExtent) => {
    const { channels } = extent;
    const count = extent.outer * channels * extent.inner;
    const scale = fc.oneof(
      { weight: 4, arbitrary: fc.float({ min: Math.fround(1e-8), max: 10, noNaN: true }) },
      { weight: 1, arbitrary: fc.constantFrom(0, Number.NaN, Number.POSITIVE_INFINITY, 2 ** -149) },
    );
    return fc.record({
      extent: fc.constant(extent),
      values: floats({ minLength: count, maxLength: count }),
      scales: fc.array(scale, { minLength: channels, maxLength: channels }).map((x) => Float32Array.from(x)),
      zeroPoints: fc
        .array(fc.integer({ min: -128, max: 255 }), { minLength: channels, maxLength: channels })
        .map((x) => Int32Array.from(x)),
    });
  });

/** Seeded numbers between 0 and 1 for arrays too long to generate one by one. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
