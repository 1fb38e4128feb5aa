import type { TensorReference } from '../../calibration/capture/reference.ts';
import { captureModel } from '../../calibration/capture/rewrite.ts';
import type { CapturedTensor } from '../../calibration/capture/session.ts';
import type { Runtime } from '../../calibration/runtime/runtime.ts';
import type { Labels } from '../../datasets/labels.ts';
import type { Feed, Sample } from '../../datasets/sample.ts';
import type { Comparison, TensorComparison, WeightComparison } from '../../schema/documents/comparison.ts';
import { AeqError } from '../../schema/errors.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { elementCount, type SignatureView, signatures } from '../../schema/graph.ts';
import type { Model, Tensor } from '../../schema/model.ts';
import { type Captured, withScratch } from './captured.ts';
import { ClassificationCounter } from './classification.ts';
import { feedFor } from './feeds.ts';
import { floatOperators } from './float-operators.ts';
import { InjectedErrors, type Isolation } from './injected.ts';
import { type CompareJob, type SignatureJobs, signatureJobs, wantedTensors } from './jobs.ts';
import { matchGraphs } from './matching.ts';
import { compareTensors } from './metrics.ts';
import type { ComparedModel } from './model-entry.ts';
import { codingOf, decode, type Scratch, type TensorNumbers } from './numbers.ts';
import { compareWeights } from './weights.ts';

export interface CandidateOptions {
  readonly labels?: Labels | undefined;
  readonly classOutput?: string | undefined;
  /** Also collect how the values of each tensor are spread. */
  readonly distributions?: boolean | undefined;
  /** Where operators are run alone; left out, they are not. */
  readonly isolation?: Isolation | undefined;
}

/** One quantized model that is being compared: what belongs together, and the sums so far. */
export class Candidate {
  readonly source: ComparedModel;
  /** Tensors of the float model that have a counterpart to be compared with. */
  readonly wanted: readonly TensorReference[];
  readonly #float: Model;
  readonly #signatures: readonly SignatureJobs[];
  readonly #counters: readonly ClassificationCounter[];
  readonly #classOutputs: (CompareJob | undefined)[];
  readonly #injected: readonly InjectedErrors[];

  constructor(float: Model, views: readonly SignatureView[], source: ComparedModel, options: CandidateOptions) {
    this.source = source;
    this.#float = float;
    const pairs = views.map((floatView) => {
      const quantizedView = counterpartSignature(source, floatView);
      return { floatView, quantizedView, matching: matchGraphs(float, floatView, source.model, quantizedView) };
    });
    const unreachable = {
      float: captureModel(
        float,
        pairs.flatMap(({ floatView, matching }) => references(floatView, wantedTensors(matching).float)),
      ).unreachable,
      quantized: captureModel(
        source.model,
        pairs.flatMap(({ quantizedView, matching }) => references(quantizedView, wantedTensors(matching).quantized)),
      ).unreachable,
    };
    this.#signatures = pairs.map(({ floatView, quantizedView, matching }) =>
      signatureJobs(float, floatView, quantizedView, matching, unreachable, options.distributions),
    );
    this.#injected = pairs.flatMap(({ quantizedView, matching }) =>
      options.isolation ? new InjectedErrors(source.model, quantizedView, matching, options.isolation) : [],
    );
    this.wanted = this.#signatures.flatMap((signature, index) =>
      references(signature.floatView, [
        ...allJobs(signature).map((job) => job.pair.float),
        ...(this.#injected[index]?.needed ?? []),
      ]),
    );
    this.#counters = views.map(() => new ClassificationCounter(options.labels));
    this.#classOutputs = this.#signatures.map((signature) => classOutput(signature, options));
  }

  /** The tensors of this model that float tensors are compared with. */
  counterparts(wanted: readonly TensorReference[]): TensorReference[] {
    const keys = new Set(wanted.map(({ subgraph, tensor }) => `${subgraph}:${tensor}`));
    return this.#signatures.flatMap((signature) => {
      const { subgraph } = signature.floatView;
      const jobs = allJobs(signature).filter((job) => keys.has(`${subgraph}:${job.pair.float}`));
      return references(
        signature.quantizedView,
        jobs.map((job) => job.pair.quantized),
      );
    });
  }

  /** This model's key of a signature of the float model. */
  key(view: SignatureView): string {
    return this.#jobsOf(view).quantizedView.key;
  }

  /** A sample made for the float model as this model takes it. */
  feed(view: SignatureView, feed: Feed): Feed {
    return feedFor(this.source.model, this.#jobsOf(view).quantizedView, view, feed);
  }

  /** Adds the tensors of one sample that both runs hold. */
  compare(view: SignatureView, sample: Sample, float: Captured, quantized: Captured): void {
    const signature = this.#jobsOf(view);
    const present = allJobs(signature).filter((job) => float.has(job.pair.float) && quantized.has(job.pair.quantized));
    const [first] = float.values();
    if (first === undefined) return;
    withScratch(first, (scratch) => {
      for (const job of present) {
        const a = float.get(job.pair.float) as CapturedTensor;
        const b = quantized.get(job.pair.quantized) as CapturedTensor;
        this.#compareJob(signature, job, sample, a, b, scratch);
      }
    });
  }

  /** Runs the operators alone on the float values of one sample. */
  async inject(runtime: Runtime, view: SignatureView, sample: Sample, feed: Feed, float: Captured): Promise<void> {
    const own = this.#injected[this.#signatures.indexOf(this.#jobsOf(view))];
    await own?.add(runtime, sample, feed, float);
  }

  /** The error of a run of this model, with the operators that fail by themselves, if there are such. */
  async blame(
    error: unknown,
    runtime: Runtime,
    view: SignatureView,
    sample: Sample,
    feed: Feed,
    float: Captured,
  ): Promise<unknown> {
    const own = this.#injected[this.#signatures.indexOf(this.#jobsOf(view))];
    if (!(error instanceof AeqError) || !error.code.startsWith('RUNTIME_') || own === undefined) return error;
    await own.add(runtime, sample, feed, float).catch(() => undefined);
    const culprits = own.culprits();
    if (culprits.length === 0) return error;
    return new AeqError(error.code, `${this.source.file} does not run: ${error.message}`, {
      where: { file: this.source.file, operator: culprits[0]?.name ?? '' },
      hint: `keep in float what fails by itself: ${culprits.map(({ name, reason }) => `${name} (${reason})`).join('; ')}`,
      cause: error,
    });
  }

  close(): void {
    for (const own of this.#injected) own.close();
  }

  /** What was measured; `counts` are the samples by signature. */
  result(
    counts: Readonly<Record<string, number>>,
  ): Pick<Comparison, 'signatures' | 'operators' | 'floatOperators' | 'weights' | 'classification'> {
    const weights = new Map<string, WeightComparison>();
    for (const { matching, floatView } of this.#signatures) {
      for (const weight of compareWeights(this.#float, this.source.model, matching, floatView.subgraph)) {
        weights.set(`${weight.subgraph}:${weight.position}:${weight.operand}`, weight);
      }
    }
    const classifications = this.#signatures.map(({ floatView }, index) =>
      this.#counters[index]?.result(floatView.key, this.#classOutputs[index]?.about.signatureName ?? ''),
    );
    return {
      signatures: this.#signatures.map((signature) => ({
        key: signature.floatView.key,
        samples: counts[signature.floatView.key] ?? 0,
        outputs: signature.outputs.flatMap(finished),
        tensors: signature.tensors.flatMap(finished),
        unmatched: [...signature.unmatched, ...allJobs(signature).flatMap(problemOf)],
      })),
      operators: this.#injected.flatMap((own) => own.result()),
      floatOperators: this.#signatures.flatMap(({ matching, floatView }) =>
        floatOperators(this.#float, floatView, this.source.model, matching),
      ),
      weights: [...weights.values()],
      classification: classifications.find((entry) => entry !== null && entry !== undefined) ?? null,
    };
  }

  #jobsOf(view: SignatureView): SignatureJobs {
    const found = this.#signatures.find((signature) => signature.floatView.key === view.key);
    if (found === undefined) throw new AeqError('INTERNAL', `signature ${view.key} is not being compared`);
    return found;
  }

  #compareJob(
    signature: SignatureJobs,
    job: CompareJob,
    sample: Sample,
    a: CapturedTensor,
    b: CapturedTensor,
    scratch: { readonly reference: Scratch; readonly test: Scratch },
  ): void {
    const floatTensor = signature.matching.float.tensors[job.pair.float] as Tensor;
    const reference = numbersOf(a, floatTensor);
    const test = numbersOf(b, job.test);
    if (reference.count !== test.count) {
      job.problem ??= `it has ${reference.count} values in the float model and ${test.count} in the quantized one`;
      return;
    }
    job.accumulator.add(compareTensors(reference, test, scratch, a.view.shape.at(-1) ?? 0), sample);
    job.distribution?.add(reference, a);
    const index = this.#signatures.indexOf(signature);
    if (this.#classOutputs[index] === job) this.#classify(index, job, sample, reference, test);
  }

  #classify(index: number, job: CompareJob, sample: Sample, reference: TensorNumbers, test: TensorNumbers): void {
    const scores = [reference, test].map((numbers) => {
      const values = new Float32Array(numbers.count);
      decode(numbers, 0, values);
      return values;
    }) as [Float32Array, Float32Array];
    // Without labels only scores that are probabilities are known to be those of classes.
    if (job.accumulator.metrics().kl === null && !this.#counters[index]?.hasLabels)
      this.#classOutputs[index] = undefined;
    else this.#counters[index]?.add(sample, ...scores);
  }
}

function counterpartSignature({ model, file }: ComparedModel, floatView: SignatureView): SignatureView {
  const all = signatures(model);
  const found = all.find((view) => view.key === floatView.key) ?? (all.length === 1 ? all[0] : undefined);
  if (found) return found;
  throw new AeqError('MODELS_DIFFER', `${file} has no signature ${floatView.key}`, {
    where: { file },
    hint: `its signatures are ${all.map((view) => view.key).join(', ')}`,
  });
}

const allJobs = ({ outputs, tensors }: SignatureJobs): CompareJob[] => [...outputs, ...tensors];

const references = ({ subgraph }: SignatureView, tensors: Iterable<number>): TensorReference[] =>
  Array.from(tensors, (tensor) => ({ subgraph, tensor }));

function numbersOf({ view, kernels }: CapturedTensor, tensor: Tensor): TensorNumbers {
  return {
    type: view.type,
    count: elementCount(view.shape),
    memory: kernels.memory,
    byteOffset: view.byteOffset,
    coding: codingOf(tensor, view.shape),
  };
}

/** The output with the scores of classes: the one that is named, or the first float one with several values in one row. */
function classOutput(
  { outputs, matching }: SignatureJobs,
  options: { readonly classOutput?: string | undefined },
): CompareJob | undefined {
  if (options.classOutput !== undefined) {
    return outputs.find((job) => job.about.signatureName === options.classOutput);
  }
  return outputs.find(({ pair }) => {
    const tensor = matching.float.tensors[pair.float];
    const classes = tensor?.shape?.at(-1) ?? 0;
    return tensor?.type === TensorType.FLOAT32 && classes > 1 && elementCount(tensor.shape) === classes;
  });
}

function finished(job: CompareJob): TensorComparison[] {
  if (job.problem !== undefined) return [];
  return [
    {
      ...job.about,
      metrics: job.accumulator.metrics(),
      worstSamples: [...job.accumulator.worstSamples()],
      worstChannel: job.accumulator.worstChannel(),
      distribution: job.distribution?.result({ type: job.test.type, coding: codingOf(job.test) }) ?? null,
    },
  ];
}

const problemOf = ({ about, problem }: CompareJob) =>
  problem === undefined ? [] : [{ name: about.name, reason: problem }];
