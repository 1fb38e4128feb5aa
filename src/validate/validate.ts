import { isUnreadable, readHere, sampleNames } from '../../calibration/named-samples.ts';
import type { Runtime } from '../../calibration/runtime/runtime.ts';
import type { Labels } from '../../datasets/labels.ts';
import type { Dataset, SampleName } from '../../datasets/sample.ts';
import {
  COMPARISON_FORMAT,
  COMPARISON_VERSION,
  type Comparison,
  type TensorComparison,
} from '../../schema/documents/comparison.ts';
import { AeqError } from '../../schema/errors.ts';
import { Candidate, signaturesOf } from './candidate.ts';
import { CandidateSum } from './candidate-sum.ts';
import type { Isolation } from './injected.ts';
import { LocalMeasurer } from './local-measurer.ts';
import type { CandidateMeasurement, SampleMeasurer } from './measurement.ts';
import { type ComparedModel, modelEntry } from './model-entry.ts';

export type { ComparedModel } from './model-entry.ts';

/** What to compare, whoever runs the samples. */
export interface ValidationPlan {
  readonly float: ComparedModel;
  /** Models made from the float model; each is compared with the same runs of it. */
  readonly quantized: readonly ComparedModel[];
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
  /** Also collect how the float values of each tensor are spread, for a report. */
  readonly distributions?: boolean | undefined;
  /** Most samples of each signature on which operators are run alone. Default 16. */
  readonly isolatedSamples?: number | undefined;
  readonly onProgress?: ((progress: ValidateProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ValidateOptions extends ValidationPlan {
  readonly runtime: Runtime;
  /** Most bytes of tensors of all models at once; more are taken in several runs of each sample. Default 1 GiB. */
  readonly memoryBytes?: number | undefined;
  readonly threads?: number | undefined;
  /** Where quantized operators are run alone, to tell the error that each adds; left out, that is not measured. */
  readonly isolation?: Isolation | undefined;
}

export interface ValidateProgress {
  readonly signature: string;
  /** Samples that are finished. */
  readonly done: number;
  readonly total: number | undefined;
}

const DEFAULT_ISOLATED_SAMPLES = 16;

/**
 * Runs a float model and models made from it over the same samples and measures how far their values are apart: the
 * error that arrives at each tensor. The float model runs once a sample for all of them, and no more than one sample's
 * tensors are kept. One comparison for each quantized model, in their order, without gates.
 * @throws AeqError MODELS_DIFFER, DATASET_EMPTY, FEED_INVALID, RUNTIME_*; the abort reason.
 */
export async function validateModels(options: ValidateOptions): Promise<Comparison[]> {
  const { runtime, float, isolation } = options;
  const candidates = candidatesOf(options, isolation !== undefined);
  const measurer = new LocalMeasurer(runtime, float.model, candidates, options);
  try {
    return await validateWith(measurer, options, candidates);
  } finally {
    await measurer.close();
  }
}

/** What belongs together in the models of a plan. @throws AeqError MODELS_DIFFER, USAGE for an unknown signature. */
export function candidatesOf(plan: ValidationPlan, injected: boolean): Candidate[] {
  const views = signaturesOf(plan.float.model, Object.keys(plan.datasets));
  const { classOutput, distributions } = plan;
  return plan.quantized.map(
    (model) => new Candidate(plan.float.model, views, model, { classOutput, distributions, injected }),
  );
}

/**
 * The same with samples run by somebody else, such as workers (measurers.node.ts). What they measure is added up in the
 * order of the samples, so that the result does not depend on who runs them. The measurer is not closed.
 * @param candidates those of the measurer
 */
export async function validateWith(
  measurer: SampleMeasurer,
  plan: ValidationPlan,
  candidates: readonly Candidate[],
): Promise<Comparison[]> {
  const sums = candidates.map((candidate) => new CandidateSum(candidate, plan.labels));
  const counts: Record<string, number> = {};
  for (const key of Object.keys(plan.datasets)) counts[key] = await runSignature(measurer, plan, key, sums);
  const datasets = Object.entries(plan.datasets).map(([signature, { description }]) => {
    const { kind, sources, preprocessing, contentHash } = description;
    return {
      signature,
      samples: counts[signature] ?? 0,
      kind,
      sources: [...sources],
      preprocessing: { ...preprocessing },
      ...(contentHash === undefined ? {} : { contentHash }),
    };
  });
  return sums.map((sum) => {
    const { source } = sum.candidate;
    const found = sum.result(counts);
    requireComparable(found, source);
    return {
      format: COMPARISON_FORMAT,
      version: COMPARISON_VERSION,
      float: modelEntry(plan.float),
      quantized: modelEntry(source),
      runtime: measurer.version,
      datasets,
      ...found,
      gates: [],
    };
  });
}

/** @throws AeqError MODELS_DIFFER for models that have nothing in common, except inputs */
function requireComparable({ signatures }: Pick<Comparison, 'signatures'>, { file }: ComparedModel): void {
  const isComputed = ({ role }: TensorComparison) => role !== 'input';
  if (signatures.some(({ outputs, tensors }) => [...outputs, ...tensors].some(isComputed))) return;
  const [unmatched] = signatures.flatMap((signature) => signature.unmatched);
  const example = unmatched ? `; of ${unmatched.name}: ${unmatched.reason}` : '';
  throw new AeqError('MODELS_DIFFER', `${file} computes nothing that the float model computes${example}`, {
    where: { file },
    hint: 'compare a model with the float model that it was made from',
  });
}

interface Running {
  readonly sample: SampleName;
  /** Whether operators are also run alone. */
  readonly alone: boolean;
  readonly measured: Promise<readonly CandidateMeasurement[]>;
}

/** Runs all samples of one signature; gives their number. */
async function runSignature(
  measurer: SampleMeasurer,
  plan: ValidationPlan,
  key: string,
  sums: readonly CandidateSum[],
): Promise<number> {
  const { signal, onProgress } = plan;
  const dataset = plan.datasets[key] as Dataset;
  const indices = plan.indices?.[key];
  const named = measurer.reads?.(key) ? sampleNames(dataset, indices) : undefined;
  const limit = plan.samples ?? Number.POSITIVE_INFINITY;
  const known = indices?.length ?? dataset.length;
  const total = known === undefined ? plan.samples : Math.min(known, limit);
  const isAlone = aloneOn(indices, plan.isolatedSamples ?? DEFAULT_ISOLATED_SAMPLES);
  // A few more than run at a time, so that nobody waits for the oldest of them.
  const most = measurer.concurrency === 1 ? 1 : 2 * measurer.concurrency;
  const running: Running[] = [];
  let begun = 0;
  let done = 0;
  const finishOne = async () => {
    const { sample, alone, measured } = running.shift() as Running;
    const measurements = await measured.catch(async (error: unknown) => {
      if (!named || !isUnreadable(error)) throw error;
      const found = await readHere(dataset, indices, sample.index);
      return found && measurer.measure(key, found, alone);
    });
    signal?.throwIfAborted();
    if (!measurements) return;
    for (const [index, sum] of sums.entries()) sum.add(key, sample, measurements[index] as CandidateMeasurement);
    done += 1;
    onProgress?.({ signature: key, done, total });
  };
  onProgress?.({ signature: key, done, total });
  // One at a time is measured before the next is asked for.
  const reuseMemory = most === 1 && !measurer.keepsSamples;
  for await (const sample of named ?? dataset.samples(indices, { reuseMemory })) {
    signal?.throwIfAborted();
    const alone = isAlone(sample.index, begun);
    const measured = measurer.measure(key, sample, alone);
    // Whoever waits for it sees the rejection; an earlier sample may end everything before that.
    measured.catch(() => undefined);
    running.push({ sample: { index: sample.index, name: sample.name }, alone, measured });
    begun += 1;
    if (running.length >= most) await finishOne();
    if (begun >= limit) break;
  }
  while (running.length > 0) await finishOne();
  if (done > 0) return done;
  throw new AeqError('DATASET_EMPTY', `there are no samples for signature ${key}`, {
    hint: 'give at least one sample to compare the models on',
  });
}

/**
 * On which samples operators are also run alone: the first ones that are asked for. One of them that cannot be read has no
 * successor, so that nobody has to wait until it is known.
 */
function aloneOn(indices: readonly number[] | undefined, count: number): (index: number, begun: number) => boolean {
  const first = indices && new Set(indices.slice(0, count));
  return (index, begun) => first?.has(index) ?? begun < count;
}
