import { MirrorPadMode, Padding } from '../../../schema/generated/tflite.ts';
import type { OperatorName } from '../../support/model-builder.ts';
import { constant, input, integers, operatorCase, plain, type Range, type SuiteCase, values } from '../case.ts';
import { zooCases } from './zoo.ts';

const WIDE: Range = [-300, 900];
const BELOW: Range = [-9, -4];

const arrangement: readonly SuiteCase[] = [
  operatorCase('RESHAPE', 'to rank 1', [input([3, 7]), integers([21])], [[21]], { newShape: [21] }),
  operatorCase('RESHAPE', 'to rank 5', [input([2, 12]), integers([2, 1, 3, 2, 2])], [[2, 1, 3, 2, 2]], {
    newShape: [2, 1, 3, 2, 2],
  }),
  operatorCase('RESHAPE', 'one dimension open', [input([2, 12]), integers([-1, 4])], [[6, 4]], { newShape: [-1, 4] }),
  operatorCase('RESHAPE', 'shape in the options', [input([2, 12])], [[4, 6]], { newShape: [4, 6] }),
  operatorCase('RESHAPE', 'scalar', [input([1, 1], WIDE), integers([], [0])], [[]], { newShape: [] }),
  operatorCase('SQUEEZE', 'all dims of 1', [input([1, 4, 1, 3], WIDE)], [[4, 3]]),
  operatorCase('SQUEEZE', 'negative axis', [input([4, 1, 3, 1])], [[4, 1, 3]], { squeezeDims: [-1] }),
  operatorCase('EXPAND_DIMS', 'in front', [input([3, 5], WIDE), integers([0], [])], [[1, 3, 5]]),
  operatorCase('EXPAND_DIMS', 'at the end', [input([3, 5]), integers([-1], [])], [[3, 5, 1]]),
  operatorCase('TRANSPOSE', 'rank 2, odd sizes', [input([3, 7], BELOW), integers([1, 0])], [[7, 3]]),
  operatorCase('TRANSPOSE', 'rank 4', [input([1, 3, 5, 2], WIDE), integers([0, 3, 1, 2])], [[1, 2, 3, 5]]),
  operatorCase('TRANSPOSE', 'rank 5', [input([2, 1, 3, 2, 2]), integers([4, 0, 2, 1, 3])], [[2, 2, 3, 1, 2]]),
  operatorCase('REVERSE_V2', 'middle axis', [input([2, 3, 5], WIDE), integers([1])], [[2, 3, 5]]),
  operatorCase('REVERSE_V2', 'rank 1', [input([7]), integers([0])], [[7]]),
  operatorCase('TILE', 'rank 3', [input([1, 3, 2], WIDE), integers([2, 1, 3])], [[2, 3, 6]]),
  operatorCase('TILE', 'rank 1', [input([5], BELOW), integers([3])], [[15]]),
  operatorCase('BROADCAST_TO', 'more dims', [input([3, 1], WIDE), integers([2, 3, 4])], [[2, 3, 4]]),
  operatorCase('BROADCAST_TO', 'scalar', [input([]), integers([2, 3])], [[2, 3]]),
];

const parts: readonly SuiteCase[] = [
  operatorCase('SLICE', 'rank 1', [input([9], WIDE), integers([2]), integers([5])], [[5]]),
  operatorCase('SLICE', 'to the end', [input([3, 7]), integers([1, 2]), integers([-1, -1])], [[2, 5]]),
  operatorCase(
    'SLICE',
    'rank 5',
    [input([2, 2, 3, 2, 2]), integers([0, 1, 0, 0, 1]), integers([2, 1, 2, 2, 1])],
    [[2, 1, 2, 2, 1]],
  ),
  operatorCase(
    'STRIDED_SLICE',
    'backwards',
    [input([3, 7], WIDE), integers([2, 6]), integers([0, 0]), integers([-1, -2])],
    [[2, 3]],
  ),
  operatorCase(
    'STRIDED_SLICE',
    'masks',
    [input([4, 6]), integers([1, 2]), integers([3, 5]), integers([1, 1])],
    [[3, 4]],
    { beginMask: 1, endMask: 2 },
  ),
  operatorCase(
    'STRIDED_SLICE',
    'rank 4',
    [input([1, 4, 6, 3], BELOW), integers([0, 1, 0, 0]), integers([1, 4, 6, 3]), integers([1, 2, 3, 1])],
    [[1, 2, 2, 3]],
  ),
  operatorCase('GATHER', 'last axis', [input([3, 7], WIDE), integers([6, 0, 3])], [[3, 3]], { axis: 1 }),
  operatorCase('GATHER', 'table', [constant([5, 4], [-3, 9]), plain([3], 'INT32')], [[3, 4]]),
  operatorCase('GATHER', 'one index', [input([4, 3]), integers([2], [])], [[3]]),
  operatorCase('GATHER', 'batch', [input([2, 4, 3]), integers([0, 3, 2, 1], [2, 2])], [[2, 2, 3]], {
    axis: 1,
    batchDims: 1,
  }),
  operatorCase('GATHER_ND', 'rows', [input([4, 3], WIDE), integers([2, 0], [2, 1])], [[2, 3]]),
  operatorCase('GATHER_ND', 'elements', [input([4, 3]), integers([2, 0, 3, 2], [2, 2])], [[2]]),
  operatorCase(
    'SPLIT',
    'first axis',
    [integers([0], []), input([4, 3], WIDE)],
    [
      [2, 3],
      [2, 3],
    ],
    { numSplits: 2 },
  ),
  operatorCase(
    'SPLIT',
    'negative axis',
    [integers([-1], []), input([1, 3, 6])],
    [
      [1, 3, 3],
      [1, 3, 3],
    ],
    {
      numSplits: 2,
    },
  ),
  operatorCase(
    'SPLIT_V',
    'first axis, the rest',
    [input([5, 3], WIDE), integers([2, -1]), integers([0], [])],
    [
      [2, 3],
      [3, 3],
    ],
    { numSplits: 2 },
  ),
  operatorCase('UNPACK', 'last axis', [input([3, 2], WIDE)], [[3], [3]], { num: 2, axis: -1 }),
  operatorCase(
    'UNPACK',
    'rank 4',
    [input([2, 3, 2, 2])],
    [
      [2, 2, 2],
      [2, 2, 2],
      [2, 2, 2],
    ],
    { num: 3, axis: 1 },
  ),
  operatorCase('UNPACK', 'one', [input([1, 5], BELOW)], [[5]], { num: 1, axis: 0 }),
];

const joined: readonly SuiteCase[] = [
  operatorCase('CONCATENATION', 'first axis', [input([2, 3], WIDE), input([1, 3])], [[3, 3]], { axis: 0 }),
  operatorCase(
    'CONCATENATION',
    'four, unlike ranges',
    [input([1, 2], [-1, 1]), input([1, 3], [-20, -10]), input([1, 1], [5, 90]), input([1, 4], [-0.1, 0.1])],
    [[1, 10]],
    { axis: -1 },
  ),
  operatorCase('CONCATENATION', 'rank 4', [input([1, 2, 3, 2]), input([1, 2, 3, 5])], [[1, 2, 3, 7]], { axis: 3 }),
  operatorCase('CONCATENATION', 'one', [input([2, 3])], [[2, 3]], { axis: 0 }),
  operatorCase('PACK', 'last axis', [input([3, 2], WIDE), input([3, 2])], [[3, 2, 2]], { valuesCount: 2, axis: -1 }),
  operatorCase(
    'PACK',
    'three, one of them constant',
    [input([4]), constant([4], [-5, 9]), input([4], BELOW)],
    [[3, 4]],
    {
      valuesCount: 3,
      axis: 0,
    },
  ),
  operatorCase('SELECT', 'constant', [plain([3, 5], 'BOOL'), input([3, 5]), constant([3, 5], [-4, 9])], [[3, 5]]),
  operatorCase('SELECT', 'a condition a row', [plain([3], 'BOOL'), input([3, 5], WIDE), input([3, 5])], [[3, 5]]),
  operatorCase('SELECT_V2', 'broadcast', [plain([1, 5], 'BOOL'), input([3, 1]), input([3, 5], WIDE)], [[3, 5]]),
  operatorCase('SELECT_V2', 'constant scalar', [plain([3, 5], 'BOOL'), input([3, 5]), values([], [-4])], [[3, 5]]),
  operatorCase(
    'DYNAMIC_UPDATE_SLICE',
    'unlike ranges',
    [input([3, 7], WIDE), input([2, 2]), integers([1, 4])],
    [[3, 7]],
  ),
  operatorCase(
    'DYNAMIC_UPDATE_SLICE',
    'start of the run',
    [input([1, 4, 6]), input([1, 1, 6]), plain([3], 'INT32')],
    [[1, 4, 6]],
  ),
  operatorCase(
    'DYNAMIC_UPDATE_SLICE',
    'constant operand',
    [constant([3, 5], [-4, 9]), input([1, 5]), integers([2, 0])],
    [[3, 5]],
  ),
];

const AROUND = integers([0, 0, 1, 2, 2, 1, 0, 0], [4, 2]);

const padded: readonly SuiteCase[] = [
  operatorCase('PAD', 'odd sizes', [input([1, 3, 5, 3], WIDE), AROUND], [[1, 6, 8, 3]]),
  operatorCase('PAD', 'rank 2', [input([3, 5]), integers([1, 0, 0, 2], [2, 2])], [[4, 7]]),
  operatorCase('PAD', 'values above zero', [input([3, 5], [4, 9]), integers([1, 1, 1, 1], [2, 2])], [[5, 7]]),
  operatorCase('PADV2', 'odd sizes', [input([1, 3, 5, 3], WIDE), AROUND, values([], [-200])], [[1, 6, 8, 3]]),
  operatorCase('PADV2', 'rank 2', [input([3, 5]), integers([1, 0, 0, 2], [2, 2]), values([], [9])], [[4, 7]]),
  operatorCase('MIRROR_PAD', 'rank 2, symmetric', [input([3, 5], WIDE), integers([1, 0, 2, 1], [2, 2])], [[4, 8]], {
    mode: MirrorPadMode.SYMMETRIC,
  }),
  operatorCase('MIRROR_PAD', 'rank 2', [input([3, 5], BELOW), integers([1, 0, 2, 1], [2, 2])], [[4, 8]]),
];

type Pooling = 'AVERAGE_POOL_2D' | 'MAX_POOL_2D';

const pool = (
  operator: Pooling,
  form: string,
  x: readonly number[],
  y: readonly number[],
  options: object,
  range?: Range,
) => operatorCase(operator, form, [input(x, range)], [y], options);

const pooled = (['AVERAGE_POOL_2D', 'MAX_POOL_2D'] as const).flatMap((operator) => [
  pool(operator, 'odd sizes, padded', [1, 5, 7, 3], [1, 3, 4, 3], {
    padding: Padding.SAME,
    strideW: 2,
    strideH: 2,
    filterWidth: 3,
    filterHeight: 3,
  }),
  pool(
    operator,
    'whole image',
    [2, 3, 5, 2],
    [2, 1, 1, 2],
    {
      padding: Padding.VALID,
      strideW: 1,
      strideH: 1,
      filterWidth: 5,
      filterHeight: 3,
    },
    WIDE,
  ),
  pool(
    operator,
    'one pixel',
    [1, 3, 3, 2],
    [1, 3, 3, 2],
    {
      padding: Padding.SAME,
      strideW: 1,
      strideH: 1,
      filterWidth: 1,
      filterHeight: 1,
    },
    BELOW,
  ),
  pool(
    operator,
    'then RELU6',
    [1, 4, 4, 2],
    [1, 2, 2, 2],
    {
      padding: Padding.VALID,
      strideW: 2,
      strideH: 2,
      filterWidth: 2,
      filterHeight: 2,
      fusedActivationFunction: 3,
    },
    [-5, 9],
  ),
]);

const resized = (['RESIZE_BILINEAR', 'RESIZE_NEAREST_NEIGHBOR'] as const).flatMap((operator) => [
  operatorCase(operator, 'odd sizes', [input([1, 3, 5, 3], WIDE), integers([7, 8])], [[1, 7, 8, 3]]),
  operatorCase(operator, 'smaller', [input([2, 6, 4, 1]), integers([3, 3])], [[2, 3, 3, 1]], {
    halfPixelCenters: true,
  }),
  operatorCase(operator, 'aligned corners', [input([1, 3, 3, 2], BELOW), integers([5, 5])], [[1, 5, 5, 2]], {
    alignCorners: true,
  }),
  operatorCase(operator, 'from one pixel', [input([1, 1, 1, 3]), integers([3, 3])], [[1, 3, 3, 3]]),
]);

const blocks: readonly SuiteCase[] = [
  operatorCase('SPACE_TO_DEPTH', 'block of 3', [input([1, 3, 6, 2], WIDE)], [[1, 1, 2, 18]], { blockSize: 3 }),
  operatorCase('SPACE_TO_DEPTH', 'batch of 2', [input([2, 2, 2, 1])], [[2, 1, 1, 4]], { blockSize: 2 }),
  operatorCase('DEPTH_TO_SPACE', 'block of 3', [input([1, 1, 2, 18], WIDE)], [[1, 3, 6, 2]], { blockSize: 3 }),
  operatorCase('DEPTH_TO_SPACE', 'batch of 2', [input([2, 1, 1, 4])], [[2, 2, 2, 1]], { blockSize: 2 }),
  operatorCase(
    'SPACE_TO_BATCH_ND',
    'padded',
    [input([1, 3, 5, 3], WIDE), integers([2, 3]), integers([1, 0, 0, 1], [2, 2])],
    [[6, 2, 2, 3]],
  ),
  operatorCase('SPACE_TO_BATCH_ND', 'rank 3', [input([1, 4, 3]), integers([2]), integers([0, 0], [1, 2])], [[2, 2, 3]]),
  operatorCase(
    'BATCH_TO_SPACE_ND',
    'cropped',
    [input([4, 2, 2, 3], WIDE), integers([2, 2]), integers([1, 0, 0, 1], [2, 2])],
    [[1, 3, 3, 3]],
  ),
  operatorCase('BATCH_TO_SPACE_ND', 'rank 3', [input([2, 2, 3]), integers([2]), integers([0, 0], [1, 2])], [[1, 4, 3]]),
];

const MOVING: readonly OperatorName[] = [
  ...new Set([...arrangement, ...parts, ...joined, ...padded, ...pooled, ...resized, ...blocks].map((c) => c.operator)),
];

/** Operators that move, select or pool numbers. */
export const movementCases: readonly SuiteCase[] = [
  ...zooCases(MOVING),
  ...arrangement,
  ...parts,
  ...joined,
  ...padded,
  ...pooled,
  ...resized,
  ...blocks,
];
