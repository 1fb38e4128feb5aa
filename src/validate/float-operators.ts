import type { FloatOperator } from '../../schema/documents/comparison.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { operatorBuiltin, operatorName, type SignatureView, tensorConstant, tensorLabel } from '../../schema/graph.ts';
import type { Model, Operator } from '../../schema/model.ts';
import { floatReason } from '../ops/float-only.ts';
import { specOfBuiltin } from '../ops/index.ts';
import { loneOperators } from './disconnected.ts';
import type { Matching } from './matching.ts';

/**
 * Operators on float values that the quantized model computes in float as well, and why as far as the two models tell.
 * Operators on shapes and indices are not among them.
 */
export function floatOperators(
  float: Model,
  view: SignatureView,
  quantized: Model,
  matching: Matching,
): FloatOperator[] {
  const integer = new Set(loneOperators(quantized, matching).map(({ position }) => position));
  return matching.operators.flatMap(({ float: position, quantized: counterpart }) => {
    const operator = matching.float.operators[position] as Operator;
    if (integer.has(counterpart) || !worksOnFloats(float, matching, operator)) return [];
    const name = operatorName(float, operator);
    const reason = specOfBuiltin(operatorBuiltin(float, operator))
      ? 'it could be an integer operator: the recipe, or a check of the quantizer, left it in float'
      : (floatReason(name) ?? 'the quantizer does not know it');
    return [
      {
        signature: view.key,
        operator: name,
        position,
        output: tensorLabel(matching.float, operator.outputs[0] ?? -1),
        reason,
      },
    ];
  });
}

function worksOnFloats(model: Model, { float }: Matching, operator: Operator): boolean {
  return [...operator.inputs, ...operator.outputs].some((index) => {
    const tensor = float.tensors[index];
    return tensor?.type === TensorType.FLOAT32 && !tensorConstant(model, tensor);
  });
}
