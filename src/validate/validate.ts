import type { TensorReference } from '../../calibration/capture/reference.ts';
import { type CaptureSession, openCapture } from '../../calibration/capture/session.ts';
import type { Runtime } from '../../calibration/runtime/runtime.ts';
import type { Labels } from '../../datasets/labels.ts';
import type { Dataset, Sample } from '../../datasets/sample.ts';
import { COMPARISON_FORMAT, COMPARISON_VERSION, type Comparison } from '../../schema/documents/comparison.ts';
import { AeqError } from '../../schema/errors.ts';
import { type SignatureView, signatures } from '../../schema/graph.ts';
import type { Model } from '../../schema/model.ts';
import { Candidate } from './candidate.ts';
import { capturedOnce } from './captured.ts';
import type { Isolation } from './injected.ts';
import { tensorBytes } from './jobs.ts';
import { type ComparedModel, modelEntry } from './model-entry.ts';

export type { ComparedModel } from './model-entry.ts';

export interface ValidateOptions {
  readonly float: ComparedModel;
  /** Models made from the float model; each is compared with the same runs of it. */
  readonly quantized: readonly ComparedModel[];
  readonly runtime: Runtime;
  /** Samples made for the float model, by its signature keys. */
  readonly datasets: Readonly<Record<string, Dataset>>;
  /** Most samples of each signature; all by default. */
  readonly samples?: number | undefined;
  /** Which samples of each signature; all by default. */
  readonly indices?: Readonly<Record<string, readonly number[]>> | undefined;
  /** Accepted classes by sample index. */
  readonly labels?: Labels | undefined;
  /** Name of the signature output that holds the scores; by default the first that can. */
  readonly classOutput?: string | undefined;
  /** Most bytes of tensors of all models at once; more are taken in several runs of each sample. Default 1 GiB. */
  readonly memoryBytes?: number | undefined;
  readonly threads?: number | undefined;
  /** Also collect how the float values of each tensor are spread, for a report. */
  readonly distributions?: boolean | undefined;
  /** Where quantized operators are run alone, to tell the error that each adds; left out, that is not measured. */
  readonly isolation?: Isolation | undefined;
  /** Most samples of each signature on which operators are run alone. Default 16. */
  readonly isolatedSamples?: number | undefined;
  readonly onProgress?: ((progress: ValidateProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ValidateProgress {
  readonly signature: string;
  /** Samples that are finished. */
  readonly done: number;
  readonly total: number | undefined;
}

const DEFAULT_MEMORY_BYTES = 2 ** 30;
const DEFAULT_ISOLATED_SAMPLES = 16;

/**
 * Runs a float model and models made from it over the same samples and measures how far their values are apart: the
 * error that arrives at each tensor. The float model runs once a sample for all of them, and no more than one sample's
 * tensors are kept. One comparison for each quantized model, in their order, without gates.
 * @throws AeqError MODELS_DIFFER, DATASET_EMPTY, FEED_INVALID, RUNTIME_*; the abort reason.
 */
export async function validateModels(options: ValidateOptions): Promise<Comparison[]> {
  const { float, runtime } = options;
  const views = signaturesOf(float.model, Object.keys(options.datasets));
  const candidates = options.quantized.map((model) => new Candidate(float.model, views, model, options));
  const runs = openRuns(options, candidates);
  const counts: Record<string, number> = {};
  try {
    for (const view of views) counts[view.key] = await runSignature(options, view, candidates, runs);
  } finally {
    for (const run of runs) for (const session of [run.float, ...run.quantized]) session.close();
    for (const candidate of candidates) candidate.close();
  }
  const datasets = views.map(({ key }) => {
    const { kind, sources, preprocessing, contentHash } = (options.datasets[key] as Dataset).description;
    return {
      signature: key,
      samples: counts[key] ?? 0,
      kind,
      sources: [...sources],
      preprocessing: { ...preprocessing },
      ...(contentHash === undefined ? {} : { contentHash }),
    };
  });
  return candidates.map((candidate) => ({
    format: COMPARISON_FORMAT,
    version: COMPARISON_VERSION,
    float: modelEntry(float),
    quantized: modelEntry(candidate.source),
    runtime: runtime.version,
    datasets,
    ...candidate.result(counts),
    gates: [],
  }));
}

function signaturesOf(model: Model, keys: readonly string[]): SignatureView[] {
  const all = signatures(model);
  return keys.map((key) => {
    const view = all.find((entry) => entry.key === key);
    if (view) return view;
    throw new AeqError('USAGE', `the model has no signature ${key}`, {
      hint: `its signatures are ${all.map((entry) => entry.key).join(', ')}`,
    });
  });
}

/** Sessions for a part of the tensors that fits into memory, one for each model. */
interface Run {
  readonly float: CaptureSession;
  readonly quantized: readonly CaptureSession[];
  /** Float tensors of this part, by subgraph. */
  readonly tensors: ReadonlyMap<number, ReadonlySet<number>>;
}

/** Divides the tensors into parts within the budget; almost always there is one. */
function openRuns(options: ValidateOptions, candidates: readonly Candidate[]): Run[] {
  const { float, runtime } = options;
  const capture = { memoryBytes: Number.POSITIVE_INFINITY, ...(options.threads && { threads: options.threads }) };
  return divide(float.model, candidates, options.memoryBytes ?? DEFAULT_MEMORY_BYTES).map((part) => ({
    float: openCapture(runtime, float.model, part, capture),
    quantized: candidates.map((candidate) =>
      openCapture(runtime, candidate.source.model, candidate.counterparts(part), capture),
    ),
    tensors: bySubgraph(part),
  }));
}

function divide(float: Model, candidates: readonly Candidate[], budget: number): TensorReference[][] {
  const all = new Map<string, TensorReference>();
  for (const candidate of candidates) {
    for (const reference of candidate.wanted) all.set(`${reference.subgraph}:${reference.tensor}`, reference);
  }
  const parts: TensorReference[][] = [[]];
  let used = 0;
  for (const reference of all.values()) {
    const sizes = candidates.flatMap((candidate) =>
      candidate.counterparts([reference]).map((counterpart) => tensorBytes(candidate.source.model, counterpart)),
    );
    const sizeBytes = sizes.reduce((sum, size) => sum + size, tensorBytes(float, reference));
    if (used > 0 && used + sizeBytes > budget) {
      parts.push([]);
      used = 0;
    }
    used += sizeBytes;
    parts.at(-1)?.push(reference);
  }
  return parts;
}

function bySubgraph(references: readonly TensorReference[]): Map<number, Set<number>> {
  const result = new Map<number, Set<number>>();
  for (const { subgraph, tensor } of references) {
    result.set(subgraph, (result.get(subgraph) ?? new Set<number>()).add(tensor));
  }
  return result;
}

/** Runs all samples of one signature; gives their number. */
async function runSignature(
  options: ValidateOptions,
  view: SignatureView,
  candidates: readonly Candidate[],
  runs: readonly Run[],
): Promise<number> {
  const dataset = options.datasets[view.key] as Dataset;
  const indices = options.indices?.[view.key];
  const limit = options.samples ?? Number.POSITIVE_INFINITY;
  const known = indices?.length ?? dataset.length;
  const total = known === undefined ? options.samples : Math.min(known, limit);
  let done = 0;
  options.onProgress?.({ signature: view.key, done, total });
  for await (const sample of dataset.samples(indices)) {
    options.signal?.throwIfAborted();
    for (const run of runs) {
      if (!run.tensors.has(view.subgraph)) continue;
      const alone = runs.length === 1 && done < (options.isolatedSamples ?? DEFAULT_ISOLATED_SAMPLES);
      await runSample(options.runtime, view, sample, candidates, run, alone);
    }
    done += 1;
    options.onProgress?.({ signature: view.key, done, total });
    if (done >= limit) break;
  }
  if (done > 0) return done;
  throw new AeqError('DATASET_EMPTY', `there are no samples for signature ${view.key}`, {
    hint: 'give at least one sample to compare the models on',
  });
}

async function runSample(
  runtime: Runtime,
  view: SignatureView,
  sample: Sample,
  candidates: readonly Candidate[],
  run: Run,
  alone: boolean,
) {
  try {
    await capturedOnce(run.float, view.key, sample.feed, async (float) => {
      for (const [index, candidate] of candidates.entries()) {
        const session = run.quantized[index] as CaptureSession;
        const feed = candidate.feed(view, sample.feed);
        try {
          await capturedOnce(session, candidate.key(view), feed, (quantized) => {
            candidate.compare(view, sample, float, quantized);
          });
        } catch (error) {
          throw await candidate.blame(error, runtime, view, sample, feed, float);
        }
        if (alone) await candidate.inject(runtime, view, sample, feed, float);
      }
    });
  } catch (error) {
    throw withSample(error, sample);
  }
}

/** The same error with the sample that it happened on. */
function withSample(error: unknown, sample: Sample): unknown {
  if (!(error instanceof AeqError) || error.where.sample !== undefined) return error;
  return new AeqError(error.code, error.message, {
    where: { ...error.where, sample: sample.name },
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    cause: error,
  });
}
