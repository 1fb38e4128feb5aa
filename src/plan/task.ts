import { AeqError } from '../../schema/errors.ts';
import type { Model, Operator, Subgraph, Tensor } from '../../schema/model.ts';
import type { Algorithm } from '../algorithms/registry.ts';
import type { OperatorSpec } from '../ops/index.ts';
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
