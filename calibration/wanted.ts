import { productCount } from '../schema/documents/calibration-products.ts';
import { AeqError } from '../schema/errors.ts';
import { TensorType } from '../schema/generated/tflite.ts';
import {
  elementCount,
  hasScales,
  isBlockwise,
  signatures,
  storedBytes,
  tensorConstant,
  tensorLabel,
} from '../schema/graph.ts';
import type { Model } from '../schema/model.ts';
import { compositeBodies } from './capture/inline.ts';
import type { TensorReference } from './capture/reference.ts';

/** A tensor to collect statistics of. */
export interface WantedTensor extends TensorReference {
  /** Also collect the least row maximum (rows along the last axis), for masks before a softmax. */
  readonly rowMaximum?: boolean;
  /** Also collect squares of the values of rows of this length, and products of each two of them. */
  readonly rowLength?: number;
  /** Without the products. */
  readonly squaresOnly?: boolean;
}

/**
 * The tensor is a constant in another form: the output of an operator that has nothing but constants for operands, the
 * first of them quantized or float16. Interpreters fold such operators into their readers and never write the output.
 */
export function isDecodedConstant(model: Model, { subgraph, tensor }: TensorReference): boolean {
  const graph = model.subgraphs[subgraph];
  const writer = graph?.operators.find((operator) => operator.outputs.includes(tensor));
  if (!graph || !writer) return false;
  const operands = writer.inputs.filter((index) => index >= 0).map((index) => graph.tensors[index]);
  const [first] = operands;
  if (!first || !operands.every((operand) => operand && tensorConstant(model, operand))) return false;
  return first.type === TensorType.FLOAT16 || hasScales(first) || isBlockwise(first);
}

/**
 * Every activation that a signature computes or takes in, also inside composites: no constants in any form, nothing that is
 * quantized already. The choice
 * when no plan says what is needed.
 */
export function allActivations(model: Model): WantedTensor[] {
  const run = [...signatures(model).map((view) => view.subgraph), ...compositeBodies(model)];
  const subgraphs = [...new Set(run)].sort((a, b) => a - b);
  return subgraphs.flatMap((subgraph) => {
    const graph = model.subgraphs[subgraph];
    const touched = new Set<number>([...(graph?.inputs ?? []), ...(graph?.outputs ?? [])]);
    for (const operator of graph?.operators ?? []) {
      for (const tensor of [...operator.inputs, ...operator.outputs]) touched.add(tensor);
    }
    return [...touched]
      .filter((index) => {
        const tensor = graph?.tensors[index];
        if (!tensor || tensorConstant(model, tensor) || hasScales(tensor)) return false;
        return !isDecodedConstant(model, { subgraph, tensor: index });
      })
      .sort((a, b) => a - b)
      .map((tensor) => ({ subgraph, tensor }));
  });
}

/** The model keeps values from run to run, so that the order of its samples matters. */
export function isStateful(model: Model): boolean {
  return model.subgraphs.some(({ tensors }) =>
    tensors.some((tensor) => tensor.isVariable || tensor.type === TensorType.RESOURCE),
  );
}

/** What calibrating will need, in bytes: an estimate from the shapes in the file. */
export interface MemoryEstimate {
  /** Constants of the model. */
  readonly modelBytes: number;
  /** Captured tensors of one pass. */
  readonly captureBytes: number;
  /** Everything together at its peak: this process and its workers. */
  readonly peakBytes: number;
}

/** A process with an interpreter and nothing loaded; measured. */
const PROCESS_BYTES = 120e6;
/** The file, the interpreter's copy, and its weights packed anew. */
const MODEL_COPIES = 3;
/** Arena and outputs, and what is left free when the interpreter's memory grows; measured. */
const CAPTURE_COPIES = 4;
/** Statistics of one tensor: pages of its histogram, ranges. */
const STATISTICS_BYTES = 32 * 1024;

/**
 * Estimates the memory of a run with `workers` processes (one: no others than this); `memoryBytes` is the limit of one
 * pass. Free dimensions count as one.
 */
export function estimateMemory(
  model: Model,
  wanted: readonly WantedTensor[],
  { workers = 1, memoryBytes = 2 ** 30 }: { workers?: number; memoryBytes?: number } = {},
): MemoryEstimate {
  const modelBytes = model.buffers.reduce((sum, constant) => sum + (constant?.sizeBytes ?? 0), 0);
  let wantedBytes = 0;
  let tensors = 0;
  for (const { subgraph, tensor } of wanted) {
    const entry = model.subgraphs[subgraph]?.tensors[tensor];
    wantedBytes += storedBytes(entry?.type ?? 0, elementCount(entry?.shape)) ?? 0;
    tensors += 1;
  }
  const captureBytes = Math.min(wantedBytes, memoryBytes);
  const learnedBytes = productBytes(wanted);
  const interpreter = PROCESS_BYTES + MODEL_COPIES * modelBytes + CAPTURE_COPIES * captureBytes;
  const others = workers > 1 ? PROCESS_BYTES : 0;
  // A worker's sums are sent to be added to those that are here.
  const products = learnedBytes * (workers > 1 ? workers + 2 : 2);
  const peakBytes = workers * interpreter + others + tensors * STATISTICS_BYTES + products;
  return { modelBytes, captureBytes, peakBytes };
}

/** What sums of products take in one process, in most cases. */
const productBytes = (wanted: readonly WantedTensor[]): number =>
  wanted.reduce(
    (sum, { rowLength, squaresOnly }) =>
      sum + (rowLength === undefined || squaresOnly ? 0 : 8 * productCount(rowLength)),
    0,
  );

/**
 * Sums of products of long rows may be larger than everything else.
 * @throws AeqError RECIPE_UNSUPPORTED when they do not fit into so much memory.
 */
export function requireProductsFit(model: Model, wanted: readonly WantedTensor[], memoryBytes = 2 ** 30): void {
  const bytes = productBytes(wanted);
  if (bytes <= memoryBytes) return;
  const [most] = wanted.toSorted((a, b) => productBytes([b]) - productBytes([a]));
  const graph = model.subgraphs[most?.subgraph ?? 0];
  const name = graph && most ? tensorLabel(graph, most.tensor) : '';
  const gigabytes = (bytes / 1e9).toFixed(1);
  const message = `products of the inputs take ${gigabytes} GB; those of "${name}" have rows of ${most?.rowLength} values`;
  throw new AeqError('RECIPE_UNSUPPORTED', message, {
    where: { tensor: name },
    hint: 'let the rule hold for fewer operators, or allow more with --memory',
  });
}
