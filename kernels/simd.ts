import { KERNELS_BASE64 } from './generated/kernels.ts';
import { type Kernels, PAGE_BINS } from './kernels.ts';
import { hadamardEntry } from './plain-weights.ts';

type Function_ = (...args: number[]) => number;

const INTEGER_CODES = { int8: 0, uint8: 1, int16: 2, int32: 3 } as const;

/** Of 3e38 in float32: NaN and infinities are beyond. */
const FILTERED_BITS = 0x7f61b1e6;

let compiled: WebAssembly.Module | undefined;

function kernelModule(): WebAssembly.Module {
  if (compiled) return compiled;
  const text = atob(KERNELS_BASE64);
  const bytes = new Uint8Array(text.length);
  // In a loop: a function called for each letter took longer than compiling.
  for (let i = 0; i < bytes.length; i += 1) bytes[i] = text.charCodeAt(i);
  compiled = new WebAssembly.Module(bytes);
  return compiled;
}

/** The SIMD kernels over a memory, which may be an interpreter's own. Compiled once a process, then cheap. */
export function instantiateKernels(memory: WebAssembly.Memory): Kernels {
  const { exports } = new WebAssembly.Instance(kernelModule(), { env: { memory } });
  const call = (name: string) => exports[name] as Function_;
  const value = (name: string) => (exports[name] as WebAssembly.Global).value;
  const rangeFloat = call('rangeFloat32');
  const survey = call('surveyFloat32');
  const take = call('takePages');
  const addPages = call('addPages');
  const rangeIntegers = call('rangeInteger');
  const rangeChannels = call('rangePerChannel');
  const quantize = call('quantize');
  const quantizePacked = call('quantizePacked');
  const dequantize = call('dequantize');
  const dequantizeNarrow = call('dequantizeNarrow');
  const compare = call('compare');
  const compareChannels = call('compareChannels');
  const countRatios = call('countRatios');
  const takeCounts = call('takeCounts');
  const countOutside = call('countOutside');
  const histogram = call('histogramFloat32');
  const [min, max, nan, infinite] = ['resultMin', 'resultMax', 'resultNan', 'resultInfinite'].map(
    (name) => exports[name] as WebAssembly.Global,
  ) as [WebAssembly.Global, WebAssembly.Global, WebAssembly.Global, WebAssembly.Global];
  const range = () => ({ min: min.value, max: max.value, nanCount: nan.value, infiniteCount: infinite.value });
  return {
    memory,
    rangeFloat32: (address, count) => {
      rangeFloat(address, count);
      return range();
    },
    rangeInteger: (address, count, bits, signed) => {
      rangeIntegers(address, count, Math.log2(bits / 8) + (signed ? 0 : 4));
      const min = value('resultLeast');
      const max = value('resultMost');
      return signed ? { min, max } : { min: min >>> 0, max: max >>> 0 };
    },
    rangePerChannel: (address, { outer, channels, inner }, minAddress, maxAddress, merge) => {
      if (!merge) {
        new Float32Array(memory.buffer, minAddress, channels).fill(Number.POSITIVE_INFINITY);
        new Float32Array(memory.buffer, maxAddress, channels).fill(Number.NEGATIVE_INFINITY);
      }
      rangeChannels(address, outer, channels, inner, minAddress, maxAddress);
    },
    quantize: (source, { outer, channels, inner }, scales, zeroPoints, { bits, least, greatest }, target) => {
      quantize(source, outer, channels, inner, scales, zeroPoints, bits, least, greatest, target);
    },
    quantizePacked: (source, { outer, channels, inner }, scales, target) => {
      quantizePacked(source, outer, channels, inner, scales, target);
    },
    quantizeChannelsPacked: (source, { channels, inner }, { mins, maxs, scales }, target) => {
      call('quantizeChannelsPacked')(source, channels, inner, mins, maxs, scales, target);
    },
    quantizeBlocksPacked: (source, { channels, inner }, limited, scales, target) => {
      call('quantizeBlocksPacked')(source, channels, inner, limited ? 1 : 0, scales, target);
    },
    dequantize: (source, type, count, scale, zeroPoint, target) => {
      // The float32 loop gives the same bits where each step before the last rounding is exact.
      const exact = scale === Math.fround(scale) && Number.isInteger(zeroPoint) && Math.abs(zeroPoint) <= 2 ** 23;
      const loop = exact && type !== 'int32' ? dequantizeNarrow : dequantize;
      loop(source, INTEGER_CODES[type], count, scale, zeroPoint, target);
    },
    compare: (reference, test, count, sums) => {
      compare(reference, test, count, sums);
    },
    compareChannels: (reference, test, { rows, length, stride }, noise, signal) => {
      compareChannels(reference, test, rows, length, stride, noise, signal);
    },
    countRatios: (reference, test, count, stride, table) => {
      countRatios(reference, test, count, stride, table);
    },
    takeCounts: (table, entries, target) => takeCounts(table, entries, target),
    countOutside: (address, count, least, greatest) => countOutside(address, count, least, greatest),
    histogramFloat32: (address, count, table, mantissaBits) => {
      histogram(address, count, table, 23 - mantissaBits);
    },
    surveyFloat32: (address, count, table, mantissaBits, every) => {
      const magnitude = survey(address, count, table, 23 - mantissaBits, every);
      const filtered = magnitude >= FILTERED_BITS;
      return {
        min: min.value,
        max: max.value,
        nanCount: filtered ? nan.value : 0,
        infiniteCount: filtered ? infinite.value : 0,
        greatestKey: magnitude >>> (23 - mantissaBits),
      };
    },
    takePages: (table, mantissaBits, greatestKey, total, target) =>
      take(table, 2 ** (8 + mantissaBits) / PAGE_BINS, Math.floor(greatestKey / PAGE_BINS), total, target),
    addPages: (records, count, places, next) => addPages(records, count, places, next) >>> 0,
    pack: (source, count, bits, target) => {
      call(bits === 4 ? 'pack4' : 'pack2')(source, count, target);
    },
    unpack: (source, count, bits, target) => {
      call(bits === 4 ? 'unpack4' : 'unpack2')(source, count, target);
    },
    toFloat16: (source, count, target) => {
      call('toFloat16')(source, count, target);
    },
    fromFloat16: (source, count, target) => {
      call('fromFloat16')(source, count, target);
    },
    blockScales: (source, blocks, size, { greatest, limited }, target) => {
      call('blockScales')(source, blocks, size, greatest, limited ? 1 : 0, target);
    },
    sumSquares: (address, { outer, channels, inner }, target) => {
      call('sumSquares')(address, outer, channels, inner, target);
    },
    clipBounds: (address, { outer, channels, inner }, { noise, unclipped, rounds }, target) => {
      const bits = call('clipBounds')(address, outer, channels, inner, noise, unclipped, rounds, target);
      const all = 2 ** rounds - 1;
      return { settled: bits & all, fixed: (bits >>> 16) & all };
    },
    rotate: (source, count, size, scratch, target) => {
      call('rotate')(source, count, size, hadamardEntry(size), scratch, target);
    },
    addProducts: (a, b, depth, target) => {
      call('addProducts')(a, b, depth, target);
    },
  };
}
