import type { Feed, TensorValue } from '../../datasets/sample.ts';
import type { Kernels } from '../../kernels/index.ts';
import { AeqError } from '../../schema/errors.ts';
import { fileType, tensorBytes } from './element-type.ts';
import { bytesOf, orderedFeed } from './feed.ts';
import {
  type CompiledModel,
  type Deletable,
  type LiteRtWasm,
  type LoadedModel,
  type RankedTensorType,
  type TensorBuffer,
  takeAll,
  using,
} from './litert-wasm-bindings.ts';
import { deleteAll, type LiteRtInstance, REFUSED, type WasmBuild, WasmInstance } from './litert-wasm-instance.ts';
import type { ModelPieces, Runtime, Session, SignatureInfo, TensorInfo, TensorView } from './runtime.ts';
import { allocateBlock, type WasmBlock } from './wasm-heap.ts';

/** The embedded interpreter over a build that was loaded; see wasm.node.ts. */
export function createWasmRuntime(build: WasmBuild<LiteRtWasm>): Runtime {
  return new WasmRuntime(build);
}

class WasmRuntime implements Runtime {
  readonly id = 'wasm';
  readonly bufferPlacement = 'auto';
  readonly version: string;
  readonly #build: WasmBuild<LiteRtWasm>;
  #instance: { readonly copy: LiteRtInstance; readonly environment: Deletable } | undefined;

  constructor(build: WasmBuild<LiteRtWasm>) {
    this.#build = build;
    this.version = build.version;
  }

  /** This build has one thread; `threads` is not needed to be known. */
  async open(model: Uint8Array | ModelPieces): Promise<Session> {
    const { copy, environment } = await this.#ready();
    const session = await loadSession(copy, environment, model);
    copy.sessions += 1;
    return session;
  }

  close(): void {
    if (this.#instance) deleteAll(this.#instance.copy, [this.#instance.environment]);
    this.#instance = undefined;
  }

  /** The running copy of the interpreter, or a new one where it died or is worn and unused. */
  async #ready(): Promise<{ copy: LiteRtInstance; environment: Deletable }> {
    const current = this.#instance?.copy;
    if (current?.dead || (current?.worn && current.sessions === 0)) this.close();
    if (this.#instance) return this.#instance;
    const copy = await WasmInstance.create(this.#build);
    const environment = await copy.call('RUNTIME_FAILED', 'starting the interpreter', () =>
      copy.exports.LiteRtEnvironment.create(null),
    );
    this.#instance = { copy, environment };
    return this.#instance;
  }
}

/** Copies a model into the interpreter and prepares it; everything is freed again when a step fails. */
async function loadSession(
  copy: LiteRtInstance,
  environment: Deletable,
  source: Uint8Array | ModelPieces,
): Promise<Session> {
  const { exports } = copy;
  const sizeBytes = source instanceof Uint8Array ? source.byteLength : source.sizeBytes;
  const block = allocateBlock(copy, sizeBytes);
  const { address } = block;
  let model: LoadedModel | undefined;
  let compiled: CompiledModel | undefined;
  try {
    let end = address;
    for (const piece of source instanceof Uint8Array ? [source] : source.chunks()) {
      exports.HEAPU8.set(piece, end);
      end += piece.byteLength;
    }
    const loaded = await copy.call('RUNTIME_REJECTED_MODEL', REFUSED, () =>
      exports.loadModel(environment, address, sizeBytes),
    );
    model = loaded;
    const signatures = await copy.call('RUNTIME_REJECTED_MODEL', REFUSED, () => readSignatures(loaded));
    compiled = await copy.call('RUNTIME_REJECTED_MODEL', REFUSED, () =>
      exports.compileModel(environment, loaded, {
        environment: { liteRtEnvironment: environment },
        accelerator: 'wasm',
        cpuOptions: { numThreads: 1 },
        gpuOptions: {},
        webNNOptions: {},
      }),
    );
    return new WasmSession({ copy, environment, block, model: loaded, compiled }, signatures);
  } catch (error) {
    deleteAll(copy, [compiled, model]);
    if (!copy.dead) exports._free(block.raw);
    throw error;
  }
}

function readSignatures(model: LoadedModel): SignatureInfo[] {
  return Array.from({ length: model.getNumSignatures() }, (_, s) =>
    using(model.getSignature(s), (signature) => ({
      key: signature.key(),
      inputs: takeAll(signature.inputNames()).map((name, i) => using(model.getInputTensorType(s, i), info(name))),
      outputs: takeAll(signature.outputNames()).map((name, i) => using(model.getOutputTensorType(s, i), info(name))),
    })),
  );
}

const info = (name: string) => (type: RankedTensorType) => {
  const elementType = type.elementType();
  const shape = using(type.layout(), (layout) => takeAll(layout.dimensions()));
  const apiType = typeof elementType === 'number' ? elementType : elementType.value;
  if (shape.some((length) => length < 0)) throw freeShape(name, shape);
  return { name, type: fileType(apiType), shape } satisfies TensorInfo;
};

const freeShape = (name: string, shape: readonly number[]) =>
  new AeqError(
    'RUNTIME_REJECTED_MODEL',
    `tensor ${name} has the open shape [${shape}], which this interpreter cannot run`,
    {
      where: { tensor: name },
      hint: 'fix the shapes first, as capturing does',
    },
  );

interface Loaded {
  readonly copy: LiteRtInstance;
  readonly environment: Deletable;
  /** Where the model's bytes are; they must stay as long as the model does. */
  readonly block: WasmBlock;
  readonly model: LoadedModel;
  readonly compiled: CompiledModel;
}

interface Input {
  readonly info: TensorInfo;
  readonly buffer: TensorBuffer;
  readonly sizeBytes: number;
  address: number;
}

class WasmSession implements Session {
  readonly signatures: readonly SignatureInfo[];
  readonly memory: WebAssembly.Memory;
  readonly kernels: Kernels;
  readonly #loaded: Loaded;
  readonly #inputs: (Input[] | undefined)[] = [];
  /** Blocks lent by `allocate`: address to the block's start. */
  readonly #allocations = new Map<number, number>();
  #outputs: TensorBuffer[] = [];
  #closed = false;

  constructor(loaded: Loaded, signatures: readonly SignatureInfo[]) {
    this.#loaded = loaded;
    this.signatures = signatures;
    this.memory = loaded.copy.memory;
    this.kernels = loaded.copy.kernels;
  }

  get alive(): boolean {
    return !this.#closed && !this.#loaded.copy.dead;
  }

  async run(signature: number, feed: Feed): Promise<readonly TensorView[]> {
    if (this.#closed) throw new AeqError('INTERNAL', 'the session is closed');
    const described = this.signatures[signature];
    if (described === undefined) throw new AeqError('INTERNAL', `the model has no signature number ${signature}`);
    const values = orderedFeed(described, feed);
    const { copy, compiled } = this.#loaded;
    this.releaseOutputs();
    return copy.call('RUNTIME_FAILED', `running signature ${described.key}`, async () => {
      const inputs = this.#place(signature, described, values);
      this.#outputs = await compiled.run(
        signature,
        inputs.map((input) => input.buffer),
      );
      return this.#outputs.map((buffer, index) => this.#view(described, buffer, index));
    });
  }

  inputViews(signature: number): readonly TensorView[] {
    return (this.#inputs[signature] ?? []).map(({ info, address, sizeBytes }) => ({
      ...info,
      byteOffset: address,
      sizeBytes,
    }));
  }

  allocate(sizeBytes: number): number {
    const { raw, address } = allocateBlock(this.#loaded.copy, sizeBytes);
    this.#allocations.set(address, raw);
    return address;
  }

  free(address: number): void {
    const raw = this.#allocations.get(address);
    if (raw === undefined) return;
    this.#allocations.delete(address);
    if (!this.#loaded.copy.dead) this.#loaded.copy.exports._free(raw);
  }

  releaseOutputs(): void {
    deleteAll(this.#loaded.copy, this.#outputs.splice(0));
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    const { copy, compiled, model, block } = this.#loaded;
    copy.sessions -= 1;
    const inputs = this.#inputs.flatMap((list) => (list ?? []).map((input) => input.buffer));
    deleteAll(copy, [...this.#outputs.splice(0), ...inputs, compiled, model]);
    if (copy.dead) return;
    for (const raw of [...this.#allocations.values(), block.raw]) copy.exports._free(raw);
  }

  /** Writes the values into the input buffers, which are made at the first run of their signature. */
  #place(signature: number, described: SignatureInfo, values: readonly TensorValue[]): Input[] {
    const { exports } = this.#loaded.copy;
    const mode = exports.LiteRtTensorBufferLockMode.WRITE;
    this.#inputs[signature] ??= described.inputs.map((input, index) => this.#inputBuffer(signature, input, index));
    const inputs = this.#inputs[signature] ?? [];
    inputs.forEach((input, index) => {
      input.address = input.buffer.lock(mode) >>> 0;
      exports.HEAPU8.set(bytesOf((values[index] as TensorValue).data), input.address);
      input.buffer.unlock();
    });
    return inputs;
  }

  #inputBuffer(signature: number, input: TensorInfo, index: number): Input {
    const { copy, environment, model } = this.#loaded;
    const sizeBytes = tensorBytes(input.name, input.type, input.shape);
    const kind = copy.exports.LiteRtTensorBufferType.HOST_MEMORY;
    const buffer = using(model.getInputTensorType(signature, index), (type) =>
      copy.exports.LiteRtTensorBuffer.createManaged(environment, kind, type, sizeBytes),
    );
    return { info: input, buffer, sizeBytes, address: 0 };
  }

  #view(described: SignatureInfo, buffer: TensorBuffer, index: number): TensorView {
    const expected = described.outputs[index] as TensorInfo;
    const byteOffset = buffer.lock(this.#loaded.copy.exports.LiteRtTensorBufferLockMode.READ) >>> 0;
    buffer.unlock();
    return { ...expected, byteOffset, sizeBytes: buffer.packedSize() };
  }
}
