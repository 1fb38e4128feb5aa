import { innerSubgraphs } from '../../calibration/capture/liveness.ts';
import { AeqError } from '../../schema/errors.ts';
import { builtinCode, consumers as consumersOf, producers as producersOf } from '../../schema/graph.ts';
import type { Subgraph } from '../../schema/model.ts';
import { sameForm, sameMultiplier, type TensorParameters } from '../algorithms/parameters.ts';
import { specOfBuiltin } from '../ops/index.ts';
import type { Conduct } from '../plan/conduct.ts';
import type { Plan } from '../plan/plan.ts';
import { BORDER, isRotation, type TensorWishes, type Wish } from '../plan/wish.ts';
import type { Instruction, TensorInstructions } from './instruction.ts';

/** Who writes and reads a tensor in the float graph. The graph's output comes first, then operators, ascending. */
interface Place {
  readonly producer: number;
  readonly consumers: readonly number[];
}

/** Turns the wishes of a plan into the steps that fulfil them, tensor by tensor. @throws AeqError PLAN_CONFLICT. */
export function instructionsOf(plan: Plan): TensorInstructions[] {
  return plan.model.subgraphs.flatMap((subgraph, s) => {
    const places = placesOf(subgraph);
    return subgraph.tensors.flatMap(({ name }, tensor) => {
      const wishes = plan.wishes[s]?.[tensor];
      const place = places[tensor];
      if (!wishes || !place || (!wishes.producer && wishes.consumers.length === 0)) return [];
      const steps = tensorSteps(plan, wishes, place, s);
      checkSteps(steps, name ?? `tensor ${tensor}`, s);
      return [{ subgraph: s, tensor, steps }];
    });
  });
}

function placesOf(subgraph: Subgraph): Place[] {
  const writers = producersOf(subgraph);
  const readers = consumersOf(subgraph);
  return subgraph.tensors.map((_, tensor) => ({
    producer: writers[tensor] ?? BORDER,
    consumers: [
      ...subgraph.outputs.filter((output) => output === tensor).map(() => BORDER),
      ...(readers[tensor] ?? []),
    ],
  }));
}

function tensorSteps(plan: Plan, wishes: TensorWishes, place: Place, subgraph: number): Instruction[] {
  const { first, others } = groupSteps(wishes.consumers, place, plan.conduct);
  const producerStep = wishes.producer && fromProducer(wishes.producer, place);
  const merged = producerStep ? mergeWithProducer(plan, producerStep, first) : first;
  const steps = withoutNeedlessCopies([...merged, ...others]);
  return fuseRequantize(plan, steps, place, subgraph) ?? steps;
}

function step(
  kind: Instruction['kind'],
  place: Place,
  consumers: readonly number[],
  parameters?: TensorParameters,
): Instruction {
  const base = { kind, producer: place.producer, consumers };
  return parameters ? { ...base, parameters } : base;
}

const fromProducer = (wish: Wish, place: Place) =>
  step(wish.kinds[0] ?? 'keep', place, place.consumers, wish.parameters);

/**
 * Readers that want the same are served by one step. Wishes with several kinds (a copy, then something) are grouped
 * kind by kind; groups of a later kind split those of the earlier.
 */
function groupSteps(
  wishes: readonly Wish[],
  place: Place,
  conduct: Conduct,
): { first: Instruction[]; others: Instruction[] } {
  const first: Instruction[] = [];
  const others: Instruction[] = [];
  let groups: Wish[][] = [[...wishes]];
  const deepest = wishes.reduce((most, wish) => Math.max(most, wish.kinds.length), 0);
  for (let depth = 0; depth < deepest; depth += 1) {
    groups = groups.flatMap((group) => splitGroup(group, depth, conduct));
    for (const group of groups) {
      const [head] = group;
      const kind = head?.kinds[depth];
      if (!head || !kind) continue;
      const target = depth === 0 ? first : others;
      target.push(
        step(
          kind,
          place,
          group.map(({ operator }) => operator),
          head.parameters,
        ),
      );
    }
  }
  return { first, others };
}

function splitGroup(group: readonly Wish[], depth: number, conduct: Conduct): Wish[][] {
  const result: Wish[][] = [];
  for (const wish of group) {
    if (wish.kinds[depth] === undefined) continue;
    const fitting = result.find(([head]) => head && sameStep(head, wish, depth, conduct));
    if (fitting) fitting.push(wish);
    else result.push([wish]);
  }
  return result;
}

function sameStep(a: Wish, b: Wish, depth: number, conduct: Conduct): boolean {
  const [left, right] = [a.parameters?.rotation, b.parameters?.rotation];
  if (conduct.mergesRotations && left !== undefined && right !== undefined) return true;
  if (a.kinds[depth] !== b.kinds[depth]) return false;
  if (a.kinds[depth] === 'multiply' && a.parameters && b.parameters) {
    return conduct.sharesParametersBlindly ? a.parameters === b.parameters : sameMultiplier(a.parameters, b.parameters);
  }
  return isRotation(a.kinds[depth]) ? left === right : conduct.sameParameters(a.parameters, b.parameters);
}

/** What a quantized writer and each group of readers come to. */
function mergeWithProducer(plan: Plan, producer: Instruction, groups: readonly Instruction[]): Instruction[] {
  if (producer.kind !== 'dequantize') return [producer, ...groups];
  const { parameters } = producer;
  const place = { producer: producer.producer, consumers: producer.consumers };
  const steps: Instruction[] = [];
  let unserved = [...producer.consumers];
  for (const group of groups) {
    const served = group.kind === 'quantize' || group.kind === 'keep';
    if (served) unserved = unserved.filter((consumer) => !group.consumers.includes(consumer));
    if (group.kind === 'quantize' && plan.conduct.sameParameters(group.parameters, parameters)) {
      steps.push(step('store', place, group.consumers, group.parameters));
    } else if (group.kind === 'quantize') {
      steps.push(...requantize(plan, group, parameters));
    } else if (group.kind === 'keep') {
      steps.push(step('dequantize', place, group.consumers, parameters));
    } else steps.push(group);
  }
  if (unserved.length > 0) return [step('dequantize', place, unserved, parameters), ...steps];
  const unread = groups.length === 0 && !plan.conduct.leavesUnreadOutputs;
  return unread ? [step('store', place, [], parameters)] : steps;
}

/** Steps of the new grid that a step of the old one may be: 32 bits have to hold as many codes. */
const greatestRatio = (bits: number) => 2 ** (30 - bits);

/**
 * From one grid to another. Where a step of the old one is too many of the new one for the kernel, which would wrap around
 * instead of cutting off, grids in between take part of the way each; they have a place for every code of the old one that
 * the new one has a place for. The runtime has no way from int16 to uint8: int8 of the same steps, from which uint8 is
 * exact, lies between.
 */
function requantize(plan: Plan, group: Instruction, from: TensorParameters | undefined): Instruction[] {
  const to = group.parameters;
  const store = { ...group, kind: 'store', parameters: from } as Instruction;
  if (!from || !to || plan.conduct.requantizesAtOnce) return [store, group];
  const signed = { ...to, unsigned: false, zeroPoints: to.zeroPoints.map((zeroPoint) => zeroPoint - 128) };
  const via = to.unsigned && from.bits === 16 ? signed : to;
  const steps = [store];
  let scale = from.scales[0] as number;
  while (scale / (to.scales[0] as number) > greatestRatio(from.bits)) {
    scale /= greatestRatio(from.bits);
    steps.push({ ...group, parameters: { ...via, scales: Float64Array.of(scale) } });
  }
  if (via !== to) steps.push({ ...group, parameters: via });
  return [...steps, group];
}

/** The last group of readers keeps the original; a copy of the buffer is needless where the tensor is copied. */
function withoutNeedlessCopies(steps: readonly Instruction[]): Instruction[] {
  const last = steps.findLastIndex(({ kind }) => kind === 'copy-tensor');
  const left = steps.filter((_, i) => i !== last);
  const copied = new Set(left.filter(({ kind }) => kind === 'copy-tensor').flatMap(({ consumers }) => consumers));
  return left.filter(
    ({ kind, consumers }) => kind !== 'copy-buffer' || !consumers.every((consumer) => copied.has(consumer)),
  );
}

/**
 * A writer with a free scale and a single group of readers that want another one is made to write that one: no
 * requantization is left.
 */
function fuseRequantize(
  plan: Plan,
  steps: readonly Instruction[],
  place: Place,
  subgraph: number,
): Instruction[] | undefined {
  const [store, quantize, more] = steps;
  if (more || store?.kind !== 'store' || quantize?.kind !== 'quantize') return undefined;
  if (place.producer === BORDER && !freeInputs(plan, subgraph)) return undefined;
  const from = store.parameters;
  const to = quantize.parameters;
  const sameReaders = [...store.consumers].sort().join() === [...quantize.consumers].sort().join();
  if (!from || !to || !sameReaders || from.kind !== 'integer' || !sameForm(from, to)) return undefined;
  const node = plan.model.subgraphs[subgraph]?.operators[place.producer];
  const code = node && plan.model.operatorCodes[node.opcodeIndex];
  const builtin = code === undefined ? -1 : plan.conduct.readsNewCodesOnly ? code.builtinCode : builtinCode(code);
  const spec = specOfBuiltin(builtin);
  if ((spec?.scale ?? 'free') !== 'free') return undefined;
  // What a composite writes is decided inside it.
  if (spec?.compositeNames && !plan.conduct.treatsCompositesApart) return undefined;
  const { scales, zeroPoints, shape, reason } = to;
  const scale = scales[0] as number;
  if (scale < (from.leastScale ?? 0) || scale > (from.greatestScale ?? Number.POSITIVE_INFINITY)) return undefined;
  return [{ ...store, parameters: { ...from, scales, zeroPoints, shape, reason } }];
}

/** A graph's inputs may be given other scales: not under compat, and not where an operator runs the graph. */
const freeInputs = ({ conduct, model }: Plan, subgraph: number): boolean =>
  !conduct.keepsInputScales && !innerSubgraphs(model).has(subgraph);

/** Within what shares one copy, a tensor cannot be both as it was and quantized. */
function checkSteps(steps: readonly Instruction[], name: string, subgraph: number): void {
  const copied = new Map<number, number>();
  steps.forEach(({ kind, consumers }, i) => {
    if (kind === 'copy-tensor') for (const consumer of consumers) copied.set(consumer, i);
  });
  const subsets = new Map<number, Set<string>>();
  for (const { kind, consumers } of steps) {
    const subset = copied.get(consumers[0] ?? BORDER - 1) ?? -1;
    const kinds = subsets.get(subset) ?? new Set();
    subsets.set(subset, kinds.add(kind));
  }
  for (const kinds of subsets.values()) {
    if (kinds.has('keep') && (kinds.has('store') || kinds.has('dequantize'))) {
      throw new AeqError('PLAN_CONFLICT', `tensor ${name} would have to be quantized and float at once`, {
        where: { subgraph, tensor: name },
        hint: 'give its readers the same rule',
      });
    }
  }
}
