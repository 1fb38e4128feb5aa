import { hasScales, isBlockwise, operatorName, typeName } from '../../schema/graph.ts';
import type { Model, Subgraph, Tensor } from '../../schema/model.ts';

/** One way in which two models differ: the kind, where, and what was found. */
export interface Difference {
  readonly kind: string;
  readonly where: string;
  readonly detail: string;
}

export interface DiffOptions {
  /** Float32 units in the last place by which scales may differ. */
  readonly ulp?: number;
}

/** What is compared of one tensor. Absent members are properties that the tensor does not have. */
interface TensorFacts {
  readonly type: string;
  readonly shape: readonly number[];
  readonly scale?: Float32Array;
  readonly zeroPoint?: readonly string[];
  readonly axis?: number;
  readonly blockSize?: number;
  readonly blockScales?: Uint8Array;
  readonly blockScaleType?: string;
  readonly data?: Uint8Array;
}

/**
 * Compares two models as users of the file see them. Tensors are matched by subgraph and name (the n-th of equal names
 * with the n-th). Compared: type, shape, scales, zero points, axis, block size and block scales, constant bytes; per
 * subgraph the multiset of (operator, input names, output names), inputs and outputs; signatures. Not compared: the
 * order of tensors, operators and buffers, sharing of buffers, operator options and versions, and the file's layout.
 */
export function diffModels(expected: Model, actual: Model, options: DiffOptions = {}): Difference[] {
  const differences: Difference[] = [];
  const add = (kind: string, where: string, detail: string) => differences.push({ kind, where, detail });
  if (expected.subgraphs.length !== actual.subgraphs.length) {
    add('subgraphs', 'model', `${expected.subgraphs.length} != ${actual.subgraphs.length}`);
  }
  diffTensors(tensorFacts(expected), tensorFacts(actual), options.ulp ?? 0, add);
  expected.subgraphs.forEach((subgraph, index) => {
    const other = actual.subgraphs[index];
    if (other) diffSubgraphs(expected, subgraph, actual, other, `subgraph ${index}`, add);
  });
  const signatures = [signatureFacts(expected), signatureFacts(actual)].map((facts) => JSON.stringify(facts));
  if (signatures[0] !== signatures[1]) add('signatures', 'model', `${signatures[0]} != ${signatures[1]}`);
  return differences;
}

type Add = (kind: string, where: string, detail: string) => void;

function tensorFacts(model: Model): Map<string, TensorFacts> {
  const result = new Map<string, TensorFacts>();
  model.subgraphs.forEach((subgraph, index) => {
    const seen = new Map<string, number>();
    for (const tensor of subgraph.tensors) {
      const name = tensor.name ?? '';
      const occurrence = seen.get(name) ?? 0;
      seen.set(name, occurrence + 1);
      result.set(`subgraph ${index}, ${name}${occurrence > 0 ? ` (${occurrence + 1})` : ''}`, {
        ...factsOf(model, subgraph, tensor),
      });
    }
  });
  return result;
}

function factsOf(model: Model, subgraph: Subgraph, tensor: Tensor): TensorFacts {
  const data = model.buffers[tensor.buffer]?.read();
  return {
    type: typeName(tensor.type),
    shape: [...(tensor.shape ?? [])],
    ...quantizationFacts(model, subgraph, tensor),
    ...(data && data.length > 0 && { data }),
  };
}

function quantizationFacts(model: Model, subgraph: Subgraph, tensor: Tensor): Partial<TensorFacts> {
  const quantization = tensor.quantization;
  if (quantization === undefined) return {};
  if (isBlockwise(tensor) && quantization.details?.table === 'BlockwiseQuantization') {
    const scales = subgraph.tensors[quantization.details.scales];
    return {
      blockSize: quantization.details.blockSize,
      ...(scales && {
        blockScales: model.buffers[scales.buffer]?.read() ?? new Uint8Array(),
        blockScaleType: typeName(scales.type),
      }),
    };
  }
  if (!hasScales(tensor)) return {};
  return {
    scale: Float32Array.from(quantization.scale ?? []),
    zeroPoint: Array.from(quantization.zeroPoint ?? [], String),
    axis: quantization.quantizedDimension,
  };
}

function diffTensors(expected: Map<string, TensorFacts>, actual: Map<string, TensorFacts>, ulp: number, add: Add) {
  for (const [where, facts] of expected) {
    const other = actual.get(where);
    if (other === undefined) {
      add('missing tensor', where, facts.type);
      continue;
    }
    const names = new Set([...Object.keys(facts), ...Object.keys(other)]) as Set<keyof TensorFacts>;
    for (const name of [...names].sort()) {
      const detail = diffValues(facts[name], other[name], ulp);
      if (detail !== undefined) add(name, where, detail);
    }
  }
  for (const [where, facts] of actual) {
    if (!expected.has(where)) add('extra tensor', where, facts.type);
  }
}

type FactValue = TensorFacts[keyof TensorFacts];

function diffValues(expected: FactValue, actual: FactValue, ulp: number): string | undefined {
  if (expected === undefined || actual === undefined) {
    if (expected === actual) return undefined;
    return expected === undefined ? 'absent != present' : 'present != absent';
  }
  if (expected instanceof Float32Array && actual instanceof Float32Array) return diffScales(expected, actual, ulp);
  if (expected instanceof Uint8Array && actual instanceof Uint8Array) return diffBytes(expected, actual);
  const [left, right] = [JSON.stringify(expected), JSON.stringify(actual)];
  return left === right ? undefined : `${left} != ${right}`;
}

function diffScales(expected: Float32Array, actual: Float32Array, ulp: number): string | undefined {
  const distance = ulpDistance(expected, actual);
  if (distance <= ulp) return undefined;
  return `[${expected.slice(0, 3)}] != [${actual.slice(0, 3)}] (${distance} ulp)`;
}

/** Largest distance in float32 units in the last place (of the bits as integers); infinite for different lengths. */
function ulpDistance(left: Float32Array, right: Float32Array): number {
  if (left.length !== right.length) return Number.POSITIVE_INFINITY;
  const a = new Int32Array(left.buffer, left.byteOffset, left.length);
  const b = new Int32Array(right.buffer, right.byteOffset, right.length);
  return a.reduce((largest, bits, index) => Math.max(largest, Math.abs(bits - (b[index] ?? 0))), 0);
}

function diffBytes(expected: Uint8Array, actual: Uint8Array): string | undefined {
  let count = Math.abs(expected.length - actual.length);
  for (let i = 0; i < Math.min(expected.length, actual.length); i++) if (expected[i] !== actual[i]) count++;
  return count === 0 ? undefined : `${count} of ${expected.length} bytes differ`;
}

function diffSubgraphs(
  expectedModel: Model,
  expected: Subgraph,
  actualModel: Model,
  actual: Subgraph,
  where: string,
  add: Add,
) {
  const left = operatorCounts(expectedModel, expected);
  const right = operatorCounts(actualModel, actual);
  for (const [operator, count] of left) {
    const missing = count - (right.get(operator) ?? 0);
    if (missing > 0) add('missing op', where, `${missing} x ${operator}`);
  }
  for (const [operator, count] of right) {
    const extra = count - (left.get(operator) ?? 0);
    if (extra > 0) add('extra op', where, `${extra} x ${operator}`);
  }
  for (const side of ['inputs', 'outputs'] as const) {
    const [a, b] = [namesOf(expected, expected[side]), namesOf(actual, actual[side])];
    if (a !== b) add(`subgraph ${side}`, where, `${a} != ${b}`);
  }
}

function operatorCounts(model: Model, subgraph: Subgraph): Map<string, number> {
  const result = new Map<string, number>();
  for (const operator of subgraph.operators) {
    const code = model.operatorCodes[operator.opcodeIndex];
    const custom = code?.customCode ? `:${code.customCode}` : '';
    const inputs = namesOf(subgraph, operator.inputs);
    const key = `${operatorName(model, operator)}${custom}${inputs} -> ${namesOf(subgraph, operator.outputs)}`;
    result.set(key, (result.get(key) ?? 0) + 1);
  }
  return result;
}

const namesOf = (subgraph: Subgraph, tensors: readonly number[]): string =>
  JSON.stringify(tensors.map((tensor) => (tensor < 0 ? '-' : (subgraph.tensors[tensor]?.name ?? ''))));

/** Signature key, then argument name to tensor name on both sides; a later entry of the same name replaces an earlier. */
function signatureFacts(model: Model): unknown {
  const entries = (model.signatureDefs ?? []).map((definition): [string, unknown] => {
    const subgraph = model.subgraphs[definition.subgraphIndex];
    const names = (side: 'inputs' | 'outputs') =>
      sorted(definition[side].map((entry) => [entry.name ?? '', subgraph?.tensors[entry.tensorIndex]?.name ?? '']));
    return [definition.signatureKey ?? '', [names('inputs'), names('outputs')]];
  });
  return sorted(entries);
}

const sorted = <T>(entries: readonly (readonly [string, T])[]): readonly (readonly [string, T])[] =>
  [...new Map(entries)].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
