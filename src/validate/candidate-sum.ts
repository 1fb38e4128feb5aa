import type { Labels } from '../../datasets/labels.ts';
import type { Sample } from '../../datasets/sample.ts';
import type { Comparison, TensorComparison, WeightComparison } from '../../schema/documents/comparison.ts';
import type { Candidate, CandidateSignature } from './candidate.ts';
import { ClassificationCounter, type Scores } from './classification.ts';
import { DistributionCounter } from './distribution.ts';
import { ErrorAccumulator } from './error-sum.ts';
import { floatOperators } from './float-operators.ts';
import { InjectedSum } from './injected-sum.ts';
import type { CompareJob } from './jobs.ts';
import type { CandidateMeasurement } from './measurement.ts';
import { codingOf } from './numbers.ts';
import { RecordReader } from './records.ts';
import { compareWeights } from './weights.ts';

interface JobSum {
  readonly job: CompareJob;
  readonly accumulator: ErrorAccumulator;
  readonly distribution: DistributionCounter | undefined;
  problem?: string;
}

interface SignatureSum {
  readonly signature: CandidateSignature;
  readonly jobs: readonly JobSum[];
  readonly counter: ClassificationCounter;
  readonly injected: InjectedSum;
  /** Whether the scores are still taken for scores of classes. */
  classifies: boolean;
}

/** What came out so far of the comparison of one quantized model with the float model. */
export class CandidateSum {
  readonly candidate: Candidate;
  readonly #signatures: readonly SignatureSum[];

  constructor(candidate: Candidate, labels: Labels | undefined) {
    this.candidate = candidate;
    this.#signatures = candidate.signatures.map((signature) => ({
      signature,
      jobs: signature.jobs.map((job) => ({
        job,
        accumulator: new ErrorAccumulator({ type: job.test.type, coding: codingOf(job.test) }),
        distribution: job.spread ? new DistributionCounter() : undefined,
      })),
      counter: new ClassificationCounter(labels),
      injected: new InjectedSum(candidate.source.model, signature),
      classifies: signature.scores !== undefined,
    }));
  }

  /** Adds one sample; to be called in the order of samples, because sums of doubles depend on it. */
  add(key: string, sample: Pick<Sample, 'index' | 'name'>, measurement: CandidateMeasurement): void {
    const sum = this.#signatures[this.candidate.place(key)] as SignatureSum;
    const record = new RecordReader(measurement.records);
    for (const job of measurement.jobs) {
      sum.jobs[job]?.accumulator.add(record, sample);
      record.next();
    }
    for (const [job, spread] of measurement.spreads) sum.jobs[job]?.distribution?.add(spread);
    for (const [job, problem] of measurement.problems) (sum.jobs[job] as JobSum).problem ??= problem;
    if (measurement.scores) classify(sum, sample, measurement.scores);
    if (measurement.injected) sum.injected.add(measurement.injected, sample);
  }

  /** What was measured; `counts` are the samples by signature. */
  result(
    counts: Readonly<Record<string, number>>,
  ): Pick<Comparison, 'signatures' | 'operators' | 'floatOperators' | 'weights' | 'classification'> {
    const { float, source } = this.candidate;
    const weights = new Map<string, WeightComparison>();
    for (const { matching, floatView } of this.candidate.signatures) {
      for (const weight of compareWeights(float, source.model, matching, floatView.subgraph)) {
        weights.set(`${weight.subgraph}:${weight.position}:${weight.operand}`, weight);
      }
    }
    const classifications = this.#signatures.map(({ signature, counter, classifies }) =>
      counter.result(signature.floatView.key, classifies ? (signature.scores?.about.signatureName ?? '') : ''),
    );
    return {
      signatures: this.#signatures.map(({ signature, jobs }) => ({
        key: signature.floatView.key,
        samples: counts[signature.floatView.key] ?? 0,
        outputs: jobs.slice(0, signature.outputs.length).flatMap(finished),
        tensors: jobs.slice(signature.outputs.length).flatMap(finished),
        unmatched: [...signature.unmatched, ...jobs.flatMap(problemOf)],
      })),
      operators: this.#signatures.flatMap(({ injected }) => injected.result()),
      floatOperators: this.candidate.signatures.flatMap(({ matching, floatView }) =>
        floatOperators(float, floatView, source.model, matching),
      ),
      weights: [...weights.values()],
      classification: classifications.find((entry) => entry !== null) ?? null,
    };
  }
}

function classify(sum: SignatureSum, sample: Pick<Sample, 'index' | 'name'>, scores: Scores): void {
  const own = sum.jobs.find(({ job }) => job === sum.signature.scores);
  // Without labels only scores that are probabilities are known to be those of classes.
  if (!own?.accumulator.areProbabilities && !sum.counter.hasLabels) sum.classifies = false;
  if (sum.classifies) sum.counter.add(sample, scores);
}

function finished({ job, accumulator, distribution, problem }: JobSum): TensorComparison[] {
  if (problem !== undefined) return [];
  return [
    {
      ...job.about,
      metrics: accumulator.metrics(),
      worstSamples: [...accumulator.worstSamples()],
      worstChannel: accumulator.worstChannel(),
      distribution: distribution?.result({ type: job.test.type, coding: codingOf(job.test) }) ?? null,
    },
  ];
}

const problemOf = ({ job, problem }: JobSum) =>
  problem === undefined ? [] : [{ name: job.about.name, reason: problem }];
