import { builtinCode, operatorName } from '../../schema/graph.ts';
import type { Model, Operator } from '../../schema/model.ts';
import { INPUT, type OperatorSpec, OUTPUT, specOfBuiltin } from '../ops/index.ts';
import { scopeOf } from '../recipe/scope.ts';
import type { RecipeResolver, Refusal, Resolution } from '../recipe/types.ts';
import type { Conduct } from './conduct.ts';
import { BORDER } from './wish.ts';

/** An operator in the order of planning: real ones in file order, then the inputs, then the outputs. */
export interface Visit {
  readonly subgraph: number;
  readonly operator: number;
  readonly node?: Operator;
  readonly name: string;
  readonly spec: OperatorSpec | undefined;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  /** Names the recipe's expressions are searched in. */
  readonly scope: string;
  readonly resolve: (resolver: RecipeResolver, refuse: Refusal) => Resolution;
}

/** Which composites are planned with what they stand for. */
interface Bodies {
  readonly openBody: (subgraph: number) => unknown;
  readonly bodyOf: (subgraph: number, operator: number) => number | undefined;
}

/**
 * Every operator of a model with the borders of its subgraphs, by subgraph. What composites stand for comes right before
 * the first of them, so that it is known what they read and write.
 */
export function* visits(model: Model, conduct: Conduct, composites: Bodies): Iterable<Visit> {
  const done = new Set<number>();
  for (const subgraph of model.subgraphs.keys()) {
    if (!composites.openBody(subgraph)) yield* graphVisits(model, conduct, composites, subgraph, done);
  }
}

function* graphVisits(
  model: Model,
  conduct: Conduct,
  composites: Bodies,
  subgraph: number,
  done: Set<number>,
): Iterable<Visit> {
  const graph = model.subgraphs[subgraph];
  if (!graph || done.has(subgraph)) return;
  done.add(subgraph);
  for (const operator of graph.operators.keys()) {
    const body = composites.bodyOf(subgraph, operator);
    if (body !== undefined) yield* graphVisits(model, conduct, composites, body, done);
    const visit = operatorVisit(model, conduct, subgraph, operator);
    if (visit) yield visit;
  }
  const { inputs, outputs, tensors } = graph;
  const names = (list: readonly number[]) => list.map((tensor) => tensors[tensor]?.name);
  yield* border(subgraph, INPUT, inputs, names(inputs), (tensor) => ({ inputs: [], outputs: [tensor] }));
  yield* border(subgraph, OUTPUT, outputs, names(outputs), (tensor) => ({ inputs: [tensor], outputs: [] }));
}

export function operatorVisit(
  model: Model,
  conduct: Pick<Conduct, 'readsNewCodesOnly'>,
  subgraph: number,
  operator: number,
): Visit | undefined {
  const { operators = [], tensors = [] } = model.subgraphs[subgraph] ?? {};
  const node = operators[operator];
  if (!node) return undefined;
  const names = (list: readonly number[]) => list.map((tensor) => tensors[tensor]?.name);
  const code = model.operatorCodes[node.opcodeIndex];
  const builtin = code === undefined ? -1 : conduct.readsNewCodesOnly ? code.builtinCode : builtinCode(code);
  const spec = specOfBuiltin(builtin);
  const name = spec?.name ?? operatorName(model, node);
  const scope = scopeOf(names(node.outputs), names(node.inputs));
  const resolve: Visit['resolve'] = (resolver, refuse) => resolver.resolve(name, scope, refuse);
  return { subgraph, operator, node, name, spec, inputs: node.inputs, outputs: node.outputs, scope, resolve };
}

/** Every input and output of a subgraph is decided on its own. */
function* border(
  subgraph: number,
  spec: OperatorSpec,
  tensors: readonly number[],
  names: readonly (string | undefined)[],
  operands: (tensor: number) => Pick<Visit, 'inputs' | 'outputs'>,
): Iterable<Visit> {
  const operation = spec === INPUT ? 'INPUT' : 'OUTPUT';
  const texts = names.map((name) => name ?? '');
  for (const [i, tensor] of tensors.entries()) {
    const resolve: Visit['resolve'] = (resolver) => {
      const resolution = resolver.resolveBoundary(operation, texts)[i];
      if (!resolution) throw new RangeError(`no decision for ${operation} ${i}`);
      return resolution;
    };
    yield { subgraph, operator: BORDER, name: spec.name, spec, ...operands(tensor), scope: texts[i] ?? '', resolve };
  }
}
