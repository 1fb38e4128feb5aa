import { fitOutput } from './fit-output.ts';
import { fitBias, fitFactors } from './fit-weight.ts';
import type { Materials } from './materials.ts';
import type { OperandWish, OperatorTask } from './task.ts';

/**
 * Widens scales with which the integer kernel would lose a bias, compute with a factor of 0 or refuse to run: first weight
 * scales until the bias fits in its integers, then the output's scale until the kernel can rescale to it, then weight
 * scales until the kernel's factor of every channel is more than 0. Says so in the warnings.
 */
export function fitScales(task: OperatorTask, materials: Materials, wishes: readonly OperandWish[]): OperandWish[] {
  if (task.mode !== 'static') return [...wishes];
  return fitFactors(task, materials, fitOutput(task, materials, fitBias(task, materials, wishes)));
}
