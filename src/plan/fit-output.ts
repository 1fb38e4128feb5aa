import { ActivationFunctionType } from '../../schema/generated/tflite.ts';
import type { Operator } from '../../schema/model.ts';
import { activationParameters } from '../algorithms/min-max.ts';
import type { TensorParameters } from '../algorithms/parameters.ts';
import { leastQuotient } from './magnitudes.ts';
import type { Materials } from './materials.ts';
import type { RangeEntry } from './ranges.ts';
import { clearOfCells } from './table-cells.ts';
import { type OperandWish, type OperatorTask, operatorLabel, readerWish, scalesAt, tensorOf, viewOf } from './task.ts';

/** Widens the output's range until the integer kernel can write it. */
export function fitOutput(task: OperatorTask, materials: Materials, wishes: readonly OperandWish[]): OperandWish[] {
  const output = wishes.find(({ side }) => side === 'producer');
  const parameters = output?.wish.parameters;
  if (!output || !parameters) return [...wishes];
  const fitted = fitTable(task, materials, wishes, output.tensor) ?? fitLeast(task, materials, wishes, output);
  if (!fitted) return [...wishes];
  return wishes.map((entry) => (entry === output ? { ...entry, wish: { ...entry.wish, parameters: fitted } } : entry));
}

/** The least scale that the kernel can rescale to. */
function fitLeast(
  task: OperatorTask,
  materials: Materials,
  wishes: readonly OperandWish[],
  { tensor, wish: { parameters } }: OperandWish,
): TensorParameters | undefined {
  const { leastOutputScale } = task.spec;
  const activation = task.config.activation;
  if (!leastOutputScale || !parameters || !activation) return undefined;
  const inputs = task.inputs.map((_, position) => Math.max(0, ...Array.from(scalesAt(task, wishes, position))));
  const least = Math.max(leastOutputScale(inputs, parameters.bits, viewOf(task)), leastForActivation(task.node));
  if (!(least > 0) || !Number.isFinite(least)) return undefined;
  const range = materials.ranges.get(task.subgraphIndex, tensor);
  const limits = { leastScale: least, ...greatestScale(task, materials, wishes) };
  if (!range || (parameters.scales[0] as number) >= least) return { ...parameters, ...limits };
  const name = tensorOf(task, tensor).name ?? `tensor ${tensor}`;
  const wide = widenedRange(range, parameters, least);
  materials.ranges.share(task.subgraphIndex, tensor, wide);
  materials.warnings.push(
    `${operatorLabel(task)}: the range of ${name} is widened, or the kernel could not rescale to it`,
  );
  return { ...activationParameters(wide, activation, wide.reason), ...limits };
}

/** A reader may want the result on a grid on which the kernel would lose its smallest quotients. */
function greatestScale(
  task: OperatorTask,
  materials: Materials,
  wishes: readonly OperandWish[],
): Pick<TensorParameters, 'greatestScale'> {
  const { lostQuotient } = task.spec;
  const quotient = lostQuotient === undefined ? undefined : leastQuotient(task, materials, wishes);
  return quotient === undefined || !lostQuotient ? {} : { greatestScale: (0.99 * quotient) / lostQuotient };
}

/** The end of a fused activation has to be a number of steps that 32 bits hold, or the runtime refuses the model. */
function leastForActivation(node: Operator | undefined): number {
  const options = node?.builtinOptions;
  const fused = options && 'fusedActivationFunction' in options ? options.fusedActivationFunction : undefined;
  const end = fused === ActivationFunctionType.RELU6 ? 6 : fused === ActivationFunctionType.RELU_N1_TO_1 ? 1 : 0;
  return end * 2 ** -30;
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

/** A range in which no entry of the kernel's table is cut off that a value within the range is drawn from. */
function fitTable(
  { spec, node, config, inputs, subgraphIndex }: OperatorTask,
  { ranges }: Materials,
  wishes: readonly OperandWish[],
  output: number,
): TensorParameters | undefined {
  const { int16Table } = spec;
  const { activation } = config;
  const input = readerWish(wishes, inputs[0]);
  const step = input?.wish.parameters?.scales[0];
  if (!int16Table || !node || activation?.numBits !== 16 || !input || step === undefined) return undefined;
  const read = ranges.get(subgraphIndex, input.tensor);
  const written = ranges.get(subgraphIndex, output);
  if (!read || !written) return undefined;
  const clear = clearOfCells((x) => int16Table(x, node), step, read, written);
  const isWider = clear.min < written.min || clear.max > written.max;
  const wide = isWider
    ? { ...written, ...clear, reason: `${written.reason}, up to the next entry of the table` }
    : written;
  if (isWider) ranges.share(subgraphIndex, output, wide);
  const parameters = activationParameters(wide, activation, wide.reason);
  return { ...parameters, leastScale: parameters.scales[0] as number };
}
