export {
  float16Bits,
  float16ToFloat32Bits,
  float16Value,
  float32ToFloat16Bits,
  roundHalfEven,
  roundToBfloat16,
  roundToBlockScale,
  roundToFloat16,
  storedBlockScale,
} from './float16.ts';
export type {
  BlockScaleRule,
  ChannelExtent,
  ClipRounds,
  ErrorSums,
  FloatRange,
  IntegerLimits,
  IntegerType,
  Kernels,
} from './kernels.ts';
export { TILE } from './kernels.ts';
export { plainKernels } from './plain.ts';
export { hadamardEntry } from './plain-weights.ts';
export { instantiateKernels } from './simd.ts';
export { sharedWorkspace, Workspace } from './workspace.ts';
