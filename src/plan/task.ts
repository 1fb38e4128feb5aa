import { AeqError } from '../../schema/errors.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { tensorConstant } from '../../schema/graph.ts';
import { type Model, NO_TENSOR, type Operator, type Subgraph, type Tensor } from '../../schema/model.ts';
import type { Algorithm } from '../algorithms/registry.ts';
import type { OperatorSpec, OperatorView } from '../ops/index.ts';
import type { OpConfig, QuantizationMode } from '../recipe/types.ts';
import { BORDER, type Wish } from './wish.ts';

/** One operator that the recipe wants quantized, real or virtual. */
export interface OperatorTask {
  readonly model: Model;
  readonly subgraphIndex: number;
  readonly subgraph: Subgraph;
  /** Index in the subgraph, or BORDER for INPUT and OUTPUT. */
  readonly operator: number;
  /** The operator itself; absent for virtual ones. */
  readonly node?: Operator;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly spec: OperatorSpec;
  readonly config: OpConfig;
  readonly algorithm: Algorithm;
  readonly mode: QuantizationMode;
}

/** A wish and the tensor it is for. */
export interface OperandWish {
  readonly tensor: number;
  readonly side: 'producer' | 'consumer';
  readonly wish: Wish;
}

export const tensorOf = (task: OperatorTask, tensor: number): Tensor => {
  const found = task.subgraph.tensors[tensor];
  if (!found) throw new RangeError(`subgraph ${task.subgraphIndex} has no tensor ${tensor}`);
  return found;
};

/** What the operator's spec may ask of it. */
export function viewOf(task: OperatorTask): OperatorView {
  const at = (position: number) => task.subgraph.tensors[task.inputs[position] ?? NO_TENSOR];
  return {
    shape: (position) => at(position)?.shape,
    isConstant: (position) => {
      const tensor = at(position);
      return tensor !== undefined && tensorConstant(task.model, tensor) !== undefined;
    },
    integers: (position) => {
      const tensor = at(position);
      const bytes = tensor?.type === TensorType.INT32 ? tensorConstant(task.model, tensor)?.read().slice() : undefined;
      return bytes && Array.from(new Int32Array(bytes.buffer, 0, bytes.byteLength >> 2));
    },
  };
}

/** What the operator wants of a tensor that it reads. */
export const readerWish = (wishes: readonly OperandWish[], tensor: number | undefined): OperandWish | undefined =>
  wishes.find((entry) => entry.side === 'consumer' && entry.tensor === tensor);

/** Scales of an operand: as wished for, or as the model stores it already. */
export function scalesAt(
  task: OperatorTask,
  wishes: readonly OperandWish[],
  position: number | undefined,
): ArrayLike<number> {
  const tensor = position === undefined ? NO_TENSOR : (task.inputs[position] ?? NO_TENSOR);
  if (tensor === NO_TENSOR) return [];
  return readerWish(wishes, tensor)?.wish.parameters?.scales ?? tensorOf(task, tensor).quantization?.scale ?? [];
}

/** The operator in messages. */
export const operatorLabel = (task: OperatorTask) =>
  task.operator === BORDER ? task.spec.name : `${task.spec.name} (operator ${task.operator})`;

/** The operator cannot be done as the rule says. */
export function unsupported(task: OperatorTask, why: string): AeqError {
  return new AeqError('OPERATOR_UNSUPPORTED', `${operatorLabel(task)} cannot be quantized: ${why}`, {
    where: { subgraph: task.subgraphIndex, operator: operatorLabel(task) },
    hint: 'leave it out with a no_quantize rule',
  });
}
