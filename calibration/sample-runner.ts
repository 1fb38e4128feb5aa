import type { Sample, SampleName } from '../datasets/sample.ts';
import { AeqError, type ErrorWhere } from '../schema/errors.ts';
import { tensorConstant, tensorLabel } from '../schema/graph.ts';
import type { Model } from '../schema/model.ts';
import { type InlinedModel, inlineComposites } from './capture/inline.ts';
import type { TensorReference, UnreachableTensor } from './capture/reference.ts';
import { type CapturedTensor, type CaptureSession, openCapture, type Room } from './capture/session.ts';
import { quantizeFeed } from './feed.ts';
import type { Runtime } from './runtime/runtime.ts';
import { CountsMemory } from './statistics/histogram-counts.ts';
import { HistogramTable, TABLE_ROOM_BYTES } from './statistics/histogram-table.ts';
import { sampleLabel } from './statistics/merge.ts';
import {
  type HistogramRoom,
  mergeObservations,
  type ObservationOptions,
  observe,
  type TensorObservation,
} from './statistics/observation.ts';
import { type CollectedStatistics, StatisticsSum, type TensorIdentity } from './statistics/statistics.ts';
import { isDecodedConstant, isStateful, type WantedTensor } from './wanted.ts';

/** Something that runs samples and sums up what they showed: an interpreter of this thread, or several workers. */
export interface SampleRunner {
  /** Version text of the interpreter. */
  readonly version: string;
  /** Wanted tensors that no interpreter shows, with the reason. */
  readonly unreachable: readonly UnreachableTensor[];
  /** How many samples may run at a time. */
  readonly concurrency: number;
  /** It may need the values of a sample after its run has ended. */
  readonly keepsSamples: boolean;
  /** It reads the samples of this signature itself: their names will do. */
  reads?(signature: string): boolean;
  /**
   * Runs one sample and adds what it showed, or nothing when it fails.
   * @throws AeqError CALIBRATION_NAN, FEED_INVALID and errors of the interpreter, naming the sample;
   * DATASET_UNREADABLE when it cannot be read here; CALIBRATION_MISMATCH when it was run before.
   */
  run(signature: string, sample: Sample | SampleName): Promise<void>;
  /** Hands over the sum of all samples whose run has ended since the last time; each sample is handed over once. */
  collect(): Promise<CollectedStatistics>;
  /** Starts variable tensors afresh. */
  reset(): void;
  close(): Promise<void>;
}

/** How samples are to be looked at; plain data, so that it can be sent to a worker. */
export interface RunnerSettings {
  readonly wanted: readonly WantedTensor[];
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
}

/** What is wanted of a captured tensor. */
interface Look {
  readonly captured: CapturedTensor;
  readonly wanted: readonly WantedTensor[];
  readonly identities: readonly TensorIdentity[];
  readonly options: ObservationOptions;
}

/** Runs samples one by one in an interpreter of this thread. The runtime stays open when the runner is closed. */
export class LocalRunner implements SampleRunner {
  readonly version: string;
  readonly unreachable: readonly UnreachableTensor[];
  readonly concurrency = 1;
  readonly keepsSamples = false;
  readonly #model: Model;
  readonly #settings: RunnerSettings;
  readonly #capture: CaptureSession;
  /** Wanted tensors by where they are captured: inside composites that may be several places a tensor, and the other way round. */
  readonly #captured: ReadonlyMap<string, readonly WantedTensor[]>;
  readonly #stateful: boolean;
  readonly #identities = new Map<string, TensorIdentity>();
  readonly #looks = new WeakMap<readonly CapturedTensor[], readonly Look[]>();
  readonly #rooms = new WeakMap<Room, HistogramRoom>();
  readonly #counts = new CountsMemory();
  #sum = new StatisticsSum(this.#counts);

  constructor(runtime: Runtime, model: Model, settings: RunnerSettings) {
    const { wanted, memoryBytes, threads } = settings;
    const [decoded, others] = [
      wanted.filter((entry) => isDecodedConstant(model, entry)),
      wanted.filter((entry) => !isDecodedConstant(model, entry)),
    ];
    this.version = runtime.version;
    this.#model = model;
    this.#settings = settings;
    this.#stateful = isStateful(model);
    const inlined = inlineComposites(model);
    this.#captured = capturedPlaces(inlined, others);
    this.#capture = openCapture(runtime, inlined.model, [...this.#captured.keys()].map(referenceOf), {
      ...(memoryBytes !== undefined && { memoryBytes }),
      ...(threads !== undefined && { threads }),
      segmented: true,
    });
    this.unreachable = [
      ...decoded.map(({ subgraph, tensor }) => ({ subgraph, tensor, reason: 'constant' as const })),
      ...this.#capture.unreachable.flatMap((place) =>
        (this.#captured.get(keyOf(place)) ?? []).map(({ subgraph, tensor }) => ({ ...place, subgraph, tensor })),
      ),
    ];
  }

  async run(signature: string, sample: Sample | SampleName): Promise<void> {
    if (!('feed' in sample)) throw new AeqError('INTERNAL', `${sampleLabel(sample)} was not read`);
    const seen = new Map<TensorIdentity, TensorObservation>();
    this.#counts.clearStage();
    try {
      const feed = quantizeFeed(this.#model, signature, sample.feed);
      for await (const tensors of this.#capture.run(signature, feed)) this.#observe(tensors, sample, seen);
    } catch (error) {
      throw inSample(error, sample);
    }
    this.#sum.addSample({ signature, index: sample.index, name: sample.name }, seen);
    if (this.#settings.resetState) this.reset();
  }

  async collect(): Promise<CollectedStatistics> {
    const collected = this.#sum.build();
    this.#counts.reset();
    this.#sum = new StatisticsSum(this.#counts);
    return collected;
  }

  reset(): void {
    if (this.#stateful) this.#capture.reset();
  }

  async close(): Promise<void> {
    this.#capture.close();
  }

  /** Looks at the tensors of one pass where they lie. */
  #observe(tensors: readonly CapturedTensor[], sample: Sample, seen: Map<TensorIdentity, TensorObservation>): void {
    const histogram = this.#histogramRoom(tensors);
    for (const { captured, wanted, identities, options } of this.#looksAt(tensors)) {
      const observation = observe(captured.kernels, captured.view, histogram, options);
      if (!observation) continue;
      if (!this.#settings.allowNonFinite) requireFinite(observation, wanted[0] ?? captured, this.#model, sample);
      for (const identity of identities) {
        const known = seen.get(identity);
        seen.set(identity, known ? mergeObservations(known, observation) : observation);
      }
    }
  }

  /** What is wanted of these tensors; found once for tensors that are shown again and again. */
  #looksAt(tensors: readonly CapturedTensor[]): readonly Look[] {
    const known = this.#looks.get(tensors);
    if (known) return known;
    const looks = tensors.map((captured): Look => {
      const wanted = this.#captured.get(keyOf(captured)) ?? [];
      const identities = wanted.map((place) => this.#identity(place));
      const options = { rowMaximum: wanted.some(({ rowMaximum }) => rowMaximum), ...learnedRows(wanted) };
      return { captured, wanted, identities, options };
    });
    this.#looks.set(tensors, looks);
    return looks;
  }

  /** The table of these tensors' session, which stays with it. */
  #histogramRoom([first]: readonly CapturedTensor[]): HistogramRoom | undefined {
    if (!first || this.#settings.histograms === false) return undefined;
    const { room, kernels } = first;
    const known = this.#rooms.get(room);
    if (known) return known;
    const made = { table: new HistogramTable(kernels, room.allocate(TABLE_ROOM_BYTES)), counts: this.#counts };
    this.#rooms.set(room, made);
    return made;
  }

  #identity({ subgraph, tensor }: TensorReference): TensorIdentity {
    const key = keyOf({ subgraph, tensor });
    let identity = this.#identities.get(key);
    if (!identity) {
      const entry = this.#model.subgraphs[subgraph]?.tensors[tensor];
      identity = { subgraph, tensor, name: entry?.name ?? '', type: entry?.type ?? 0, shape: entry?.shape ?? [] };
      this.#identities.set(key, identity);
    }
    return identity;
  }
}

/** The wanted tensors by the places in the copy that show them, in their order. What is a constant there is left out. */
function capturedPlaces({ model, places }: InlinedModel, wanted: readonly WantedTensor[]) {
  const result = new Map<string, WantedTensor[]>();
  for (const entry of wanted) {
    const all = places(entry);
    for (const place of all) {
      const tensor = model.subgraphs[place.subgraph]?.tensors[place.tensor];
      if (keyOf(place) !== keyOf(entry) && tensor && tensorConstant(model, tensor)) continue;
      const key = keyOf(place);
      result.set(key, [...(result.get(key) ?? []), entry]);
    }
  }
  return result;
}

/** Rows that something is to be learned from: what one place of the tensor asks for, all get. */
function learnedRows(wanted: readonly WantedTensor[]): Pick<WantedTensor, 'rowLength' | 'squaresOnly'> {
  const rows = wanted.filter(({ rowLength }) => rowLength !== undefined);
  const rowLength = rows[0]?.rowLength;
  if (rowLength === undefined) return {};
  return { rowLength, squaresOnly: rows.every(({ squaresOnly }) => squaresOnly === true) };
}

function referenceOf(key: string): TensorReference {
  const [subgraph = 0, tensor = 0] = key.split(':').map(Number);
  return { subgraph, tensor };
}

const keyOf = ({ subgraph, tensor }: TensorReference) => `${subgraph}:${tensor}`;

function requireFinite(seen: TensorObservation, { subgraph, tensor }: TensorReference, model: Model, sample: Sample) {
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
