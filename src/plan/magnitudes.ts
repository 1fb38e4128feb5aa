import { tensorConstant } from '../../schema/graph.ts';
import { floats } from '../algorithms/bias.ts';
import type { Materials } from './materials.ts';
import { type OperandWish, type OperatorTask, readerWish, tensorOf } from './task.ts';

/** The smallest and the greatest magnitude that an operand takes; 0 is the smallest where its range has 0 in it. */
export function magnitudes(
  task: OperatorTask,
  materials: Materials,
  tensor: number,
): { readonly least: number; readonly greatest: number } {
  const constant = tensorConstant(task.model, tensorOf(task, tensor));
  if (constant) {
    const sizes = floats(constant).map(Math.abs);
    return {
      least: sizes.reduce((least, size) => Math.min(least, size), Number.MAX_VALUE),
      greatest: sizes.reduce((greatest, size) => Math.max(greatest, size), 0),
    };
  }
  const range = materials.ranges.get(task.subgraphIndex, tensor);
  if (!range) return { least: 0, greatest: 0 };
  const least = range.min > 0 ? range.min : range.max < 0 ? -range.max : 0;
  return { least, greatest: Math.max(Math.abs(range.min), Math.abs(range.max)) };
}

/** The smallest quotient of the first two operands that is not 0: of one code, or of the least value if that is more. */
export function leastQuotient(
  task: OperatorTask,
  materials: Materials,
  wishes: readonly OperandWish[],
): number | undefined {
  const [numerator, denominator] = task.inputs;
  const step = readerWish(wishes, numerator)?.wish.parameters?.scales[0];
  if (numerator === undefined || denominator === undefined || step === undefined) return undefined;
  const { least } = magnitudes(task, materials, numerator);
  const { greatest } = magnitudes(task, materials, denominator);
  return greatest === 0 ? undefined : Math.max(least, step) / greatest;
}
