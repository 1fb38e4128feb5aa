import { tensorConstant } from '../../schema/graph.ts';
import { floats } from '../algorithms/bias.ts';
import { sameValues } from '../algorithms/parameters.ts';
import type { Materials } from './materials.ts';
import { type OperandWish, type OperatorTask, tensorOf } from './task.ts';

/**
 * Why a static operator would not only be inexact but fail on its statistics, or undefined: a divisor or the operand of a
 * root or logarithm that can round to zero, a comparison of values on different grids.
 */
export function unsafe(task: OperatorTask, materials: Materials, wishes: readonly OperandWish[]): string | undefined {
  if (task.mode !== 'static') return undefined;
  const { compares, ranges } = task.spec;
  const parametersOf = (tensor: number | undefined) =>
    wishes.find((entry) => entry.side === 'consumer' && entry.tensor === tensor)?.wish.parameters;
  if (compares && !sameValues(parametersOf(task.inputs[0]), parametersOf(task.inputs[1]))) {
    return 'safety: it compares values on different grids';
  }
  for (const position of ranges?.relativeInputs ?? []) {
    const tensor = task.inputs[position];
    const step = parametersOf(tensor)?.scales[0];
    if (tensor === undefined || step === undefined || leastMagnitude(task, materials, tensor) >= step) continue;
    return `safety: values of operand ${position} (${tensorOf(task, tensor).name ?? tensor}) can round to zero`;
  }
  return undefined;
}

/** The smallest magnitude an operand takes; 0 where its range lies on both sides of 0. */
function leastMagnitude(task: OperatorTask, materials: Materials, tensor: number): number {
  const constant = tensorConstant(task.model, tensorOf(task, tensor));
  if (constant) return floats(constant).reduce((least, value) => Math.min(least, Math.abs(value)), Number.MAX_VALUE);
  const range = materials.ranges.get(task.subgraphIndex, tensor);
  if (!range) return 0;
  return range.min > 0 ? range.min : range.max < 0 ? -range.max : 0;
}
