import type { Feed } from '../../datasets/sample.ts';
import type { Kernels } from '../../kernels/index.ts';
import type { BufferPlacement } from '../../schema/writer.ts';

/** Interpreters by the names of `--runtime`. */
export type RuntimeId = 'wasm' | 'native' | 'tfjs-tflite';

/** One tensor of a signature as the interpreter sees it. `type` is a TensorType of the file format. */
export interface TensorInfo {
  readonly name: string;
  readonly type: number;
  readonly shape: readonly number[];
}

/** Inputs and outputs are in the interpreter's order. */
export interface SignatureInfo {
  readonly key: string;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
}

/** An output where the interpreter wrote it, in the session's memory. Valid until the next run or close. */
export interface TensorView extends TensorInfo {
  readonly byteOffset: number;
  readonly sizeBytes: number;
}

/**
 * One loaded model. Outputs stay in `memory`, where `kernels` read them in place. `memory.buffer` may be replaced by a
 * run or by `allocate`: make views afresh. Sessions of one runtime share one memory as long as none of them traps, so a
 * kernel can compare their tensors (check `memory` of both to be sure). Variable tensors keep their values from run to
 * run; a new session starts them afresh.
 */
export interface Session {
  readonly signatures: readonly SignatureInfo[];
  readonly memory: WebAssembly.Memory;
  readonly kernels: Kernels;
  /** False once closed, and when the interpreter crashed, be it in another session that shares it. */
  readonly alive: boolean;
  /**
   * Runs one signature (by its index) once. Every input must be in the feed with the interpreter's exact type and
   * number of elements, and nothing else. Runs of one session must not overlap. An array of views that was there before
   * (of `inputViews` too) says that all of them lie where they did.
   * @throws AeqError FEED_INVALID; RUNTIME_FAILED, and the session is unusable afterwards when the message says so.
   */
  run(signature: number, feed: Feed): Promise<readonly TensorView[]>;
  /** The inputs of a signature as its last run read them, in place; empty before its first run. Valid as outputs are. */
  inputViews(signature: number): readonly TensorView[];
  /**
   * Room in `memory` for tables and results of kernels: the address of `sizeBytes` bytes, 64-byte aligned, not cleared.
   * Stays until `free` or `close`. @throws AeqError RUNTIME_OUT_OF_MEMORY
   */
  allocate(sizeBytes: number): number;
  /** Gives back what `allocate` returned. */
  free(address: number): void;
  /** Gives back the memory of the last run's outputs; their views end. The next run does this by itself. */
  releaseOutputs(): void;
  /** Frees everything the session holds in the interpreter. */
  close(): void;
}

/** A whole `.tflite` file in pieces, such as `layoutModel` gives: it goes into the interpreter without a copy between. */
export interface ModelPieces {
  readonly sizeBytes: number;
  chunks(): Iterable<Uint8Array>;
}

export interface SessionOptions {
  /** For interpreters that have several. */
  readonly threads?: number;
  /** Outputs may lie where those of other such sessions lie: they are valid until any of these runs. */
  readonly sharedOutputs?: boolean;
}

/** An interpreter for `.tflite` models. */
export interface Runtime {
  readonly id: RuntimeId;
  /** Version text for reports, such as `@litertjs/core 2.5.3 (SIMD)`. */
  readonly version: string;
  /** Where constants must be in the files it is given. */
  readonly bufferPlacement: BufferPlacement;
  /**
   * Loads a model whose input shapes are fixed (capture/ fixes them).
   * @throws AeqError RUNTIME_REJECTED_MODEL with the interpreter's own words; RUNTIME_OUT_OF_MEMORY.
   */
  open(model: Uint8Array | ModelPieces, options?: SessionOptions): Promise<Session>;
  /** Frees the interpreter itself; its sessions must be closed before. */
  close(): void;
}
