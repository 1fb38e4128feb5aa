import { AeqError, type ErrorWhere } from './errors.ts';
import { elementCount, storedBytes, tensorConstant, typeName } from './graph.ts';
import type { Model, Subgraph, Tensor } from './model.ts';

/**
 * Checks what later code relies on: every index points to something, and every constant has as many bytes as its tensor
 * says. Runtimes refuse such models too. `file` is the name for the message.
 * @throws AeqError MODEL_INVALID, naming subgraph and tensor.
 */
export function checkModel(model: Model, file?: string): void {
  const invalid: Invalid = (what, where = {}) =>
    new AeqError('MODEL_INVALID', `${file ?? 'the model'} is not a valid model: ${what}`, {
      where: { ...(file === undefined ? {} : { file }), ...where },
      hint: 'the file may be changed on its way, or come from a faulty converter',
    });
  model.subgraphs.forEach((subgraph, s) => {
    checkSubgraph(model, subgraph, s, invalid);
    subgraph.tensors.forEach((tensor, t) => {
      const problem = constantProblem(model, tensor);
      const label = tensor.name || `tensor ${t}`;
      if (problem) throw invalid(`${label} of subgraph ${s} ${problem}`, { subgraph: s, tensor: label });
    });
  });
  for (const signature of model.signatureDefs ?? []) {
    const subgraph = model.subgraphs[signature.subgraphIndex];
    const bad = [...signature.inputs, ...signature.outputs].find((map) => !subgraph?.tensors[map.tensorIndex]);
    if (!subgraph || bad) {
      throw invalid(`signature ${signature.signatureKey} refers to a subgraph or tensor that is not there`);
    }
  }
}

type Invalid = (what: string, where?: ErrorWhere) => AeqError;

function checkSubgraph(model: Model, subgraph: Subgraph, s: number, invalid: Invalid): void {
  const count = subgraph.tensors.length;
  const check = (indices: readonly number[], what: string, least: number) => {
    const bad = indices.find((index) => index < least || index >= count);
    if (bad !== undefined)
      throw invalid(`${what} of subgraph ${s} refers to tensor ${bad} of ${count}`, { subgraph: s });
  };
  check(subgraph.inputs, 'an input', 0);
  check(subgraph.outputs, 'an output', 0);
  for (const { buffer, name } of subgraph.tensors) {
    if (buffer >= model.buffers.length && buffer !== 0) {
      throw invalid(`tensor ${name} refers to buffer ${buffer} of ${model.buffers.length}`, { subgraph: s });
    }
  }
  subgraph.operators.forEach((operator, o) => {
    if (operator.opcodeIndex >= model.operatorCodes.length) {
      throw invalid(`operator ${o} of subgraph ${s} refers to operator code ${operator.opcodeIndex}`, { subgraph: s });
    }
    check(operator.inputs, `operator ${o}`, -1);
    check(operator.outputs, `operator ${o}`, 0);
    for (const output of operator.outputs) {
      const tensor = subgraph.tensors[output];
      if (!tensor || !tensorConstant(model, tensor)?.sizeBytes) continue;
      throw invalid(`operator ${o} of subgraph ${s} writes a constant`, {
        subgraph: s,
        tensor: tensor.name || `${output}`,
      });
    }
  });
}

/** What is wrong with the size of a tensor's constant; undefined where nothing is, or nothing can be said. */
function constantProblem(model: Model, tensor: Tensor): string | undefined {
  const constant = tensorConstant(model, tensor);
  const { shape, type, sparsity } = tensor;
  if (!constant || sparsity) return undefined;
  const element = storedBytes(type, 1);
  if (element === undefined) return undefined;
  if (shape === undefined) {
    return constant.sizeBytes % element === 0
      ? undefined
      : `has ${constant.sizeBytes} bytes, no whole number of elements`;
  }
  if (shape.some((length) => length < 0)) return `is a constant of shape [${shape.join(', ')}]`;
  const wanted = storedBytes(type, elementCount(shape));
  if (wanted === constant.sizeBytes) return undefined;
  return `has ${constant.sizeBytes} bytes, but ${typeName(type)} of shape [${shape.join(', ')}] needs ${wanted}`;
}
