import type { Model } from '../../schema/model.ts';
import {
  ModelBuilder,
  type OperatorName,
  type OptionsOf,
  randomFloats,
  type SubgraphBuilder,
  type TypeName,
} from '../support/model-builder.ts';
import type { ZooEntry } from '../support/operator-zoo.ts';

export type Range = readonly [low: number, high: number];

/** One small float model of one operator, and where the values of its inputs lie. */
export interface SuiteCase {
  readonly operator: OperatorName;
  /** The class of shapes and values, such as `broadcast row`. */
  readonly form: string;
  readonly model: Model;
  readonly rangeOf: (input: string) => Range;
}

/** An operand of the operator of a case. */
export type Operand = (main: SubgraphBuilder, name: string) => number;

const DEFAULT_RANGE: Range = [-2, 2];
const NAMES = 'abcdefghijklmnop';
const ranges = new WeakMap<Operand, Range>();

/** A float input whose values are uniform in a range. */
export function input(shape: readonly number[], range: Range = DEFAULT_RANGE): Operand {
  const operand: Operand = (main, name) => main.input(name, shape);
  ranges.set(operand, range);
  return operand;
}

/** An input of another type: integers and truth values are 0 or 1. */
export function plain(shape: readonly number[], type: TypeName): Operand {
  return (main, name) => main.input(name, shape, { type });
}

/** Float constants uniform in a range. */
export function constant(shape: readonly number[], [low, high]: Range = [-1, 1], seed = 7): Operand {
  const count = shape.reduce((product, length) => product * length, 1);
  return (main, name) => main.constant(name, shape, randomFloats(count, seed, low, high));
}

/** Float constants as given. */
export function values(shape: readonly number[], numbers: readonly number[]): Operand {
  return (main, name) => main.constant(name, shape, Float32Array.from(numbers));
}

/** int32 constants: indices, shapes, axes. */
export function integers(numbers: readonly number[], shape: readonly number[] = [numbers.length]): Operand {
  return (main, name) => main.constant(name, shape, Int32Array.from(numbers));
}

/** The operand is left out. */
export const absent: Operand = () => -1;

/** The same tensor as the first operand. */
export const again: Operand = (main) => main.find('a');

type Result = readonly number[] | { readonly shape: readonly number[]; readonly type: TypeName };

/** Kernels whose first registered version is not 1. */
const FIRST_VERSIONS: Partial<Record<OperatorName, number>> = { BROADCAST_TO: 2 };

/** A case of one operator. Operands are called a, b, c ..., in order; results y0, y1 ... */
export function operatorCase<N extends OperatorName>(
  operator: N,
  form: string,
  operands: readonly Operand[],
  results: readonly Result[],
  options: OptionsOf<N> = {},
): SuiteCase {
  const builder = new ModelBuilder(`${operator} ${form}`);
  const main = builder.subgraph();
  const named = operands.map((operand, index) => ({ operand, name: NAMES[index] ?? 'z' }));
  const inputs = named.map(({ operand, name }) => operand(main, name));
  const specs = results.map((result, index) => {
    const name = `y${index}`;
    return 'type' in result ? { name, shape: result.shape, type: result.type } : { name, shape: result };
  });
  const outputs = main.operators(operator, inputs, specs, options);
  main.outputs(...outputs);
  const model = builder.build();
  const { tensors = [], inputs: graphInputs = [] } = model.subgraphs[0] ?? {};
  const entries = (list: readonly number[]) => Object.fromEntries(list.map((t) => [tensors[t]?.name ?? '', t]));
  builder.signature('serving_default', { inputs: entries(graphInputs), outputs: entries(outputs) });
  for (const code of model.operatorCodes) code.version = FIRST_VERSIONS[operator] ?? 1;
  const byName = new Map(named.map(({ operand, name }) => [name, ranges.get(operand)]));
  return { operator, form, model, rangeOf: (name) => byName.get(name) ?? DEFAULT_RANGE };
}

/** A model of the operator zoo as a case. */
export function zooCase({ name, operator, range, model }: ZooEntry): SuiteCase {
  const [, form = 'ordinary'] = name.split('/');
  return { operator, form, model, rangeOf: () => range };
}
