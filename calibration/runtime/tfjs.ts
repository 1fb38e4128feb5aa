import type { Feed } from '../../datasets/sample.ts';
import type { Kernels } from '../../kernels/index.ts';
import { AeqError } from '../../schema/errors.ts';
import { signatureShape, signatures, typeName } from '../../schema/graph.ts';
import type { Model, Subgraph } from '../../schema/model.ts';
import { readModel } from '../../schema/reader.ts';
import { tensorBytes } from './element-type.ts';
import { bytesOf, orderedFeed } from './feed.ts';
import { type Deletable, type EmbindVector, takeAll } from './litert-wasm-bindings.ts';
import { deleteAll, outOfMemory, REFUSED, type WasmBuild, WasmInstance } from './litert-wasm-instance.ts';
import type { ModelPieces, Runtime, Session, SignatureInfo, TensorInfo, TensorView } from './runtime.ts';
import { allocateBlock, type WasmBlock } from './wasm-heap.ts';

/** What the wasm of `@tensorflow/tfjs-tflite` exports, as far as it is used here. */
export interface TfliteWasm {
  readonly HEAPU8: Uint8Array;
  _malloc(sizeBytes: number): number;
  _free(address: number): void;
  readonly TFLiteWebModelRunner: {
    CreateFromBufferAndOptions(address: number, sizeBytes: number, options: object): StatusOrRunner;
  };
}

interface StatusOrRunner extends Deletable {
  ok(): boolean;
  errorMessage(): string;
  value(): Runner;
}

interface Runner extends Deletable {
  GetInputs(): EmbindVector<RunnerTensor>;
  GetOutputs(): EmbindVector<RunnerTensor>;
  Infer(): boolean;
}

interface RunnerTensor extends Deletable {
  /** A view of the interpreter's own memory. */
  data(): ArrayBufferView;
}

/** The older interpreter over a build that was loaded; see tfjs.node.ts. */
export function createTfjsRuntime(build: WasmBuild<TfliteWasm>): Runtime {
  return new TfjsRuntime(build);
}

class TfjsRuntime implements Runtime {
  readonly id = 'tfjs-tflite';
  /** It knows no buffers behind the flatbuffer. */
  readonly bufferPlacement = 'inline';
  readonly version: string;
  readonly #build: WasmBuild<TfliteWasm>;
  #copy: WasmInstance<TfliteWasm> | undefined;

  constructor(build: WasmBuild<TfliteWasm>) {
    this.#build = build;
    this.version = build.version;
  }

  /** This build has one thread; `threads` is not needed to be known. */
  async open(source: Uint8Array | ModelPieces): Promise<Session> {
    if (this.#copy?.dead || (this.#copy?.worn && this.#copy.sessions === 0)) this.#copy = undefined;
    this.#copy ??= await WasmInstance.create(this.#build);
    const session = await load(this.#copy, source);
    this.#copy.sessions += 1;
    return session;
  }

  close(): void {
    this.#copy = undefined;
  }
}

async function load(copy: WasmInstance<TfliteWasm>, source: Uint8Array | ModelPieces): Promise<Session> {
  const bytes = wholeFile(source);
  const model = parse(bytes);
  const block = allocateBlock(copy, bytes.byteLength);
  try {
    copy.exports.HEAPU8.set(bytes, block.address);
    const runner = await copy.call('RUNTIME_REJECTED_MODEL', REFUSED, () => {
      const options = { numThreads: 1, enableProfiling: false, maxProfilingBufferEntries: 0 };
      const status = copy.exports.TFLiteWebModelRunner.CreateFromBufferAndOptions(
        block.address,
        bytes.byteLength,
        options,
      );
      if (!status.ok()) throw new Error(status.errorMessage());
      return status.value();
    });
    const described = describe(model);
    const session = new TfjsSession(copy, block, runner, described);
    const strange = session.strangeTensor();
    if (strange === undefined) return session;
    session.abandon();
    const message = `this older interpreter cannot take or give tensor ${strange.name} of type ${typeName(strange.type)}`;
    throw new AeqError('RUNTIME_REJECTED_MODEL', message, { hint: 'use --runtime wasm or native' });
  } catch (error) {
    if (!copy.dead) copy.exports._free(block.raw);
    throw error;
  }
}

function wholeFile(source: Uint8Array | ModelPieces): Uint8Array {
  if (source instanceof Uint8Array) return source;
  const bytes = new Uint8Array(source.sizeBytes);
  let end = 0;
  for (const piece of source.chunks()) {
    bytes.set(piece, end);
    end += piece.byteLength;
  }
  return bytes;
}

/** Names and types come from the file: this interpreter knows no signatures and numbers its types otherwise. */
function parse(bytes: Uint8Array): Model {
  try {
    return readModel(bytes);
  } catch (cause) {
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new AeqError('RUNTIME_REJECTED_MODEL', `${REFUSED}: ${words}`, { cause });
  }
}

/** @throws AeqError RUNTIME_REJECTED_MODEL unless all signatures are over the first subgraph, the only one it runs. */
function describe(model: Model): SignatureInfo[] {
  const views = signatures(model);
  const other = views.find((view) => view.subgraph !== 0);
  if (other) {
    const message = `this older interpreter runs the first subgraph only, and signature ${other.key} is over another`;
    throw new AeqError('RUNTIME_REJECTED_MODEL', message, { hint: 'use --runtime wasm or native' });
  }
  const subgraph = model.subgraphs[0] as Subgraph;
  return views.map((view) => {
    const info =
      (side: 'inputs' | 'outputs') =>
      (index: number): TensorInfo => {
        const tensor = subgraph.tensors[index];
        const name = view[side].find((entry) => entry.tensor === index)?.name ?? tensor?.name ?? '';
        const shape = tensor ? signatureShape(tensor) : [];
        if (shape.some((length) => length < 0)) throw openShape(name, shape);
        return { name, type: tensor?.type ?? 0, shape };
      };
    return {
      key: view.key,
      inputs: subgraph.inputs.map(info('inputs')),
      outputs: subgraph.outputs.map(info('outputs')),
    };
  });
}

const openShape = (name: string, shape: readonly number[]) =>
  new AeqError(
    'RUNTIME_REJECTED_MODEL',
    `tensor ${name} has the open shape [${shape}], which this interpreter cannot run`,
    {
      where: { tensor: name },
      hint: 'fix the shapes first, as capturing does',
    },
  );

class TfjsSession implements Session {
  readonly signatures: readonly SignatureInfo[];
  readonly memory: WebAssembly.Memory;
  readonly kernels: Kernels;
  readonly #copy: WasmInstance<TfliteWasm>;
  readonly #block: WasmBlock;
  readonly #runner: Runner;
  readonly #inputs: RunnerTensor[];
  #outputs: RunnerTensor[];
  readonly #lent = new Map<number, number>();
  #ran = false;
  #closed = false;

  constructor(copy: WasmInstance<TfliteWasm>, block: WasmBlock, runner: Runner, described: readonly SignatureInfo[]) {
    this.#copy = copy;
    this.#block = block;
    this.#runner = runner;
    this.#inputs = takeAll(runner.GetInputs());
    this.#outputs = takeAll(runner.GetOutputs());
    this.signatures = described;
    this.memory = copy.memory;
    this.kernels = copy.kernels;
  }

  get alive(): boolean {
    return !this.#closed && !this.#copy.dead;
  }

  /** An input or output that the interpreter shows with another size than it has: a type it does not know. */
  strangeTensor(): TensorInfo | undefined {
    const [described] = this.signatures;
    const differs = (tensors: readonly RunnerTensor[]) => (info: TensorInfo, index: number) =>
      tensors[index]?.data()?.byteLength !== tensorBytes(info.name, info.type, info.shape);
    return described?.inputs.find(differs(this.#inputs)) ?? described?.outputs.find(differs(this.#outputs));
  }

  /** Deletes what the interpreter holds, but leaves the model's bytes to the caller. */
  abandon(): void {
    this.#closed = true;
    deleteAll(this.#copy, [...this.#inputs, ...this.#outputs, this.#runner]);
  }

  async run(signature: number, feed: Feed): Promise<readonly TensorView[]> {
    if (this.#closed) throw new AeqError('INTERNAL', 'the session is closed');
    const described = this.signatures[signature];
    if (described === undefined) throw new AeqError('INTERNAL', `the model has no signature number ${signature}`);
    const values = orderedFeed(described, feed);
    return this.#copy.call('RUNTIME_FAILED', `running signature ${described.key}`, () => {
      this.#inputs.forEach((input, index) => {
        const value = values[index];
        if (value) bytesOf(input.data()).set(bytesOf(value.data));
      });
      if (!this.#runner.Infer()) throw new Error('the run failed');
      this.#ran = true;
      // A result may have moved: what describes it holds the place of its making.
      deleteAll(this.#copy, this.#outputs.splice(0));
      this.#outputs = takeAll(this.#runner.GetOutputs());
      return views(described.outputs, this.#outputs);
    });
  }

  inputViews(signature: number): readonly TensorView[] {
    const described = this.signatures[signature];
    return this.#ran && described ? views(described.inputs, this.#inputs) : [];
  }

  allocate(sizeBytes: number): number {
    const { raw, address } = allocateBlock(this.#copy, sizeBytes);
    this.#lent.set(address, raw);
    return address;
  }

  free(address: number): void {
    const raw = this.#lent.get(address);
    if (raw === undefined) return;
    this.#lent.delete(address);
    if (!this.#copy.dead) this.#copy.exports._free(raw);
  }

  /** The interpreter keeps its outputs where its other tensors are; there is nothing to give back. */
  releaseOutputs(): void {}

  close(): void {
    if (this.#closed) return;
    this.abandon();
    this.#copy.sessions -= 1;
    if (this.#copy.dead) return;
    for (const raw of [...this.#lent.values(), this.#block.raw]) this.#copy.exports._free(raw);
  }
}

function views(infos: readonly TensorInfo[], tensors: readonly RunnerTensor[]): TensorView[] {
  return infos.map((info, index) => {
    const data = tensors[index]?.data();
    if (data === undefined) throw outOfMemory(`tensor ${info.name} is not there`);
    return { ...info, byteOffset: data.byteOffset, sizeBytes: tensorBytes(info.name, info.type, info.shape) };
  });
}
