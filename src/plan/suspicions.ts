import type { RangeSource } from '../../calibration/ranges/range.ts';
import { OUTLIER_REACH, type Suspicion } from '../../calibration/ranges/suspicion.ts';
import type { Model } from '../../schema/model.ts';
import { plural } from '../report/format.ts';
import type { TensorWishes } from './wish.ts';

const WORDS: Readonly<Record<Suspicion, (count: number) => string>> = {
  mask: (count) =>
    `${count === 1 ? 'holds' : 'hold'} masks (values such as -1e9, or far below what a softmax gives anything for)`,
  outliers: (count) =>
    `${count === 1 ? 'has' : 'have'} samples that reach more than ${OUTLIER_REACH} times farther than the middle one`,
};

/**
 * One warning on all activations that become integers although their values hold masks or outliers; none where there are
 * no such tensors. The range of each, with its reason, is in the plan.
 */
export function suspicionWarnings(
  model: Model,
  wishes: readonly (readonly TensorWishes[])[],
  ranges: RangeSource,
): string[] {
  const found = new Map<Suspicion, string[]>();
  wishes.forEach((tensors, subgraph) => {
    tensors.forEach(({ producer, consumers }, tensor) => {
      const wanted = [producer, ...consumers].some((wish) => (wish?.parameters?.scales.length ?? 0) > 0);
      const suspicion = wanted ? ranges.suspicion?.(subgraph, tensor) : undefined;
      if (suspicion === undefined) return;
      const name = model.subgraphs[subgraph]?.tensors[tensor]?.name || `tensor ${tensor}`;
      found.set(suspicion, [...(found.get(suspicion) ?? []), name]);
    });
  });
  const parts = (['mask', 'outliers'] as const).flatMap((suspicion) => {
    const names = found.get(suspicion) ?? [];
    return names.length === 0 ? [] : [`${plural(names.length, 'tensor')} ${WORDS[suspicion](names.length)}`];
  });
  if (parts.length === 0) return [];
  return [
    `${parts.join('; ')}: --dry-run and --plan say which and what range each gets; aeq calibration show has their values`,
  ];
}
