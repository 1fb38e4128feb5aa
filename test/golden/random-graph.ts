import { ActivationFunctionType, Padding } from '../../schema/generated/tflite.ts';
import type { Model } from '../../schema/model.ts';
import type { OperatorName, OptionsOf, SubgraphBuilder } from '../support/model-builder.ts';
import { Random } from './random.ts';
import { SmallGraph, type Value } from './small-graph.ts';

/** Activations larger than this are not fed to operators that make them larger still. */
const LARGEST_ELEMENTS = 256;

/** What an operator of the generator needs: the graph, the dice, and how to get operands. */
interface Growth {
  readonly graph: SmallGraph;
  readonly random: Random;
  /** Float activations so far, inputs first. */
  readonly values: Value[];
  /** Float constants so far, for sharing. */
  readonly constants: Value[];
  /** Those of the subgraph before. */
  readonly foreign?: { readonly from: SubgraphBuilder; readonly constants: readonly Value[] };
}

/** Adds one operator (or none, if nothing fits) and returns its float outputs. */
type Step = (growth: Growth) => readonly Value[];

/**
 * A random valid float model: 3 to 12 operators over a few activations, with constants and their buffers shared, some
 * operators that the original does not know, results that nobody reads, and inner values among the outputs; now and
 * then a second subgraph with a signature of its own that shares buffers with the first. Equal seeds, equal models.
 */
export function randomModel(seed: number): Model {
  const random = new Random(seed);
  const graph = new SmallGraph();
  const first = growSubgraph({ graph, random, values: [], constants: [] });
  graph.signature('first');
  if (random.chance(0.15)) {
    const foreign = { from: graph.beginSubgraph(), constants: first.constants };
    growSubgraph({ graph, random, values: [], constants: [], foreign });
    graph.signature('second');
  }
  return graph.model;
}

function growSubgraph(growth: Growth): Growth {
  const { graph, random, values } = growth;
  for (let inputs = random.whole(1, 3); inputs > 0; inputs--) values.push(graph.input('x', random.pick(INPUT_SHAPES)));
  for (let operators = random.whole(3, 12); operators > 0; operators--) values.push(...random.pick(STEPS)(growth));
  if (graph.operatorCount === 0) values.push(...unary('RELU')(growth));
  const inputs = graph.inputs.filter((input) => values.includes(input)).length;
  const candidates = values.slice(Math.min(values.length - 1, random.chance(0.03) ? 0 : inputs));
  const outputs = new Set([candidates.at(-1) as Value]);
  for (let more = random.whole(0, 2); more > 0; more--) outputs.add(random.pick(candidates));
  graph.outputs([...outputs]);
  return growth;
}

const INPUT_SHAPES = [
  [4, 4],
  [4, 4],
  [2, 8],
  [1, 4, 4, 2],
];

const elements = (shape: readonly number[]): number => shape.reduce((product, length) => product * length, 1);
const lastOf = (shape: readonly number[]): number => shape.at(-1) ?? 1;
const withLast = (shape: readonly number[], last: number): number[] => [...shape.slice(0, -1), last];

/** A random activation that passes the test. */
function activation({ random, values }: Growth, accept: (shape: readonly number[]) => boolean): Value | undefined {
  const fitting = values.filter(({ shape }) => accept(shape));
  return fitting.length > 0 ? random.pick(fitting) : undefined;
}

/** A constant of this shape: one that is there already, a new tensor over its bytes, or new bytes. */
function constant(growth: Growth, shape: readonly number[], stem = 'constant'): Value {
  const { graph, random, constants, foreign } = growth;
  const fits = (value: Value) => String(value.shape) === String(shape);
  const other = foreign?.constants.find(fits);
  if (foreign && other && random.chance(0.3)) {
    const shared = graph.alias('shared', other, foreign.from);
    constants.push(shared);
    return shared;
  }
  const same = constants.filter(fits);
  if (same.length > 0 && random.chance(0.45)) {
    const shared = random.pick(same);
    if (random.chance(0.6)) return shared;
    const twin = graph.alias('twin', shared);
    constants.push(twin);
    return twin;
  }
  const spread = random.pick([0.05, 1, 4]);
  const numbers = Array.from({ length: elements(shape) }, () => random.between(-spread, spread));
  const fresh = graph.floats(stem, shape, numbers);
  constants.push(fresh);
  return fresh;
}

const same =
  (wanted: readonly number[]) =>
  (shape: readonly number[]): boolean =>
    String(shape) === String(wanted);

/** Operators that map a tensor to one of the same shape. */
const unary =
  <N extends OperatorName>(name: N, options: OptionsOf<N> = {}): Step =>
  (growth) => {
    const input = activation(growth, () => true);
    return input ? growth.graph.operator(name, [input], [input.shape], options) : [];
  };

/** Operators of two tensors of one shape, the second sometimes a constant (of one row, if it may) or the first again. */
const binary =
  (name: OperatorName, broadcasts = true): Step =>
  (growth) => {
    const left = activation(growth, () => true);
    if (!left) return [];
    const row = broadcasts && growth.random.chance(0.5);
    const right = growth.random.chance(0.35)
      ? constant(growth, row ? [lastOf(left.shape)] : left.shape)
      : (activation(growth, same(left.shape)) ?? left);
    return growth.graph.operator(name, [left, right], [left.shape]);
  };

const concatenation: Step = (growth) => {
  const { graph, random } = growth;
  const base = activation(growth, (shape) => elements(shape) <= LARGEST_ELEMENTS / 3);
  if (!base) return [];
  const parts = [base];
  for (let more = random.whole(1, 2); more > 0; more--) {
    parts.push(random.chance(0.25) ? constant(growth, base.shape) : (activation(growth, same(base.shape)) ?? base));
  }
  const shape = withLast(base.shape, lastOf(base.shape) * parts.length);
  const options = { axis: base.shape.length - 1 };
  return graph.operator('CONCATENATION', parts, [shape], { ...options, fusedActivationFunction: 0 });
};

const pack: Step = (growth) => {
  const base = activation(growth, (shape) => shape.length < 4 && elements(shape) <= LARGEST_ELEMENTS / 2);
  if (!base) return [];
  const other = activation(growth, same(base.shape)) ?? base;
  const options = { valuesCount: 2, axis: 0 };
  return growth.graph.operator('PACK', [base, other], [[2, ...base.shape]], options);
};

const split: Step = (growth) => {
  const input = activation(growth, (shape) => lastOf(shape) % 2 === 0);
  if (!input) return [];
  const axis = growth.graph.integers('axis', [input.shape.length - 1], []);
  const half = withLast(input.shape, lastOf(input.shape) / 2);
  return growth.graph.operator('SPLIT', [axis, input], [half, half], { numSplits: 2 });
};

const reshape: Step = (growth) => {
  const input = activation(growth, (shape) => elements(shape) % 4 === 0);
  if (!input) return [];
  const count = elements(input.shape);
  const shape = growth.random.pick([[count / 4, 4], [1, 2, 2, count / 4], [count]]);
  return growth.graph.operator('RESHAPE', [input, growth.graph.integers('shape', shape)], [shape]);
};

const transpose: Step = (growth) => {
  const input = activation(growth, (shape) => shape.length === 2);
  if (!input) return [];
  const order = growth.graph.integers('order', [1, 0]);
  return growth.graph.operator('TRANSPOSE', [input, order], [[...input.shape].reverse()]);
};

const mean: Step = (growth) => {
  const input = activation(growth, (shape) => shape.length > 1);
  if (!input) return [];
  const name = growth.random.pick(['MEAN', 'SUM', 'REDUCE_MIN'] as const);
  const axis = growth.graph.integers('axis', [input.shape.length - 1]);
  const options = { keepDims: true };
  return growth.graph.operator(name, [input, axis], [withLast(input.shape, 1)], options);
};

const pad: Step = (growth) => {
  const { graph, random } = growth;
  const input = activation(growth, (shape) => shape.length === 2 && elements(shape) <= LARGEST_ELEMENTS / 4);
  if (!input) return [];
  const paddings = graph.integers('paddings', [0, 1, 1, 0], [2, 2]);
  const shape = input.shape.map((length) => length + 1);
  if (random.chance(0.5)) return graph.operator('PAD', [input, paddings], [shape]);
  return graph.operator('PADV2', [input, paddings, constant(growth, [])], [shape]);
};

const slice: Step = (growth) => {
  const input = activation(growth, (shape) => lastOf(shape) > 1);
  if (!input) return [];
  const shape = withLast(input.shape, lastOf(input.shape) - 1);
  const begin = growth.graph.integers(
    'begin',
    withLast(
      shape.map(() => 0),
      1,
    ),
  );
  return growth.graph.operator('SLICE', [input, begin, growth.graph.integers('size', shape)], [shape]);
};

const gather: Step = (growth) => {
  const input = activation(growth, (shape) => shape.length === 2 && (shape[0] ?? 0) > 1);
  if (!input) return [];
  const indices = growth.graph.integers('indices', [1, 0, 1]);
  return growth.graph.operator('GATHER', [input, indices], [[3, lastOf(input.shape)]]);
};

/** y = cond ? a : b with a condition out of a comparison, itself of two activations. */
const select: Step = (growth) => {
  const { graph } = growth;
  const left = activation(growth, () => true);
  if (!left) return [];
  const right = activation(growth, same(left.shape)) ?? left;
  const [condition] = graph.operator('EQUAL', [left, right], [left.shape], {}, 'BOOL');
  const other = growth.random.chance(0.3) ? constant(growth, left.shape) : right;
  return graph.operator('SELECT_V2', [condition, left, other], [left.shape]);
};

const fullyConnected: Step = (growth) => {
  const { random } = growth;
  const input = activation(growth, (shape) => shape.length === 2);
  if (!input) return [];
  const outputs = random.pick([4, 4, 8]);
  const weight = constant(growth, [outputs, lastOf(input.shape)], 'weight');
  const bias = random.chance(0.5) ? constant(growth, [outputs], 'bias') : undefined;
  const shape = withLast(input.shape, outputs);
  const fusedActivationFunction = random.chance(0.3) ? ActivationFunctionType.RELU : ActivationFunctionType.NONE;
  const options = { fusedActivationFunction };
  return growth.graph.operator('FULLY_CONNECTED', [input, weight, bias], [shape], options);
};

const convolution: Step = (growth) => {
  const { random } = growth;
  const input = activation(growth, (shape) => shape.length === 4 && elements(shape) <= LARGEST_ELEMENTS);
  if (!input) return [];
  const channels = lastOf(input.shape);
  const strides = { padding: Padding.SAME, strideW: 1, strideH: 1, dilationWFactor: 1, dilationHFactor: 1 };
  if (random.chance(0.4)) {
    const weight = constant(growth, [1, 2, 2, channels], 'weight');
    const operands = [input, weight, constant(growth, [channels], 'bias')];
    const options = { ...strides, depthMultiplier: 1 };
    return growth.graph.operator('DEPTHWISE_CONV_2D', operands, [input.shape], options);
  }
  const filters = random.pick([2, 4]);
  const weight = constant(growth, [filters, 1, 1, channels], 'weight');
  const operands = [input, weight, constant(growth, [filters], 'bias')];
  const options = { ...strides };
  return growth.graph.operator('CONV_2D', operands, [withLast(input.shape, filters)], options);
};

const pool: Step = (growth) => {
  const input = activation(growth, (shape) => shape.length === 4 && (shape[1] ?? 0) > 1 && (shape[2] ?? 0) > 1);
  if (!input) return [];
  const [batch, height, width, channels] = input.shape as [number, number, number, number];
  const shape = [batch, Math.floor(height / 2), Math.floor(width / 2), channels];
  const window = { strideW: 2, strideH: 2, filterWidth: 2, filterHeight: 2 };
  const name = growth.random.pick(['AVERAGE_POOL_2D', 'MAX_POOL_2D'] as const);
  const options = { padding: Padding.VALID, ...window };
  return growth.graph.operator(name, [input], [shape], options);
};

/** With a constant, sometimes transposed, or with two activations. */
const batchMatmul: Step = (growth) => {
  const { graph, random } = growth;
  const input = activation(growth, (shape) => shape.length === 2);
  if (!input) return [];
  const inner = lastOf(input.shape);
  const adjY = random.chance(0.5);
  const options = { adjX: false, adjY, asymmetricQuantizeInputs: false };
  const other = activation(growth, (shape) => shape.length === 2 && (adjY ? shape[1] : shape[0]) === inner);
  const weight = other && random.chance(0.4) ? other : constant(growth, adjY ? [4, inner] : [inner, 4], 'weight');
  const columns = (adjY ? weight.shape[0] : weight.shape[1]) ?? 1;
  if ((elements(input.shape) / inner) * columns > LARGEST_ELEMENTS) return [];
  return graph.operator('BATCH_MATMUL', [input, weight], [withLast(input.shape, columns)], options);
};

/** Rows of a table by integer inputs of the graph. */
const embedding: Step = (growth) => {
  const ids = growth.graph.input('ids', [3], 'INT32');
  const table = constant(growth, [4, 4], 'table');
  return growth.graph.operator('EMBEDDING_LOOKUP', [ids, table], [[3, 4]]);
};

const STEPS: readonly Step[] = [
  unary('RELU'),
  unary('TANH'),
  unary('LOGISTIC'),
  unary('SOFTMAX', { beta: 1 }),
  unary('GELU', { approximate: false }),
  unary('HARD_SWISH'),
  unary('SIN'),
  unary('EXP'),
  binary('ADD'),
  binary('ADD'),
  binary('SUB'),
  binary('MUL'),
  binary('MAXIMUM', false),
  binary('MAXIMUM', false),
  binary('MINIMUM'),
  binary('SQUARED_DIFFERENCE'),
  concatenation,
  concatenation,
  pack,
  split,
  split,
  reshape,
  reshape,
  transpose,
  mean,
  pad,
  slice,
  gather,
  select,
  fullyConnected,
  fullyConnected,
  fullyConnected,
  convolution,
  convolution,
  pool,
  batchMatmul,
  embedding,
];
