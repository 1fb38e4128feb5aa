import { Workspace } from '../../kernels/index.ts';
import type { WeightComparison } from '../../schema/documents/comparison.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { elementCount, isBlockwise, operatorName, storedBytes, tensorConstant, typeName } from '../../schema/graph.ts';
import type { Model, Operator, Subgraph, Tensor } from '../../schema/model.ts';
import { ErrorAccumulator, sqnrDb } from './error-sum.ts';
import { isTransparent, type Matching } from './matching.ts';
import { compareTensors } from './metrics.ts';
import { CHUNK_ELEMENTS, ChannelRuns, type Coding, codingOf, decode, type TensorNumbers } from './numbers.ts';
import { RecordReader, RecordWriter } from './records.ts';
import { CompareScratch } from './scratch.ts';

/** Elements that are read from a file at once; whole bytes for any type. */
const READ_ELEMENTS = 16 * CHUNK_ELEMENTS;

const FLOATS = new Set<number>([TensorType.FLOAT32, TensorType.FLOAT16, TensorType.BFLOAT16]);

/** The weights' own error: constants of matched operators as both models store them, each pair once. */
export function compareWeights(float: Model, quantized: Model, matching: Matching, subgraph: number) {
  const scratch = weightScratch();
  const seen = new Set<string>();
  const result: WeightComparison[] = [];
  for (const pair of matching.operators) {
    const floatOperator = matching.float.operators[pair.float] as Operator;
    const quantizedOperator = matching.quantized.operators[pair.quantized] as Operator;
    floatOperator.inputs.forEach((operand, position) => {
      const a = constantOf(float, matching.float, operand);
      const b = constantOf(quantized, matching.quantized, quantizedOperator.inputs[position] ?? -1);
      if (!a || !b || !FLOATS.has(a.tensor.type) || seen.has(`${a.index}:${b.index}`)) return;
      seen.add(`${a.index}:${b.index}`);
      result.push({
        name: a.tensor.name ?? '',
        subgraph,
        operator: operatorName(float, floatOperator),
        position: pair.float,
        operand: position,
        type: typeName(b.tensor.type),
        floatBytes: tensorConstant(float, a.tensor)?.sizeBytes ?? 0,
        quantizedBytes: tensorConstant(quantized, b.tensor)?.sizeBytes ?? 0,
        ...(pair.sameInputs
          ? compareConstants(float, a.tensor, quantized, b.tensor, scratch)
          : notCompared('an operator in front of it transforms its input, and the weights are stored transformed')),
      });
    });
  }
  return result;
}

type Outcome = Pick<WeightComparison, 'metrics' | 'worstChannel' | 'clippedChannels' | 'problem'>;

const notCompared = (problem: string): Outcome => ({
  metrics: null,
  worstChannel: null,
  clippedChannels: 0,
  problem,
});

/** The constant behind an operand, also through a DEQUANTIZE that runs before the operator. */
function constantOf(model: Model, subgraph: Subgraph, operand: number): { index: number; tensor: Tensor } | undefined {
  let index = operand;
  for (;;) {
    const tensor = subgraph.tensors[index];
    if (tensor === undefined) return undefined;
    if (tensorConstant(model, tensor)) return { index, tensor };
    const producer = subgraph.operators.find((operator) => operator.outputs.includes(index));
    if (producer === undefined || !isTransparent(model, producer)) return undefined;
    index = producer.inputs[0] ?? -1;
  }
}

function weightScratch(): CompareScratch {
  const workspace = new Workspace();
  return new CompareScratch(workspace.kernels, workspace.allocate(CompareScratch.sizeBytes));
}

function compareConstants(
  float: Model,
  reference: Tensor,
  quantized: Model,
  test: Tensor,
  scratch: CompareScratch,
): Outcome {
  const count = elementCount(reference.shape);
  const references = chunkReader(float, reference, count);
  const tests = chunkReader(quantized, test, count);
  if (!references || !tests) return notCompared('the two have different sizes or types that cannot be compared');
  const { coding } = tests(0, 0);
  const accumulator = new ErrorAccumulator({ type: test.type, coding });
  const channels = new ChannelErrors(coding);
  const writer = new RecordWriter();
  for (let start = 0; start < count; start += READ_ELEMENTS) {
    const end = Math.min(start + READ_ELEMENTS, count);
    const r = decoded(references(start, end));
    const t = decoded(tests(start, end));
    writer.clear();
    compareTensors(floatNumbers(r), floatNumbers(t), scratch, 0, writer);
    accumulator.add(new RecordReader(writer.records()));
    channels.add(r, t, start);
  }
  return { metrics: accumulator.metrics(), worstChannel: channels.worst(), clippedChannels: channels.clipped() };
}

function decoded(numbers: TensorNumbers): Float32Array {
  const target = new Float32Array(numbers.count);
  decode(numbers, 0, target);
  return target;
}

const floatNumbers = (values: Float32Array): TensorNumbers => ({
  type: TensorType.FLOAT32,
  count: values.length,
  memory: values,
  byteOffset: 0,
});

/** Reads elements [start, end) of a constant; undefined when it does not have `count` elements of a known type. */
function chunkReader(model: Model, tensor: Tensor, count: number) {
  const constant = tensorConstant(model, tensor);
  if (!constant || storedBytes(tensor.type, count) !== constant.sizeBytes) return undefined;
  const coding = isBlockwise(tensor) ? blockCoding(model, tensor) : codingOf(tensor);
  return (start: number, end: number): TensorNumbers => {
    const bytes = constant.read(storedBytes(tensor.type, start) ?? 0, storedBytes(tensor.type, end) ?? 0);
    return {
      type: tensor.type,
      count: end - start,
      memory: bytes,
      byteOffset: bytes.byteOffset,
      coding: coding && { ...coding, offset: start },
    };
  };
}

/** Blocks lie along the last axis; their scales are a tensor of their own. */
function blockCoding(model: Model, tensor: Tensor): Coding | undefined {
  const details = tensor.quantization?.details;
  if (details?.table !== 'BlockwiseQuantization') return undefined;
  const table = model.subgraphs.find((subgraph) => subgraph.tensors.includes(tensor));
  const values = (index: number | undefined): Float32Array => {
    const entry = index === undefined ? undefined : table?.tensors[index];
    const constant = entry && tensorConstant(model, entry);
    if (!entry || !constant) return new Float32Array(0);
    const bytes = constant.read();
    const target = new Float32Array(elementCount(entry.shape));
    decode({ type: entry.type, count: target.length, memory: bytes, byteOffset: bytes.byteOffset }, 0, target);
    return target;
  };
  const scales = values(details.scales);
  // Index 0 is what a file without zero points has; a table of zero points has as many entries as there are scales.
  const zeroPoints = details.zeroPoints === details.scales ? new Float32Array(0) : values(details.zeroPoints);
  const sameCount = zeroPoints.length === scales.length;
  return { scales, zeroPoints: sameCount ? zeroPoints : [], inner: details.blockSize };
}

/** Signal and noise of each channel that has a scale of its own. Sums in double. */
class ChannelErrors {
  readonly #coding: Coding | undefined;
  readonly #noise: Float64Array;
  readonly #signal: Float64Array;
  readonly #most: Float64Array;

  constructor(coding: Coding | undefined) {
    this.#coding = coding;
    this.#noise = new Float64Array(coding?.scales.length ?? 0);
    this.#signal = new Float64Array(this.#noise.length);
    this.#most = new Float64Array(this.#noise.length);
  }

  /** Adds elements from `start` on. */
  add(reference: Float32Array, test: Float32Array, start: number): void {
    if (this.#coding === undefined || this.#noise.length < 2) return;
    const runs = new ChannelRuns(this.#coding, start);
    for (let first = 0; first < reference.length; ) {
      const end = Math.min(reference.length, first + runs.length);
      let noise = 0;
      let signal = 0;
      let most = this.#most[runs.channel] as number;
      for (let i = first; i < end; i += 1) {
        const r = reference[i] as number;
        const error = (test[i] as number) - r;
        noise += error * error;
        signal += r * r;
        most = Math.max(most, Math.abs(error));
      }
      this.#noise[runs.channel] = (this.#noise[runs.channel] as number) + noise;
      this.#signal[runs.channel] = (this.#signal[runs.channel] as number) + signal;
      this.#most[runs.channel] = most;
      first = end;
      runs.next();
    }
  }

  /** The channel with the least SQNR; null with one scale for all, or when every channel is exact. */
  worst(): { channel: number; sqnrDb: number } | null {
    let worst: { channel: number; sqnrDb: number } | null = null;
    for (let channel = 0; channel < this.#noise.length && this.#noise.length > 1; channel += 1) {
      const squaredError = this.#noise[channel] as number;
      const squaredReference = this.#signal[channel] as number;
      const own = sqnrDb(squaredReference, squaredError);
      if (own < (worst?.sqnrDb ?? Number.POSITIVE_INFINITY)) worst = { channel, sqnrDb: own };
    }
    return worst;
  }

  /** Channels with a value that is off by more than a step: it did not fit the codes. Rounding costs half a step. */
  clipped(): number {
    return this.#most.filter((error, channel) => error > (this.#coding?.scales[channel] as number)).length;
  }
}
