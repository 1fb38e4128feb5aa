import { KERNELS_BASE64 } from './generated/kernels.ts';
import type { Kernels } from './kernels.ts';
import { rangeInteger, withFallback } from './plain.ts';

type Function_ = (...args: number[]) => number;

const INTEGER_CODES = { int8: 0, uint8: 1, int16: 2, int32: 3 } as const;

let compiled: WebAssembly.Module | undefined;

function kernelModule(): WebAssembly.Module {
  compiled ??= new WebAssembly.Module(Uint8Array.from(atob(KERNELS_BASE64), (letter) => letter.charCodeAt(0)));
  return compiled;
}

/** The SIMD kernels over a memory, which may be an interpreter's own. Compiled once a process, then cheap. */
export function instantiateKernels(memory: WebAssembly.Memory): Kernels {
  const { exports } = new WebAssembly.Instance(kernelModule(), { env: { memory } });
  const call = (name: string) => exports[name] as Function_;
  const value = (name: string) => (exports[name] as WebAssembly.Global).value;
  const rangeFloat = call('rangeFloat32');
  const rangeChannels = call('rangePerChannel');
  const quantize = call('quantize');
  const dequantize = call('dequantize');
  const compare = call('compare');
  const histogram = call('histogramFloat32');
  return {
    memory,
    rangeFloat32: (address, count) => {
      rangeFloat(address, count);
      const range = { min: value('resultMin'), max: value('resultMax') };
      const nanCount = value('resultNan');
      const infiniteCount = value('resultInfinite');
      const empty = range.min === Number.POSITIVE_INFINITY || range.max === Number.NEGATIVE_INFINITY;
      const full = empty ? withFallback(new Float32Array(memory.buffer, address, count), range.min, range.max) : range;
      return { ...full, nanCount, infiniteCount };
    },
    rangeInteger: (address, count, bits, signed) => rangeInteger(integerView(memory, address, count, bits, signed)),
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
    dequantize: (source, type, count, scale, zeroPoint, target) => {
      dequantize(source, INTEGER_CODES[type], count, scale, zeroPoint, target);
    },
    compare: (reference, test, length) => {
      compare(reference, test, length);
      const count = value('sumCount');
      return {
        count,
        nonFinite: length - count,
        squaredError: value('sumSquaredError'),
        squaredReference: value('sumSquaredReference'),
        squaredTest: value('sumSquaredTest'),
        dot: value('sumDot'),
        maxAbsoluteError: value('maxAbsoluteError'),
        error: value('sumError'),
      };
    },
    histogramFloat32: (address, count, table, mantissaBits) => {
      histogram(address, count, table, 23 - mantissaBits);
    },
    pack: (source, count, bits, target) => {
      call(bits === 4 ? 'pack4' : 'pack2')(source, count, target);
    },
    toFloat16: (source, count, target) => {
      call('toFloat16')(source, count, target);
    },
  };
}

function integerView(memory: WebAssembly.Memory, address: number, count: number, bits: 8 | 16 | 32, signed: boolean) {
  const { buffer } = memory;
  if (bits === 8) return signed ? new Int8Array(buffer, address, count) : new Uint8Array(buffer, address, count);
  if (bits === 16) return signed ? new Int16Array(buffer, address, count) : new Uint16Array(buffer, address, count);
  return signed ? new Int32Array(buffer, address, count) : new Uint32Array(buffer, address, count);
}
