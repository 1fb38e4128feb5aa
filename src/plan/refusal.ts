import { TensorType } from '../../schema/generated/tflite.ts';
import { elementCount, hasScales, isBlockwise, tensorConstant } from '../../schema/graph.ts';
import { NO_TENSOR } from '../../schema/model.ts';
import { type OperatorTask, tensorOf } from './task.ts';

/**
 * Why an operator that the recipe wants quantized has to stay float, or undefined. Asked before its wishes are made, so
 * that one operator that cannot be done does not fail the model.
 */
export function refusal(task: OperatorTask): string | undefined {
  const { weighted } = task.spec;
  if (!weighted) return undefined;
  const weight = task.inputs[weighted.weight];
  if (weight === undefined || weight === NO_TENSOR) return 'it has no weight';
  const tensor = tensorOf(task, weight);
  const constant = tensorConstant(task.model, tensor) !== undefined;
  if (!constant && !weighted.weightMayBeActivation) return 'its weight is computed at run time';
  if (isBlockwise(tensor) || (constant && tensor.type !== TensorType.FLOAT32 && !hasScales(tensor))) {
    return 'its weight is not float32';
  }
  if (task.mode !== 'static') return undefined;
  const small = constant && weighted.leavesSmallWeights && elementCount(tensor.shape) < task.config.minWeightElements;
  if (small) return `its weight has fewer than ${task.config.minWeightElements} elements`;
  const bias = weighted.bias === undefined ? NO_TENSOR : (task.inputs[weighted.bias] ?? NO_TENSOR);
  if (bias !== NO_TENSOR && !tensorConstant(task.model, tensorOf(task, bias)))
    return 'its bias is computed at run time';
  return undefined;
}
