import { TensorType } from '../../schema/generated/tflite.ts';
import { elementCount, hasScales, isBlockwise, tensorConstant } from '../../schema/graph.ts';
import { NO_TENSOR } from '../../schema/model.ts';
import type { WeightedOperands } from '../ops/index.ts';
import { fittingConfig, scaleAxes } from './constant-parameters.ts';

import { rotationRefusal } from './rotation.ts';
import { scalingRefusal } from './scaled-input.ts';
import type { Surroundings } from './surroundings.ts';
import { type OperatorTask, tensorOf, viewOf } from './task.ts';

/**
 * Why an operator that the recipe wants quantized has to stay float, or undefined. Asked before its wishes are made, so
 * that one operator that cannot be done does not fail the model.
 */
export function refusal(task: OperatorTask, surroundings: Surroundings): string | undefined {
  if (task.mode === 'static') {
    const why = staticRefusal(task, surroundings);
    if (why !== undefined) return why;
  }
  return (
    task.spec.weighted && (weightRefusal(task, task.spec.weighted) ?? rotationRefusal(task) ?? scalingRefusal(task))
  );
}

function staticRefusal(task: OperatorTask, surroundings: Surroundings): string | undefined {
  const { spec, inputs, outputs, subgraphIndex } = task;
  const why = surroundings.staticRefusal(subgraphIndex);
  if (why !== undefined) return why;
  const exact = spec.weighted ? undefined : surroundings.exactness(subgraphIndex, inputs);
  if (exact !== undefined) return `safety: ${exact}`;
  const floats = (tensors: readonly number[], plain: readonly number[] = []) =>
    tensors.filter((tensor, position) => isFloat(task, tensor) && !plain.includes(position)).length;
  const [read, written] = [floats(inputs, spec.plainInputs), floats(outputs)];
  if (read + written === 0) return undefined;
  const wrong = spec.integerRefusal?.(viewOf(task));
  if (wrong !== undefined) return wrong;
  if (spec.scale === 'same-as-input' && read !== 1) return `it has ${read} float operands instead of one`;
  if (spec.scale === 'same-as-output' && written !== 1) return `it has ${written} float results instead of one`;
  if (spec.scale === 'fixed-output' && outputs.length !== 1) return `it has ${outputs.length} results instead of one`;
  return undefined;
}

/** Its kernels want all weights of one type. */
function otherWeightsRefusal(task: OperatorTask, weight: number, others: readonly number[]): string | undefined {
  const present = others.map((position) => task.inputs[position] ?? NO_TENSOR).filter((tensor) => tensor !== NO_TENSOR);
  const all = [weight, ...present].map((tensor) => tensorOf(task, tensor));
  if (all.some((tensor) => !tensorConstant(task.model, tensor))) return 'one of its weights is computed at run time';
  return all.some(({ type }) => type !== TensorType.FLOAT32) ? 'its weights are not all float32' : undefined;
}

const isFloat = (task: OperatorTask, tensor: number) =>
  tensor !== NO_TENSOR && tensorOf(task, tensor).type === TensorType.FLOAT32;

function weightRefusal(task: OperatorTask, weighted: WeightedOperands): string | undefined {
  const weight = task.inputs[weighted.weight];
  if (weight === undefined || weight === NO_TENSOR) return 'it has no weight';
  const fails = task.node && task.spec.kernelFails?.(task.node);
  if (fails !== undefined) return fails;
  const tensor = tensorOf(task, weight);
  const constant = tensorConstant(task.model, tensor) !== undefined;
  if (!constant && !weighted.weightMayBeActivation) return 'its weight is computed at run time';
  if (isBlockwise(tensor) || (constant && tensor.type !== TensorType.FLOAT32 && !hasScales(tensor))) {
    return 'its weight is not float32';
  }
  const others = weighted.otherWeights && otherWeightsRefusal(task, weight, weighted.otherWeights);
  if (others !== undefined) return others;
  const rowBits = (tensor.shape?.at(-1) ?? 1) * (task.config.weight?.numBits ?? 8);
  // Under weight-only rules the table is decoded as a whole before rows are looked up.
  if (weighted.rowsFillBytes && task.mode !== 'weight-only' && rowBits % 8 !== 0) {
    return `its rows of ${tensor.shape?.at(-1)} values do not fill whole bytes in ${task.config.weight?.numBits} bits`;
  }
  if (constant && elementCount(tensor.shape) < task.config.minWeightElements) {
    return `its weight has fewer than ${task.config.minWeightElements} elements`;
  }
  const unfit = valuesRefusal(task, weighted.weight);
  if (unfit !== undefined || task.mode !== 'static') return unfit;
  const bias = weighted.bias === undefined ? NO_TENSOR : (task.inputs[weighted.bias] ?? NO_TENSOR);
  if (bias !== NO_TENSOR && !tensorConstant(task.model, tensorOf(task, bias)))
    return 'its bias is computed at run time';
  return undefined;
}

/** The rule's algorithm cannot do the values of the weight. */
function valuesRefusal(task: OperatorTask, position: number): string | undefined {
  const tensor = tensorOf(task, task.inputs[position] ?? NO_TENSOR);
  const constant = tensorConstant(task.model, tensor);
  const { weight } = task.config;
  if (!constant || !weight || tensor.type !== TensorType.FLOAT32) return undefined;
  const { shape = [] } = tensor;
  const axes = scaleAxes(task, position);
  const config = fittingConfig(task, weight, shape, axes.blockAxis);
  return task.algorithm.weightProblem?.({ constant, shape, config, ...axes, unchecked: task.config.skipChecks });
}
