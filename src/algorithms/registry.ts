import type { Constant } from '../../schema/constant.ts';
import type { AlgorithmKey, AlgorithmSupport, OpConfig } from '../recipe/types.ts';
import { float16Constant } from './constants.ts';
import { gptqConstant, gptqProblem } from './gptq.ts';
import type { Measurement } from './group-numbers.ts';
import { minMaxConstant, minMaxMeasurement } from './min-max.ts';
import { mseConstant, mseProblem } from './mse.ts';
import { clipRule, type KnownRange, octavConstant, octavWithin } from './octav.ts';
import { oscarConstant, oscarProblem } from './oscar.ts';
import type { TensorParameters } from './parameters.ts';
import { recoveredConstant, recoveryProblem } from './recovery.ts';
import { type ConstantRequest, scaleGroups } from './request.ts';
import { rotatedParameters, rotatedSource } from './rotation.ts';

/** How activations are rotated: by an operator of its own, or by a product with a constant matrix. */
export type RotationForm = 'operator' | 'product';

/** An algorithm of a recipe rule: how it stores constants. Activations always follow the calibrated range. */
export interface Algorithm extends AlgorithmSupport {
  constantParameters(request: ConstantRequest): TensorParameters;
  /** Why it cannot do a weight, for reasons that only its values tell; undefined if it can. */
  readonly weightProblem?: (request: ConstantRequest) => string | undefined;
  /** What it will ask of a constant first, where that can be found ahead. */
  readonly measurement?: (request: ConstantRequest) => Measurement;
  /** What it has to know of the rows that an operator multiplies the weight by: squares, or products of each two values. */
  readonly learnsFrom?: 'products' | 'squares';
  /** What a range that was calibrated for a constant does to it under compat; absent: nothing. */
  readonly withRange?: 'replaces' | ((request: ConstantRequest, range: KnownRange) => TensorParameters);
  /** Only weights change, behind a DEQUANTIZE, whatever the rule says of computing. */
  readonly weightsOnly?: true;
  /** Columns of weights are multiplied by factors, and what they are multiplied by is divided by them. */
  readonly scalesInputs?: true;
  /** Weights are rotated, and with them what they are multiplied by. Activations are not quantized. */
  readonly rotates?: RotationForm;
}

const CONVOLUTIONS = ['CONV_2D', 'DEPTHWISE_CONV_2D', 'CONV_2D_TRANSPOSE'] as const;

function float16Parameters({ constant, shape }: ConstantRequest): TensorParameters {
  return {
    kind: 'float16',
    bits: 16,
    unsigned: false,
    symmetric: true,
    carrier: 'float32',
    scales: new Float64Array(0),
    zeroPoints: new Float64Array(0),
    axis: undefined,
    blockSize: 0,
    shape,
    data: float16Constant(constant),
    reason: 'rounded to float16',
  };
}

const clippedGroups = (request: ConstantRequest, constant: Constant): Measurement => ({
  constant,
  extent: scaleGroups(request),
  rule: clipRule(request),
});

const octavProblem = (_: string, { weight }: OpConfig) =>
  weight && !weight.symmetric ? 'OCTAV has no zero points' : undefined;

function rotation(key: AlgorithmKey, rotates: RotationForm): Algorithm {
  return {
    key,
    operations: ['FULLY_CONNECTED', 'EMBEDDING_LOOKUP'],
    check: 'policy',
    rotates,
    refuse: (operation, config) =>
      config.activation ? `${key} leaves activations float` : octavProblem(operation, config),
    constantParameters: rotatedParameters,
    measurement: (request) => clippedGroups(request, rotatedSource(request)),
  };
}

const ALGORITHMS: readonly Algorithm[] = [
  {
    key: 'min_max_uniform_quantize',
    operations: 'all',
    check: 'policy',
    constantParameters: minMaxConstant,
    withRange: 'replaces',
    measurement: minMaxMeasurement,
  },
  {
    key: 'float_casting',
    operations: ['FULLY_CONNECTED', ...CONVOLUTIONS, 'EMBEDDING_LOOKUP'],
    check: 'float_casting',
    weightsOnly: true,
    constantParameters: float16Parameters,
  },
  {
    key: 'dequantized_weight_recovery',
    operations: ['FULLY_CONNECTED', 'CONV_2D', 'EMBEDDING_LOOKUP'],
    check: 'policy',
    constantParameters: recoveredConstant,
    weightProblem: recoveryProblem,
  },
  {
    key: 'OCTAV',
    operations: 'all',
    check: 'policy',
    refuse: octavProblem,
    constantParameters: octavConstant,
    withRange: octavWithin,
    measurement: (request) => clippedGroups(request, request.constant),
  },
  {
    key: 'MSE',
    operations: ['FULLY_CONNECTED', 'EMBEDDING_LOOKUP', ...CONVOLUTIONS],
    check: 'policy',
    refuse: (_, config) => mseProblem(config),
    constantParameters: mseConstant,
    measurement: (request) => ({
      constant: request.constant,
      extent: scaleGroups(request),
      rule: { kind: 'mean-square' },
    }),
  },
  {
    key: 'GPTQ',
    operations: ['FULLY_CONNECTED'],
    check: 'policy',
    needsCalibration: true,
    learnsFrom: 'products',
    refuse: (_, config) => gptqProblem(config),
    constantParameters: gptqConstant,
    measurement: minMaxMeasurement,
  },
  {
    key: 'OSCAR',
    operations: ['FULLY_CONNECTED'],
    check: 'policy',
    needsCalibration: true,
    guessesUnderCompat: true,
    learnsFrom: 'squares',
    scalesInputs: true,
    refuse: (_, config) => oscarProblem(config),
    constantParameters: oscarConstant,
  },
  rotation('HADAMARD_ROTATION', 'operator'),
  rotation('DECOMPOSED_HADAMARD_ROTATION', 'product'),
];

/** The algorithm of a key; undefined for `no_quantize`. */
export function algorithmOf(key: AlgorithmKey): Algorithm | undefined {
  return ALGORITHMS.find((algorithm) => algorithm.key === key);
}

/** What the recipe room has to know of the implemented algorithms. */
export const algorithmSupport: readonly AlgorithmSupport[] = ALGORITHMS;
