import type { Feed } from '../../datasets/sample.ts';
import { bytesConstant, type Constant } from '../../schema/constant.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { cloneModel, isDynamic, type SignatureView } from '../../schema/graph.ts';
import type { Model, Subgraph, Tensor } from '../../schema/model.ts';
import type { Runtime, TensorView } from '../runtime/runtime.ts';
import { fixedOperands } from './fixed.ts';
import { appendCast, appendShape } from './graph-edit.ts';
import { openModel } from './open-model.ts';
import type { InputShapes, TensorReference } from './reference.ts';
import { captureModel } from './rewrite.ts';

/** What follows from the shapes of a feed and is not in the file, by tensor of the signature's subgraph. */
export interface ProbeResult {
  readonly shapes: ReadonlyMap<number, readonly number[]>;
  /** Values of shapes, axes and sizes that the graph computes from shapes. */
  readonly operands: ReadonlyMap<number, Constant>;
}

/**
 * The tensors whose shapes the file does not tell once the inputs have these shapes: those with a free dimension, or all
 * when an input is resized from a shape the file fixes.
 */
export function unknownShapes(
  model: Model,
  view: SignatureView,
  shapes: InputShapes,
  wanted: Iterable<number>,
): number[] {
  const subgraph = model.subgraphs[view.subgraph] as Subgraph;
  const resized = view.inputs.some(({ name, tensor }) => {
    const input = subgraph.tensors[tensor];
    const shape = shapes[name];
    return input !== undefined && shape !== undefined && !isDynamic(input) && `${shape}` !== `${input.shape ?? []}`;
  });
  return [...wanted].filter((index) => {
    const tensor = subgraph.tensors[index];
    return tensor !== undefined && (tensor.shape?.length ?? 0) > 0 && (resized || isDynamic(tensor));
  });
}

/**
 * The shapes that tensors of one signature take for a feed, and the operands that follow from shapes, by running copies
 * whose outputs are CAST(operand) and CAST(SHAPE(tensor)): what follows from shapes is computed while the interpreter
 * prepares and never written to an output, but CAST is written. Operands come first, since shapes follow from them.
 */
export async function probe(
  runtime: Runtime,
  model: Model,
  view: SignatureView,
  tensors: readonly number[],
  feed: Feed,
): Promise<ProbeResult> {
  const none = new Map<number, Constant>();
  const original = model.subgraphs[view.subgraph] as Subgraph;
  const values = await runProbe(
    runtime,
    model,
    view,
    feed,
    none,
    fixedOperands(model, original),
    (copy, subgraph, operand) =>
      appendCast(copy, subgraph, operand, {
        name: '',
        type: subgraph.tensors[operand]?.type ?? TensorType.INT32,
        shape: subgraph.tensors[operand]?.shape ?? [],
      }),
  );
  const operands = new Map(
    [...values].map(([tensor, numbers]) => [tensor, constantOf(original.tensors[tensor], numbers)]),
  );
  const shapes = await runProbe(runtime, model, view, feed, operands, tensors, (copy, subgraph, tensor) =>
    appendCast(copy, subgraph, appendShape(copy, subgraph, tensor, ''), {
      name: '',
      type: TensorType.INT32,
      shape: [subgraph.tensors[tensor]?.shape?.length ?? 0],
    }),
  );
  return { operands, shapes: new Map([...shapes].map(([tensor, lengths]) => [tensor, lengths.map(Number)])) };
}

/** Runs the model once with what `append` adds for each tensor as outputs; their values. */
async function runProbe(
  runtime: Runtime,
  model: Model,
  view: SignatureView,
  feed: Feed,
  operands: ReadonlyMap<number, Constant>,
  tensors: readonly number[],
  append: (copy: Model, subgraph: Subgraph, tensor: number) => number,
): Promise<Map<number, bigint[]>> {
  const found = new Map<number, bigint[]>();
  if (tensors.length === 0) return found;
  const copy = cloneModel(model);
  const subgraph = copy.subgraphs[view.subgraph] as Subgraph;
  const asked = new Map(tensors.map((tensor) => [append(copy, subgraph, tensor), tensor]));
  if (copy.signatureDefs)
    copy.signatureDefs = copy.signatureDefs.filter(({ signatureKey }) => signatureKey === view.key);
  const wanted = [...asked.keys()].map((tensor): TensorReference => ({ subgraph: view.subgraph, tensor }));
  const shapes = { [view.key]: feedShapes(feed) };
  const captured = captureModel(copy, wanted, { shapes, operand: ({ tensor }) => operands.get(tensor) });
  const session = await openModel(runtime, captured.model);
  try {
    const index = session.signatures.findIndex((signature) => signature.key === view.key);
    const views = new Map((await session.run(index, feed)).map((output) => [output.name, output]));
    for (const { name, tensor } of captured.signatures[0]?.outputs ?? []) {
      const output = views.get(name);
      const source = asked.get(tensor);
      if (output && source !== undefined) found.set(source, integers(output, session.memory));
    }
    return found;
  } finally {
    session.close();
  }
}

/** Shapes of the values of a feed. */
export const feedShapes = (feed: Feed): InputShapes =>
  Object.fromEntries(Object.entries(feed).map(([name, value]) => [name, value.shape]));

const integers = (view: TensorView, memory: WebAssembly.Memory): bigint[] =>
  view.type === TensorType.INT64
    ? Array.from(new BigInt64Array(memory.buffer, view.byteOffset, view.sizeBytes / 8))
    : Array.from(new Int32Array(memory.buffer, view.byteOffset, view.sizeBytes / 4), BigInt);

/** The values in the type of their tensor, int32 or int64. */
function constantOf(tensor: Tensor | undefined, values: readonly bigint[]): Constant {
  const array = tensor?.type === TensorType.INT64 ? BigInt64Array.from(values) : Int32Array.from(values, Number);
  return bytesConstant(new Uint8Array(array.buffer));
}
