import type { TensorReference } from '../../calibration/capture/reference.ts';
import { type CaptureSession, openCapture } from '../../calibration/capture/session.ts';
import type { Runtime } from '../../calibration/runtime/runtime.ts';
import type { Feed, Sample } from '../../datasets/sample.ts';
import { AeqError } from '../../schema/errors.ts';
import type { Model } from '../../schema/model.ts';
import type { Candidate } from './candidate.ts';
import { CandidateMeasurer } from './candidate-measurer.ts';
import { type Captured, capturedOnce } from './captured.ts';
import type { Isolation } from './injected.ts';
import { tensorBytes } from './jobs.ts';
import type { CandidateMeasurement, SampleMeasurer } from './measurement.ts';

export interface MeasurerOptions {
  /** Most bytes of tensors of all models at once; more are taken in several runs of each sample. Default 1 GiB. */
  readonly memoryBytes?: number | undefined;
  readonly threads?: number | undefined;
  /** Where quantized operators are run alone; left out, they are not. */
  readonly isolation?: Isolation | undefined;
}

const DEFAULT_MEMORY_BYTES = 2 ** 30;

/** Sessions for a part of the tensors that fits into memory, one for each model. */
interface Run {
  readonly float: CaptureSession;
  readonly quantized: readonly CaptureSession[];
  /** Subgraphs with tensors of this part. */
  readonly subgraphs: ReadonlySet<number>;
}

/**
 * Runs samples in an interpreter of this thread: the float model once for all quantized ones. No more than one sample's
 * tensors are kept. The runtime stays open when the measurer is closed.
 */
export class LocalMeasurer implements SampleMeasurer {
  readonly version: string;
  readonly concurrency = 1;
  readonly keepsSamples = false;
  readonly #runtime: Runtime;
  readonly #measurers: readonly CandidateMeasurer[];
  readonly #runs: readonly Run[];

  constructor(runtime: Runtime, float: Model, candidates: readonly Candidate[], options: MeasurerOptions) {
    this.version = runtime.version;
    this.#runtime = runtime;
    const { isolation, threads } = options;
    this.#measurers = candidates.map((candidate) => new CandidateMeasurer(candidate, isolation, threads));
    this.#runs = openRuns(runtime, float, candidates, options);
  }

  async measure(key: string, sample: Sample, alone: boolean): Promise<CandidateMeasurement[]> {
    for (const measurer of this.#measurers) measurer.begin();
    try {
      for (const run of this.#runs) {
        if (!run.subgraphs.has(this.#subgraph(key))) continue;
        await this.#measure(key, sample.feed, run, alone && this.#runs.length === 1);
      }
    } catch (error) {
      throw withSample(error, sample);
    }
    return this.#measurers.map((measurer) => measurer.measurement());
  }

  async close(): Promise<void> {
    for (const run of this.#runs) for (const session of [run.float, ...run.quantized]) session.close();
    for (const measurer of this.#measurers) measurer.close();
  }

  #subgraph(key: string): number {
    const [first] = this.#measurers;
    return first?.candidate.signatures[first.candidate.place(key)]?.floatView.subgraph ?? -1;
  }

  async #measure(key: string, feed: Feed, run: Run, alone: boolean): Promise<void> {
    await capturedOnce(run.float, key, feed, async (float) => {
      for (const [index, measurer] of this.#measurers.entries()) {
        await this.#measureOne(measurer, run.quantized[index] as CaptureSession, key, feed, float, alone);
      }
    });
  }

  async #measureOne(
    measurer: CandidateMeasurer,
    session: CaptureSession,
    key: string,
    floatFeed: Feed,
    float: Captured,
    alone: boolean,
  ): Promise<void> {
    const feed = measurer.feed(key, floatFeed);
    try {
      await capturedOnce(session, measurer.key(key), feed, (quantized) => measurer.compare(key, float, quantized));
    } catch (error) {
      throw await measurer.blame(error, this.#runtime, key, feed, float);
    }
    if (alone) await measurer.inject(this.#runtime, key, feed, float);
  }
}

/** Divides the tensors into parts within the budget; almost always there is one. */
function openRuns(
  runtime: Runtime,
  float: Model,
  candidates: readonly Candidate[],
  { memoryBytes = DEFAULT_MEMORY_BYTES, threads }: MeasurerOptions,
): Run[] {
  const capture = { memoryBytes: Number.POSITIVE_INFINITY, ...(threads && { threads }) };
  return divide(float, candidates, memoryBytes).map((part) => ({
    float: openCapture(runtime, float, part, capture),
    quantized: candidates.map((candidate) =>
      openCapture(runtime, candidate.source.model, candidate.counterparts(part), capture),
    ),
    subgraphs: new Set(part.map(({ subgraph }) => subgraph)),
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

/** The same error with the sample that it happened on. */
function withSample(error: unknown, sample: Sample): unknown {
  if (!(error instanceof AeqError) || error.where.sample !== undefined) return error;
  return new AeqError(error.code, error.message, {
    where: { ...error.where, sample: sample.name },
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    cause: error,
  });
}
