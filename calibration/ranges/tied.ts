import { signatures } from '../../schema/graph.ts';
import type { Model } from '../../schema/model.ts';
import type { TensorReference } from '../capture/reference.ts';
import type { RangeContext } from './context.ts';
import type { ActivationRange, RangeSource } from './range.ts';

type Origin = Pick<RangeContext, 'origin'>;

/**
 * Groups of tensors that hold the same state in different places, such as a key-value cache that one signature gives
 * and another takes: signature outputs and inputs of one name, shape and type, where at least one is an output and one
 * an input. Each output stands for the tensor it has its range from.
 */
export function tiedTensors(model: Model, { origin = (_, tensor) => tensor }: Origin = {}): TensorReference[][] {
  const groups = new Map<string, { members: Map<string, TensorReference>; taken: boolean; given: boolean }>();
  const add = (name: string, subgraph: number, end: number, member: number, side: 'taken' | 'given') => {
    const tensor = model.subgraphs[subgraph]?.tensors[end];
    const key = JSON.stringify([name, tensor?.type, tensor?.shape ?? []]);
    const group = groups.get(key) ?? { members: new Map(), taken: false, given: false };
    group[side] = true;
    group.members.set(`${subgraph}:${member}`, { subgraph, tensor: member });
    groups.set(key, group);
  };
  for (const { subgraph, inputs, outputs } of signatures(model)) {
    for (const { name, tensor } of inputs) add(name, subgraph, tensor, tensor, 'taken');
    for (const { name, tensor } of outputs) {
      add(name, subgraph, tensor, tensor, 'given');
      add(name, subgraph, tensor, origin(subgraph, tensor), 'given');
    }
  }
  return [...groups.values()]
    .filter(({ members, taken, given }) => taken && given && members.size > 1)
    .map(({ members }) => [...members.values()]);
}

/**
 * The same ranges with one range, the union, for all tensors of each group. Tensors without a range are left out of the
 * union and get it too. The source is not changed.
 */
export function alignRanges(source: RangeSource, groups: readonly (readonly TensorReference[])[]): RangeSource {
  const groupOf = new Map<string, readonly TensorReference[]>();
  for (const group of groups) for (const member of group) groupOf.set(`${member.subgraph}:${member.tensor}`, group);
  return {
    ...(source.magnitudes && { magnitudes: source.magnitudes }),
    ...(source.products && { products: source.products }),
    ...(source.meanSquares && { meanSquares: source.meanSquares }),
    ...(source.suspicion && { suspicion: source.suspicion }),
    range(subgraph, tensor) {
      const own = source.range(subgraph, tensor);
      const group = groupOf.get(`${subgraph}:${tensor}`);
      if (!group) return own;
      const ranges = group.flatMap((member) => source.range(member.subgraph, member.tensor) ?? []);
      return union(own, ranges);
    },
  };
}

function union(own: ActivationRange | undefined, ranges: readonly ActivationRange[]): ActivationRange | undefined {
  const base = own ?? ranges[0];
  if (!base || ranges.length < 2) return base;
  return {
    ...base,
    min: Math.min(...ranges.map((range) => range.min)),
    max: Math.max(...ranges.map((range) => range.max)),
    reason: `${base.reason}; joined with ${ranges.length - 1} tensors of the same state`,
  };
}
