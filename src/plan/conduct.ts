import { type BiasRequest, exactBias, originalBias } from '../algorithms/bias.ts';
import { sameValues, sameValuesAndShape, type TensorParameters } from '../algorithms/parameters.ts';

/**
 * Every point at which the byte-parity mode and the default differ, in one place. docs/differences.md says what each
 * means for a user; the letters are those of its table.
 */
export interface Conduct {
  /** A4. Whether two sets of parameters are interchangeable. */
  readonly sameParameters: (a: TensorParameters | undefined, b: TensorParameters | undefined) => boolean;
  /** A1, A16. How a bias is quantized. */
  readonly biasParameters: (request: BiasRequest) => TensorParameters;
  /** A1, A19. Scales are widened until the bias fits and the kernel can rescale; ranges that were always 0 get a width. */
  readonly fitsScales: boolean;
  /** A6. Every constant operand of a weighted operator is treated as its weight. */
  readonly everyConstantIsWeight: boolean;
  /** A8. Parameters of a constant are reused for any reader with an equal configuration. */
  readonly sharesParametersBlindly: boolean;
  /** A9, A25. Buffers are repaired as the original does: only compared with the first tensor, all but the last copied. */
  readonly repairsSharingCoarsely: boolean;
  /** A24. A graph input never takes the scale that its only readers want. */
  readonly keepsInputScales: boolean;
  /** A14. A quantized output that nobody reads stays float32. */
  readonly leavesUnreadOutputs: boolean;
  /** A15. Weights have the recipe's granularity even where the kernel reads one scale, or needs one a channel. */
  readonly channelScalesForAll: boolean;
  /** A16. Scales are derived in the type the ranges were stored in; otherwise always in float32. */
  readonly keepsCarrier: boolean;
  /** A33. A constant with calibrated statistics takes its range from them. */
  readonly statisticsOverrideConstants: boolean;
  /** A5, A7, A12, A13. Graph outputs and signatures follow inserted operators as in the original. */
  readonly rewiresOutputsOriginally: boolean;
  /** From grid to grid in one step, also where the runtime has no kernel for it or its factor does not fit. */
  readonly requantizesAtOnce: boolean;
  /** A20, A22, A23. Inserted tensors are named and shaped as in the original. */
  readonly namesOriginally: boolean;
  /** A3. Only the newer operator code field is read. */
  readonly readsNewCodesOnly: boolean;
  /** A10, A29. Composites are planned apart from what they stand for, which stays float only if it comes later in the file. */
  readonly treatsCompositesApart: boolean;
  /** A31. What cannot be done stops the whole run instead of leaving an operator float. */
  readonly failsOnRefusal: boolean;
  /** Casting to float16 takes the codes of weights that are stored as int8 already for their values. */
  readonly castsStoredCodes: boolean;
  /** Rotations of one tensor by matrices of different sizes become one. */
  readonly mergesRotations: boolean;
  /** Fixed-output operators need statistics although their scale is given. */
  readonly needsFixedStatistics: boolean;
}

/** As published in version 0.10.0 of the Python original. */
export const COMPAT_0_10: Conduct = {
  sameParameters: sameValuesAndShape,
  biasParameters: originalBias,
  fitsScales: false,
  everyConstantIsWeight: true,
  sharesParametersBlindly: true,
  repairsSharingCoarsely: true,
  keepsInputScales: true,
  leavesUnreadOutputs: true,
  channelScalesForAll: true,
  keepsCarrier: true,
  statisticsOverrideConstants: true,
  rewiresOutputsOriginally: true,
  requantizesAtOnce: true,
  namesOriginally: true,
  readsNewCodesOnly: true,
  treatsCompositesApart: true,
  failsOnRefusal: true,
  castsStoredCodes: true,
  mergesRotations: true,
  needsFixedStatistics: true,
};

export const CORRECT: Conduct = {
  sameParameters: sameValues,
  biasParameters: exactBias,
  fitsScales: true,
  everyConstantIsWeight: false,
  sharesParametersBlindly: false,
  repairsSharingCoarsely: false,
  keepsInputScales: false,
  leavesUnreadOutputs: false,
  channelScalesForAll: false,
  keepsCarrier: false,
  statisticsOverrideConstants: false,
  rewiresOutputsOriginally: false,
  requantizesAtOnce: false,
  namesOriginally: false,
  readsNewCodesOnly: false,
  treatsCompositesApart: false,
  failsOnRefusal: false,
  castsStoredCodes: false,
  mergesRotations: false,
  needsFixedStatistics: false,
};
