import type { CapturedTensor } from '../../calibration/capture/session.ts';
import type { Runtime } from '../../calibration/runtime/runtime.ts';
import type { Feed } from '../../datasets/sample.ts';
import { AeqError } from '../../schema/errors.ts';
import { elementCount } from '../../schema/graph.ts';
import type { Tensor } from '../../schema/model.ts';
import type { Candidate, CandidateSignature } from './candidate.ts';
import { type Captured, withScratch } from './captured.ts';
import { type Scores, scoresOf } from './classification.ts';
import { type Spread, spreadOf } from './distribution.ts';
import { feedFor } from './feeds.ts';
import { InjectedErrors, type Isolation } from './injected.ts';
import type { CandidateMeasurement, InjectedMeasurement } from './measurement.ts';
import { compareTensors } from './metrics.ts';
import { codingOf, decode, type TensorNumbers } from './numbers.ts';
import { RecordWriter } from './records.ts';

/** Measures samples of one quantized model beside the float model: `begin`, then the rest, then `measurement`. */
export class CandidateMeasurer {
  readonly candidate: Candidate;
  readonly #injected: readonly InjectedErrors[];
  readonly #writer = new RecordWriter();
  #found: Found = nothing();

  /**
   * @param isolation where operators are run alone, if they are
   * @param threads of their interpreter; as it likes by default
   */
  constructor(candidate: Candidate, isolation: Isolation | undefined, threads?: number) {
    this.candidate = candidate;
    this.#injected = candidate.signatures.flatMap((signature) =>
      isolation ? new InjectedErrors(candidate.source.model, signature, isolation, threads) : [],
    );
  }

  /** Starts a sample. */
  begin(): void {
    this.#writer.clear();
    this.#found = nothing();
  }

  /** What was measured since `begin`, valid until the next. */
  measurement(): CandidateMeasurement {
    return { ...this.#found, records: this.#writer.records() };
  }

  /** This model's key of a signature of the float model. */
  key(key: string): string {
    return this.#signature(key).quantizedView.key;
  }

  /** A sample made for the float model as this model takes it. */
  feed(key: string, feed: Feed): Feed {
    const { floatView, quantizedView } = this.#signature(key);
    return feedFor(this.candidate.source.model, quantizedView, floatView, feed);
  }

  /** Compares the tensors that both runs of one sample hold. */
  compare(key: string, float: Captured, quantized: Captured): void {
    const signature = this.#signature(key);
    const [first] = float.values();
    if (first === undefined) return;
    withScratch(first, (scratch) => {
      for (const [place, job] of signature.jobs.entries()) {
        const a = float.get(job.pair.float);
        const b = quantized.get(job.pair.quantized);
        if (!a || !b) continue;
        const reference = numbersOf(a, signature.matching.float.tensors[job.pair.float] as Tensor);
        const test = numbersOf(b, job.test);
        if (reference.count !== test.count) this.#found.problems.push([place, otherSize(reference, test)]);
        else {
          compareTensors(reference, test, scratch, a.view.shape.at(-1) ?? 0, this.#writer);
          this.#found.jobs.push(place);
          if (job.spread) this.#found.spreads.push([place, spreadOf(reference, a)]);
          if (job === signature.scores) this.#found.scores = scoresOf(all(reference), all(test));
        }
      }
    });
  }

  /** Runs the operators alone on the float values of one sample. */
  async inject(runtime: Runtime, key: string, feed: Feed, float: Captured): Promise<void> {
    this.#found.injected = await this.#injected[this.candidate.place(key)]?.measure(runtime, feed, float);
  }

  /** The error of a run of this model, with the operators that fail by themselves, if there are such. */
  async blame(error: unknown, runtime: Runtime, key: string, feed: Feed, float: Captured): Promise<unknown> {
    const own = this.#injected[this.candidate.place(key)];
    if (!(error instanceof AeqError) || !error.code.startsWith('RUNTIME_') || own === undefined) return error;
    await own.measure(runtime, feed, float).catch(() => undefined);
    const culprits = own.culprits();
    if (culprits.length === 0) return error;
    const { file } = this.candidate.source;
    return new AeqError(error.code, `${file} does not run: ${error.message}`, {
      where: { file, operator: culprits[0]?.name ?? '' },
      hint: `keep in float what fails by itself: ${culprits.map(({ name, reason }) => `${name} (${reason})`).join('; ')}`,
      cause: error,
    });
  }

  close(): void {
    for (const own of this.#injected) own.close();
  }

  #signature(key: string): CandidateSignature {
    return this.candidate.signatures[this.candidate.place(key)] as CandidateSignature;
  }
}

/** A measurement in the making. */
interface Found {
  readonly jobs: number[];
  readonly spreads: [number, Spread][];
  readonly problems: [number, string][];
  scores: Scores | undefined;
  injected: InjectedMeasurement | undefined;
}

const nothing = (): Found => ({ jobs: [], spreads: [], problems: [], scores: undefined, injected: undefined });

const otherSize = (reference: TensorNumbers, test: TensorNumbers) =>
  `it has ${reference.count} values in the float model and ${test.count} in the quantized one`;

function all(numbers: TensorNumbers): Float32Array {
  const values = new Float32Array(numbers.count);
  decode(numbers, 0, values);
  return values;
}

function numbersOf({ view, kernels }: CapturedTensor, tensor: Tensor): TensorNumbers {
  return {
    type: view.type,
    count: elementCount(view.shape),
    memory: kernels.memory,
    byteOffset: view.byteOffset,
    coding: codingOf(tensor, view.shape),
  };
}
