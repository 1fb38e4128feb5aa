import { float16ToFloat32Bits, float32ToFloat16Bits, roundHalfEven } from './float16.ts';
import {
  type ChannelExtent,
  ERROR_SUMS,
  type FloatRange,
  type IntegerLimits,
  type IntegerType,
  type Kernels,
  PAGE_WORDS,
  RATIO_BINS,
  TILE,
} from './kernels.ts';
import { compare, compareChannels, countOutside, countRatios, rowElements, takeCounts } from './plain-differences.ts';
import { addPages, histogram, surveyed, takePages } from './plain-histogram.ts';
import { addProducts, blockScales, clipBounds, LEAST_BOUND, rotate, sumSquares } from './plain-weights.ts';

const { fround } = Math;
const LOW = fround(-3e38);
const HIGH = fround(3e38);

/** The kernels in plain TypeScript: the definition of what the SIMD twin must give, bit for bit. */
export function plainKernels(memory: WebAssembly.Memory): Kernels {
  return {
    memory,
    rangeFloat32: (address, count) => rangeFloat32(new Float32Array(memory.buffer, address, count)),
    rangeInteger: (address, count, bits, signed) => rangeInteger(integers(memory, address, count, bits, signed)),
    rangePerChannel: (address, extent, minAddress, maxAddress, merge) =>
      rangePerChannel(
        new Float32Array(memory.buffer, address, elements(extent)),
        extent,
        new Float32Array(memory.buffer, minAddress, extent.channels),
        new Float32Array(memory.buffer, maxAddress, extent.channels),
        merge,
      ),
    quantize: (source, extent, scaleAddress, zeroPointAddress, limits, target) =>
      quantize(
        new Float32Array(memory.buffer, source, elements(extent)),
        extent,
        new Float32Array(memory.buffer, scaleAddress, extent.channels),
        new Int32Array(memory.buffer, zeroPointAddress, extent.channels),
        limits,
        integers(memory, target, elements(extent), limits.bits, limits.greatest < 2 ** (limits.bits - 1)),
      ),
    quantizePacked: (source, extent, scaleAddress, target) =>
      quantizePacked(
        new Float32Array(memory.buffer, source, elements(extent)),
        extent,
        new Float32Array(memory.buffer, scaleAddress, extent.channels),
        new Uint8Array(memory.buffer, target, elements(extent) / 2),
      ),
    quantizeChannelsPacked: (source, { channels, inner }, { mins, maxs, scales }, target) => {
      const values = new Float32Array(memory.buffer, source, channels * inner);
      const extent = { outer: 1, channels, inner };
      const least = new Float32Array(memory.buffer, mins, channels);
      const most = new Float32Array(memory.buffer, maxs, channels);
      rangePerChannel(values, extent, least, most, false);
      const steps = new Float32Array(memory.buffer, scales, channels);
      for (let c = 0; c < channels; c += 1) {
        const bound = Math.max(Math.abs(least[c] as number), Math.abs(most[c] as number), LEAST_BOUND);
        steps[c] = Number.isNaN(bound) ? Number.NaN : bound / 7;
      }
      quantizePacked(values, extent, steps, new Uint8Array(memory.buffer, target, values.length / 2));
    },
    quantizeBlocksPacked: (source, { channels, inner }, limited, scaleAddress, target) => {
      const values = new Float32Array(memory.buffer, source, channels * inner);
      const scales = new Float32Array(memory.buffer, scaleAddress, channels);
      blockScales(values, inner, { greatest: 7, limited }, scales);
      const bytes = new Uint8Array(memory.buffer, target, values.length / 2);
      quantizePacked(values, { outer: 1, channels, inner }, scales, bytes);
    },
    dequantize: (source, type, count, scale, zeroPoint, target) =>
      dequantize(typed(memory, source, count, type), scale, zeroPoint, new Float32Array(memory.buffer, target, count)),
    compare: (reference, test, count, sums) =>
      compare(
        new Float32Array(memory.buffer, reference, count),
        new Float32Array(memory.buffer, test, count),
        new Float64Array(memory.buffer, sums, Object.keys(ERROR_SUMS).length),
      ),
    compareChannels: (reference, test, rows, noise, signal) =>
      compareChannels(
        new Float32Array(memory.buffer, reference, rowElements(rows)),
        new Float32Array(memory.buffer, test, rowElements(rows)),
        rows,
        new Float64Array(memory.buffer, noise, rows.length),
        new Float64Array(memory.buffer, signal, rows.length),
      ),
    countRatios: (reference, test, count, stride, table) => {
      const extent = rowElements({ rows: count, length: 1, stride });
      countRatios(
        new Float32Array(memory.buffer, reference, extent),
        new Float32Array(memory.buffer, test, extent),
        stride,
        new Uint16Array(memory.buffer, table, RATIO_BINS),
      );
    },
    takeCounts: (table, entries, target) =>
      takeCounts(new Uint16Array(memory.buffer, table, entries), new Uint16Array(memory.buffer, target, 2 * entries)),
    countOutside: (address, count, least, greatest) =>
      countOutside(new Float32Array(memory.buffer, address, count), least, greatest),
    histogramFloat32: (address, count, table, mantissaBits) =>
      histogram(
        new Uint32Array(memory.buffer, address, count),
        new Uint32Array(memory.buffer, table, 2 ** (9 + mantissaBits)),
        23 - mantissaBits,
      ),
    surveyFloat32: (address, count, table, mantissaBits, every) => {
      const bits = new Uint32Array(memory.buffer, address, count);
      surveyed(bits, new Uint32Array(memory.buffer, table, 2 ** (9 + mantissaBits)), 23 - mantissaBits, every);
      const range = rangeFloat32(new Float32Array(memory.buffer, address, count));
      const magnitude = bits.reduce((most, x) => Math.max(most, x & 0x7fffffff), 0);
      return { ...range, greatestKey: magnitude >>> (23 - mantissaBits) };
    },
    takePages: (table, mantissaBits, greatestKey, total, target) =>
      takePages(
        new Uint32Array(memory.buffer, table, 2 ** (9 + mantissaBits)),
        { greatestKey, total },
        (record) => new Uint32Array(memory.buffer, target + 4 * PAGE_WORDS * record, PAGE_WORDS),
      ),
    addPages: (records, count, places, next) =>
      addPages(memory.buffer, new Uint32Array(memory.buffer, records, PAGE_WORDS * count), { places, next }),
    pack: (source, count, bits, target) =>
      pack(
        new Int8Array(memory.buffer, source, count),
        bits,
        new Uint8Array(memory.buffer, target, Math.ceil((count * bits) / 8)),
      ),
    unpack: (source, count, bits, target) =>
      unpack(
        new Uint8Array(memory.buffer, source, Math.ceil((count * bits) / 8)),
        bits,
        new Int8Array(memory.buffer, target, count),
      ),
    toFloat16: (source, count, target) =>
      mapBits(
        new Uint32Array(memory.buffer, source, count),
        new Uint16Array(memory.buffer, target, count),
        float32ToFloat16Bits,
      ),
    fromFloat16: (source, count, target) =>
      mapBits(
        new Uint16Array(memory.buffer, source, count),
        new Uint32Array(memory.buffer, target, count),
        float16ToFloat32Bits,
      ),
    blockScales: (source, blocks, size, rule, target) =>
      blockScales(
        new Float32Array(memory.buffer, source, blocks * size),
        size,
        rule,
        new Float32Array(memory.buffer, target, blocks),
      ),
    sumSquares: (address, extent, target) =>
      sumSquares(
        new Float32Array(memory.buffer, address, elements(extent)),
        extent,
        new Float32Array(memory.buffer, target, extent.channels),
      ),
    clipBounds: (address, extent, rule, target) =>
      clipBounds(
        new Float32Array(memory.buffer, address, elements(extent)),
        extent,
        rule,
        new Float32Array(memory.buffer, target, extent.channels),
      ),
    rotate: (source, count, size, scratch, target) =>
      rotate(
        new Float32Array(memory.buffer, source, count),
        new Float64Array(memory.buffer, scratch, size),
        new Float32Array(memory.buffer, target, count),
      ),
    addProducts: (a, b, depth, target) =>
      addProducts(
        new Float64Array(memory.buffer, a, depth * TILE),
        new Float64Array(memory.buffer, b, depth * TILE),
        new Float64Array(memory.buffer, target, TILE * TILE),
      ),
  };
}

const elements = (extent: ChannelExtent) => extent.outer * extent.channels * extent.inner;

type Integers = Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array | Uint32Array;

function integers(
  memory: WebAssembly.Memory,
  address: number,
  count: number,
  bits: 8 | 16 | 32,
  signed: boolean,
): Integers {
  if (bits === 8)
    return signed ? new Int8Array(memory.buffer, address, count) : new Uint8Array(memory.buffer, address, count);
  if (bits === 16)
    return signed ? new Int16Array(memory.buffer, address, count) : new Uint16Array(memory.buffer, address, count);
  return signed ? new Int32Array(memory.buffer, address, count) : new Uint32Array(memory.buffer, address, count);
}

/** Bits of each integer type. */
const INTEGER_BITS = { int8: 8, uint8: 8, int16: 16, int32: 32 } as const;

function typed(memory: WebAssembly.Memory, address: number, count: number, type: IntegerType): Integers {
  return integers(memory, address, count, INTEGER_BITS[type], type !== 'uint8');
}

/** One-sided filters first; where they leave nothing, the plain minimum or maximum, in which NaN wins. */
function rangeFloat32(values: Float32Array): FloatRange {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let nanCount = 0;
  let infiniteCount = 0;
  for (const x of values) {
    if (x > LOW) min = Math.min(min, x);
    if (x < HIGH) max = Math.max(max, x);
    if (Number.isNaN(x)) nanCount += 1;
    else if (!Number.isFinite(x)) infiniteCount += 1;
  }
  return { ...withFallback(values, min, max), nanCount, infiniteCount };
}

/** Replaces a side of a range that the filters left empty by the plain reduction over all values. */
function withFallback(values: Float32Array, min: number, max: number): { min: number; max: number } {
  if (values.length === 0) return { min, max };
  return {
    min: min === Number.POSITIVE_INFINITY ? values.reduce((least, x) => Math.min(least, x), min) : min,
    max: max === Number.NEGATIVE_INFINITY ? values.reduce((most, x) => Math.max(most, x), max) : max,
  };
}

/** Plain least and greatest of at least one integer. */
function rangeInteger(values: Integers): { min: number; max: number } {
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  for (const x of values) {
    if (x < min) min = x;
    if (x > max) max = x;
  }
  return { min, max };
}

function rangePerChannel(
  values: Float32Array,
  { outer, channels, inner }: ChannelExtent,
  mins: Float32Array,
  maxs: Float32Array,
  merge: boolean,
): void {
  if (!merge) {
    mins.fill(Number.POSITIVE_INFINITY);
    maxs.fill(Number.NEGATIVE_INFINITY);
  }
  let i = 0;
  for (let o = 0; o < outer; o += 1) {
    for (let c = 0; c < channels; c += 1) {
      for (let k = 0; k < inner; k += 1, i += 1) {
        const x = values[i] as number;
        mins[c] = canonical(Math.min(mins[c] as number, x));
        maxs[c] = canonical(Math.max(maxs[c] as number, x));
      }
    }
  }
}

/** A computed NaN may have any sign and payload: always give the same one. */
const canonical = (x: number) => (Number.isNaN(x) ? Number.NaN : x);

function quantize(
  values: Float32Array,
  { outer, channels, inner }: ChannelExtent,
  scales: Float32Array,
  zeroPoints: Int32Array,
  limits: IntegerLimits,
  target: Integers,
): void {
  const least = fround(limits.least);
  const greatest = fround(limits.greatest);
  let i = 0;
  for (let o = 0; o < outer; o += 1) {
    for (let c = 0; c < channels; c += 1) {
      const scale = scales[c] as number;
      const zero = fround(zeroPoints[c] as number);
      for (let k = 0; k < inner; k += 1, i += 1) {
        const rounded = roundHalfEven(fround(fround((values[i] as number) / scale) + zero));
        const clipped = Math.min(Math.max(rounded, least), greatest);
        target[i] = Number.isNaN(clipped) ? 0 : Math.min(clipped, 2147483647);
      }
    }
  }
}

function quantizePacked(values: Float32Array, extent: ChannelExtent, scales: Float32Array, target: Uint8Array): void {
  const codes = new Int8Array(values.length);
  quantize(values, extent, scales, new Int32Array(extent.channels), { bits: 8, least: -8, greatest: 7 }, codes);
  pack(codes, 4, target);
}

function dequantize(values: Integers, scale: number, zeroPoint: number, target: Float32Array): void {
  for (let i = 0; i < values.length; i += 1) target[i] = ((values[i] as number) - zeroPoint) * scale;
}

function pack(values: Int8Array, bits: 4 | 2, target: Uint8Array): void {
  const perByte = 8 / bits;
  const mask = 2 ** bits - 1;
  target.fill(0);
  for (let i = 0; i < values.length; i += 1) {
    const at = Math.floor(i / perByte);
    target[at] = (target[at] as number) | (((values[i] as number) & mask) << (bits * (i % perByte)));
  }
}

function unpack(source: Uint8Array, bits: 4 | 2, target: Int8Array): void {
  const perByte = 8 / bits;
  const shift = 32 - bits;
  for (let i = 0; i < target.length; i += 1) {
    const field = (source[Math.floor(i / perByte)] as number) >> (bits * (i % perByte));
    target[i] = (field << shift) >> shift;
  }
}

/** On bits, because a NaN's payload may get lost in a JavaScript number. */
function mapBits(source: Uint32Array | Uint16Array, target: Uint16Array | Uint32Array, map: (bits: number) => number) {
  for (let i = 0; i < source.length; i += 1) target[i] = map(source[i] as number);
}
