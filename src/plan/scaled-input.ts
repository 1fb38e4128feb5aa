import { TensorType } from '../../schema/generated/tflite.ts';
import { NO_TENSOR } from '../../schema/model.ts';
import { type OperandWish, type OperatorTask, readerWish, tensorOf, unsupported } from './task.ts';

const inputOf = ({ inputs, spec }: OperatorTask) => inputs[spec.weighted?.input ?? 0] ?? NO_TENSOR;
const weightOf = ({ inputs, spec }: OperatorTask) => inputs[spec.weighted?.weight ?? NO_TENSOR] ?? NO_TENSOR;

/** Why the activation that goes with a scaled weight cannot be scaled, or undefined. */
export function scalingRefusal(task: OperatorTask): string | undefined {
  if (!task.algorithm.scalesInputs) return undefined;
  const input = inputOf(task);
  if (input === NO_TENSOR) return undefined;
  const { type, shape = [] } = tensorOf(task, input);
  if (type !== TensorType.FLOAT32) return 'scaling needs float32 activations';
  const length = tensorOf(task, weightOf(task)).shape?.at(-1);
  return shape.at(-1) === length ? undefined : 'its input is not rows as long as those of its weight';
}

/**
 * The wishes of an operator whose weight is stored with scaled columns, with that for its input to be scaled the other
 * way. @throws AeqError OPERATOR_UNSUPPORTED for an input that is not float32.
 */
export function withScaledInput(task: OperatorTask, wishes: OperandWish[]): OperandWish[] {
  if (!task.algorithm.scalesInputs) return wishes;
  const parameters = readerWish(wishes, weightOf(task))?.wish.parameters;
  const tensor = inputOf(task);
  if (!parameters?.multiplier || tensor === NO_TENSOR) return wishes;
  if (tensorOf(task, tensor).type !== TensorType.FLOAT32) throw unsupported(task, 'scaling needs float32 activations');
  const scaled: OperandWish = {
    tensor,
    side: 'consumer',
    wish: { operator: task.operator, kinds: ['multiply'], parameters },
  };
  return [...wishes.filter((entry) => entry.side !== 'consumer' || entry.tensor !== tensor), scaled];
}
