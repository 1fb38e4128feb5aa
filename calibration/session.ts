import type { Dataset, Sample } from '../datasets/sample.ts';
import type { CalibratedDataset, CalibrationDocument, ModelIdentity } from '../schema/documents/calibration.ts';
import { AeqError, type ErrorWhere } from '../schema/errors.ts';
import { signatures, tensorLabel } from '../schema/graph.ts';
import type { Model } from '../schema/model.ts';
import type { UnreachableTensor } from './capture/reference.ts';
import { type CapturedTensor, type CaptureSession, openCapture } from './capture/session.ts';
import { quantizeFeed } from './feed.ts';
import type { Runtime } from './runtime/runtime.ts';
import { type Shard, shardIndices } from './selection.ts';
import { TABLE_BYTES } from './statistics/histogram-counts.ts';
import { mergeDatasets, requireSameModel, sampleLabel } from './statistics/merge.ts';
import { observe, type TensorObservation } from './statistics/observation.ts';
import { StatisticsSum, type TensorIdentity } from './statistics/statistics.ts';
import { isDecodedConstant, isStateful, type WantedTensor } from './wanted.ts';

/** Samples for one signature, and which of them to take. */
export interface CalibrationData {
  readonly dataset: Dataset;
  /** Ascending indices of the whole selection, before sharding; all samples by default. */
  readonly selected?: readonly number[] | undefined;
  /** For data sets of unknown length: how many samples to take at most. */
  readonly samples?: number | undefined;
}

/** Told after every sample. */
export interface CalibrationProgress {
  readonly signature: string;
  readonly sample: Sample;
  /** Samples run so far, over all signatures, without those of a resumed run. */
  readonly done: number;
  /** Samples to run; undefined while a data set of unknown length is among them. */
  readonly total: number | undefined;
}

export interface CalibrateOptions {
  readonly model: Model;
  readonly identity: ModelIdentity;
  readonly runtime: Runtime;
  /** By signature key, in the order in which they are run. */
  readonly data: ReadonlyMap<string, CalibrationData>;
  readonly wanted: Iterable<WantedTensor>;
  /** Run one part only. */
  readonly shard?: Shard | undefined;
  /** A calibration to go on from: its samples are not run again. */
  readonly resume?: CalibrationDocument | undefined;
  /** Go on when a tensor holds NaN or infinities; they are counted and left out. By default the run fails. */
  readonly allowNonFinite?: boolean | undefined;
  /** Collect histograms, which all rules but `minmax` and `ema` need. Default true. */
  readonly histograms?: boolean | undefined;
  /** Start variable tensors afresh for each sample. By default they carry on through the samples of a signature. */
  readonly resetState?: boolean | undefined;
  /** Most bytes of captured tensors at once. Default 1 GiB. */
  readonly memoryBytes?: number | undefined;
  /** Threads of the interpreter, where it has several. */
  readonly threads?: number | undefined;
  readonly onProgress?: ((progress: CalibrationProgress) => void) | undefined;
  /** Gets what there is so far, every `partialSeconds` (default 30) and when the run ends by an error or the signal. */
  readonly onPartial?: ((document: CalibrationDocument) => void | Promise<void>) | undefined;
  readonly partialSeconds?: number | undefined;
  readonly signal?: AbortSignal | undefined;
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
 * Runs the samples through the model and collects statistics of the wanted tensors. The document depends on nothing but
 * model, data and interpreter: not on parts, resumption or order.
 * @throws AeqError CALIBRATION_EMPTY without any sample; CALIBRATION_NAN naming tensor and sample; CALIBRATION_MISMATCH
 * when `resume` is of other data or another model; FEED_INVALID for a sample that does not fit, naming input and sample;
 * USAGE for an unknown signature; errors of the interpreter. The signal's reason when it is aborted.
 */
export async function calibrate(options: CalibrateOptions): Promise<CalibrationResult> {
  options.signal?.throwIfAborted();
  const run = new CalibrationRun(options);
  try {
    for (const [signature, data] of options.data) await run.signature(signature, data);
  } catch (error) {
    await run.savePartial();
    throw error;
  } finally {
    run.close();
  }
  if (run.sum.sampleCount === 0 && !options.shard) throw noSamples(options.data);
  return { document: run.document(), unreachable: run.unreachable, samplesRun: run.done };
}

function noSamples(data: CalibrateOptions['data']): AeqError {
  const sources = [...data.values()].flatMap(({ dataset }) => dataset.description.sources);
  const from = sources.length > 0 ? ` in ${sources.join(', ')}` : '';
  return new AeqError('CALIBRATION_EMPTY', `there are no samples to calibrate with${from}`, {
    hint: 'an iterator that was used up before gives none; 40 to 100 samples are a good number',
  });
}

const DEFAULT_PARTIAL_SECONDS = 30;

/** One run over all signatures: the interpreter, the sum so far, and the bookkeeping. */
class CalibrationRun {
  readonly sum = new StatisticsSum();
  readonly unreachable: readonly UnreachableTensor[];
  done = 0;
  readonly #options: CalibrateOptions;
  readonly #capture: CaptureSession;
  readonly #identities = new Map<string, TensorIdentity & { rowMaximum: boolean }>();
  readonly #datasets: CalibratedDataset[];
  readonly #total: number | undefined;
  #lastPartial = Date.now();

  constructor(options: CalibrateOptions) {
    this.#options = options;
    const { model, runtime, memoryBytes, threads } = options;
    requireSignatures(options);
    requireOrderFree(options);
    const decoded: UnreachableTensor[] = [];
    const wanted = [...options.wanted].filter((entry) => {
      if (!isDecodedConstant(model, entry)) return true;
      decoded.push({ subgraph: entry.subgraph, tensor: entry.tensor, reason: 'constant' });
      return false;
    });
    for (const entry of wanted) this.#identities.set(keyOf(entry), identityOf(model, entry));
    this.#capture = openCapture(runtime, model, wanted, {
      ...(memoryBytes !== undefined && { memoryBytes }),
      ...(threads !== undefined && { threads }),
    });
    this.unreachable = [...decoded, ...this.#capture.unreachable];
    this.#datasets = describeData(options);
    if (options.resume) this.sum.absorb(options.resume);
    const counts = [...options.data].map(([signature, data]) => this.#indices(signature, data)?.length);
    this.#total = counts.reduce<number | undefined>(
      (total, count) => (total === undefined || count === undefined ? undefined : total + count),
      0,
    );
  }

  close(): void {
    this.#capture.close();
  }

  document(): CalibrationDocument {
    const { identity, runtime, resume } = this.#options;
    const runtimes = new Set([...(resume?.runtimes ?? []), runtime.version]);
    return { model: identity, runtimes: [...runtimes].sort(), datasets: this.#datasets, ...this.sum.build() };
  }

  async savePartial(): Promise<void> {
    if (this.sum.sampleCount > 0) await this.#options.onPartial?.(this.document());
    this.#lastPartial = Date.now();
  }

  /** Runs the samples of one signature that are this part's and not there yet. */
  async signature(signature: string, data: CalibrationData): Promise<void> {
    const indices = this.#indices(signature, data);
    if (indices?.length === 0) return;
    const known = indices && new Set(indices);
    for await (const sample of data.dataset.samples(indices)) {
      this.#options.signal?.throwIfAborted();
      if (known ? !known.delete(sample.index) : this.#skips(signature, data, sample.index)) {
        if (!known && sample.index >= (data.samples ?? Number.POSITIVE_INFINITY)) break;
        continue;
      }
      await this.#sample(signature, sample);
      this.done += 1;
      this.#options.onProgress?.({ signature, sample, done: this.done, total: this.#total });
      await this.#partialNowAndThen();
      if (!known && sample.index + 1 >= (data.samples ?? Number.POSITIVE_INFINITY)) break;
    }
    this.#resetState();
  }

  /** The indices to run; undefined where the length of the data set is not known. */
  #indices(signature: string, data: CalibrationData): number[] | undefined {
    const selected = selection(data);
    if (!selected) return undefined;
    const { shard } = this.#options;
    const mine = shard ? shardIndices(selected, shard) : selected;
    return mine.filter((index) => !this.sum.has(signature, index));
  }

  #skips(signature: string, data: CalibrationData, index: number): boolean {
    const { shard } = this.#options;
    if (data.samples !== undefined && index >= data.samples) return true;
    return (shard !== undefined && index % shard.parts !== shard.part - 1) || this.sum.has(signature, index);
  }

  async #sample(signature: string, sample: Sample): Promise<void> {
    const observations: [TensorIdentity, TensorObservation][] = [];
    try {
      const feed = quantizeFeed(this.#options.model, signature, sample.feed);
      for await (const tensors of this.#capture.run(signature, feed)) this.#observe(tensors, sample, observations);
    } catch (error) {
      throw inSample(error, sample);
    }
    this.sum.addSample({ signature, index: sample.index, name: sample.name }, observations);
    if (this.#options.resetState) this.#resetState();
  }

  #observe(
    tensors: readonly CapturedTensor[],
    sample: Sample,
    observations: [TensorIdentity, TensorObservation][],
  ): void {
    const [first] = tensors;
    if (!first) return;
    const table = this.#options.histograms === false ? undefined : first.room.allocate(TABLE_BYTES);
    if (table !== undefined) new Uint8Array(first.kernels.memory.buffer, table, TABLE_BYTES).fill(0);
    try {
      for (const captured of tensors) {
        const identity = this.#identities.get(keyOf(captured));
        if (!identity) continue;
        const seen = observe(captured.kernels, captured.view, { table, rowMaximum: identity.rowMaximum });
        if (!seen) continue;
        if (!this.#options.allowNonFinite) requireFinite(seen, identity, this.#options.model, sample);
        observations.push([identity, seen]);
      }
    } finally {
      if (table !== undefined) first.room.free(table);
    }
  }

  #resetState(): void {
    if (isStateful(this.#options.model)) this.#capture.reset();
  }

  async #partialNowAndThen(): Promise<void> {
    const seconds = (Date.now() - this.#lastPartial) / 1000;
    if (seconds >= (this.#options.partialSeconds ?? DEFAULT_PARTIAL_SECONDS)) await this.savePartial();
  }
}

const keyOf = ({ subgraph, tensor }: { subgraph: number; tensor: number }) => `${subgraph}:${tensor}`;

function identityOf(model: Model, { subgraph, tensor, rowMaximum = false }: WantedTensor) {
  const entry = model.subgraphs[subgraph]?.tensors[tensor];
  return { subgraph, tensor, name: entry?.name ?? '', type: entry?.type ?? 0, shape: entry?.shape ?? [], rowMaximum };
}

/** Ascending indices of everything that all parts together are to run; undefined where nobody can know. */
function selection({ dataset, selected, samples }: CalibrationData): readonly number[] | undefined {
  if (selected) return selected;
  if (dataset.length === undefined) return undefined;
  return Array.from({ length: Math.min(dataset.length, samples ?? dataset.length) }, (_, index) => index);
}

/** The data sets of this run, joined with those of a resumed one. */
function describeData({ data, identity, resume }: CalibrateOptions): CalibratedDataset[] {
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

function requireSignatures({ model, data }: CalibrateOptions): void {
  const keys = signatures(model).map((view) => view.key);
  const unknown = [...data.keys()].find((key) => !keys.includes(key));
  if (unknown === undefined) return;
  throw new AeqError('USAGE', `the model has no signature "${unknown}"`, {
    hint: `its signatures are ${keys.join(', ') || '(none)'}`,
  });
}

/** State that carries on from sample to sample makes a part see something else than the whole run does. */
function requireOrderFree({ model, shard, resume, resetState }: CalibrateOptions): void {
  if (resetState || !isStateful(model) || (!resume && (shard?.parts ?? 1) === 1)) return;
  throw new AeqError('USAGE', 'this model keeps state from sample to sample, so its samples cannot be run in parts', {
    hint: 'run all samples at once, or reset the state for each sample',
  });
}

function requireFinite(seen: TensorObservation, { subgraph, tensor }: TensorIdentity, model: Model, sample: Sample) {
  if (seen.nans + seen.infinities === 0) return;
  const graph = model.subgraphs[subgraph];
  const name = graph ? tensorLabel(graph, tensor) : `tensor ${tensor}`;
  const what = seen.nans > 0 ? `${seen.nans} NaN` : `${seen.infinities} infinite values`;
  throw new AeqError('CALIBRATION_NAN', `tensor "${name}" holds ${what} in ${sampleLabel(sample)}`, {
    where: { tensor: name, subgraph, sample: sample.index },
    hint: 'check this sample and its preprocessing, or leave it out; it is the first tensor in the graph that has any',
  });
}

/** The same error with the sample in its words. */
function inSample(error: unknown, sample: Sample): unknown {
  if (!(error instanceof AeqError) || error.where.sample !== undefined) return error;
  const where: ErrorWhere = { ...error.where, sample: sample.index };
  const details = error.hint === undefined ? { where, cause: error } : { where, hint: error.hint, cause: error };
  return new AeqError(error.code, `${sampleLabel(sample)}: ${error.message}`, details);
}
