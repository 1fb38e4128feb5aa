import { tensorConstant } from '../../schema/graph.ts';
import { NO_TENSOR } from '../../schema/model.ts';
import { leastWeightScales } from '../algorithms/bias.ts';
import { quantizedConstant } from '../algorithms/constants.ts';
import { extentOfAxis } from '../algorithms/extent.ts';
import type { Materials } from './materials.ts';
import { type OperandWish, type OperatorTask, operatorLabel, readerWish, scalesAt, tensorOf } from './task.ts';

/** Widens scales of the weight until the bias fits in the integers that the kernel adds it up in. */
export function fitBias(
  task: OperatorTask,
  materials: Materials,
  wishes: readonly OperandWish[],
): readonly OperandWish[] {
  const { weighted } = task.spec;
  const biasTensor = weighted?.bias === undefined ? NO_TENSOR : (task.inputs[weighted.bias] ?? NO_TENSOR);
  if (!weighted || biasTensor === NO_TENSOR) return wishes;
  const bias = tensorConstant(task.model, tensorOf(task, biasTensor));
  const input = readerWish(wishes, task.inputs[weighted.input])?.wish.parameters;
  if (!bias || !input) return wishes;
  const least = leastWeightScales(bias, input.scales[0] as number, input.bits);
  return widenWeight(task, materials, wishes, least, 'the bias fits its integers');
}

/** Widens scales of the weight until input step times weight step over output step is a factor that the kernel has. */
export function fitFactors(task: OperatorTask, materials: Materials, wishes: readonly OperandWish[]): OperandWish[] {
  const output = wishes.find(({ side }) => side === 'producer');
  const [outputScale] = output?.wish.parameters?.scales ?? [];
  const { weighted } = task.spec;
  const [inputScale] = Array.from(scalesAt(task, wishes, weighted?.input));
  const bits = output?.wish.parameters?.bits;
  const factor = bits === undefined ? undefined : weighted?.leastFactor?.(bits);
  if (!output?.wish.parameters || !factor || !outputScale || !inputScale) return [...wishes];
  const least = Math.fround((factor * outputScale) / inputScale);
  const fitted = widenWeight(task, materials, wishes, [least], 'the kernel has a factor for each');
  // Half the factor is still one: the output may be written to a grid twice as coarse, as a reader of it may want.
  const parameters = { ...output.wish.parameters, greatestScale: 2 * outputScale };
  return fitted.map((entry) => (entry.side === 'producer' ? { ...entry, wish: { ...entry.wish, parameters } } : entry));
}

/** `least`: smallest scale of each channel, or one for all. */
function widenWeight(
  task: OperatorTask,
  materials: Materials,
  wishes: readonly OperandWish[],
  least: ArrayLike<number>,
  purpose: string,
): readonly OperandWish[] {
  const weight = readerWish(wishes, task.inputs[task.spec.weighted?.weight ?? NO_TENSOR]);
  const parameters = weight?.wish.parameters;
  const constant = weight && tensorConstant(task.model, tensorOf(task, weight.tensor));
  if (!weight || !parameters?.data || !constant) return wishes;
  const { scales: old } = parameters;
  if (old.length !== 1 && least.length !== 1 && old.length !== least.length) return wishes;
  const leastOf = (channel: number) =>
    old.length === 1 ? greatest(least) : (least[least.length === 1 ? 0 : channel] ?? 0);
  const scales = old.map((scale, channel) => Math.max(scale, leastOf(channel)));
  const count = scales.filter((scale, i) => scale !== old[i]).length;
  if (count === 0) return wishes;
  const where = tensorOf(task, weight.tensor).name ?? `tensor ${weight.tensor}`;
  materials.warnings.push(
    `${operatorLabel(task)}: ${count} of ${old.length} scales of ${where} widened so that ${purpose}`,
  );
  const widened = { ...parameters, scales, reason: `${parameters.reason}, ${count} widened so that ${purpose}` };
  const extent = extentOfAxis(tensorOf(task, weight.tensor).shape ?? [], parameters.axis);
  const data = parameters.codesWith?.(widened) ?? quantizedConstant(constant, extent, widened);
  const wanted = { ...widened, data };
  return wishes.map((entry) => (entry === weight ? { ...entry, wish: { ...entry.wish, parameters: wanted } } : entry));
}

function greatest(numbers: ArrayLike<number>): number {
  let result = 0;
  for (let i = 0; i < numbers.length; i += 1) result = Math.max(result, numbers[i] as number);
  return result;
}
