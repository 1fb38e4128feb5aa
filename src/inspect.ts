import { type AssociatedFile, listAssociatedFiles } from '../schema/associated-files.ts';
import {
  elementCount,
  isBlockwise,
  isDynamic,
  operatorName,
  signatureShape,
  signatures,
  storedBytes,
  typeName,
} from '../schema/graph.ts';
import type { Model, Subgraph, Tensor } from '../schema/model.ts';

/** What a model holds, as plain data. */
export interface ModelSummary {
  readonly description: string | undefined;
  readonly signatures: readonly {
    readonly key: string;
    readonly declared: boolean;
    readonly inputs: readonly SignatureTensor[];
    readonly outputs: readonly SignatureTensor[];
  }[];
  readonly subgraphs: readonly SubgraphSummary[];
  readonly metadata: readonly { readonly name: string; readonly sizeBytes: number }[];
  /** Files packed behind the model, such as labels. */
  readonly associatedFiles: readonly AssociatedFile[];
  /** Bytes of constants by tensor type, largest first. */
  readonly constantBytes: Readonly<Record<string, number>>;
}

export interface SignatureTensor {
  readonly name: string;
  readonly tensor: string;
  readonly type: string;
  readonly shape: readonly number[];
}

export interface SubgraphSummary {
  readonly name: string | undefined;
  /** How often each operator occurs, most frequent first. */
  readonly operators: Readonly<Record<string, number>>;
  readonly tensors: readonly TensorSummary[];
}

export interface TensorSummary {
  readonly index: number;
  readonly name: string;
  readonly type: string;
  /** -1 for a free dimension. */
  readonly shape: readonly number[];
  readonly constantBytes: number | undefined;
  readonly quantization: QuantizationSummary | undefined;
}

export interface QuantizationSummary {
  readonly granularity: 'tensor' | 'channel' | 'block';
  /** How many scales there are, and the first of them. */
  readonly scales: number;
  readonly scale: number | undefined;
  readonly zeroPoint: number | undefined;
  readonly axis: number | undefined;
  readonly blockSize: number | undefined;
}

/** Reads the summary off a model; no weight is read. */
export function inspectModel(model: Model): ModelSummary {
  return {
    description: model.description,
    signatures: signatures(model).map(({ key, declared, subgraph, inputs, outputs }) => {
      const graph = model.subgraphs[subgraph];
      const describe = (entry: { name: string; tensor: number }) => signatureTensor(graph, entry);
      return { key, declared, inputs: inputs.map(describe), outputs: outputs.map(describe) };
    }),
    subgraphs: model.subgraphs.map((subgraph) => summarizeSubgraph(model, subgraph)),
    metadata: (model.metadata ?? []).map(({ name, buffer }) => ({
      name: name ?? '',
      sizeBytes: model.buffers[buffer]?.sizeBytes ?? 0,
    })),
    associatedFiles: model.associatedFiles ? listAssociatedFiles(model.associatedFiles) : [],
    constantBytes: constantBytesByType(model),
  };
}

function signatureTensor(
  graph: Subgraph | undefined,
  { name, tensor }: { name: string; tensor: number },
): SignatureTensor {
  const found = graph?.tensors[tensor];
  return {
    name,
    tensor: found?.name ?? '',
    type: typeName(found?.type ?? -1),
    shape: found ? signatureShape(found) : [],
  };
}

function summarizeSubgraph(model: Model, subgraph: Subgraph): SubgraphSummary {
  const counts = new Map<string, number>();
  for (const operator of subgraph.operators) {
    const name = operatorName(model, operator);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return {
    name: subgraph.name,
    operators: Object.fromEntries([...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))),
    tensors: subgraph.tensors.map((tensor, index) => ({
      index,
      name: tensor.name ?? '',
      type: typeName(tensor.type),
      shape: isDynamic(tensor) ? signatureShape(tensor) : (tensor.shape ?? []),
      constantBytes: model.buffers[tensor.buffer]?.sizeBytes,
      quantization: quantizationOf(subgraph, tensor),
    })),
  };
}

function quantizationOf(subgraph: Subgraph, tensor: Tensor): QuantizationSummary | undefined {
  const { quantization } = tensor;
  const details = quantization?.details;
  if (isBlockwise(tensor) && details?.table === 'BlockwiseQuantization') {
    const scales = elementCount(subgraph.tensors[details.scales]?.shape);
    const { blockSize } = details;
    return { granularity: 'block', scales, scale: undefined, zeroPoint: 0, axis: 1, blockSize };
  }
  const scales = quantization?.scale;
  if (!scales?.length) return undefined;
  const perChannel = scales.length > 1;
  return {
    granularity: perChannel ? 'channel' : 'tensor',
    scales: scales.length,
    scale: scales[0],
    zeroPoint: Number(quantization?.zeroPoint?.[0] ?? 0),
    axis: perChannel ? quantization?.quantizedDimension : undefined,
    blockSize: undefined,
  };
}

function constantBytesByType(model: Model): Record<string, number> {
  const seen = new Set<number>();
  const sums = new Map<string, number>();
  for (const { tensors } of model.subgraphs) {
    for (const { buffer, type, shape } of tensors) {
      const constant = model.buffers[buffer];
      if (!constant || seen.has(buffer)) continue;
      seen.add(buffer);
      const sizeBytes = Math.max(constant.sizeBytes, storedBytes(type, elementCount(shape)) ?? 0);
      sums.set(typeName(type), (sums.get(typeName(type)) ?? 0) + sizeBytes);
    }
  }
  return Object.fromEntries([...sums].sort((a, b) => b[1] - a[1]));
}
