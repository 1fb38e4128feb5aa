import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Feed } from '../../datasets/sample.ts';
import type { Kernels } from '../../kernels/index.ts';
import { AeqError } from '../../schema/errors.ts';
import { tensorBytes } from './element-type.ts';
import { bytesOf, orderedFeed } from './feed.ts';
import { HostMemory } from './host-memory.ts';
import { errorWords } from './litert-wasm-instance.ts';
import type { NativeLibrary } from './native-library.node.ts';
import {
  compile,
  createModel,
  errorMessages,
  type NativeSignature,
  type NativeTensor,
  readSignatures,
  result,
} from './native-model.node.ts';
import type { ModelPieces, Runtime, Session, SignatureInfo, TensorView } from './runtime.ts';

/** Larger models go through a file that the library maps, instead of a copy in memory. */
const LARGEST_IN_MEMORY = 2 ** 29;

/** The native interpreter over a library that was loaded and probed; see native-open.node.ts. */
export class NativeRuntime implements Runtime {
  readonly id = 'native';
  readonly bufferPlacement = 'auto';
  readonly version: string;
  readonly #library: NativeLibrary;
  readonly #environment: bigint;
  readonly #memory = new HostMemory();

  constructor(library: NativeLibrary, environment: bigint, version: string) {
    this.#library = library;
    this.#environment = environment;
    this.version = version;
  }

  /** `threads`: as many as the machine has cores unless given. */
  async open(source: Uint8Array | ModelPieces, options: { threads?: number } = {}): Promise<Session> {
    const threads = options.threads ?? availableParallelism();
    const held = holdModel(source);
    let model: bigint | undefined;
    try {
      model = createModel(this.#library, this.#environment, held.source);
      const signatures = readSignatures(this.#library, model);
      const compiled = compile(this.#library, this.#environment, model, threads);
      const handles = { model, compiled, source: held.source, release: held.release };
      return new NativeSession(this.#library, this.#memory, handles, signatures);
    } catch (error) {
      if (model !== undefined) this.#library.api.LiteRtDestroyModel(model);
      held.release();
      throw error;
    }
  }

  close(): void {
    this.#library.api.LiteRtDestroyEnvironment(this.#environment);
  }
}

/** The bytes of a model where the library can use them as long as the model lives. */
function holdModel(source: Uint8Array | ModelPieces): { source: Uint8Array | string; release: () => void } {
  const sizeBytes = source instanceof Uint8Array ? source.byteLength : source.sizeBytes;
  const pieces = source instanceof Uint8Array ? [source] : source.chunks();
  if (sizeBytes <= LARGEST_IN_MEMORY) {
    const bytes = new Uint8Array(sizeBytes);
    let end = 0;
    for (const piece of pieces) {
      bytes.set(piece, end);
      end += piece.byteLength;
    }
    return { source: bytes, release: () => {} };
  }
  const folder = mkdtempSync(join(tmpdir(), 'aeq-model-'));
  const path = join(folder, 'model.tflite');
  const release = () => rmSync(folder, { recursive: true, force: true });
  try {
    const file = openSync(path, 'wx', 0o600);
    try {
      for (const piece of pieces) for (let at = 0; at < piece.byteLength; ) at += writeSync(file, piece, at);
    } finally {
      closeSync(file);
    }
  } catch (error) {
    release();
    throw error;
  }
  return { source: path, release };
}

interface Handles {
  readonly model: bigint;
  readonly compiled: bigint;
  /** The library reads constants out of these bytes as long as the model lives: they must not be collected before. */
  readonly source: Uint8Array | string;
  readonly release: () => void;
}

/** A tensor's place in memory and the library's handle for it. */
interface Placed {
  readonly view: TensorView;
  readonly handle: bigint;
}

interface Buffers {
  readonly placed: readonly Placed[];
  readonly handles: BigUint64Array;
}

class NativeSession implements Session {
  readonly signatures: readonly SignatureInfo[];
  readonly memory: WebAssembly.Memory;
  readonly kernels: Kernels;
  readonly #library: NativeLibrary;
  readonly #host: HostMemory;
  readonly #handles: Handles;
  readonly #described: readonly NativeSignature[];
  readonly #inputs: (Buffers | undefined)[] = [];
  readonly #outputs: (Buffers | undefined)[] = [];
  readonly #lent = new Set<number>();
  #closed = false;

  constructor(library: NativeLibrary, host: HostMemory, handles: Handles, signatures: readonly NativeSignature[]) {
    this.#library = library;
    this.#host = host;
    this.#handles = handles;
    this.#described = signatures;
    this.signatures = signatures.map((signature) => signature.info);
    this.memory = host.memory;
    this.kernels = host.kernels;
  }

  get alive(): boolean {
    return !this.#closed;
  }

  async run(signature: number, feed: Feed): Promise<readonly TensorView[]> {
    if (this.#closed) throw new AeqError('INTERNAL', 'the session is closed');
    const described = this.#described[signature];
    if (described === undefined) throw new AeqError('INTERNAL', `the model has no signature number ${signature}`);
    const values = orderedFeed(described.info, feed);
    this.#inputs[signature] ??= this.#place(described.inputs);
    this.#outputs[signature] ??= this.#place(described.outputs);
    const inputs = this.#inputs[signature] as Buffers;
    const outputs = this.#outputs[signature] as Buffers;
    inputs.placed.forEach(({ view }, index) => {
      const value = values[index];
      if (value) new Uint8Array(this.memory.buffer, view.byteOffset, view.sizeBytes).set(bytesOf(value.data));
    });
    const { api } = this.#library;
    const { compiled } = this.#handles;
    const counts = [inputs.placed.length, outputs.placed.length] as const;
    const status = api.LiteRtRunCompiledModel(
      compiled,
      signature,
      counts[0],
      inputs.handles,
      counts[1],
      outputs.handles,
    );
    if (status !== 0) throw this.#failure(described.info.key, status);
    return outputs.placed.map((placed) => placed.view);
  }

  inputViews(signature: number): readonly TensorView[] {
    return this.#inputs[signature]?.placed.map((placed) => placed.view) ?? [];
  }

  allocate(sizeBytes: number): number {
    const address = this.#host.allocate(sizeBytes);
    this.#lent.add(address);
    return address;
  }

  free(address: number): void {
    if (this.#lent.delete(address)) this.#host.free(address);
  }

  releaseOutputs(): void {
    for (const buffers of this.#outputs.splice(0)) this.#release(buffers);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.releaseOutputs();
    for (const buffers of this.#inputs.splice(0)) this.#release(buffers);
    for (const address of this.#lent) this.#host.free(address);
    this.#library.api.LiteRtDestroyCompiledModel(this.#handles.compiled);
    this.#library.api.LiteRtDestroyModel(this.#handles.model);
    this.#handles.release();
  }

  /** Blocks first, handles after: growing replaces the buffer, but leaves it at its address. */
  #place(tensors: readonly NativeTensor[]): Buffers {
    const { api, koffi } = this.#library;
    const views = tensors.map(({ info }): TensorView => {
      const sizeBytes = tensorBytes(info.name, info.type, info.shape);
      return { ...info, byteOffset: this.#host.allocate(sizeBytes), sizeBytes };
    });
    const base = koffi.address(this.memory.buffer);
    const placed = views.map((view, index): Placed => {
      const { rankedType } = tensors[index] as NativeTensor;
      const address = base + BigInt(view.byteOffset);
      const handle = result(`making a buffer for ${view.name}`, (out) =>
        api.LiteRtCreateTensorBufferFromHostMemory(rankedType, address, view.sizeBytes, null, out),
      );
      return { view, handle };
    });
    return { placed, handles: BigUint64Array.from(placed, ({ handle }) => handle) };
  }

  #release(buffers: Buffers | undefined): void {
    for (const { view, handle } of buffers?.placed ?? []) {
      this.#library.api.LiteRtDestroyTensorBuffer(handle);
      this.#host.free(view.byteOffset);
    }
  }

  #failure(key: string, status: number): AeqError {
    const lines = errorMessages(this.#library, this.#handles.compiled).split('\n');
    const words = errorWords(lines.map((line) => (line ? `ERROR: ${line}` : line))) || `status ${status}`;
    if (/failed to prepare|unresolved custom op|Didn't find op/.test(words)) {
      return new AeqError('RUNTIME_REJECTED_MODEL', `the interpreter refused the model: ${words}`, {
        hint: 'see which operators the model has (aeq inspect), or try another interpreter (--runtime)',
      });
    }
    return new AeqError('RUNTIME_FAILED', `running signature ${key}: ${words}`, {
      hint: 'check the values and shapes this sample feeds',
    });
  }
}
