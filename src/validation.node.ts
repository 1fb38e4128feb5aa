import { originsOf } from '../calibration/named-samples.ts';
import { openRuntimeFor } from '../calibration/runtime/open.node.ts';
import { checkDataset } from '../datasets/check.ts';
import type { Labels } from '../datasets/labels.ts';
import type { Dataset } from '../datasets/sample.ts';
import type { Comparison } from '../schema/documents/comparison.ts';
import { AeqError } from '../schema/errors.ts';
import type { Model } from '../schema/model.ts';
import type { RunOptions } from './run-options.ts';
import { chooseSignature, chosenSamples, datasetsOf, inputSpecs, type SampleSources } from './sample-sources.ts';
import { type IsolationOptions, nodeIsolation } from './validate/isolation.node.ts';
import { WorkerMeasurer } from './validate/measurers.node.ts';
import {
  type ComparedModel,
  candidatesOf,
  type ValidateProgress,
  type ValidationPlan,
  validateModels,
  validateWith,
} from './validate/validate.ts';
import { interpreterThreads, workerCount } from './worker-count.node.ts';

export interface ValidateModelsOptions extends RunOptions {
  /** Accepted classes by sample index. */
  readonly labels?: Labels | undefined;
  /** Also measure the error that each operator adds by itself. Default true. */
  readonly injected?: boolean | undefined;
  /** Also collect how the values of each tensor are spread, for a report. */
  readonly distributions?: boolean | undefined;
  /** Also look at the samples themselves, where they can be read twice: what about them makes the numbers doubtful. */
  readonly dataFindings?: boolean | undefined;
  readonly onProgress?: ((progress: ValidateProgress) => void) | undefined;
}

/** Compares a quantized model with the float model on samples. */
export async function validateAgainst(
  float: ComparedModel,
  quantized: ComparedModel,
  sources: SampleSources,
  options: ValidateModelsOptions,
): Promise<Comparison> {
  const { samples, seed, labels, distributions, dataFindings, onProgress, signal } = options;
  const datasets = datasetsOf(float.model, sources, samples);
  const indices: Record<string, readonly number[]> = {};
  for (const [key, dataset] of datasets) {
    if (dataset.length !== undefined) indices[key] = chosenSamples(dataset, dataset.length, { samples, seed });
  }
  const [comparison] = await compare(
    {
      float,
      quantized: [quantized],
      datasets: Object.fromEntries(datasets),
      indices,
      samples,
      labels,
      distributions,
      onProgress,
      signal,
    },
    options,
  );
  if (!comparison) throw new AeqError('INTERNAL', 'the comparison has no result');
  return dataFindings ? await withFindings(comparison, float.model, datasets, indices) : comparison;
}

/** Where it pays, samples run in workers; the result is the same. */
async function compare(plan: ValidationPlan, options: ValidateModelsOptions): Promise<Comparison[]> {
  const { runtime: choice = 'auto', library, injected = true, memoryBytes, signal } = options;
  const models = [plan.float, ...plan.quantized].map(({ model }) => model);
  const lengths = Object.keys(plan.datasets).map((key) => plan.indices?.[key]?.length);
  const workers = workerCount(models, lengths, options.workers);
  const [float, ...quantized] = [plan.float, ...plan.quantized].map(({ file, source }) => source && { file, source });
  const named = quantized.filter((entry) => entry !== undefined);
  if (workers > 1 && float && named.length === quantized.length) {
    const { classOutput, distributions } = plan;
    const candidates = candidatesOf(plan, injected);
    const start = {
      float,
      quantized: named,
      signatures: Object.keys(plan.datasets),
      candidate: { classOutput, distributions, injected },
      runtime: choice,
      library,
      memoryBytes,
      origins: originsOf(Object.entries(plan.datasets)),
    };
    const measurer = await WorkerMeasurer.open(start, workers);
    try {
      return await validateWith(measurer, plan, candidates);
    } finally {
      await measurer.close();
    }
  }
  const runtime = await openRuntimeFor(plan.float.model, choice, library === undefined ? {} : { library });
  try {
    const isolation = injected ? nodeIsolation(runtime, isolationOptions({ library, signal })) : undefined;
    const threads = interpreterThreads(workers, options.workers);
    return await validateModels({ ...plan, runtime, memoryBytes, isolation, ...threads });
  } finally {
    runtime.close();
  }
}

/** Samples that are looked at: enough to see what is wrong with all of them. */
const MOST_CHECKED = 64;

/** The comparison with what looks wrong with its samples. That they are few is told by their number. */
async function withFindings(
  comparison: Comparison,
  model: Model,
  datasets: ReadonlyMap<string, Dataset>,
  indices: Readonly<Record<string, readonly number[]>>,
): Promise<Comparison> {
  const entries: Comparison['datasets'] = [];
  for (const entry of comparison.datasets) {
    const dataset = datasets.get(entry.signature);
    const chosen = indices[entry.signature];
    if (!dataset || !chosen) entries.push(entry);
    else {
      const inputs = inputSpecs(model, chooseSignature(model, entry.signature));
      const { findings } = await checkDataset(dataset, inputs, evenly(chosen, MOST_CHECKED));
      const told = findings.filter(({ code }) => code !== 'too-few');
      entries.push({
        ...entry,
        findings: told.map(({ input: _, samples, ...rest }) => ({ ...rest, samples: [...samples] })),
      });
    }
  }
  return { ...comparison, datasets: entries };
}

/** At most `most` of the items, evenly spaced. */
function evenly<T>(items: readonly T[], most: number): readonly T[] {
  const step = items.length / most;
  return step <= 1 ? items : Array.from({ length: most }, (_, i) => items[Math.floor(i * step)] as T);
}

function isolationOptions({ library, signal }: ValidateModelsOptions): IsolationOptions {
  return { ...(library !== undefined && { library }), ...(signal && { signal }) };
}
