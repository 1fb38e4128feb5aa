/** Small models of one recurrent operator each, with its optional parts and without. */
import { ActivationFunctionType } from '../../schema/generated/tflite.ts';
import type { Model } from '../../schema/model.ts';
import {
  ModelBuilder,
  type OperatorName,
  type OptionsOf,
  randomFloats,
  type SubgraphBuilder,
} from './model-builder.ts';

export interface RecurrentModel {
  readonly name: string;
  readonly operator: OperatorName;
  readonly model: Model;
}

const BATCH = 2;
const STEPS = 5;
const INPUT = 16;
const CELLS = 12;
const PROJECTED = 8;
const NONE = -1;

const { TANH, RELU } = ActivationFunctionType;

/** Optional parts of an LSTM; `coupled`: the input gate is one minus the forget gate. */
interface Parts {
  readonly projection?: boolean;
  readonly peephole?: boolean;
  readonly normalization?: boolean;
  readonly coupled?: boolean;
}

/** Constants with numbers of their own, by name. */
function constants(main: SubgraphBuilder) {
  let seed = 1;
  return (name: string, shape: readonly number[]) => {
    const count = shape.reduce((product, length) => product * length, 1);
    seed += 1;
    return main.constant(name, shape, randomFloats(count, seed, -0.5, 0.5));
  };
}

const state = (main: SubgraphBuilder, name: string, width: number) =>
  main.tensor({ name, shape: [BATCH, width], isVariable: true });

function built<N extends OperatorName>(
  name: string,
  operator: N,
  make: (main: SubgraphBuilder) => { inputs: readonly number[]; results: readonly (readonly number[])[] },
  options: OptionsOf<N>,
): RecurrentModel {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const { inputs, results } = make(main);
  const specs = results.map((shape, index) => ({ name: `y${index}`, shape }));
  const outputs = main.operators(operator, inputs, specs, options);
  main.outputs(...outputs);
  builder.signature('main', {
    inputs: { x: inputs[0] as number },
    outputs: Object.fromEntries(outputs.map((output, index) => [`y${index}`, output])),
  });
  return { name, operator, model: builder.build() };
}

/** Matrices, peepholes, biases and projection of one direction, in the order of the operands. */
function gates(make: ReturnType<typeof constants>, prefix: string, parts: Parts): number[] {
  const width = parts.projection ? PROJECTED : CELLS;
  const each = (letters: string, shape: readonly number[], stem: string, wanted = true) =>
    [...letters].map((gate) =>
      wanted && !(parts.coupled && gate === 'i') ? make(`${prefix}${stem}${gate}`, shape) : NONE,
    );
  return [
    ...each('ifco', [CELLS, INPUT], 'w'),
    ...each('ifco', [CELLS, width], 'r'),
    ...each('ifo', [CELLS], 'p', parts.peephole === true),
    ...each('ifco', [CELLS], 'b'),
    parts.projection ? make(`${prefix}projection`, [PROJECTED, CELLS]) : NONE,
    parts.projection ? make(`${prefix}projection_bias`, [PROJECTED]) : NONE,
  ];
}

function lstm(operator: 'LSTM' | 'UNIDIRECTIONAL_SEQUENCE_LSTM', parts: Parts = {}): RecurrentModel {
  const words = Object.keys(parts).join(', ');
  const sequence = operator !== 'LSTM';
  const width = parts.projection ? PROJECTED : CELLS;
  const steps = sequence ? [STEPS] : [];
  return built(
    words ? `${operator} with ${words}` : operator,
    operator,
    (main) => {
      const make = constants(main);
      const x = main.input('x', [BATCH, ...steps, INPUT]);
      const weights = gates(make, '', parts);
      const states = [state(main, 'output_state', width), state(main, 'cell_state', CELLS)];
      const gateNorms = parts.coupled ? [NONE, ...[...'fco'].map((gate) => make(`n${gate}`, [CELLS]))] : undefined;
      const norms = parts.normalization ? (gateNorms ?? [...'ifco'].map((gate) => make(`n${gate}`, [CELLS]))) : [];
      return { inputs: [x, ...weights, ...states, ...norms], results: [[BATCH, ...steps, width]] };
    },
    { fusedActivationFunction: TANH, cellClip: 10 },
  );
}

/** One output for both directions, or one each. */
export function bidirectionalLstm(mergeOutputs: boolean): RecurrentModel {
  return built(
    'BIDIRECTIONAL_SEQUENCE_LSTM',
    'BIDIRECTIONAL_SEQUENCE_LSTM',
    (main) => {
      const make = constants(main);
      const x = main.input('x', [BATCH, STEPS, INPUT]);
      const weights = [...gates(make, 'f', {}), ...gates(make, 'b', {})];
      const states = ['fo', 'fc', 'bo', 'bc'].map((name) => state(main, name, CELLS));
      const results = mergeOutputs
        ? [[BATCH, STEPS, 2 * CELLS]]
        : [
            [BATCH, STEPS, CELLS],
            [BATCH, STEPS, CELLS],
          ];
      return { inputs: [x, ...weights, ...states, ...Array.from({ length: 9 }, () => NONE)], results };
    },
    { fusedActivationFunction: TANH, cellClip: 10, timeMajor: false, mergeOutputs },
  );
}

/** Input matrix, state matrix, bias and state of one direction. */
function recurrence(main: SubgraphBuilder, make: ReturnType<typeof constants>, prefix: string): number[] {
  const weights = [make(`${prefix}w`, [CELLS, INPUT]), make(`${prefix}r`, [CELLS, CELLS]), make(`${prefix}b`, [CELLS])];
  return [...weights, state(main, `${prefix}state`, CELLS)];
}

function rnn(operator: 'RNN' | 'UNIDIRECTIONAL_SEQUENCE_RNN'): RecurrentModel {
  const steps = operator === 'RNN' ? [] : [STEPS];
  return built(
    operator,
    operator,
    (main) => {
      const x = main.input('x', [BATCH, ...steps, INPUT]);
      return { inputs: [x, ...recurrence(main, constants(main), '')], results: [[BATCH, ...steps, CELLS]] };
    },
    { fusedActivationFunction: TANH },
  );
}

function bidirectionalRnn(): RecurrentModel {
  return built(
    'BIDIRECTIONAL_SEQUENCE_RNN',
    'BIDIRECTIONAL_SEQUENCE_RNN',
    (main) => {
      const make = constants(main);
      const x = main.input('x', [BATCH, STEPS, INPUT]);
      const directions = [...recurrence(main, make, 'f'), ...recurrence(main, make, 'b')];
      return { inputs: [x, ...directions, NONE, NONE, NONE], results: [[BATCH, STEPS, 2 * CELLS]] };
    },
    { fusedActivationFunction: TANH, mergeOutputs: true },
  );
}

function svdf(): RecurrentModel {
  const [rank, units, memory] = [2, 6, 10];
  return built(
    'SVDF',
    'SVDF',
    (main) => {
      const make = constants(main);
      const x = main.input('x', [BATCH, INPUT]);
      const weights = [make('feature', [units * rank, INPUT]), make('time', [units * rank, memory])];
      const inputs = [x, ...weights, make('bias', [units]), state(main, 'state', units * rank * memory)];
      return { inputs, results: [[BATCH, units]] };
    },
    { rank, fusedActivationFunction: RELU },
  );
}

export const recurrentModels: readonly RecurrentModel[] = [
  lstm('LSTM'),
  lstm('LSTM', { projection: true }),
  lstm('LSTM', { peephole: true }),
  lstm('LSTM', { coupled: true }),
  lstm('LSTM', { normalization: true }),
  lstm('UNIDIRECTIONAL_SEQUENCE_LSTM'),
  lstm('UNIDIRECTIONAL_SEQUENCE_LSTM', { projection: true, peephole: true, normalization: true }),
  lstm('UNIDIRECTIONAL_SEQUENCE_LSTM', { coupled: true }),
  bidirectionalLstm(false),
  rnn('RNN'),
  rnn('UNIDIRECTIONAL_SEQUENCE_RNN'),
  bidirectionalRnn(),
  svdf(),
];
