import type { Constant } from '../../schema/constant.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { tensorConstant } from '../../schema/graph.ts';
import { type Model, NO_TENSOR } from '../../schema/model.ts';
import type { Measurement } from '../algorithms/group-numbers.ts';
import type { RecipeResolver } from '../recipe/types.ts';
import { COMPAT_0_10, CORRECT } from './conduct.ts';
import { ConstantParameters } from './constant-parameters.ts';
import { decisions } from './decisions.ts';
import { tensorOf } from './task.ts';

/**
 * What planning will ask of weights, so that it can be found ahead. Only a forecast: what is missing here or
 * too much costs time, nothing else.
 */
export function* weightsToMeasure(model: Model, resolver: RecipeResolver, compat: boolean): Iterable<Measurement> {
  const conduct = compat ? COMPAT_0_10 : CORRECT;
  const parameters = new ConstantParameters(conduct);
  const seen = new Set<Constant>();
  for (const { decision } of decisions(model, resolver, conduct)) {
    const { task } = decision;
    const position = task?.spec.weighted?.weight;
    const tensor = task?.inputs[position ?? NO_TENSOR] ?? NO_TENSOR;
    const config = task?.config.weight;
    if (!task || position === undefined || tensor === NO_TENSOR || !config || !task.algorithm.measurement) continue;
    const constant = tensorConstant(model, tensorOf(task, tensor));
    if (!constant || seen.has(constant) || tensorOf(task, tensor).type !== TensorType.FLOAT32) continue;
    seen.add(constant);
    const request = parameters.request(task, tensor, position, constant, config);
    yield task.algorithm.measurement(request);
  }
}
