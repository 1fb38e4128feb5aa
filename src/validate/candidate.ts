import type { TensorReference } from '../../calibration/capture/reference.ts';
import { captureModel } from '../../calibration/capture/rewrite.ts';
import { AeqError } from '../../schema/errors.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { elementCount, type SignatureView, signatures } from '../../schema/graph.ts';
import type { Model } from '../../schema/model.ts';
import { type LoneOperator, loneOperators, neededFloats } from './disconnected.ts';
import { allJobs, type CompareJob, type SignatureJobs, signatureJobs, wantedTensors } from './jobs.ts';
import { matchGraphs } from './matching.ts';
import type { ComparedModel } from './model-entry.ts';

/** What is to be measured, beside the errors of tensors; plain data, so that it can be sent to a worker. */
export interface CandidateOptions {
  /** Name of the signature output that holds the scores of classes; by default the first that can. */
  readonly classOutput?: string | undefined;
  /** Also collect how the values of each tensor are spread. */
  readonly distributions?: boolean | undefined;
  /** Also run operators alone. */
  readonly injected?: boolean | undefined;
}

/** What is compared of one signature. */
export interface CandidateSignature extends SignatureJobs {
  readonly jobs: readonly CompareJob[];
  /** The job whose tensors hold the scores of classes. */
  readonly scores: CompareJob | undefined;
  /** Operators to run alone. */
  readonly operators: readonly LoneOperator[];
}

/** One quantized model that is being compared, and what belongs together in it and the float model. */
export class Candidate {
  readonly source: ComparedModel;
  readonly float: Model;
  readonly signatures: readonly CandidateSignature[];
  /** Tensors of the float model that must be seen. */
  readonly wanted: readonly TensorReference[];

  /** @throws AeqError MODELS_DIFFER */
  constructor(float: Model, views: readonly SignatureView[], source: ComparedModel, options: CandidateOptions) {
    this.source = source;
    this.float = float;
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
    this.signatures = pairs.map(({ floatView, quantizedView, matching }) => {
      const parts = signatureJobs(float, floatView, quantizedView, matching, unreachable, options.distributions);
      const operators = options.injected ? loneOperators(source.model, matching) : [];
      return { ...parts, jobs: allJobs(parts), scores: classOutput(parts, options), operators };
    });
    this.wanted = this.signatures.flatMap(({ floatView, matching, jobs, operators }) =>
      references(floatView, [...jobs.map((job) => job.pair.float), ...neededFloats(source.model, matching, operators)]),
    );
  }

  /** The tensors of this model that float tensors are compared with. */
  counterparts(wanted: readonly TensorReference[]): TensorReference[] {
    const keys = new Set(wanted.map(({ subgraph, tensor }) => `${subgraph}:${tensor}`));
    return this.signatures.flatMap(({ floatView: { subgraph }, quantizedView, jobs }) => {
      const compared = jobs.filter((job) => keys.has(`${subgraph}:${job.pair.float}`));
      return references(
        quantizedView,
        compared.map((job) => job.pair.quantized),
      );
    });
  }

  /** Place of a signature by the float model's key. */
  place(key: string): number {
    const found = this.signatures.findIndex(({ floatView }) => floatView.key === key);
    if (found < 0) throw new AeqError('INTERNAL', `signature ${key} is not being compared`);
    return found;
  }
}

/** The signatures of these keys. @throws AeqError USAGE */
export function signaturesOf(model: Model, keys: readonly string[]): SignatureView[] {
  const all = signatures(model);
  return keys.map((key) => {
    const view = all.find((entry) => entry.key === key);
    if (view) return view;
    throw new AeqError('USAGE', `the model has no signature ${key}`, {
      hint: `its signatures are ${all.map((entry) => entry.key).join(', ')}`,
    });
  });
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

const references = ({ subgraph }: SignatureView, tensors: Iterable<number>): TensorReference[] =>
  Array.from(tensors, (tensor) => ({ subgraph, tensor }));

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
