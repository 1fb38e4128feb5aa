import { input, operatorCase, type Range, type SuiteCase } from '../case.ts';
import { zooCases } from './zoo.ts';

const SHAPES: Readonly<Record<string, readonly number[]>> = {
  'rank 1': [9],
  'rank 2, odd sizes': [3, 7],
  'rank 3': [2, 3, 5],
  'rank 4': [1, 3, 5, 3],
  'two classes': [4, 2],
  'one class': [3, 1],
  'many classes': [2, 300],
};

const RANGES: Readonly<Record<string, Range>> = {
  'wide values': [-9, 7],
  'big values': [-400, 700],
  'small values': [-0.02, 0.01],
  'below zero': [-9, -4],
};

const softmax = (form: string, shape: readonly number[], range?: Range, beta = 1) =>
  operatorCase('SOFTMAX', form, [input(shape, range)], [shape], { beta });

const normalized = (operator: 'LOG_SOFTMAX' | 'L2_NORMALIZATION') => [
  ...Object.entries(SHAPES).map(([form, shape]) => operatorCase(operator, form, [input(shape)], [shape])),
  ...Object.entries(RANGES).map(([form, range]) => operatorCase(operator, form, [input([3, 11], range)], [[3, 11]])),
];

/** Operators whose results belong together: shares, logarithms of shares, directions. */
export const normalizationCases: readonly SuiteCase[] = [
  ...zooCases(['SOFTMAX', 'LOG_SOFTMAX', 'L2_NORMALIZATION']),
  ...Object.entries(SHAPES).map(([form, shape]) => softmax(form, shape)),
  ...Object.entries(RANGES).map(([form, range]) => softmax(form, [3, 11], range)),
  softmax('sharper', [3, 7], [-2, 2], 2),
  softmax('softer', [3, 7], [-2, 2], 0.5),
  ...normalized('LOG_SOFTMAX'),
  ...normalized('L2_NORMALIZATION'),
];
