import type { Dataset, Sample, SampleName } from '../datasets/sample.ts';
import type { CalibratedDataset, CalibrationDocument, ModelIdentity } from '../schema/documents/calibration.ts';
import { AeqError } from '../schema/errors.ts';
import { signatures } from '../schema/graph.ts';
import type { Model } from '../schema/model.ts';
import type { UnreachableTensor } from './capture/reference.ts';
import { isUnreadable, readHere, sampleNames } from './named-samples.ts';
import type { Runtime } from './runtime/runtime.ts';
import { LocalRunner, type RunnerSettings, type SampleRunner } from './sample-runner.ts';
import { type Shard, shardIndices } from './selection.ts';
import { mergeDatasets, requireSameModel } from './statistics/merge.ts';
import { type CollectedStatistics, StatisticsSum } from './statistics/statistics.ts';
import { isStateful } from './wanted.ts';

/** Samples for one signature, and which of them to take. */
export interface CalibrationData {
  readonly dataset: Dataset;
  /** Ascending indices of the whole selection, before sharding; all samples by default. */
  readonly selected?: readonly number[] | undefined;
  /** How many samples to take at most from the start, for data sets of unknown length. */
  readonly samples?: number | undefined;
}

/** Told after every sample. */
export interface CalibrationProgress {
  readonly signature: string;
  readonly sample: SampleName;
  /** Samples run so far, over all signatures, without those of a resumed run. */
  readonly done: number;
  /** Samples to run; undefined while a data set of unknown length is among them. */
  readonly total: number | undefined;
}

/** What to calibrate, whoever runs the samples. */
export interface CalibrationPlan {
  readonly model: Model;
  readonly identity: ModelIdentity;
  /** By signature key, in the order in which they are run. */
  readonly data: ReadonlyMap<string, CalibrationData>;
  /** Run one part only. */
  readonly shard?: Shard | undefined;
  /** A calibration to go on from: its samples are not run again. */
  readonly resume?: CalibrationDocument | undefined;
  readonly onProgress?: ((progress: CalibrationProgress) => void) | undefined;
  /** Gets what there is so far, every `partialSeconds` (default 30) and when the run ends by an error or the signal. */
  readonly onPartial?: ((document: CalibrationDocument) => void | Promise<void>) | undefined;
  readonly partialSeconds?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface CalibrateOptions extends CalibrationPlan, RunnerSettings {
  readonly runtime: Runtime;
}

/** A calibration and what could not be had. */
export interface CalibrationResult {
  readonly document: CalibrationDocument;
  /** Wanted tensors that no interpreter shows, with the reason. */
  readonly unreachable: readonly UnreachableTensor[];
  /** Samples run now, without those of a resumed run. */
  readonly samplesRun: number;
}

/**
 * Runs the samples through the model in this thread and collects statistics of the wanted tensors. The document depends
 * on nothing but model, data and interpreter: not on parts, resumption, order or workers.
 * @throws AeqError CALIBRATION_EMPTY without any sample; CALIBRATION_NAN naming tensor and sample; CALIBRATION_MISMATCH
 * when `resume` is of other data or another model; FEED_INVALID for a sample that does not fit, naming input and sample;
 * USAGE for an unknown signature; errors of the interpreter. The signal's reason when it is aborted.
 */
export async function calibrate(options: CalibrateOptions): Promise<CalibrationResult> {
  const runner = new LocalRunner(options.runtime, options.model, options);
  try {
    return await calibrateWith(runner, options, options.resetState);
  } finally {
    await runner.close();
  }
}

/**
 * The same with samples run by somebody else, such as workers (see workers.node.ts). The runner is not closed.
 * `resetState` says that the runner starts variable tensors afresh for each sample.
 */
export async function calibrateWith(
  runner: SampleRunner,
  plan: CalibrationPlan,
  resetState = false,
): Promise<CalibrationResult> {
  plan.signal?.throwIfAborted();
  requireSignatures(plan);
  requireOrderFree(plan, resetState, runner.concurrency);
  const run = new CalibrationRun(runner, plan);
  try {
    for (const [signature, data] of plan.data) await run.signature(signature, data);
  } catch (error) {
    await run.savePartial();
    throw error;
  }
  const document = await run.document();
  if (document.samples.length === 0 && !plan.shard) throw noSamples(plan.data);
  return { document, unreachable: runner.unreachable, samplesRun: run.done };
}

function noSamples(data: CalibrationPlan['data']): AeqError {
  const sources = [...data.values()].flatMap(({ dataset }) => dataset.description.sources);
  const from = sources.length > 0 ? ` in ${sources.join(', ')}` : '';
  return new AeqError('CALIBRATION_EMPTY', `there are no samples to calibrate with${from}`, {
    hint: 'an iterator that was used up before gives none; 40 to 100 samples are a good number',
  });
}

const DEFAULT_PARTIAL_SECONDS = 30;

/** One run over all signatures: the sum so far and the bookkeeping. */
class CalibrationRun {
  done = 0;
  readonly #sum = new StatisticsSum();
  readonly #runner: SampleRunner;
  readonly #plan: CalibrationPlan;
  readonly #datasets: CalibratedDataset[];
  readonly #total: number | undefined;
  readonly #running = new Set<Promise<void>>();
  #failure: { readonly error: unknown } | undefined;
  #lastPartial = Date.now();

  constructor(runner: SampleRunner, plan: CalibrationPlan) {
    this.#runner = runner;
    this.#plan = plan;
    this.#datasets = describeData(plan);
    if (plan.resume) this.#sum.absorb(plan.resume);
    const counts = [...plan.data].map(([signature, data]) => this.#indices(signature, data)?.length);
    this.#total = counts.reduce<number | undefined>(
      (total, count) => (total === undefined || count === undefined ? undefined : total + count),
      0,
    );
  }

  /** What there is in the end. What the runner hands over is a sum already, where there is nothing to add it to. */
  async document(): Promise<CalibrationDocument> {
    const rest = await this.#runner.collect();
    return this.#describe(this.#sum.sampleCount === 0 ? rest : this.#add(rest).build());
  }

  async savePartial(): Promise<void> {
    const { onPartial } = this.#plan;
    if (onPartial && this.done + this.#sum.sampleCount > 0) {
      await onPartial(this.#describe(this.#add(await this.#runner.collect()).build()));
    }
    this.#lastPartial = Date.now();
  }

  #add(part: CollectedStatistics): StatisticsSum {
    this.#sum.absorb(part);
    return this.#sum;
  }

  #describe(statistics: CollectedStatistics): CalibrationDocument {
    const { identity, resume } = this.#plan;
    const runtimes = new Set([...(resume?.runtimes ?? []), this.#runner.version]);
    return { model: identity, runtimes: [...runtimes].sort(), datasets: this.#datasets, ...statistics };
  }

  /** Runs the samples of one signature that are this part's and not there yet, as many at a time as the runner takes. */
  async signature(signature: string, data: CalibrationData): Promise<void> {
    try {
      for await (const sample of this.#samples(signature, data)) {
        this.#plan.signal?.throwIfAborted();
        this.#start(signature, sample, data);
        while (this.#running.size >= this.#runner.concurrency) await Promise.race(this.#running);
        if (this.#failure) break;
        await this.#partialNowAndThen();
      }
    } finally {
      await Promise.all(this.#running);
    }
    if (this.#failure) throw this.#failure.error;
    this.#plan.signal?.throwIfAborted();
    this.#runner.reset();
  }

  #start(signature: string, sample: Sample | SampleName, data: CalibrationData): void {
    const task = this.#sample(signature, sample, data)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => this.#running.delete(task));
    this.#running.add(task);
  }

  async #sample(signature: string, sample: Sample | SampleName, data: CalibrationData): Promise<void> {
    try {
      await this.#runner.run(signature, sample);
    } catch (error) {
      if ('feed' in sample || !isUnreadable(error)) throw error;
      const found = await readHere(data.dataset, data.selected, sample.index);
      if (!found) return;
      await this.#runner.run(signature, found);
    }
    this.done += 1;
    this.#plan.onProgress?.({ signature, sample, done: this.done, total: this.#total });
  }

  /** The samples to run. Of a data set of unknown length the others are read and passed over. */
  async *#samples(signature: string, data: CalibrationData): AsyncGenerator<Sample | SampleName> {
    const indices = this.#indices(signature, data);
    if (indices?.length === 0) return;
    const named = this.#runner.reads?.(signature) ? sampleNames(data.dataset, indices) : undefined;
    if (named) {
      yield* named;
      return;
    }
    const wanted = indices && new Set(indices);
    const end = data.samples ?? Number.POSITIVE_INFINITY;
    const { shard } = this.#plan;
    // One sample at a time is asked for, and its run has ended when the next one is.
    const reuseMemory = this.#runner.concurrency === 1 && !this.#runner.keepsSamples;
    for await (const sample of data.dataset.samples(indices, { reuseMemory })) {
      const { index } = sample;
      const mine = !shard || index % shard.parts === shard.part - 1;
      if (wanted ? wanted.delete(index) : index < end && mine && !this.#sum.has(signature, index)) yield sample;
      if (!wanted && index + 1 >= end) return;
    }
  }

  /** The indices to run; undefined where the length of the data set is not known. */
  #indices(signature: string, data: CalibrationData): number[] | undefined {
    const selected = selection(data);
    if (!selected) return undefined;
    const { shard } = this.#plan;
    const mine = shard ? shardIndices(selected, shard) : selected;
    return mine.filter((index) => !this.#sum.has(signature, index));
  }

  async #partialNowAndThen(): Promise<void> {
    const seconds = (Date.now() - this.#lastPartial) / 1000;
    if (seconds >= (this.#plan.partialSeconds ?? DEFAULT_PARTIAL_SECONDS)) await this.savePartial();
  }
}

/** Ascending indices of everything that all parts together are to run; undefined where nobody can know. */
function selection({ dataset, selected, samples }: CalibrationData): readonly number[] | undefined {
  if (selected) return selected;
  if (dataset.length === undefined) return undefined;
  return Array.from({ length: Math.min(dataset.length, samples ?? dataset.length) }, (_, index) => index);
}

/** The data sets of this run, joined with those of a resumed one. */
function describeData({ data, identity, resume }: CalibrationPlan): CalibratedDataset[] {
  const own = [...data].map(
    ([signature, entry]): CalibratedDataset => ({
      signature,
      description: entry.dataset.description,
      length: entry.dataset.length,
      selected: selection(entry),
    }),
  );
  if (resume) requireSameModel(resume.model, identity);
  return mergeDatasets([...(resume?.datasets ?? []), ...own]);
}

function requireSignatures({ model, data }: CalibrationPlan): void {
  const keys = signatures(model).map((view) => view.key);
  const unknown = [...data.keys()].find((key) => !keys.includes(key));
  if (unknown === undefined) return;
  throw new AeqError('USAGE', `the model has no signature "${unknown}"`, {
    hint: `its signatures are ${keys.join(', ') || '(none)'}`,
  });
}

/** State that carries on from sample to sample makes a part see something else than the whole run does. */
function requireOrderFree({ model, shard, resume }: CalibrationPlan, resetState: boolean, concurrency: number): void {
  const inOrder = !resume && (shard?.parts ?? 1) === 1 && concurrency === 1;
  if (resetState || inOrder || !isStateful(model)) return;
  throw new AeqError('USAGE', 'this model keeps state from sample to sample, so its samples cannot be run in parts', {
    hint: 'run all samples at once with one worker, or reset the state for each sample',
  });
}
