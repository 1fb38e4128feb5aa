import type { Feed } from '../../datasets/sample.ts';
import { BuiltinOperator, TensorType } from '../../schema/generated/tflite.ts';
import { cloneModel, findOrAddOperatorCode, isDynamic, type SignatureView } from '../../schema/graph.ts';
import type { Model, Operator, Subgraph, Tensor } from '../../schema/model.ts';
import type { Runtime } from '../runtime/runtime.ts';
import { openModel } from './open-model.ts';
import type { InputShapes, TensorReference } from './reference.ts';
import { captureModel } from './rewrite.ts';

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
 * The shapes that tensors of one signature take for a feed, by running a copy whose outputs are CAST(SHAPE(tensor)) to
 * float32: SHAPE alone is computed while the interpreter prepares, and its output is never written.
 */
export async function probeShapes(
  runtime: Runtime,
  model: Model,
  view: SignatureView,
  tensors: readonly number[],
  feed: Feed,
): Promise<Map<number, number[]>> {
  const { probe, references } = probeModel(model, view, tensors);
  const shapes = Object.fromEntries(Object.entries(feed).map(([name, value]) => [name, value.shape]));
  const captured = captureModel(probe, references, { shapes: { [view.key]: shapes } });
  const session = await openModel(runtime, captured.model);
  try {
    const index = session.signatures.findIndex((signature) => signature.key === view.key);
    const outputs = await session.run(index, feed);
    const positions = new Map(
      references.map((reference, position) => [`tensor_${reference.tensor}`, tensors[position]]),
    );
    const found = new Map<number, number[]>();
    for (const output of outputs) {
      const tensor = positions.get(output.name);
      const lengths = new Float32Array(session.memory.buffer, output.byteOffset, output.sizeBytes / 4);
      if (tensor !== undefined) found.set(tensor, Array.from(lengths));
    }
    return found;
  } finally {
    session.close();
  }
}

/** The model with SHAPE and CAST behind each tensor, and only this signature. */
function probeModel(model: Model, view: SignatureView, tensors: readonly number[]) {
  const probe = cloneModel(model);
  const subgraph = probe.subgraphs[view.subgraph] as Subgraph;
  const shapeCode = findOrAddOperatorCode(probe, BuiltinOperator.SHAPE);
  const castCode = findOrAddOperatorCode(probe, BuiltinOperator.CAST);
  const empty = probe.buffers.push(undefined) - 1;
  const vector = (name: string, type: number, length: number): Tensor => ({
    name,
    type,
    shape: [length],
    buffer: empty,
    isVariable: false,
    hasRank: false,
    externalBuffer: 0,
  });
  const references: TensorReference[] = tensors.map((tensor) => {
    const rank = subgraph.tensors[tensor]?.shape?.length ?? 0;
    const shape = subgraph.tensors.push(vector(`shape_of_${tensor}`, TensorType.INT32, rank)) - 1;
    const cast = subgraph.tensors.push(vector(`shape_of_${tensor}_as_float`, TensorType.FLOAT32, rank)) - 1;
    subgraph.operators.push(
      operator(shapeCode, tensor, shape, { table: 'ShapeOptions', outType: TensorType.INT32 }),
      operator(castCode, shape, cast, {
        table: 'CastOptions',
        inDataType: TensorType.INT32,
        outDataType: TensorType.FLOAT32,
      }),
    );
    return { subgraph: view.subgraph, tensor: cast };
  });
  if (probe.signatureDefs?.length) {
    probe.signatureDefs = probe.signatureDefs.filter((definition) => definition.signatureKey === view.key);
  }
  return { probe, references };
}

const operator = (
  opcodeIndex: number,
  input: number,
  output: number,
  builtinOptions: NonNullable<Operator['builtinOptions']>,
): Operator => ({
  opcodeIndex,
  inputs: [input],
  outputs: [output],
  builtinOptions,
  customOptionsFormat: 0,
  debugMetadataIndex: -1,
});
