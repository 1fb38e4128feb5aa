import { tensorConstant } from '../../schema/graph.ts';
import { NO_TENSOR } from '../../schema/model.ts';
import { leastWeightScales } from '../algorithms/bias.ts';
import { quantizedConstant } from '../algorithms/constants.ts';
import { extentOfAxis } from '../algorithms/extent.ts';
import { activationParameters } from '../algorithms/min-max.ts';
import type { TensorParameters } from '../algorithms/parameters.ts';
import type { Materials } from './materials.ts';
import type { RangeEntry } from './ranges.ts';
import { type OperandWish, type OperatorTask, operatorLabel, tensorOf } from './task.ts';

/**
 * Widens scales with which the integer kernel would lose a bias or refuse to run: first weight scales until the bias
 * fits in its integers, then the output's scale until the kernel can rescale to it. Says so in the warnings.
 */
export function fitScales(task: OperatorTask, materials: Materials, wishes: readonly OperandWish[]): OperandWish[] {
  if (task.mode !== 'static') return [...wishes];
  return fitOutput(task, materials, fitWeight(task, materials, wishes));
}

const readerWish = (wishes: readonly OperandWish[], tensor: number | undefined) =>
  wishes.find((entry) => entry.side === 'consumer' && entry.tensor === tensor);

function replaced(wishes: readonly OperandWish[], old: OperandWish, parameters: TensorParameters): OperandWish[] {
  return wishes.map((entry) => (entry === old ? { ...entry, wish: { ...entry.wish, parameters } } : entry));
}

function fitWeight(task: OperatorTask, materials: Materials, wishes: readonly OperandWish[]): readonly OperandWish[] {
  const { weighted } = task.spec;
  const biasTensor = weighted?.bias === undefined ? NO_TENSOR : (task.inputs[weighted.bias] ?? NO_TENSOR);
  if (!weighted || biasTensor === NO_TENSOR) return wishes;
  const bias = tensorConstant(task.model, tensorOf(task, biasTensor));
  const weight = readerWish(wishes, task.inputs[weighted.weight]);
  const input = readerWish(wishes, task.inputs[weighted.input])?.wish.parameters;
  const parameters = weight?.wish.parameters;
  const constant = weight && tensorConstant(task.model, tensorOf(task, weight.tensor));
  if (!bias || !input || !weight || !parameters?.data || !constant) return wishes;
  const least = leastWeightScales(bias, input.scales[0] as number, input.bits);
  const { scales: old } = parameters;
  if (old.length !== 1 && old.length !== least.length) return wishes;
  const scales =
    old.length === 1 ? old.map((scale) => Math.max(scale, ...least)) : old.map((s, i) => Math.max(s, least[i] ?? 0));
  const count = scales.filter((scale, i) => scale !== old[i]).length;
  if (count === 0) return wishes;
  const where = tensorOf(task, weight.tensor).name ?? `tensor ${weight.tensor}`;
  materials.warnings.push(
    `${operatorLabel(task)}: ${count} of ${old.length} scales of ${where} widened so that the bias fits its integers`,
  );
  const widened = { ...parameters, scales, reason: `${parameters.reason}, ${count} widened for the bias` };
  const extent = extentOfAxis(tensorOf(task, weight.tensor).shape ?? [], parameters.axis);
  return replaced(wishes, weight, { ...widened, data: quantizedConstant(constant, extent, widened) });
}

function fitOutput(task: OperatorTask, materials: Materials, wishes: readonly OperandWish[]): OperandWish[] {
  const { leastOutputScale } = task.spec;
  const output = wishes.find(({ side }) => side === 'producer');
  const parameters = output?.wish.parameters;
  const activation = task.config.activation;
  if (!leastOutputScale || !output || !parameters || !activation) return [...wishes];
  const inputs = task.inputs.map((tensor) =>
    Math.max(0, ...(readerWish(wishes, tensor)?.wish.parameters?.scales ?? [])),
  );
  const least = leastOutputScale(inputs, parameters.bits);
  if (!(least > 0) || !Number.isFinite(least)) return [...wishes];
  const range = materials.ranges.get(task.subgraphIndex, output.tensor);
  if (!range || (parameters.scales[0] as number) >= least) {
    return replaced(wishes, output, { ...parameters, leastScale: least });
  }
  const name = tensorOf(task, output.tensor).name ?? `tensor ${output.tensor}`;
  const wide = widenedRange(range, parameters, least);
  materials.ranges.share(task.subgraphIndex, output.tensor, wide);
  materials.warnings.push(
    `${operatorLabel(task)}: the range of ${name} is widened, or the kernel could not rescale to it`,
  );
  return replaced(wishes, output, { ...activationParameters(wide, activation, wide.reason), leastScale: least });
}

/** The range from the same low end (or, of symmetric types, around zero) that gives at least this scale. */
function widenedRange(range: RangeEntry, { bits, symmetric }: TensorParameters, scale: number): RangeEntry {
  const reason = `${range.reason}, widened for the kernel`;
  if (symmetric) {
    const bound = scale * 2 ** (bits - 1);
    return { ...range, min: -bound, max: bound, reason };
  }
  const min = Math.min(range.min, 0);
  return { ...range, min, max: min + scale * 2 ** bits, reason };
}
