export type { ChannelExtent, ErrorSums, FloatRange, IntegerLimits, IntegerType, Kernels } from './kernels.ts';
