import { outputReferences } from '../../calibration/capture/reference.ts';
import { openCapture } from '../../calibration/capture/session.ts';
import { quantizeFeed } from '../../calibration/feed.ts';
import type { Runtime } from '../../calibration/runtime/runtime.ts';
import type { Feed, TensorValue } from '../../datasets/sample.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { signatures } from '../../schema/graph.ts';
import type { Model } from '../../schema/model.ts';
import { randomSource } from './random.ts';

/** What is in `values`: numbers as the model means them, codes already turned into what they stand for. */
export interface OutputValues {
  readonly name: string;
  readonly type: number;
  readonly shape: readonly number[];
  readonly values: Float64Array;
}

const { FLOAT32, INT8, INT16, INT32, INT64, UINT8, BOOL } = TensorType;

/**
 * Repeatable inputs for one signature: floats uniform in a range (of each input on its own if the range is a function of
 * its name), integers and booleans 0 or 1. Free dimensions are 2.
 */
export function randomFeed(
  model: Model,
  key: string,
  seed: number,
  range: readonly [number, number] | ((input: string) => readonly [number, number]) = [-1, 1],
): Feed {
  const view = signatures(model).find((entry) => entry.key === key);
  const next = randomSource(seed);
  const entries = (view?.inputs ?? []).map(({ name, tensor }): [string, TensorValue] => {
    const { type, shape, shapeSignature } = model.subgraphs[view?.subgraph ?? 0]?.tensors[tensor] ?? { type: FLOAT32 };
    const free = shapeSignature?.length ? shapeSignature : (shape ?? []);
    const lengths = free.map((length) => (length < 0 ? 2 : length));
    const count = lengths.reduce((product, length) => product * length, 1);
    const [low, high] = typeof range === 'function' ? range(name) : range;
    const number = type === FLOAT32 ? () => low + (high - low) * next() : () => Math.floor(2 * next());
    return [name, { type, shape: lengths, data: numbersOf(type, count, number) }];
  });
  return Object.fromEntries(entries);
}

function numbersOf(type: number, count: number, number: () => number): TensorValue['data'] {
  const length = { length: count };
  if (type === FLOAT32) return Float32Array.from(length, number);
  if (type === INT64) return BigInt64Array.from(length, () => BigInt(number()));
  if (type === INT32) return Int32Array.from(length, number);
  if (type === INT16) return Int16Array.from(length, number);
  if (type === INT8) return Int8Array.from(length, number);
  return Uint8Array.from(length, number);
}

/** Runs one signature once on float inputs, which are quantized where the model takes codes. */
export async function runModel(runtime: Runtime, model: Model, key: string, feed: Feed): Promise<OutputValues[]> {
  const view = signatures(model).find((entry) => entry.key === key);
  if (!view) throw new Error(`no signature ${key}`);
  const capture = openCapture(runtime, model, outputReferences(model, [view]));
  const found = new Map<number, OutputValues>();
  try {
    for await (const pass of capture.run(key, quantizeFeed(model, key, feed))) {
      for (const { tensor, view: seen, kernels } of pass) {
        const bytes = new Uint8Array(kernels.memory.buffer, seen.byteOffset, seen.sizeBytes).slice();
        found.set(tensor, {
          name: seen.name,
          type: seen.type,
          shape: seen.shape,
          values: meant(model, view.subgraph, tensor, seen.type, bytes),
        });
      }
    }
  } finally {
    capture.close();
  }
  return view.outputs.map(({ name, tensor }) => {
    const output = found.get(tensor);
    if (!output) throw new Error(`output ${name} was not written`);
    return { ...output, name };
  });
}

function meant(model: Model, subgraph: number, tensor: number, type: number, bytes: Uint8Array): Float64Array {
  const codes = codesOf(type, bytes.buffer as ArrayBuffer);
  const { scale, zeroPoint } = model.subgraphs[subgraph]?.tensors[tensor]?.quantization ?? {};
  const step = scale?.[0];
  if (step === undefined) return codes;
  return codes.map((code) => (code - Number(zeroPoint?.[0] ?? 0n)) * step);
}

function codesOf(type: number, buffer: ArrayBuffer): Float64Array {
  if (type === FLOAT32) return Float64Array.from(new Float32Array(buffer));
  if (type === INT32) return Float64Array.from(new Int32Array(buffer));
  if (type === INT64) return Float64Array.from(new BigInt64Array(buffer), Number);
  if (type === INT16) return Float64Array.from(new Int16Array(buffer));
  if (type === INT8) return Float64Array.from(new Int8Array(buffer));
  if (type === UINT8 || type === BOOL) return Float64Array.from(new Uint8Array(buffer));
  throw new Error(`outputs of type ${type} are not read`);
}
