import type { TensorReference } from '../../calibration/capture/reference.ts';
import { UNREACHABLE, type UnreachableTensor } from '../../calibration/capture/reference.ts';
import type { Storage, TensorComparison } from '../../schema/documents/comparison.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import {
  elementCount,
  operatorName,
  producers,
  type SignatureView,
  storedBytes,
  tensorLabel,
  typeName,
} from '../../schema/graph.ts';
import type { Model, Operator, Subgraph, Tensor } from '../../schema/model.ts';
import type { Matching, TensorPair } from './matching.ts';

/** One pair of tensors to compare in every sample. */
export interface CompareJob {
  readonly pair: TensorPair;
  /** What is known of it before anything runs. */
  readonly about: Omit<TensorComparison, 'metrics' | 'worstSamples' | 'worstChannel' | 'distribution'>;
  readonly test: Tensor;
  /** Whether it is asked how the float model's values are spread: where that is wanted and they are float. */
  readonly spread: boolean;
}

/** All jobs of one signature for one quantized model. */
export interface SignatureJobs {
  readonly matching: Matching;
  readonly floatView: SignatureView;
  readonly quantizedView: SignatureView;
  readonly outputs: readonly CompareJob[];
  /** Inputs and intermediate values. */
  readonly tensors: readonly CompareJob[];
  readonly unmatched: readonly { name: string; reason: string }[];
}

/** All of them, in the order in which measurements count them. */
export const allJobs = ({ outputs, tensors }: SignatureJobs): CompareJob[] => [...outputs, ...tensors];

/** What to compare of one signature. Tensors that no interpreter shows are listed as unmatched. */
export function signatureJobs(
  float: Model,
  floatView: SignatureView,
  quantizedView: SignatureView,
  matching: Matching,
  unreachable: { float: readonly UnreachableTensor[]; quantized: readonly UnreachableTensor[] },
  withDistributions = false,
): SignatureJobs {
  const maker = producers(matching.float);
  const hidden = {
    float: reasons(unreachable.float, floatView.subgraph),
    quantized: reasons(unreachable.quantized, quantizedView.subgraph),
  };
  const unmatched = matching.unmatched.map(({ tensor, reason }) => ({
    name: tensorLabel(matching.float, tensor),
    reason: hidden.float.get(tensor) ?? reason,
  }));
  const make = (pair: TensorPair, role: TensorComparison['role'], signatureName?: string): CompareJob[] => {
    const reason = hidden.float.get(pair.float) ?? hidden.quantized.get(pair.quantized);
    if (reason !== undefined) {
      unmatched.push({ name: tensorLabel(matching.float, pair.float), reason });
      return [];
    }
    const test = matching.quantized.tensors[pair.quantized] as Tensor;
    const operator = maker[pair.float];
    const about = {
      name: tensorLabel(matching.float, pair.float),
      subgraph: floatView.subgraph,
      tensor: pair.float,
      role,
      ...(signatureName === undefined ? {} : { signatureName }),
      operator: operator === undefined ? null : operatorName(float, matching.float.operators[operator] as Operator),
      position: operator ?? null,
      shape: [...(matching.float.tensors[pair.float]?.shape ?? [])],
      quantized: storage(matching.quantized, pair.quantized),
      matchedBy: pair.matchedBy,
    };
    const isFloat = matching.float.tensors[pair.float]?.type === TensorType.FLOAT32;
    return [{ pair, about, test, spread: withDistributions && isFloat }];
  };
  const outputs = matching.outputs.flatMap((pair) => make(pair, 'output', pair.name));
  const isOutput = new Set(matching.outputs.map((pair) => pair.float));
  const inputNames = new Map(floatView.inputs.map(({ name, tensor }) => [tensor, name]));
  const tensors = matching.tensors
    .filter((pair) => !isOutput.has(pair.float))
    .flatMap((pair) => {
      const input = inputNames.get(pair.float);
      return input === undefined ? make(pair, 'intermediate') : make(pair, 'input', input);
    });
  return { matching, floatView, quantizedView, outputs, tensors, unmatched };
}

function reasons(unreachable: readonly UnreachableTensor[], subgraph: number): Map<number, string> {
  return new Map(
    unreachable
      .filter((entry) => entry.subgraph === subgraph)
      .map(({ tensor, reason }) => [tensor, UNREACHABLE[reason]]),
  );
}

function storage(subgraph: Subgraph, tensor: number): Storage {
  const entry = subgraph.tensors[tensor] as Tensor;
  const { scale = [], zeroPoint = [] } = entry.quantization ?? {};
  return {
    name: tensorLabel(subgraph, tensor),
    tensor,
    type: typeName(entry.type),
    scale: scale.length === 1 ? (scale[0] as number) : null,
    zeroPoint: scale.length === 1 ? Number(zeroPoint[0] ?? 0) : null,
  };
}

/** The tensors of both models that a matching wants to see. */
export function wantedTensors(matching: Matching): { float: Set<number>; quantized: Set<number> } {
  const pairs = [...matching.tensors, ...matching.outputs];
  return { float: new Set(pairs.map((pair) => pair.float)), quantized: new Set(pairs.map((pair) => pair.quantized)) };
}

/** Bytes that a tensor takes in an interpreter, as far as the file knows. */
export function tensorBytes(model: Model, { subgraph, tensor }: TensorReference): number {
  const entry = model.subgraphs[subgraph]?.tensors[tensor];
  return storedBytes(entry?.type ?? 0, elementCount(entry?.shape)) ?? 0;
}
