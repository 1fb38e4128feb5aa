import { BuiltinOperator, TensorType } from '../../schema/generated/tflite.ts';
import { operatorBuiltin, tensorConstant } from '../../schema/graph.ts';
import type { Model, Operator, Subgraph } from '../../schema/model.ts';
import { calledSubgraphs, hasPlainBytes } from './liveness.ts';

/** Operators whose result depends on the shape of their operand, not on its values. */
const READ_SHAPES_ONLY: ReadonlySet<number> = new Set([
  BuiltinOperator.SHAPE,
  BuiltinOperator.RANK,
  BuiltinOperator.ZEROS_LIKE,
]);

/**
 * The activations that follow from constants and shapes alone. An interpreter computes many of them while it prepares
 * (the rest in its first run only) and never writes them to an output buffer.
 */
export function fixedTensors(model: Model, subgraph: Subgraph): Set<number> {
  const fixed = new Set<number>();
  const settled = (index: number) => {
    const tensor = subgraph.tensors[index];
    return tensor === undefined || fixed.has(index) || tensorConstant(model, tensor) !== undefined;
  };
  for (const operator of subgraph.operators) {
    if (!isPure(model, subgraph, operator)) continue;
    const shapesOnly = READ_SHAPES_ONLY.has(operatorBuiltin(model, operator));
    if (shapesOnly || operator.inputs.every(settled)) for (const output of operator.outputs) fixed.add(output);
  }
  return fixed;
}

/** The same operands always give the same results: no state, no chance, nothing that cannot be looked into. */
function isPure(model: Model, subgraph: Subgraph, operator: Operator): boolean {
  if (operator.inputs.length === 0 || calledSubgraphs(operator).length > 0) return false;
  if (operatorBuiltin(model, operator) === BuiltinOperator.CUSTOM) return false;
  if (operator.builtinOptions?.table === 'RandomOptions') return false;
  return [...operator.inputs, ...operator.outputs].every((index) => {
    const tensor = subgraph.tensors[index];
    return tensor === undefined || (!tensor.isVariable && hasPlainBytes(tensor.type));
  });
}

/**
 * The fixed integer tensors that operators read which are not fixed themselves: shapes, axes, sizes. As long as such an
 * operand is not a constant of the file, the reader's result may have a buffer of its own that no output shows.
 */
export function fixedOperands(model: Model, subgraph: Subgraph): number[] {
  const fixed = fixedTensors(model, subgraph);
  const found = new Set<number>();
  for (const operator of subgraph.operators) {
    if (operator.outputs.every((output) => fixed.has(output))) continue;
    for (const input of operator.inputs) {
      const type = subgraph.tensors[input]?.type;
      if (fixed.has(input) && (type === TensorType.INT32 || type === TensorType.INT64)) found.add(input);
    }
  }
  return [...found].sort((a, b) => a - b);
}

/** Whether some result may have a size that depends on values, so that an output buffer cannot be prepared for it. */
export function mayBeDynamic(model: Model, subgraph: Subgraph): boolean {
  return subgraph.operators.some((operator) => {
    if (operatorBuiltin(model, operator) === BuiltinOperator.CUSTOM || calledSubgraphs(operator).length > 0)
      return true;
    return [...operator.inputs, ...operator.outputs].some((index) => {
      const tensor = subgraph.tensors[index];
      return tensor !== undefined && tensor.type !== TensorType.FLOAT32 && tensorConstant(model, tensor) === undefined;
    });
  });
}
