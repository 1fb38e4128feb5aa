// The SIMD kernels. The module runs over memory that belongs to somebody else: it must have no data segment, no stack
// in memory and touch only the addresses it is given. Results that are numbers come back through exported globals.
// ../plain.ts is the readable twin; both give the same bits, so only fixed SIMD (no relaxed instructions) is used.
export * from './blocks';
export * from './clip';
export * from './compare';
export { compareChannels, countOutside, countRatios, takeCounts } from './differences';
export * from './half';
export { addPages, histogramFloat32, takePages } from './histogram';
export { pack2, pack4, unpack2, unpack4 } from './pack';
export { quantizeBlocksPacked, quantizeChannelsPacked, quantizePacked } from './packed';
export { dequantize, dequantizeNarrow, quantize } from './quantize';
export * from './range';
export * from './range-integer';
export * from './rotate';
export * from './sums';
export * from './tiles';
