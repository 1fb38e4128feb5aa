import { openRuntime, type RuntimeChoice } from '../calibration/runtime/open.node.ts';
import type { Labels } from '../datasets/labels.ts';
import type { Comparison } from '../schema/documents/comparison.ts';
import { AeqError } from '../schema/errors.ts';
import { chosenSamples, datasetsOf, type SampleSources } from './sample-sources.ts';
import { type IsolationOptions, nodeIsolation } from './validate/isolation.node.ts';
import { type ComparedModel, type ValidateProgress, validateModels } from './validate/validate.ts';

export interface ValidateModelsOptions {
  readonly samples?: number | undefined;
  readonly seed?: number | undefined;
  readonly runtime?: RuntimeChoice | undefined;
  readonly library?: string | undefined;
  readonly memoryBytes?: number | undefined;
  /** Accepted classes by sample index. */
  readonly labels?: Labels | undefined;
  /** Also measure the error that each operator adds by itself. Default true. */
  readonly injected?: boolean | undefined;
  /** Also collect how the values of each tensor are spread, for a report. */
  readonly distributions?: boolean | undefined;
  readonly onProgress?: ((progress: ValidateProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Compares a quantized model with the float model on samples. */
export async function validateAgainst(
  float: ComparedModel,
  quantized: ComparedModel,
  sources: SampleSources,
  options: ValidateModelsOptions,
): Promise<Comparison> {
  const { samples, seed, library, runtime: choice = 'auto', injected = true, ...rest } = options;
  const datasets = datasetsOf(float.model, sources, samples);
  const indices: Record<string, readonly number[]> = {};
  for (const [key, dataset] of datasets) {
    if (dataset.length !== undefined) indices[key] = chosenSamples(dataset, dataset.length, { samples, seed });
  }
  const runtime = await openRuntime(choice, library === undefined ? {} : { library });
  try {
    const [comparison] = await validateModels({
      float,
      quantized: [quantized],
      runtime,
      datasets: Object.fromEntries(datasets),
      indices,
      samples,
      isolation: injected ? nodeIsolation(runtime, isolationOptions(options)) : undefined,
      ...rest,
    });
    if (!comparison) throw new AeqError('INTERNAL', 'the comparison has no result');
    return comparison;
  } finally {
    runtime.close();
  }
}

function isolationOptions({ library, signal }: ValidateModelsOptions): IsolationOptions {
  return { ...(library !== undefined && { library }), ...(signal && { signal }) };
}
