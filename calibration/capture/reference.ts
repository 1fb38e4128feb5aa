import type { Model } from '../../schema/model.ts';

/** A tensor of the original model. */
export interface TensorReference {
  readonly subgraph: number;
  readonly tensor: number;
}

/** Why a tensor's values cannot be had by making it an output. */
export const UNREACHABLE = {
  constant: 'it is a constant: read it from the file',
  variable: 'it holds state of the interpreter, which no run gives out',
  type: 'its type has no fixed size in bytes or is packed',
  unwritten: 'nothing writes it',
  empty: 'it has no elements',
  inner: 'its subgraph runs inside an operator (loop, branch or composite), whose inner tensors no interpreter shows',
  dynamic: 'its size depends on values, and the interpreter gives outputs of a known size only',
  unused: 'no signature runs its subgraph',
  missing: 'the model has no such tensor',
} as const;

export interface UnreachableTensor extends TensorReference {
  readonly reason: keyof typeof UNREACHABLE;
}

/** Input shapes by input name. */
export type InputShapes = Readonly<Record<string, readonly number[]>>;

/** Input shapes by signature key; those of signatures and inputs that are not there come from the model. */
export type SignatureShapes = Readonly<Record<string, InputShapes>>;

/** Every output of every signature, once. */
export function outputReferences(model: Model, signatures: readonly { subgraph: number }[]): TensorReference[] {
  const subgraphs = [...new Set(signatures.map((signature) => signature.subgraph))];
  return subgraphs.flatMap((subgraph) =>
    [...new Set(model.subgraphs[subgraph]?.outputs)].map((tensor) => ({ subgraph, tensor })),
  );
}
