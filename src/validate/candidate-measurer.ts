import type { CapturedTensor } from '../../calibration/capture/session.ts';
import type { Runtime } from '../../calibration/runtime/runtime.ts';
import type { Feed } from '../../datasets/sample.ts';
import { AeqError } from '../../schema/errors.ts';
import { elementCount } from '../../schema/graph.ts';
import type { Tensor } from '../../schema/model.ts';
import type { Candidate, CandidateSignature } from './candidate.ts';
import { type Captured, withScratch } from './captured.ts';
import { type Scores, scoresOf } from './classification.ts';
import { spreadOf } from './distribution.ts';
import { feedFor } from './feeds.ts';
import { InjectedErrors, type Isolation } from './injected.ts';
import type { CompareJob } from './jobs.ts';
import type { CandidateMeasurement, InjectedMeasurement, TensorMeasurement } from './measurement.ts';
import { compareTensors } from './metrics.ts';
import { codingOf, decode, type Scratch, type TensorNumbers } from './numbers.ts';

/** Measures samples of one quantized model beside the float model. */
export class CandidateMeasurer {
  readonly candidate: Candidate;
  readonly #injected: readonly InjectedErrors[];

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
  compare(key: string, float: Captured, quantized: Captured): Pick<CandidateMeasurement, 'tensors' | 'scores'> {
    const signature = this.#signature(key);
    const [first] = float.values();
    const tensors: [number, TensorMeasurement][] = [];
    let scores: Scores | undefined;
    if (first === undefined) return { tensors, scores };
    withScratch(first, (scratch) => {
      for (const [place, job] of signature.jobs.entries()) {
        const a = float.get(job.pair.float);
        const b = quantized.get(job.pair.quantized);
        if (!a || !b) continue;
        const reference = numbersOf(a, signature.matching.float.tensors[job.pair.float] as Tensor);
        const test = numbersOf(b, job.test);
        const measured = measure(job, a, reference, test, scratch);
        tensors.push([place, measured]);
        if (job === signature.scores && 'sums' in measured) scores = scoresOf(all(reference), all(test));
      }
    });
    return { tensors, scores };
  }

  /** Runs the operators alone on the float values of one sample. */
  async inject(runtime: Runtime, key: string, feed: Feed, float: Captured): Promise<InjectedMeasurement | undefined> {
    return this.#injected[this.candidate.place(key)]?.measure(runtime, feed, float);
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

function measure(
  job: CompareJob,
  captured: CapturedTensor,
  reference: TensorNumbers,
  test: TensorNumbers,
  scratch: { readonly reference: Scratch; readonly test: Scratch },
): TensorMeasurement {
  if (reference.count !== test.count) {
    return { problem: `it has ${reference.count} values in the float model and ${test.count} in the quantized one` };
  }
  return {
    sums: compareTensors(reference, test, scratch, captured.view.shape.at(-1) ?? 0),
    spread: job.spread ? spreadOf(reference, captured) : undefined,
  };
}

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
