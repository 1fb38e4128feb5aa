import { TensorType } from '../../schema/generated/tflite.ts';
import { isDynamic } from '../../schema/graph.ts';
import { NO_TENSOR } from '../../schema/model.ts';
import type { RotationForm } from '../algorithms/registry.ts';
import type { Materials } from './materials.ts';
import { type OperandWish, type OperatorTask, tensorOf, unsupported } from './task.ts';
import type { TensorWishes, WishKind } from './wish.ts';

const KINDS: Readonly<Record<RotationForm, WishKind>> = { operator: 'rotate', product: 'rotate-by-product' };
/** The runtime's operator for products with a Hadamard matrix. */
export const ROTATION_OPERATOR = 'aeq.hadamard_rotation';
/** It reads tensors of other ranks wrongly. */
const OPERATOR_RANKS = [2, 3];

/** The activation that is rotated along with the weight: what the operator multiplies by it, or the rows it returns. */
function rotatedOperand({ spec, inputs, outputs }: OperatorTask): { tensor: number; side: OperandWish['side'] } {
  const { weighted } = spec;
  if (weighted?.rotatedResult) return { tensor: outputs[0] ?? NO_TENSOR, side: 'producer' };
  return { tensor: inputs[weighted?.input ?? 0] ?? NO_TENSOR, side: 'consumer' };
}

/** Why the activation that goes with a rotated weight cannot be rotated, or undefined. */
export function rotationRefusal(task: OperatorTask): string | undefined {
  const form = task.algorithm.rotates;
  const { tensor } = rotatedOperand(task);
  if (!form || tensor === NO_TENSOR) return undefined;
  const activation = tensorOf(task, tensor);
  const { type, shape = [] } = activation;
  if (type !== TensorType.FLOAT32) return 'a rotation needs float32 activations';
  const weight = tensorOf(task, task.inputs[task.spec.weighted?.weight ?? NO_TENSOR] ?? NO_TENSOR);
  if (shape.at(-1) !== weight.shape?.at(-1)) return 'its input is not rows as long as those of its weight';
  if (form === 'product') return undefined;
  if (isDynamic(activation)) return 'the rotation operator of the runtime does not follow free dimensions';
  if (!OPERATOR_RANKS.includes(shape.length)) {
    return `the runtime rotates tensors of 2 and 3 dimensions, not of ${shape.length}`;
  }
  return undefined;
}

/**
 * The wishes of an operator whose weight is stored rotated, with that for the activation that has to be rotated as well.
 * @throws AeqError OPERATOR_UNSUPPORTED under compat for what the original fails on.
 */
export function withRotation(task: OperatorTask, materials: Materials, wishes: OperandWish[]): OperandWish[] {
  const form = task.algorithm.rotates;
  if (!form) return wishes;
  const original = materials.conduct.failsOnRefusal;
  const all = original ? [...wishes, ...originalBiasWish(task)] : wishes;
  const weight = task.inputs[task.spec.weighted?.weight ?? NO_TENSOR];
  const parameters = all.find((entry) => entry.side === 'consumer' && entry.tensor === weight)?.wish.parameters;
  const { tensor, side } = rotatedOperand(task);
  if (parameters?.rotation === undefined || tensor === NO_TENSOR) {
    if (original) throw unsupported(task, 'its weight is not rotated, but its activations would be');
    return all;
  }
  if (tensorOf(task, tensor).type !== TensorType.FLOAT32) {
    throw unsupported(task, 'a rotation needs float32 activations');
  }
  const wish = { operator: task.operator, kinds: [KINDS[form]], parameters };
  return [...all.filter((entry) => entry.side !== side || entry.tensor !== tensor), { tensor, side, wish }];
}

/** The original looks the bias up unasked: it fails without a third operand and takes "none" for the last tensor. */
function originalBiasWish(task: OperatorTask): OperandWish[] {
  const position = task.spec.weighted?.bias;
  if (position === undefined) return [];
  const bias = task.inputs[position];
  if (bias === undefined) throw unsupported(task, 'it has no operand for a bias');
  if (bias !== NO_TENSOR) return [];
  const tensor = task.subgraph.tensors.length - 1;
  return [{ tensor, side: 'consumer', wish: { operator: task.operator, kinds: ['keep'] } }];
}

/** What somebody has to know who delivers a model with the runtime's own operator. */
export function rotationWarnings(wishes: readonly (readonly TensorWishes[])[]): string[] {
  const kinds = wishes
    .flat()
    .flatMap(({ producer, consumers }) => [producer, ...consumers].map((wish) => wish?.kinds[0]));
  if (!kinds.includes(KINDS.operator)) return [];
  return [
    `the model needs a runtime that has the operator ${ROTATION_OPERATOR}, as LiteRT 2.3 and LiteRT.js 2.5 do; DECOMPOSED_HADAMARD_ROTATION gives the same in operators that all have`,
  ];
}
