import { constant, input, operatorCase, type Range, type SuiteCase } from '../case.ts';
import { zooCases } from './zoo.ts';

const COMPARISONS = ['EQUAL', 'NOT_EQUAL', 'GREATER', 'GREATER_EQUAL', 'LESS', 'LESS_EQUAL'] as const;

/** Both sides with the same ends: only on one grid do codes compare as numbers do. */
function casesOf(operator: (typeof COMPARISONS)[number]): SuiteCase[] {
  const form = (
    name: string,
    a: readonly number[],
    b: readonly number[],
    y: readonly number[],
    range?: Range,
  ): SuiteCase => operatorCase(operator, name, [input(a, range), input(b, range)], [{ shape: y, type: 'BOOL' }]);
  return [
    form('rank 1, odd size', [13], [13], [13]),
    form('rank 4', [1, 3, 5, 2], [1, 3, 5, 2], [1, 3, 5, 2]),
    form('dims of 1', [1, 1], [1, 1], [1, 1]),
    form('broadcast row', [3, 7], [7], [3, 7]),
    form('broadcast both', [2, 1, 4], [1, 3, 1], [2, 3, 4]),
    form('big values', [3, 7], [3, 7], [3, 7], [-300, 900]),
    form('small values', [3, 7], [3, 7], [3, 7], [-0.02, 0.01]),
    form('below zero', [3, 7], [3, 7], [3, 7], [-9, -4]),
    operatorCase(operator, 'constant', [input([3, 7]), constant([3, 7], [-2, 2])], [{ shape: [3, 7], type: 'BOOL' }]),
  ];
}

/** Operators that say how two numbers compare. */
export const comparisonCases: readonly SuiteCase[] = [...zooCases(COMPARISONS), ...COMPARISONS.flatMap(casesOf)];
