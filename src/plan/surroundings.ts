import { TensorType } from '../../schema/generated/tflite.ts';
import { operatorBuiltin, tensorConstant } from '../../schema/graph.ts';
import type { Model, Operator, Subgraph } from '../../schema/model.ts';
import { specOfBuiltin } from '../ops/index.ts';
import { loopBodies } from './composites.ts';
import type { Conduct } from './conduct.ts';

/** What the graph around an operator says of it, found once per model. */
export interface Surroundings {
  /** Why a static rule cannot be followed in this subgraph. */
  readonly staticRefusal: (subgraph: number) => string | undefined;
  /** Why this operator has to compute exactly. */
  readonly exactness: (subgraph: number, inputs: readonly number[]) => string | undefined;
}

const NOTHING: Surroundings = { staticRefusal: () => undefined, exactness: () => undefined };

export function surroundingsOf(model: Model, conduct: Conduct, safety: boolean): Surroundings {
  if (conduct.failsOnRefusal) return NOTHING;
  const inner = loopBodies(model);
  const counts = safety ? model.subgraphs.map((graph) => countingTensors(model, graph)) : [];
  return {
    staticRefusal: (subgraph) =>
      inner.has(subgraph)
        ? 'its subgraph runs inside an operator (loop or branch), where nobody can measure ranges'
        : undefined,
    exactness: (subgraph, inputs) =>
      inputs.some((tensor) => counts[subgraph]?.has(tensor))
        ? 'it computes with positions or counts, which have to stay exact'
        : undefined,
  };
}

/**
 * Tensors that hold positions or counts: results of operators that give such, whole numbers made float (but not those
 * of graph inputs, which may be anything), and what is computed from these alone.
 */
function countingTensors(model: Model, graph: Subgraph): Set<number> {
  const counting = new Set<number>();
  for (const operator of graph.operators) {
    const spec = specOfBuiltin(operatorBuiltin(model, operator));
    for (const output of spec?.countingOutputs ?? []) counting.add(operator.outputs[output] ?? -1);
    if (castsCounts(model, graph, operator) || (!spec?.weighted && followsCounts(model, graph, operator, counting))) {
      for (const output of operator.outputs) counting.add(output);
    }
  }
  return counting;
}

function castsCounts(model: Model, graph: Subgraph, { inputs, outputs }: Operator): boolean {
  const [input = -1, ...more] = inputs;
  const source = graph.tensors[input];
  const whole = source?.type === TensorType.INT32 || source?.type === TensorType.INT64;
  if (!source || !whole || more.length > 0 || graph.inputs.includes(input) || tensorConstant(model, source))
    return false;
  return graph.tensors[outputs[0] ?? -1]?.type === TensorType.FLOAT32;
}

function followsCounts(model: Model, graph: Subgraph, { inputs }: Operator, counting: ReadonlySet<number>): boolean {
  const values = inputs.filter((input) => {
    const tensor = graph.tensors[input];
    return tensor !== undefined && tensor.type === TensorType.FLOAT32 && !tensorConstant(model, tensor);
  });
  return values.length > 0 && values.every((input) => counting.has(input));
}
