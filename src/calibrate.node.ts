import { originsOf } from '../calibration/named-samples.ts';
import { forkModule } from '../calibration/pool/fork.node.ts';
import { openRuntimeFor } from '../calibration/runtime/open.node.ts';
import type { Shard } from '../calibration/selection.ts';
import {
  type CalibrationData,
  type CalibrationProgress,
  type CalibrationResult,
  calibrate,
  calibrateWith,
} from '../calibration/session.ts';
import { allActivations, estimateMemory, requireProductsFit, type WantedTensor } from '../calibration/wanted.ts';
import { WorkerRunner } from '../calibration/workers.node.ts';
import type { Dataset } from '../datasets/sample.ts';
import type { CalibrationDocument, ModelIdentity } from '../schema/documents/calibration.ts';
import type { Model } from '../schema/model.ts';
import { CORRECT } from './plan/conduct.ts';
import { learnedInputs, neededActivations } from './plan/needed.ts';
import { rangeContext } from './plan/range-context.ts';
import { recipes } from './recipe/builders.ts';
import { recipeContext } from './recipe/context.ts';
import { createResolver } from './recipe/resolver.ts';
import type { RecipeResolver } from './recipe/types.ts';
import type { RunOptions } from './run-options.ts';
import { chosenSamples, datasetsOf, type SampleSources } from './sample-sources.ts';
import { interpreterThreads, workerCount } from './worker-count.node.ts';

export type { SampleSources } from './sample-sources.ts';

export interface CalibrateModelOptions extends RunOptions {
  /** Only this part of the samples. */
  readonly shard?: Shard | undefined;
  readonly resume?: CalibrationDocument | undefined;
  /** Go on when a tensor holds NaN or infinities. */
  readonly allowNonFinite?: boolean | undefined;
  /** Told before the first sample. */
  readonly onStart?: ((start: CalibrationStart) => void) | undefined;
  readonly onProgress?: ((progress: CalibrationProgress) => void) | undefined;
  readonly onPartial?: ((document: CalibrationDocument) => void | Promise<void>) | undefined;
}

/** How a calibration is going to be done. */
export interface CalibrationStart {
  /** Interpreters that run at the same time. */
  readonly workers: number;
  /** Most memory that is going to be needed beside the program itself, by estimate. */
  readonly estimatedMemoryBytes: number;
}

interface Opened {
  readonly model: Model;
  readonly source: { readonly path: string } | { readonly bytes: Uint8Array };
  readonly identity: ModelIdentity;
}

/** Collects statistics of the activations a recipe needs, or of all without a resolver. */
export async function calibrateModel(
  opened: Opened,
  resolver: RecipeResolver | undefined,
  sources: SampleSources,
  options: CalibrateModelOptions,
): Promise<CalibrationResult> {
  const { model, identity, source } = opened;
  const datasets = datasetsOf(model, sources, options.samples);
  const data = new Map([...datasets].map(([key, dataset]) => [key, selection(dataset, options)]));
  const lengths = [...data.values()].map(({ selected }) => selected?.length);
  const workers = workerCount([model], lengths, options.workers);
  const settings = {
    wanted: wantedTensors(model, resolver),
    allowNonFinite: options.allowNonFinite,
    memoryBytes: options.memoryBytes,
    ...interpreterThreads(workers, options.workers),
  };
  requireProductsFit(model, settings.wanted, options.memoryBytes);
  const { shard, resume, onProgress, onPartial, signal } = options;
  const plan = { model, identity, data, shard, resume, onProgress, onPartial, signal };
  const { peakBytes } = estimateMemory(model, settings.wanted, { workers, ...definedMemory(options) });
  options.onStart?.({ workers, estimatedMemoryBytes: peakBytes });
  const { runtime = 'auto', library } = options;
  if (workers > 1) {
    const fork = () => forkModule(import.meta.url, 'sample-worker.node');
    const origins = originsOf(datasets);
    const runner = await WorkerRunner.open({ model: source, workers, runtime, library, settings, fork, origins });
    try {
      return await calibrateWith(runner, plan);
    } finally {
      await runner.close();
    }
  }
  const interpreter = await openRuntimeFor(model, runtime, library === undefined ? {} : { library });
  try {
    return await calibrate({ ...plan, ...settings, runtime: interpreter });
  } finally {
    interpreter.close();
  }
}

const definedMemory = ({ memoryBytes }: CalibrateModelOptions) => (memoryBytes === undefined ? {} : { memoryBytes });

function selection(dataset: Dataset, { samples, seed }: CalibrateModelOptions): CalibrationData {
  if (dataset.length === undefined) return { dataset, samples };
  return { dataset, selected: chosenSamples(dataset, dataset.length, { samples, seed }) };
}

/** Without a recipe: everything, and what the range rules ask of masks as if all of it became int8. */
function wantedTensors(model: Model, resolver: RecipeResolver | undefined): WantedTensor[] {
  const wanted = new Map<string, WantedTensor>();
  const want = (place: WantedTensor) => {
    const key = `${place.subgraph}:${place.tensor}`;
    wanted.set(key, { ...wanted.get(key), ...place });
  };
  if (resolver) {
    neededActivations(model, resolver, CORRECT).forEach(want);
    learnedInputs(model, resolver, CORRECT).forEach(want);
  }
  if (wanted.size === 0) allActivations(model).forEach(want);
  const places = [...wanted.values()].sort((a, b) => a.subgraph - b.subgraph || a.tensor - b.tensor);
  const context = rangeContext(model, resolver ?? createResolver(recipes.staticWi8Ai8(), recipeContext()));
  return places.map((place) => ({ ...place, rowMaximum: context.use(place.subgraph, place.tensor)?.mask === true }));
}
