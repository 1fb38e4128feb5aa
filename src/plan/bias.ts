import { hasScales, tensorConstant } from '../../schema/graph.ts';
import { NO_TENSOR } from '../../schema/model.ts';
import type { Materials } from './materials.ts';
import { type OperandWish, type OperatorTask, tensorOf, unsupported } from './task.ts';

/**
 * The wish for the bias of a weighted operator, after those for input and weight: in static mode its scale is theirs
 * multiplied. Undefined where there is no bias or it is stored quantized already.
 */
export function biasWish(
  task: OperatorTask,
  materials: Materials,
  others: readonly OperandWish[],
): OperandWish | undefined {
  const { weighted } = task.spec;
  const tensor = weighted?.bias === undefined ? undefined : task.inputs[weighted.bias];
  if (!weighted || tensor === undefined || tensor === NO_TENSOR || hasScales(tensorOf(task, tensor))) return undefined;
  const { operator } = task;
  if (task.mode !== 'static') return { tensor, side: 'consumer', wish: { operator, kinds: ['keep'] } };
  const bias = tensorConstant(task.model, tensorOf(task, tensor));
  if (!bias) throw unsupported(task, 'its bias is computed at run time');
  const scalesAt = (position: number) => operandScales(task, others, position);
  const input = scalesAt(weighted.input);
  const weight = scalesAt(weighted.weight);
  if (!input || !weight) throw unsupported(task, 'its bias needs a quantized input and weight');
  const parameters = materials.conduct.biasParameters({
    bias,
    inputScale: input.scales[0] as number,
    inputCarrier: input.carrier,
    inputBits: input.bits,
    weightScales: Float64Array.from(weight.scales),
  });
  return { tensor, side: 'consumer', wish: { operator, kinds: ['store'], parameters } };
}

/** Scales of an operand: as wished for, or as the model stores it already. */
function operandScales(task: OperatorTask, wishes: readonly OperandWish[], position: number) {
  const tensor = task.inputs[position];
  if (tensor === undefined || tensor === NO_TENSOR) return undefined;
  const wished = wishes.find((entry) => entry.side === 'consumer' && entry.tensor === tensor)?.wish.parameters;
  if (wished) return wished;
  const { quantization, type } = tensorOf(task, tensor);
  if (!quantization?.scale?.length) return undefined;
  const bits = type === 7 ? 16 : 8;
  return { scales: Float64Array.from(quantization.scale), carrier: 'float32' as const, bits };
}
