import type { RangeSource } from '../../calibration/ranges/range.ts';
import { AeqError } from '../../schema/errors.ts';
import { builtinCode, compactBuffers, hasScales, operatorName } from '../../schema/graph.ts';
import { type Model, NO_TENSOR, type Operator } from '../../schema/model.ts';
import { type Algorithm, algorithmOf } from '../algorithms/registry.ts';
import { floatReason } from '../ops/float-only.ts';
import { INPUT, type OperatorSpec, OUTPUT, specOfBuiltin } from '../ops/index.ts';
import { allowsConfig } from '../recipe/policy.ts';
import { scopeOf } from '../recipe/scope.ts';
import {
  type AlgorithmKey,
  type OpConfig,
  type QuantizationMode,
  quantizationMode,
  type RecipeResolver,
  type Refusal,
  type Resolution,
} from '../recipe/types.ts';
import { COMPAT_0_10, CORRECT, type Conduct } from './conduct.ts';
import { isDecoder, withDecodedWeights } from './decoded-weights.ts';
import { keepAll, materialize } from './materialize.ts';
import { createMaterials, type Materials } from './materials.ts';
import { type Protection, protectionKey } from './protection.ts';
import { RangeTable } from './ranges.ts';
import { refusal } from './refusal.ts';
import { rotationWarnings } from './rotation.ts';
import { unsafe } from './safety.ts';
import { repairSharing } from './sharing.ts';
import { type Surroundings, surroundingsOf } from './surroundings.ts';
import type { OperandWish, OperatorTask } from './task.ts';
import { BORDER, type TensorWishes } from './wish.ts';

/** What becomes of one operator (or of the model's inputs or outputs), and why. */
export interface PlannedOperator {
  readonly subgraph: number;
  /** Index in the subgraph; BORDER for inputs and outputs. */
  readonly operator: number;
  readonly name: string;
  readonly scope: string;
  readonly mode: 'static' | 'dynamic' | 'weight-only' | 'float';
  readonly reason: string;
  readonly resolution: Resolution | undefined;
}

/** The plan as a value: what each operator becomes and what each tensor's writer and readers want. */
export interface Plan {
  /** The float model the indices refer to: the given one with its buffers in order. */
  readonly model: Model;
  readonly operators: readonly PlannedOperator[];
  /** By subgraph and tensor. */
  readonly wishes: readonly (readonly TensorWishes[])[];
  readonly warnings: readonly string[];
  readonly conduct: Conduct;
}

export interface PlanOptions {
  readonly compat?: 'aeq-0.10';
  /**
   * Operators stay float where rounding would make them fail, not just inexact: divisors and operands of roots that can
   * round to zero, comparisons on different grids, arithmetic on positions. Default true; never under compat. What such
   * operands are computed from is looked for with statistics: `protection`.
   */
  readonly safety?: boolean;
  /** Operators that compute in float for what their statistics show. */
  readonly protection?: Protection;
}

/**
 * Decides for every operator what becomes of it and for every tensor how it is stored. The model is not changed and no
 * weight is kept in memory.
 * @throws AeqError STATISTICS_MISSING, NAMES_NOT_UNIQUE (compat), OPERATOR_UNSUPPORTED ...
 */
export function planQuantization(
  source: Model,
  resolver: RecipeResolver,
  ranges: RangeSource,
  options: PlanOptions = {},
): Plan {
  const conduct = options.compat ? COMPAT_0_10 : CORRECT;
  const safety = options.safety ?? true;
  const model = prepared(compactBuffers(source), conduct);
  if (conduct.namesOriginally) checkNames(model);
  const materials = createMaterials(new RangeTable(ranges, conduct.keepsCarrier), conduct);
  const wishes: TensorWishes[][] = model.subgraphs.map((subgraph) => subgraph.tensors.map(() => ({ consumers: [] })));
  const operators: PlannedOperator[] = [];
  if (model.subgraphs.some((subgraph) => subgraph.tensors.some(hasScales))) {
    materials.warnings.push('the model is quantized in part already: quantized tensors stay as they are');
  }
  for (const { visit, decision: wanted } of decisions(model, resolver, conduct, safety)) {
    const decision = guarded(wanted, visit, options.protection);
    const planned = planOperator(model, visit, decision, materials, safety && !conduct.failsOnRefusal);
    operators.push(planned.operator);
    for (const entry of planned.wishes) record(wishes, visit.subgraph, entry);
  }
  if (!conduct.failsOnRefusal) materials.warnings.push(...rotationWarnings(wishes));
  repairSharing(model, wishes, conduct);
  return { model, operators, wishes, warnings: materials.warnings, conduct };
}

/** An operator in the order of planning: real ones in file order, then the inputs, then the outputs. */
interface Visit {
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

function* visits(model: Model, conduct: Conduct): Iterable<Visit> {
  for (const [subgraph, { operators, inputs, outputs, tensors }] of model.subgraphs.entries()) {
    const names = (list: readonly number[]) => list.map((tensor) => tensors[tensor]?.name);
    for (const [operator, node] of operators.entries()) {
      const code = model.operatorCodes[node.opcodeIndex];
      const builtin = code === undefined ? -1 : conduct.readsNewCodesOnly ? code.builtinCode : builtinCode(code);
      const spec = specOfBuiltin(builtin);
      const name = spec?.name ?? operatorName(model, node);
      const scope = scopeOf(names(node.outputs), names(node.inputs));
      const resolve: Visit['resolve'] = (resolver, refuse) => resolver.resolve(name, scope, refuse);
      yield { subgraph, operator, node, name, spec, inputs: node.inputs, outputs: node.outputs, scope, resolve };
    }
    yield* border(subgraph, INPUT, inputs, names(inputs), (tensor) => ({ inputs: [], outputs: [tensor] }));
    yield* border(subgraph, OUTPUT, outputs, names(outputs), (tensor) => ({ inputs: [tensor], outputs: [] }));
  }
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

const prepared = (model: Model, conduct: Conduct) => (conduct.failsOnRefusal ? model : withDecodedWeights(model));

function planOperator(
  model: Model,
  visit: Visit,
  decision: Decision,
  materials: Materials,
  safety: boolean,
): { operator: PlannedOperator; wishes: OperandWish[] } {
  const { subgraph, operator, name, scope, inputs, outputs, node } = visit;
  const { task, reason, resolution } = decision;
  const planned = { subgraph, operator, name, scope, mode: task?.mode ?? 'float', reason, resolution } as const;
  const graph = model.subgraphs[subgraph];
  if (node && graph && isDecoder(model, graph, node)) return { operator: { ...planned, reason: DECODER }, wishes: [] };
  if (!task) return { operator: planned, wishes: keepAll(operator, inputs, outputs) };
  const wishes = materialize(task, materials);
  const danger = safety ? unsafe(task, materials, wishes) : undefined;
  if (danger === undefined) return { operator: planned, wishes };
  return { operator: { ...planned, mode: 'float', reason: danger }, wishes: keepAll(operator, inputs, outputs) };
}

/** What becomes of an operator whose results must not be rounded: its weights may still be stored as integers. */
function guarded(decision: Decision, { subgraph, operator }: Visit, protection: Protection | undefined): Decision {
  const reason = protection?.get(protectionKey(subgraph, operator));
  const { task, resolution } = decision;
  if (reason === undefined || task?.mode !== 'static') return decision;
  const { activation: _, ...config } = task.config;
  const keepsWeights = task.spec.weighted !== undefined && allowsConfig(task.spec, config);
  return keepsWeights ? { task: { ...task, config, mode: 'dynamic' }, reason, resolution } : { reason, resolution };
}

const DECODER = 'it decodes stored weights, which are quantized anew where they are read';

/** What the recipe comes to for one operator; without a task it stays float. */
interface Decision {
  readonly task?: OperatorTask;
  readonly reason: string;
  readonly resolution: Resolution | undefined;
}

/** Every operator in the order of planning with its decision. */
export function* decisions(
  source: Model,
  resolver: RecipeResolver,
  conduct: Conduct,
  safety = true,
): Iterable<{ readonly visit: Visit; readonly decision: Decision }> {
  const model = prepared(source, conduct);
  const surroundings = surroundingsOf(model, conduct, safety);
  const skipped = new Set<number>(conduct.failsOnRefusal ? [] : compositeBodies(model));
  for (const visit of visits(model, conduct)) {
    const decision = decide(visit, model, resolver, conduct, surroundings, skipped);
    if (!decision.task && visit.node && visit.spec?.compositeNames) skipComposite(visit.node, skipped);
    yield { visit, decision };
  }
}

function decide(
  visit: Visit,
  model: Model,
  resolver: RecipeResolver,
  conduct: Conduct,
  surroundings: Surroundings,
  skipped: ReadonlySet<number>,
): Decision {
  const { spec, node } = visit;
  if (!spec) return { reason: floatReason(visit.name) ?? 'nothing is known of this operator', resolution: undefined };
  if (skipped.has(visit.subgraph)) return { reason: 'inside a composite that stays float', resolution: undefined };
  const refuse: Refusal = (algorithm, config) => {
    const task = conduct.failsOnRefusal ? undefined : taskOf(visit, spec, model, conduct, algorithm, config);
    return task && refusal(task, surroundings);
  };
  const resolution = visit.resolve(resolver, refuse);
  const { algorithm, config, reason } = resolution;
  if (!config || algorithm === 'no_quantize') return { reason, resolution };
  if (spec.compositeNames && !spec.compositeNames.includes(compositeName(node))) {
    return { reason: `composite ${compositeName(node)} has no quantized form`, resolution };
  }
  const task = taskOf(visit, spec, model, conduct, algorithm, config);
  if (!task) return { reason: `algorithm ${algorithm} is not available`, resolution };
  // Inputs and outputs are resolved together, so their refusal is not part of it.
  const why = !node && task.mode === 'static' ? surroundings.staticRefusal(visit.subgraph) : undefined;
  return why === undefined ? { task, reason, resolution } : { reason: why, resolution };
}

function taskOf(
  visit: Visit,
  spec: OperatorSpec,
  model: Model,
  conduct: Conduct,
  key: AlgorithmKey,
  config: OpConfig,
): OperatorTask | undefined {
  const algorithm = algorithmOf(key);
  const subgraph = model.subgraphs[visit.subgraph];
  if (!algorithm || !subgraph) return undefined;
  const { operator, inputs, outputs, node } = visit;
  const mode = modeOf(spec, algorithm, config, conduct);
  const task = {
    model,
    subgraphIndex: visit.subgraph,
    subgraph,
    operator,
    inputs,
    outputs,
    spec,
    config,
    algorithm,
    mode,
  };
  return node ? { ...task, node } : task;
}

function modeOf(
  { weighted }: OperatorSpec,
  { weightsOnly, rotates }: Algorithm,
  config: OpConfig,
  conduct: Conduct,
): QuantizationMode {
  if (weightsOnly) return 'weight-only';
  if (rotates && conduct.failsOnRefusal) return 'dynamic';
  const mode = quantizationMode(config);
  return mode === 'static' && weighted?.staticIsDynamic && !conduct.failsOnRefusal ? 'dynamic' : mode;
}

function compositeName(node: Operator | undefined): string {
  const options = node?.builtinOptions2;
  return options?.table === 'StableHLOCompositeOptions' ? (options.name ?? '') : '';
}

function skipComposite(node: Operator, skipped: Set<number>): void {
  const body = compositeBody(node);
  if (body !== undefined) skipped.add(body);
}

function compositeBody({ builtinOptions2: options }: Operator): number | undefined {
  return options?.table === 'StableHLOCompositeOptions' ? options.decompositionSubgraphIndex : undefined;
}

/** Composites stay float, and what they run with them, whichever comes first in the file. */
const compositeBodies = ({ subgraphs }: Model): number[] =>
  subgraphs.flatMap(({ operators }) => operators.flatMap((operator) => compositeBody(operator) ?? []));

function record(wishes: TensorWishes[][], subgraph: number, { tensor, side, wish }: OperandWish): void {
  const own = wishes[subgraph]?.[tensor];
  if (!own || tensor === NO_TENSOR) return;
  if (side === 'consumer') own.consumers.push(wish);
  else if (own.producer)
    throw new AeqError('MODEL_INVALID', `tensor ${tensor} has two producers`, { where: { subgraph } });
  else own.producer = wish;
}

function checkNames(model: Model): void {
  const names = new Set<string>();
  for (const { tensors } of model.subgraphs) {
    for (const { name } of tensors) {
      if (!name || names.has(name)) {
        const what = name ? `tensor name ${name} is not unique in the model` : 'a tensor has no name';
        throw new AeqError('NAMES_NOT_UNIQUE', what, {
          where: name ? { tensor: name } : {},
          hint: 'the byte-parity mode needs unique names, as the original does; without --compat it does not matter',
        });
      }
      names.add(name);
    }
  }
}
