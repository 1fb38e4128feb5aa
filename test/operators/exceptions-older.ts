import type { RuntimeId } from '../../calibration/runtime/runtime.ts';
import { type Exception, INT8, INT16 } from './exception.ts';

const WITH_WEIGHT = [
  'constant',
  'transposed',
  'constant of rank 2',
  'constant, odd sizes',
  'constant of rank 4',
  'constant, uneven columns',
  'constant, big values',
];
const INT4 = ['static_wi4', 'dynamic_wi4', 'weightonly_wi4'];
const INT2 = ['dynamic_wi2'];
const OLDER: readonly RuntimeId[] = ['tfjs-tflite'];

/** What the interpreter of 2023 does not have yet, or computes otherwise. */
export const older: readonly Exception[] = [
  ...(
    [
      [['FULLY_CONNECTED'], [...INT4, ...INT2]],
      [['CONV_2D', 'DEPTHWISE_CONV_2D', 'TRANSPOSE_CONV'], INT4],
      [
        ['EMBEDDING_LOOKUP'],
        [...INT4, ...INT2, 'dynamic_wi8_afp32 channelwise', 'static_wi8_ai8 c', 'static_wi8_ai16 c'],
      ],
      [
        ['EXP', 'LOG'],
        [...INT8, ...INT16],
      ],
      [
        [
          'BATCH_TO_SPACE_ND',
          'SPACE_TO_BATCH_ND',
          'DYNAMIC_UPDATE_SLICE',
          'MIRROR_PAD',
          'TOPK_V2',
          'RSQRT',
          'EQUAL',
          'GREATER_EQUAL',
          'LESS',
        ],
        INT16,
      ],
    ] as const
  ).map(([operators, configurations]) => ({
    operators,
    configurations,
    runtimes: OLDER,
    reason: 'this version of the operator is younger',
    expected: { refused: /Didn't find op for builtin opcode/ },
  })),
  {
    operators: ['FULLY_CONNECTED'],
    configurations: ['dynamic_wi8_afp32 channelwise'],
    except: ['one unit', 'one of each, no bias'],
    runtimes: OLDER,
    reason: 'the version of the operator with a scale a channel is younger',
    expected: { refused: /Didn't find op for builtin opcode/ },
  },
  {
    operators: ['BATCH_MATMUL'],
    configurations: INT4,
    forms: WITH_WEIGHT,
    runtimes: OLDER,
    reason: 'this version of DEQUANTIZE is younger',
    expected: { refused: /Didn't find op for builtin opcode 'DEQUANTIZE'/ },
  },
  {
    operators: ['NOT_EQUAL', 'GREATER', 'LESS_EQUAL', 'GELU', 'TILE'],
    configurations: INT16,
    runtimes: OLDER,
    reason: 'its kernel has no int16',
    expected: { refused: /type 7|Only float32, int8|'INT16' is not supported/ },
  },
  {
    operators: ['DIV', 'SQRT'],
    runtimes: OLDER,
    reason: 'its kernel has no integers',
    expected: { refused: /Div only supports|unsupported by op Sqrt/ },
  },
  {
    operators: ['SUM'],
    configurations: INT16,
    except: ['axis of 1'],
    runtimes: OLDER,
    reason: 'its int16 kernel wants one scale for both sides',
    expected: { refused: /input->params\.scale != / },
  },
  {
    operators: ['SUM'],
    configurations: INT8,
    forms: ['first axis', 'middle axis kept', 'rank 5'],
    runtimes: OLDER,
    reason: 'its int8 kernel is right for last axes only: 255 steps',
    expected: { excess: 340 },
  },
  {
    operators: ['TRANSPOSE_CONV'],
    configurations: ['dynamic'],
    runtimes: OLDER,
    reason: 'its kernel has no float activations with integer weights',
    expected: { refused: /transpose_conv\.cc/ },
  },
  {
    operators: ['BATCH_MATMUL'],
    configurations: INT16,
    runtimes: OLDER,
    forms: WITH_WEIGHT,
    reason: 'its kernel has no int8 weights for int16 activations',
    expected: { refused: /lhs_data->type == rhs_data->type/ },
  },
  {
    operators: ['BATCH_MATMUL'],
    configurations: ['dynamic'],
    forms: WITH_WEIGHT,
    runtimes: OLDER,
    reason: 'its kernel of float activations and integer weights reads one scale, and takes batches for one another',
    expected: { excess: 192 },
  },
  {
    operators: ['ADD', 'MUL'],
    configurations: INT16,
    forms: ['broadcast of rank 5'],
    runtimes: OLDER,
    reason: 'its kernel spreads operands of four dimensions at most',
    expected: { refused: /crashed/ },
  },
  {
    operators: ['NEG'],
    configurations: INT16,
    forms: ['rank 5'],
    runtimes: OLDER,
    reason: 'the kernel of MUL, which it becomes, spreads operands of four dimensions at most',
    expected: { refused: /crashed/ },
  },
  {
    operators: ['SQUARED_DIFFERENCE'],
    forms: ['broadcast of rank 5'],
    runtimes: OLDER,
    reason: 'its kernel spreads operands of four dimensions at most',
    expected: { refused: /crashed/ },
  },
  {
    operators: ['PRELU'],
    forms: ['one slope'],
    runtimes: OLDER,
    reason: 'its float kernel, which the result is compared with, is wrong for a slope of one element',
    expected: { excess: 36 },
  },
];
