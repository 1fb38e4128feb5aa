import { TensorType } from '../../schema/generated/tflite.ts';
import { operatorBuiltin } from '../../schema/graph.ts';
import type { Model } from '../../schema/model.ts';
import { specOfBuiltin } from '../ops/index.ts';

/** Gives operators that have become int16 the options that their kernels need then; what the model says itself stays. */
export function adjustOptions(model: Model): void {
  for (const { operators, tensors } of model.subgraphs) {
    for (const operator of operators) {
      const wanted = specOfBuiltin(operatorBuiltin(model, operator))?.int16Options;
      if (!wanted || tensors[operator.outputs[0] ?? -1]?.type !== TensorType.INT16) continue;
      const own = operator.builtinOptions?.table === wanted.table ? operator.builtinOptions : undefined;
      const fused = own && 'fusedActivationFunction' in own ? own.fusedActivationFunction : undefined;
      operator.builtinOptions = {
        ...wanted,
        ...(fused === undefined ? {} : { fusedActivationFunction: fused }),
      } as typeof wanted;
    }
  }
}
