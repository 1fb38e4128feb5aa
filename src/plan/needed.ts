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

/** An activation of whose rows, of this length, an algorithm has to know squares or products. */
export interface LearnedPlace extends TensorPlace {
  readonly rowLength: number;
  readonly squaresOnly: boolean;
}

/**
 * The inputs that algorithms of a recipe learn from. Of operators that read one tensor as rows of different lengths, the
 * first has its way.
 */
export function learnedInputs(model: Model, resolver: RecipeResolver, conduct: Conduct): LearnedPlace[] {
  const found = new Map<string, LearnedPlace>();
  for (const { decision } of decisions(model, resolver, conduct)) {
    const { task } = decision;
    const { weighted } = task?.spec ?? {};
    if (!task?.algorithm.learnsFrom || !weighted) continue;
    const [tensor, weight] = [weighted.input, weighted.weight].map((position) => task.inputs[position] ?? NO_TENSOR);
    const rowLength = task.subgraph.tensors[weight ?? NO_TENSOR]?.shape?.at(-1);
    const key = `${task.subgraphIndex}:${tensor}`;
    if (tensor === undefined || rowLength === undefined) continue;
    const known = found.get(key);
    const squaresOnly = task.algorithm.learnsFrom === 'squares' && known?.squaresOnly !== false;
    if (known && known.rowLength !== rowLength) continue;
    found.set(key, { subgraph: task.subgraphIndex, tensor, rowLength, squaresOnly });
  }
  return [...found.values()];
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
