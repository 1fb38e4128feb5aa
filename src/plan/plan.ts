import type { RangeSource } from '../../calibration/ranges/range.ts';
import { AeqError } from '../../schema/errors.ts';
import { compactBuffers, hasScales } from '../../schema/graph.ts';
import { type Model, NO_TENSOR } from '../../schema/model.ts';
import { allowsConfig } from '../recipe/policy.ts';
import type { RecipeResolver, Resolution } from '../recipe/types.ts';
import { bordersIntegers, compositeWishes, lendersOf } from './composite-border.ts';
import { compositesOf } from './composites.ts';
import { COMPAT_0_10, CORRECT, type Conduct } from './conduct.ts';
import { type Decision, decisions, prepared } from './decisions.ts';
import { isDecoder } from './decoded-weights.ts';
import { beyondKernel } from './kernel-limits.ts';
import { keepAll, materialize } from './materialize.ts';
import { createMaterials, type Materials } from './materials.ts';
import { type Protection, protectionKey } from './protection.ts';
import { RangeTable } from './ranges.ts';
import { rotationWarnings } from './rotation.ts';
import { unsafe } from './safety.ts';
import { repairSharing } from './sharing.ts';
import { suspicionWarnings } from './suspicions.ts';
import type { OperandWish } from './task.ts';
import type { Visit } from './visits.ts';
import type { TensorWishes } from './wish.ts';

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
  /**
   * Scales of weights that follow from their least and greatest values are stand-ins, and these weights are not read: a
   * plan of the same form, where nothing that is decided follows from the numbers.
   */
  readonly forecast?: boolean;
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
  const lenders = lendersOf(model, compositesOf(model, resolver, conduct));
  const table = new RangeTable(ranges, conduct.keepsCarrier, lenders);
  const materials = createMaterials(table, conduct, options.forecast);
  const wishes: TensorWishes[][] = model.subgraphs.map((subgraph) => subgraph.tensors.map(() => ({ consumers: [] })));
  const operators: PlannedOperator[] = [];
  for (const { visit, decision: wanted } of decisions(model, resolver, conduct, safety)) {
    const decision = guarded(wanted, visit, options.protection);
    const planned = planOperator(model, visit, decision, materials, safety && !conduct.failsOnRefusal, wishes);
    operators.push(planned.operator);
    for (const entry of planned.wishes) record(wishes, visit.subgraph, entry);
  }
  if (!conduct.failsOnRefusal) {
    materials.warnings.push(...rotationWarnings(wishes), ...suspicionWarnings(model, wishes, ranges));
  }
  repairSharing(model, wishes, conduct);
  const warnings = [...earlierQuantization(model, wishes), ...materials.warnings];
  return { model, operators, wishes, warnings, conduct };
}

/** That the model has been quantized before, where it has. */
function earlierQuantization(model: Model, wishes: readonly (readonly TensorWishes[])[]): string[] {
  const isQuantized = model.subgraphs.map(({ tensors }) => tensors.map(hasScales));
  if (!isQuantized.some((tensors) => tensors.includes(true))) return [];
  const changes = wishes.some((tensors, subgraph) =>
    tensors.some(
      ({ producer, consumers }, tensor) =>
        !isQuantized[subgraph]?.[tensor] && [producer, ...consumers].some((wish) => wish?.parameters !== undefined),
    ),
  );
  return [
    changes
      ? 'the model is quantized in part already: quantized tensors stay as they are'
      : 'the model is quantized already: the recipe changes nothing in it',
  ];
}

function planOperator(
  model: Model,
  visit: Visit,
  decision: Decision,
  materials: Materials,
  safety: boolean,
  all: readonly (readonly TensorWishes[])[],
): { operator: PlannedOperator; wishes: OperandWish[] } {
  const { subgraph, operator, name, scope, inputs, outputs, node } = visit;
  const { task, reason, resolution } = decision;
  const planned = { subgraph, operator, name, scope, mode: task?.mode ?? 'float', reason, resolution } as const;
  const graph = model.subgraphs[subgraph];
  if (node && graph && isDecoder(model, graph, node)) return { operator: { ...planned, reason: DECODER }, wishes: [] };
  if (!task) return { operator: planned, wishes: keepAll(operator, inputs, outputs) };
  const float = (why: string) => ({
    operator: { ...planned, mode: 'float' as const, reason: why },
    wishes: keepAll(operator, inputs, outputs),
  });
  if (decision.inner && !bordersIntegers(task, all[subgraph] ?? [])) return float('inside the composite it is float');
  const composite = task.spec.compositeNames && !materials.conduct.treatsCompositesApart;
  const wishes = composite ? compositeWishes(task, materials, all) : materialize(task, materials);
  if (composite && wishes.every(({ wish }) => wish.parameters === undefined))
    return float('all of its border is float');
  const beyond = materials.conduct.fitsScales ? beyondKernel(task, materials, wishes) : undefined;
  const danger = beyond ?? (safety ? unsafe(task, materials, wishes) : undefined);
  return danger === undefined ? { operator: planned, wishes } : float(danger);
}

/** What becomes of an operator whose results must not be rounded: its weights may still be stored as integers. */
function guarded(decision: Decision, { subgraph, operator }: Visit, protection: Protection | undefined): Decision {
  const reason = protection?.get(protectionKey(subgraph, operator));
  const { task, resolution } = decision;
  // A composite is as what it stands for: there operators are guarded one by one.
  if (reason === undefined || task?.mode !== 'static' || task.spec.compositeNames) return decision;
  const { activation: _, ...config } = task.config;
  const keepsWeights = task.spec.weighted !== undefined && allowsConfig(task.spec, config);
  return keepsWeights ? { task: { ...task, config, mode: 'dynamic' }, reason, resolution } : { reason, resolution };
}

const DECODER = 'it decodes stored weights, which are quantized anew where they are read';

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
