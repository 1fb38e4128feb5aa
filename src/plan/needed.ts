import { TensorType } from '../../schema/generated/tflite.ts';
import { tensorConstant } from '../../schema/graph.ts';
import { type Model, NO_TENSOR } from '../../schema/model.ts';
import type { RecipeResolver } from '../recipe/types.ts';
import type { Conduct } from './conduct.ts';
import { decisions } from './decisions.ts';

/** A tensor of the float model. */
export interface TensorPlace {
  readonly subgraph: number;
  readonly tensor: number;
}

/** The activations whose ranges a recipe needs: float32 operands of statically quantized operators, in graph order. */
export function neededActivations(model: Model, resolver: RecipeResolver, conduct: Conduct): TensorPlace[] {
  const found = new Map<string, TensorPlace>();
  for (const { decision } of decisions(model, resolver, conduct)) {
    const { task } = decision;
    if (task?.mode !== 'static') continue;
    const operands = task.inputs.filter((_, position) => !task.spec.plainInputs.includes(position));
    for (const tensor of [...operands, ...task.outputs]) {
      const entry = tensor === NO_TENSOR ? undefined : task.subgraph.tensors[tensor];
      if (entry?.type !== TensorType.FLOAT32 || tensorConstant(task.model, entry)) continue;
      found.set(`${task.subgraphIndex}:${tensor}`, { subgraph: task.subgraphIndex, tensor });
    }
  }
  return [...found.values()].sort((a, b) => a.subgraph - b.subgraph || a.tensor - b.tensor);
}
