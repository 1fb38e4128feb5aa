import { sameValues } from '../algorithms/parameters.ts';
import { TABLE_CELL } from '../ops/index.ts';
import { magnitudes } from './magnitudes.ts';
import type { Materials } from './materials.ts';
import { type OperandWish, type OperatorTask, readerWish, tensorOf } from './task.ts';

/**
 * Why a static operator would not only be inexact but fail on its statistics, or undefined: a divisor or the operand of a
 * root or logarithm that can round to zero, a comparison of values on different grids or on one that its kernel cannot
 * tell apart.
 */
export function unsafe(task: OperatorTask, materials: Materials, wishes: readonly OperandWish[]): string | undefined {
  if (task.mode !== 'static') return undefined;
  const why = incomparable(task, wishes) ?? vanishing(task, materials, wishes);
  return why && `safety: ${why}`;
}

const parametersOf = (wishes: readonly OperandWish[], tensor: number | undefined) =>
  readerWish(wishes, tensor)?.wish.parameters;

function incomparable({ spec, inputs }: OperatorTask, wishes: readonly OperandWish[]): string | undefined {
  if (!spec.compares) return undefined;
  const { least, limit } = spec.compares;
  const first = parametersOf(wishes, inputs[0]);
  if (!sameValues(first, parametersOf(wishes, inputs[1]))) return 'it compares values on different grids';
  const step = first?.scales[0];
  if (step === undefined || (step >= least && step < limit)) return undefined;
  const can = `its kernel tells steps from ${least} to ${limit} apart`;
  return `the step of what it compares is ${step.toPrecision(3)}, and ${can}`;
}

/** Values that round to zero where a factor counts; with a table, values of the cell in which it has no end. */
function vanishing(task: OperatorTask, materials: Materials, wishes: readonly OperandWish[]): string | undefined {
  const { ranges, int16Table } = task.spec;
  for (const position of ranges?.relativeInputs ?? []) {
    const tensor = task.inputs[position];
    const parameters = parametersOf(wishes, tensor);
    const step = parameters?.scales[0];
    if (tensor === undefined || step === undefined) continue;
    const codes = int16Table && parameters?.bits === 16 ? TABLE_CELL : 1;
    if (magnitudes(task, materials, tensor).least >= codes * step) continue;
    const what = codes === 1 ? 'can round to zero' : `can be in the first ${codes} steps, where its table has no end`;
    return `values of operand ${position} (${tensorOf(task, tensor).name ?? tensor}) ${what}`;
  }
  return undefined;
}
