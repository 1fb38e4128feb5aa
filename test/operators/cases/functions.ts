import type { OptionsOf } from '../../support/model-builder.ts';
import { constant, input, operatorCase, type Range, type SuiteCase } from '../case.ts';
import { zooCases } from './zoo.ts';

type Domain = 'all' | 'positive';

const FUNCTIONS = {
  RELU: 'all',
  RELU6: 'all',
  RELU_N1_TO_1: 'all',
  RELU_0_TO_1: 'all',
  LEAKY_RELU: 'all',
  ELU: 'all',
  GELU: 'all',
  HARD_SWISH: 'all',
  ABS: 'all',
  NEG: 'all',
  EXP: 'all',
  LOG: 'positive',
  SQRT: 'positive',
  RSQRT: 'positive',
  LOGISTIC: 'all',
  TANH: 'all',
} as const satisfies Record<string, Domain>;

type FunctionName = keyof typeof FUNCTIONS;
const NAMES = Object.keys(FUNCTIONS) as FunctionName[];

const SHAPES: Readonly<Record<string, readonly number[]>> = {
  scalar: [],
  'rank 1, odd size': [37],
  'rank 3': [3, 5, 7],
  'rank 4': [1, 3, 5, 3],
  'rank 5': [2, 1, 3, 2, 2],
  'dims of 1': [1, 1, 1],
};

const RANGES: Readonly<Record<Domain, Readonly<Record<string, Range>>>> = {
  all: {
    'wide values': [-9, 7],
    'above zero': [0.5, 4],
    'below zero': [-4, -0.5],
    'small values': [-0.02, 0.01],
  },
  positive: { 'wide values': [3, 60], 'big values': [800, 3000], 'small values': [0.01, 0.05] },
};

/** EXP overflows, the others only saturate. */
const BIG: readonly FunctionName[] = [
  'RELU',
  'LEAKY_RELU',
  'ELU',
  'GELU',
  'HARD_SWISH',
  'ABS',
  'NEG',
  'LOGISTIC',
  'TANH',
];

function casesOf(operator: FunctionName): SuiteCase[] {
  const domain = FUNCTIONS[operator];
  const options = (operator === 'LEAKY_RELU' ? { alpha: Math.fround(0.2) } : {}) as OptionsOf<FunctionName>;
  const usual: Range = domain === 'positive' ? [0.5, 4] : [-3, 2];
  const ranges = { ...RANGES[domain], ...(BIG.includes(operator) && { 'big values': [-400, 700] as Range }) };
  return [
    ...Object.entries(SHAPES).map(([form, shape]) =>
      operatorCase(operator, form, [input(shape, usual)], [shape], options),
    ),
    ...Object.entries(ranges).map(([form, range]) =>
      operatorCase(operator, form, [input([3, 17], range)], [[3, 17]], options),
    ),
  ];
}

const prelu = (form: string, x: readonly number[], alpha: ReturnType<typeof constant>, range?: Range) =>
  operatorCase('PRELU', form, [input(x, range), alpha], [x]);

/** Functions of single numbers. */
export const functionCases: readonly SuiteCase[] = [
  ...zooCases([...NAMES, 'PRELU']),
  ...NAMES.flatMap(casesOf),
  operatorCase('LEAKY_RELU', 'negative slope', [input([3, 7])], [[3, 7]], { alpha: Math.fround(-0.5) }),
  operatorCase('LEAKY_RELU', 'slope above 1', [input([3, 7])], [[3, 7]], { alpha: Math.fround(1.5) }),
  operatorCase('GELU', 'approximate, wide values', [input([3, 17], [-9, 7])], [[3, 17]], { approximate: true }),
  prelu('odd sizes', [1, 3, 5, 3], constant([1, 1, 3], [0, 0.5], 3)),
  prelu('one slope', [1, 3, 5, 3], constant([1, 1, 1], [0.2, 0.3], 3)),
  prelu('negative slopes', [1, 3, 5, 3], constant([1, 1, 3], [-0.5, 0.5], 3)),
  prelu('a slope an element', [1, 2, 3, 4], constant([2, 3, 4], [0, 0.5], 3)),
  prelu('rank 2', [3, 7], constant([7], [0, 0.5], 3)),
  prelu('wide values', [1, 3, 5, 3], constant([1, 1, 3], [0, 2], 3), [-40, 90]),
];
