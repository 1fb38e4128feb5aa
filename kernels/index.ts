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
export {
  type BlockScaleRule,
  type ChannelExtent,
  type ClipRounds,
  ERROR_SUMS,
  type FloatRange,
  type FloatSurvey,
  type IntegerLimits,
  type IntegerType,
  type Kernels,
  PAGE_BINS,
  PAGE_WORDS,
  RATIO_BINS,
  type RowExtent,
  TILE,
} from './kernels.ts';
export { plainKernels } from './plain.ts';
export { hadamardEntry } from './plain-weights.ts';
export { instantiateKernels } from './simd.ts';
export { sharedWorkspace, Workspace } from './workspace.ts';
