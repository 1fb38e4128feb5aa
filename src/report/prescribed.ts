import type { Comparison, TensorComparison } from '../../schema/documents/comparison.ts';
import { specOfName } from '../ops/index.ts';

/**
 * Tensors whose codes a kernel prescribes (a softmax gives probabilities in steps of 1/256, so that 1 itself is clipped),
 * and those that only move such values: no calibration changes what they clip.
 */
export function prescribedTensors({ signatures }: Pick<Comparison, 'signatures'>): ReadonlySet<TensorComparison> {
  const all = signatures.flatMap(({ outputs, tensors }) => [...outputs, ...tensors]);
  const prescribed = new Set(all.filter(isPrescribed));
  const grids = new Set([...prescribed].map(gridOf));
  for (const entry of all) {
    const rule = entry.operator === null ? undefined : specOfName(entry.operator)?.scale;
    if (rule === 'same-as-input' && grids.has(gridOf(entry))) prescribed.add(entry);
  }
  return prescribed;
}

function isPrescribed({ operator, quantized }: TensorComparison): boolean {
  const fixed = operator === null ? undefined : specOfName(operator)?.fixedOutput;
  return [fixed?.[8], fixed?.[16]].some(
    (parameters) =>
      parameters !== undefined &&
      quantized.scale === Math.fround(parameters.scale) &&
      quantized.zeroPoint === parameters.zeroPoint,
  );
}

const gridOf = ({ quantized }: TensorComparison) => `${quantized.type} ${quantized.scale} ${quantized.zeroPoint}`;
