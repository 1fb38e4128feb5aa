import type { ChannelExtent } from '../../kernels/index.ts';
import type { AlgorithmKey, AlgorithmSupport } from '../recipe/types.ts';
import { float16Constant } from './constants.ts';
import { type ConstantRequest, minMaxConstant, scaleGroups } from './min-max.ts';
import type { TensorParameters } from './parameters.ts';
import { recoveredConstant } from './recovery.ts';

/** An algorithm of a recipe rule: how it stores constants. Activations always follow the calibrated range. */
export interface Algorithm extends AlgorithmSupport {
  constantParameters(request: ConstantRequest): TensorParameters;
  /** The groups of values whose ranges it asks for, where that is all it wants to know of a constant. */
  readonly rangeGroups?: (request: ConstantRequest) => ChannelExtent;
  /** Only weights change, behind a DEQUANTIZE, whatever the rule says of computing. */
  readonly weightsOnly?: true;
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

const ALGORITHMS: readonly Algorithm[] = [
  {
    key: 'min_max_uniform_quantize',
    operations: 'all',
    check: 'policy',
    constantParameters: minMaxConstant,
    rangeGroups: scaleGroups,
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
  },
];

/** The implemented algorithm of a key; undefined for keys that are known but not implemented. */
export function algorithmOf(key: AlgorithmKey): Algorithm | undefined {
  return ALGORITHMS.find((algorithm) => algorithm.key === key);
}

/** What the recipe room has to know of the implemented algorithms. */
export const algorithmSupport: readonly AlgorithmSupport[] = ALGORITHMS;
