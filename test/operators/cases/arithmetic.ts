import { ActivationFunctionType as Activation } from '../../../schema/generated/tflite.ts';
import { again, constant, input, operatorCase, type Range, type SuiteCase, values } from '../case.ts';
import { zooCases } from './zoo.ts';

type Arithmetic = 'ADD' | 'SUB' | 'MUL' | 'DIV' | 'SQUARED_DIFFERENCE' | 'MAXIMUM' | 'MINIMUM';

/** Where the second operand lies: a divisor keeps away from zero. */
const second = (operator: Arithmetic): Range => (operator === 'DIV' ? [1, 3] : [-1.5, 2.5]);

function shapes(operator: Arithmetic): SuiteCase[] {
  const range = second(operator);
  const form = (name: string, a: readonly number[], b: readonly number[], y: readonly number[]) =>
    operatorCase(operator, name, [input(a), input(b, range)], [y]);
  return [
    form('rank 1, odd size', [13], [13], [13]),
    form('rank 3', [3, 5, 7], [3, 5, 7], [3, 5, 7]),
    form('rank 4', [1, 3, 5, 2], [1, 3, 5, 2], [1, 3, 5, 2]),
    form('rank 5', [2, 1, 3, 2, 2], [2, 1, 3, 2, 2], [2, 1, 3, 2, 2]),
    form('dims of 1', [1, 1, 1], [1, 1, 1], [1, 1, 1]),
    form('broadcast row', [2, 3, 4], [4], [2, 3, 4]),
    form('broadcast column', [2, 3, 4], [2, 3, 1], [2, 3, 4]),
    form('broadcast both', [2, 1, 4], [1, 3, 1], [2, 3, 4]),
    form('broadcast the first', [4], [2, 3, 4], [2, 3, 4]),
    form('broadcast of rank 5', [2, 1, 3, 1, 2], [2, 2, 1, 3, 2], [2, 2, 3, 3, 2]),
    form('scalar', [2, 7], [], [2, 7]),
  ];
}

function numbers(operator: Arithmetic): SuiteCase[] {
  const range = second(operator);
  const two = (name: string, a: Range, b: Range) =>
    operatorCase(operator, name, [input([3, 7], a), input([3, 7], b)], [[3, 7]]);
  return [
    two('big values', [-3000, 1000], operator === 'DIV' ? [700, 900] : [-500, 4000]),
    two('small values', [-2e-4, 1e-4], operator === 'DIV' ? [2e-4, 3e-4] : [-1e-4, 3e-4]),
    two('one below zero', [-9, -5], operator === 'DIV' ? [-4, -2] : [2, 3]),
    two('both above zero', [3, 8], [2, 4]),
    two('unlike ranges', [-100, 50], operator === 'DIV' ? [0.5, 0.7] : [-0.5, 0.7]),
    operatorCase(operator, 'constant of the same shape', [input([3, 7]), constant([3, 7], range)], [[3, 7]]),
    operatorCase(operator, 'constant row', [input([3, 7]), constant([7], range)], [[3, 7]]),
    operatorCase(operator, 'constant scalar', [input([3, 7]), values([], [1.25])], [[3, 7]]),
    operatorCase(operator, 'constant first', [constant([7]), input([3, 7], range)], [[3, 7]]),
  ];
}

const FUSED = { RELU: Activation.RELU, RELU6: Activation.RELU6, RELU_N1_TO_1: Activation.RELU_N1_TO_1 } as const;

function fused(operator: 'ADD' | 'SUB' | 'MUL' | 'DIV'): SuiteCase[] {
  const wide: Range = [-7, 9];
  return Object.entries(FUSED).map(([name, fusedActivationFunction]) =>
    operatorCase(operator, `then ${name}`, [input([3, 7], wide), input([3, 7], second(operator))], [[3, 7]], {
      fusedActivationFunction,
    }),
  );
}

const ALL: readonly Arithmetic[] = ['ADD', 'SUB', 'MUL', 'DIV', 'SQUARED_DIFFERENCE', 'MAXIMUM', 'MINIMUM'];

/** Operators of two operands, element by element. */
export const arithmeticCases: readonly SuiteCase[] = [
  ...zooCases(ALL),
  ...ALL.flatMap((operator) => [...shapes(operator), ...numbers(operator)]),
  ...(['ADD', 'SUB', 'MUL', 'DIV'] as const).flatMap(fused),
  operatorCase('ADD', 'the same twice', [input([3, 7]), again], [[3, 7]]),
  operatorCase('MUL', 'the same twice', [input([3, 7]), again], [[3, 7]]),
  operatorCase('SUB', 'the same twice', [input([3, 7]), again], [[3, 7]]),
];
