import { bytesConstant } from '../../schema/constant.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { findOrAddOperatorCode, operatorBuiltin } from '../../schema/graph.ts';
import type { Model, Operator, Subgraph } from '../../schema/model.ts';
import { type IntegerForm, specOfBuiltin } from '../ops/index.ts';
import { addTensor, freeName } from './edit.ts';

/** Puts another operator in the place of those that have become integer and whose own integer kernel is wrong. */
export function useIntegerForms(model: Model): void {
  for (const graph of model.subgraphs) {
    // One constant a type, for all operators of the graph that want it.
    const constants = new Map<string, number>();
    for (const operator of graph.operators) {
      const form = specOfBuiltin(operatorBuiltin(model, operator))?.integerForm;
      const type = graph.tensors[operator.outputs[0] ?? -1]?.type;
      if (!form || (type !== TensorType.INT8 && type !== TensorType.INT16)) continue;
      const key = `${form.constant}:${type}`;
      const constant = constants.get(key) ?? addConstant(model, graph, form, type);
      constants.set(key, constant);
      replaceOperator(model, operator, form, constant);
    }
  }
}

function replaceOperator(model: Model, operator: Operator, { builtin, options }: IntegerForm, constant: number): void {
  operator.opcodeIndex = findOrAddOperatorCode(model, builtin);
  operator.inputs = [operator.inputs[0] ?? -1, constant];
  operator.builtinOptions = options;
}

/** A number from -1 to 1, exactly: 1 is the greatest code. */
function addConstant(model: Model, graph: Subgraph, { constant }: IntegerForm, type: number): number {
  const greatest = type === TensorType.INT8 ? 127 : 32767;
  const code = [constant * greatest];
  const codes = type === TensorType.INT8 ? Int8Array.from(code) : Int16Array.from(code);
  model.buffers.push(bytesConstant(new Uint8Array(codes.buffer)));
  return addTensor(graph, {
    shape: [],
    type,
    buffer: model.buffers.length - 1,
    name: freeName(graph, `constant_${constant}`),
    quantization: { scale: Float32Array.of(1 / greatest), zeroPoint: BigInt64Array.of(0n), quantizedDimension: 0 },
    hasRank: true,
  });
}
