import { tensorConstant } from '../../schema/graph.ts';
import { NO_TENSOR } from '../../schema/model.ts';
import { floats, greatestBiasCode } from '../algorithms/bias.ts';
import { leastQuotient } from './magnitudes.ts';
import type { Materials } from './materials.ts';
import { type OperandWish, type OperatorTask, readerWish, scalesAt, tensorOf } from './task.ts';

/** Numbers that are no more than this above a limit are not trusted to be below it: ranges are rounded to codes. */
const MARGIN = 1.01;

/**
 * Why the integer kernel cannot compute with the scales of a static operator, after all that could be widened was, or
 * undefined.
 */
export function beyondKernel(
  task: OperatorTask,
  materials: Materials,
  wishes: readonly OperandWish[],
): string | undefined {
  if (task.mode !== 'static') return undefined;
  return coarseInput(task, wishes) ?? lostQuotient(task, materials, wishes) ?? lostBias(task, wishes);
}

const outputOf = (wishes: readonly OperandWish[]) => wishes.find(({ side }) => side === 'producer')?.wish.parameters;

function coarseInput({ spec, inputs }: OperatorTask, wishes: readonly OperandWish[]): string | undefined {
  const bits = outputOf(wishes)?.bits;
  const greatest = bits === undefined ? undefined : spec.greatestInputScale?.(bits);
  if (greatest === undefined) return undefined;
  const steps = inputs.flatMap((tensor) => readerWish(wishes, tensor)?.wish.parameters?.scales[0] ?? []);
  const step = steps.find((scale) => scale > greatest);
  if (step === undefined) return undefined;
  return `the step of what it reads is ${step.toPrecision(3)}, and its kernel computes with ${greatest} at most`;
}

function lostQuotient(task: OperatorTask, materials: Materials, wishes: readonly OperandWish[]): string | undefined {
  const { lostQuotient: lost } = task.spec;
  const step = outputOf(wishes)?.scales[0];
  if (lost === undefined || step === undefined) return undefined;
  const quotient = leastQuotient(task, materials, wishes);
  if (quotient === undefined || quotient > lost * step * MARGIN) return undefined;
  const size = (quotient / step).toPrecision(2);
  return `its smallest quotients are ${size} steps of its result, and the kernel is wrong up to ${lost}`;
}

/** The bias beside a weight that the model stores quantized already, and that cannot be given another scale. */
function lostBias(task: OperatorTask, wishes: readonly OperandWish[]): string | undefined {
  const { weighted } = task.spec;
  const tensor = weighted?.bias === undefined ? NO_TENSOR : (task.inputs[weighted.bias] ?? NO_TENSOR);
  const input = weighted && readerWish(wishes, task.inputs[weighted.input])?.wish.parameters;
  if (!weighted || !input || tensor === NO_TENSOR) return undefined;
  const bias = tensorConstant(task.model, tensorOf(task, tensor));
  const weights = scalesAt(task, wishes, weighted.weight);
  if (!bias || weights.length === 0) return undefined;
  const limit = greatestBiasCode(input.bits) * (input.scales[0] as number);
  const lost = floats(bias).some((value, channel) => {
    const scale = weights[weights.length === 1 ? 0 : channel] ?? 0;
    return Math.abs(value) > limit * scale;
  });
  return lost ? 'its bias does not fit the integers that go with its stored weight' : undefined;
}
