import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Feed } from '../../datasets/sample.ts';
import type { Kernels } from '../../kernels/index.ts';
import { AeqError } from '../../schema/errors.ts';
import { tensorBytes } from './element-type.ts';
import { bytesOf, orderedFeed } from './feed.ts';
import { blockBytes, HostMemory, SharedBlock } from './host-memory.ts';
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
import type { ModelPieces, Runtime, Session, SessionOptions, SignatureInfo, TensorView } from './runtime.ts';

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
  readonly #shared = new SharedBlock(this.#memory);

  constructor(library: NativeLibrary, environment: bigint, version: string) {
    this.#library = library;
    this.#environment = environment;
    this.version = version;
  }

  /** `threads`: as many as the machine has cores unless given. */
  async open(source: Uint8Array | ModelPieces, options: SessionOptions = {}): Promise<Session> {
    const threads = options.threads ?? availableParallelism();
    const held = holdModel(source);
    let model: bigint | undefined;
    try {
      model = createModel(this.#library, this.#environment, held.source);
      const signatures = readSignatures(this.#library, model);
      const compiled = compile(this.#library, this.#environment, model, threads);
      const handles = { model, compiled, source: held.source, release: held.release };
      const memory = { host: this.#memory, shared: options.sharedOutputs ? this.#shared : undefined };
      return new NativeSession(this.#library, memory, handles, signatures);
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

const NO_VIEWS: readonly TensorView[] = [];

interface Buffers {
  readonly placed: readonly Placed[];
  readonly views: readonly TensorView[];
  readonly handles: BigUint64Array;
  /** Where they begin in the shared block, if they are in it. */
  readonly sharedAt: number | undefined;
}

/** Where a session has its tensors. */
interface SessionMemory {
  readonly host: HostMemory;
  /** For outputs, if they are shared. */
  readonly shared: SharedBlock | undefined;
}

class NativeSession implements Session {
  readonly signatures: readonly SignatureInfo[];
  readonly memory: WebAssembly.Memory;
  readonly kernels: Kernels;
  readonly #library: NativeLibrary;
  readonly #host: HostMemory;
  readonly #shared: SharedBlock | undefined;
  readonly #handles: Handles;
  readonly #described: readonly NativeSignature[];
  readonly #inputs: (Buffers | undefined)[] = [];
  readonly #outputs: (Buffers | undefined)[] = [];
  readonly #lent = new Set<number>();
  #closed = false;

  constructor(
    library: NativeLibrary,
    { host, shared }: SessionMemory,
    handles: Handles,
    signatures: readonly NativeSignature[],
  ) {
    this.#library = library;
    this.#host = host;
    this.#shared = shared;
    shared?.enter();
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
    const inputs = this.#inputs[signature];
    const outputs = this.#placedOutputs(signature, described.outputs);
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
    return outputs.views;
  }

  inputViews(signature: number): readonly TensorView[] {
    return this.#inputs[signature]?.views ?? NO_VIEWS;
  }

  allocate(sizeBytes: number): number {
    const address = this.#host.allocate(sizeBytes);
    this.#lent.add(address);
    return address;
  }

  free(address: number): void {
    if (this.#lent.delete(address)) this.#host.free(address);
  }

  /** A shared place stays: the others write to it as it is. */
  releaseOutputs(): void {
    if (!this.#shared) this.#forgetOutputs();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#forgetOutputs();
    this.#shared?.leave();
    for (const buffers of this.#inputs.splice(0)) this.#release(buffers);
    for (const address of this.#lent) this.#host.free(address);
    this.#library.api.LiteRtDestroyCompiledModel(this.#handles.compiled);
    this.#library.api.LiteRtDestroyModel(this.#handles.model);
    this.#handles.release();
  }

  #placedOutputs(signature: number, tensors: readonly NativeTensor[]): Buffers {
    const known = this.#outputs[signature];
    if (known && (known.sharedAt === undefined || this.#shared?.has(known.sharedAt))) return known;
    this.#release(known);
    const placed = this.#place(tensors, this.#shared);
    this.#outputs[signature] = placed;
    return placed;
  }

  /** Blocks first, handles after: growing replaces the buffer, but leaves it at its address. */
  #place(tensors: readonly NativeTensor[], shared?: SharedBlock): Buffers {
    const { api, koffi } = this.#library;
    const sizes = tensors.map(({ info }) => tensorBytes(info.name, info.type, info.shape));
    const sharedAt = shared?.reserve(sizes.reduce((sum, sizeBytes) => sum + blockBytes(sizeBytes), 0));
    let next = sharedAt ?? 0;
    const views = tensors.map(({ info }, index): TensorView => {
      const sizeBytes = sizes[index] ?? 0;
      const byteOffset = sharedAt === undefined ? this.#host.allocate(sizeBytes) : next;
      next += blockBytes(sizeBytes);
      return { ...info, byteOffset, sizeBytes };
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
    return { placed, views, handles: BigUint64Array.from(placed, ({ handle }) => handle), sharedAt };
  }

  #forgetOutputs(): void {
    for (const buffers of this.#outputs.splice(0)) this.#release(buffers);
  }

  #release(buffers: Buffers | undefined): void {
    for (const { view, handle } of buffers?.placed ?? []) {
      this.#library.api.LiteRtDestroyTensorBuffer(handle);
      if (buffers?.sharedAt === undefined) this.#host.free(view.byteOffset);
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
