import { TensorType } from '../../../schema/generated/tflite.ts';
import { input, integers, operatorCase, type Range, type SuiteCase } from '../case.ts';
import { zooCases } from './zoo.ts';

type Reduction = 'MEAN' | 'SUM' | 'REDUCE_MAX' | 'REDUCE_MIN' | 'REDUCE_PROD';
const REDUCTIONS: readonly Reduction[] = ['MEAN', 'SUM', 'REDUCE_MAX', 'REDUCE_MIN', 'REDUCE_PROD'];

function reductionsOf(operator: Reduction): SuiteCase[] {
  const usual: Range = operator === 'REDUCE_PROD' ? [0.5, 1.5] : [-2, 3];
  const form = (
    name: string,
    x: readonly number[],
    axes: readonly number[],
    y: readonly number[],
    { keepDims = false, range = usual }: { keepDims?: boolean; range?: Range } = {},
  ) => operatorCase(operator, name, [input(x, range), integers(axes)], [y], { keepDims });
  return [
    form('last axis', [3, 7], [1], [3]),
    form('first axis', [3, 7], [0], [7]),
    form('negative axis', [2, 3, 5], [-1], [2, 3]),
    form('middle axis kept', [2, 3, 5], [1], [2, 1, 5], { keepDims: true }),
    form('all axes', [2, 3, 2], [0, 1, 2], []),
    form('image', [1, 3, 5, 3], [1, 2], [1, 3]),
    form('image, batch of 2, kept', [2, 3, 3, 3], [1, 2], [2, 1, 1, 3], { keepDims: true }),
    form('rank 5', [2, 1, 3, 2, 2], [2, 4], [2, 1, 2]),
    form('axis of 1', [3, 1, 4], [1], [3, 4]),
    form('rank 1', [9], [0], []),
    form('small values', [3, 7], [1], [3], { range: operator === 'REDUCE_PROD' ? [0.9, 1.1] : [-2e-4, 1e-4] }),
    ...(operator === 'REDUCE_PROD'
      ? [form('signs', [3, 4], [1], [3], { range: [-1.5, 1.5] })]
      : [
          form('big values', [3, 7], [1], [3], { range: [-3000, 1000] }),
          form('below zero', [3, 7], [1], [3], { range: [-9, -4] }),
          form('above zero', [3, 7], [1], [3], { range: [4, 9] }),
        ]),
  ];
}

function indicesOf(operator: 'ARG_MAX' | 'ARG_MIN'): SuiteCase[] {
  const form = (name: string, x: readonly number[], axis: number, y: readonly number[], range?: Range) =>
    operatorCase(operator, name, [input(x, range), integers([axis], [])], [{ shape: y, type: 'INT32' }], {
      outputType: TensorType.INT32,
    });
  return [
    form('first axis', [5, 3], 0, [3]),
    form('negative axis', [2, 3, 5], -1, [2, 3]),
    form('middle axis', [2, 7, 3], 1, [2, 3]),
    form('rank 4', [1, 3, 5, 3], 3, [1, 3, 5]),
    form('rank 1', [11], 0, []),
    form('axis of 1', [3, 1], 1, [3]),
    form('big values', [3, 7], 1, [3], [-3000, 1000]),
    form('below zero', [3, 7], 1, [3], [-9, -4]),
  ];
}

const best = (name: string, x: readonly number[], k: number, range?: Range) => {
  const y = [...x.slice(0, -1), k];
  const results = [y, { shape: y, type: 'INT32' as const }];
  return operatorCase('TOPK_V2', name, [input(x, range), integers([k], [])], results);
};

/** Operators that make fewer numbers of many. */
export const reductionCases: readonly SuiteCase[] = [
  ...zooCases([...REDUCTIONS, 'ARG_MAX', 'ARG_MIN', 'TOPK_V2']),
  ...REDUCTIONS.flatMap(reductionsOf),
  ...indicesOf('ARG_MAX'),
  ...indicesOf('ARG_MIN'),
  best('one of one', [2, 1], 1),
  best('all', [3, 5], 5),
  best('rank 1', [11], 3),
  best('rank 3', [2, 3, 7], 2),
  best('big values', [3, 7], 2, [-3000, 1000]),
];
