import { BuiltinOperator as B } from '../../schema/generated/tflite.ts';
import type { Operator } from '../../schema/model.ts';
import type { ConfigName } from '../recipe/types.ts';
import { type OperatorSpec, STATIC, spec } from './spec.ts';

/** Integer weights beside float activations; under static rules too, since the states stay float. */
const CONFIGS: readonly ConfigName[] = [...STATIC, 'dynamic_wi8_afp32', 'weightonly_wi8_afp32', 'weightonly_wi4_afp32'];

const from = (first: number, last: number) => Array.from({ length: last - first + 1 }, (_, i) => first + i);

/**
 * A cell that keeps a state and multiplies by several matrices. Its kernels read one scale a matrix and want all of them
 * stored alike. Static rules would need the range of the state, which no interpreter shows, and parameters of sums inside
 * the cell that a float model does not have.
 */
function cell(name: string, builtin: number, [weight, ...others]: readonly number[], rest: Partial<OperatorSpec> = {}) {
  return spec({
    name,
    builtin,
    configs: [],
    ownConfigs: CONFIGS,
    weighted: {
      input: 0,
      weight: weight as number,
      otherWeights: others,
      channelAxis: (rank) => (rank > 1 ? 0 : undefined),
      packing: 'rows',
      leavesSmallWeights: false,
      keepsQuantizedWeights: false,
      dynamicTensorwiseOnly: true,
      staticIsDynamic: true,
    },
    ...rest,
  });
}

/** The output gate's matrix, which is never absent, then those of the other gates, of the state, of the cell and behind. */
const GATES = [4, 1, 2, 3, ...from(5, 11), 16];
const BOTH_DIRECTIONS = [4, 1, 2, 3, ...from(5, 11), 16, ...from(18, 28), 33, ...from(40, 47)];

/** The older form of LSTM multiplies by one matrix for all gates, in float or in a form of uint8 of its own. */
function basicCell({ builtinOptions: options }: Operator): string | undefined {
  return options?.table === 'LSTMOptions' && options.kernelType === 1
    ? 'the basic form of its kernel takes float weights only'
    : undefined;
}

/** Nothing that is measured on such an operator means anything: two runs of the float model differ by 0.8 of 1. */
function mergedDirections({ builtinOptions: options }: Operator): string | undefined {
  return options?.table === 'BidirectionalSequenceLSTMOptions' && options.mergeOutputs
    ? 'its kernel gives other results in each run where both directions share an output, in float too'
    : undefined;
}

/** Recurrent networks and others with a state. */
export const recurrentSpecs: readonly OperatorSpec[] = [
  cell('LSTM', B.LSTM, GATES, { kernelFails: basicCell }),
  cell('UNIDIRECTIONAL_SEQUENCE_LSTM', B.UNIDIRECTIONAL_SEQUENCE_LSTM, GATES),
  cell('BIDIRECTIONAL_SEQUENCE_LSTM', B.BIDIRECTIONAL_SEQUENCE_LSTM, BOTH_DIRECTIONS, {
    kernelFails: mergedDirections,
  }),
  cell('RNN', B.RNN, [1, 2]),
  cell('UNIDIRECTIONAL_SEQUENCE_RNN', B.UNIDIRECTIONAL_SEQUENCE_RNN, [1, 2]),
  cell('BIDIRECTIONAL_SEQUENCE_RNN', B.BIDIRECTIONAL_SEQUENCE_RNN, [1, 2, 5, 6, 10, 11]),
  cell('SVDF', B.SVDF, [1, 2]),
];
