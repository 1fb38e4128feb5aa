import type { Feed, TensorValue } from '../../datasets/sample.ts';
import { AeqError } from '../../schema/errors.ts';
import { type SignatureView, signatureShape } from '../../schema/graph.ts';
import type { Model } from '../../schema/model.ts';
import { orderedFeed } from '../runtime/feed.ts';
import type { SignatureInfo, TensorInfo, TensorView } from '../runtime/runtime.ts';
import type { CapturedTensor } from './captured-tensor.ts';
import type { InputShapes, TensorReference } from './reference.ts';
import type { CapturedSignature } from './rewrite.ts';

/** A key for maps. */
export const keyOf = ({ subgraph, tensor }: TensorReference) => `${subgraph}:${tensor}`;

/** One signature a subgraph. */
export const uniqueBySubgraph = (list: readonly CapturedSignature[]) => [
  ...new Map(list.map((signature) => [signature.subgraph, signature])).values(),
];

/** What a signature takes and gives, with -1 for free dimensions. */
export function describe(model: Model, view: SignatureView): SignatureInfo {
  const info = ({ name, tensor }: { name: string; tensor: number }): TensorInfo => {
    const entry = model.subgraphs[view.subgraph]?.tensors[tensor];
    return { name, type: entry?.type ?? 0, shape: entry ? signatureShape(entry) : [] };
  };
  return { key: view.key, inputs: view.inputs.map(info), outputs: view.outputs.map(info) };
}

/** The wanted inputs among the views of all inputs. */
export function wantedInputs(
  model: Model,
  signature: CapturedSignature,
  views: readonly TensorView[],
  place: Pick<CapturedTensor, 'kernels' | 'room'>,
) {
  const { subgraph } = signature;
  return signature.wantedInputs.flatMap((tensor): CapturedTensor[] => {
    const name = signature.inputs.find((input) => input.tensor === tensor)?.name;
    const view = views.find((entry) => entry.name === name);
    return view ? [{ subgraph, tensor, view: named(model, { subgraph, tensor }, view), ...place }] : [];
  });
}

/** The view under the tensor's own name. */
export const named = (model: Model, { subgraph, tensor }: TensorReference, view: TensorView): TensorView => ({
  ...view,
  name: model.subgraphs[subgraph]?.tensors[tensor]?.name ?? '',
});

/** Whether all shapes in `b` are those in `a`. */
export function sameShapes(a: InputShapes, b: InputShapes): boolean {
  return Object.keys(b).every((name) => `${a[name]}` === `${b[name]}`);
}

/** The shapes a signature has before any feed was seen. */
export function fixedShapes(model: Model, view: SignatureView): InputShapes {
  const { inputs } = describe(model, view);
  return Object.fromEntries(inputs.map(({ name, shape }) => [name, shape]));
}

/** A feed may choose the free dimensions and the first one (the batch); everything else must be the model's. */
export function checkFeed(signature: SignatureInfo, feed: Feed): void {
  const inputs = signature.inputs.map((input) => {
    const given = feed[input.name]?.shape;
    const fits =
      given?.length === input.shape.length &&
      given.every((length, axis) => length === input.shape[axis] || axis === 0 || (input.shape[axis] ?? 0) < 0);
    return fits ? { ...input, shape: given } : input;
  });
  orderedFeed({ ...signature, inputs }, feed);
}

/** The refusal of a signature key. */
export const unknownSignature = (key: string, views: readonly SignatureView[]) =>
  new AeqError('FEED_INVALID', `the model has no signature ${key}`, {
    hint: `its signatures are ${views.map((view) => view.key).join(', ')}`,
  });

/** The values that a signature of the copy takes: of two names for one tensor it has one. */
export function partOf(feed: Feed, signature: CapturedSignature): Feed {
  const part: Record<string, TensorValue> = {};
  for (const { name } of signature.inputs) {
    const value = Object.hasOwn(feed, name) ? feed[name] : undefined;
    if (value) part[name] = value;
  }
  return part;
}
