export { float16Bits, float16Value, roundToBfloat16, roundToFloat16 } from './float16.ts';
export type { ChannelExtent, ErrorSums, FloatRange, IntegerLimits, IntegerType, Kernels } from './kernels.ts';
export { plainKernels, roundHalfEven } from './plain.ts';
export { instantiateKernels } from './simd.ts';
export { sharedWorkspace, Workspace } from './workspace.ts';
