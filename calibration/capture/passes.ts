import { elementCount, storedBytes } from '../../schema/graph.ts';
import type { Model } from '../../schema/model.ts';
import type { Session, TensorView } from '../runtime/runtime.ts';
import type { CapturedTensor } from './captured-tensor.ts';
import { keepsState } from './liveness.ts';
import type { TensorReference } from './reference.ts';
import { type CapturedModel, type CaptureModelOptions, captureModel } from './rewrite.ts';
import { Carried, cutIntoSegments } from './segments.ts';
import { uniqueBySubgraph } from './signature.ts';

/** One step of a sample: a copy of the model, or of a segment of it, with a part of the wanted tensors as outputs. */
export interface Pass {
  readonly captured: CapturedModel;
  /** Of a segment: what later ones need of it. */
  readonly carried?: Carried;
  session: Session | undefined;
  /** What its last run showed. */
  shown?: Shown;
}

/** The wanted tensors of a run, and the views that they were found in. */
export interface Shown {
  readonly inputs: readonly TensorView[];
  readonly outputs: readonly TensorView[];
  readonly tensors: readonly CapturedTensor[];
}

export interface DivideOptions {
  /** Most bytes of captured tensors at once; more are taken in several passes over the sample. Default 1 GiB. */
  readonly memoryBytes?: number;
  /**
   * Run the model in segments where that can be, each a step of its own: for whoever is done with a tensor once it was
   * looked at. It is quicker and needs less memory.
   */
  readonly segmented?: boolean;
}

/** Outputs of one pass by default: what fits beside a model of some hundred megabytes in any interpreter. */
const DEFAULT_MEMORY_BYTES = 2 ** 30;

/**
 * Ways to cut a model into segments, best first. What is written stays in the processor's caches until it is looked at, and
 * the next segment writes to the same place: half and twice as much a segment were slower. Where memory is short, carrying
 * over a lot is still cheaper than computing it again for the next pass.
 */
const CUTTING = [
  { segmentBytes: 6e6, mostCarried: 1 / 10 },
  { segmentBytes: DEFAULT_MEMORY_BYTES, mostCarried: Number.POSITIVE_INFINITY },
];

/** Segments of the model, or parts of the wanted tensors, each with a copy of the model, whose bytes fit the budget. */
export function divide(
  model: Model,
  wanted: readonly TensorReference[],
  options: CaptureModelOptions,
  { memoryBytes: budget = DEFAULT_MEMORY_BYTES, segmented = false }: DivideOptions,
): Pass[] {
  const whole = captureModel(model, wanted, options);
  const sizeBytes = (reference: TensorReference) => {
    const tensor = model.subgraphs[reference.subgraph]?.tensors[reference.tensor];
    const shape = options.tensorShape?.(reference) ?? tensor?.shape;
    return storedBytes(tensor?.type ?? 0, elementCount(shape)) ?? 0;
  };
  const segments =
    segmented && !model.subgraphs.some(keepsState) ? segmentsWithin(whole, budget, sizeBytes) : undefined;
  if (segments) return segments;
  const parts = partsWithin(whole, budget, sizeBytes);
  if (parts.length <= 1) return [{ captured: whole, session: undefined }];
  return parts.map((part) => ({ captured: captureModel(model, part, options), session: undefined }));
}

type SizeBytes = (reference: TensorReference) => number;

function segmentsWithin(whole: CapturedModel, budget: number, sizeBytes: SizeBytes): Pass[] | undefined {
  const fits = (outputs: readonly TensorReference[] = []) =>
    outputs.length === 1 || outputs.reduce((sum, output) => sum + sizeBytes(output), 0) <= budget;
  const segments = CUTTING.map((cutting) =>
    cutIntoSegments(whole, { ...cutting, segmentBytes: Math.min(cutting.segmentBytes, budget) }),
  ).find((found) => found?.every(({ captured }) => fits(captured.signatures[0]?.outputs)));
  return segments?.map(({ captured, carried }) => ({ captured, carried: new Carried(carried), session: undefined }));
}

/** The wanted tensors in parts, with a part of each signature's in each. */
function partsWithin(whole: CapturedModel, budget: number, sizeBytes: SizeBytes): TensorReference[][] {
  const parts: TensorReference[][] = [];
  for (const signature of uniqueBySubgraph(whole.signatures)) {
    let used = 0;
    let part = 0;
    const add = (reference: TensorReference, bytes: number) => {
      if (used > 0 && used + bytes > budget) {
        part += 1;
        used = 0;
      }
      used += bytes;
      parts[part] ??= [];
      parts[part]?.push(reference);
    };
    for (const tensor of signature.wantedInputs) add({ subgraph: signature.subgraph, tensor }, 0);
    for (const output of signature.outputs) if (output.wanted) add(output, sizeBytes(output));
  }
  return parts;
}
