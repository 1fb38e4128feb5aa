import type { Kernels } from './kernels.ts';
import { instantiateKernels } from './simd.ts';

const PAGE_BYTES = 65536;
const ALIGNMENT = 64;
const LIMIT_BYTES = 2 ** 32;

/**
 * Memory of our own for data that lives in JavaScript: values are copied in, kernels run, results are copied out. A
 * stack of allocations: `reset` frees them all at once. Addresses are byte offsets below 4 GiB, never negative.
 */
export class Workspace {
  readonly memory: WebAssembly.Memory;
  readonly kernels: Kernels;
  #end = ALIGNMENT;

  constructor(make: (memory: WebAssembly.Memory) => Kernels = instantiateKernels) {
    this.memory = new WebAssembly.Memory({ initial: 16 });
    this.kernels = make(this.memory);
  }

  /** Frees every allocation. The memory itself is kept for the next ones. */
  reset(): void {
    this.#end = ALIGNMENT;
  }

  /**
   * Address of `sizeBytes` bytes, 64-byte aligned, not cleared. Growing replaces `memory.buffer`: views go stale.
   *
   * @throws RangeError where the workspace would become larger than 4 GiB or the system has no more memory.
   */
  allocate(sizeBytes: number): number {
    const address = this.#end;
    const end = Math.ceil((address + sizeBytes) / ALIGNMENT) * ALIGNMENT;
    if (!(end <= LIMIT_BYTES)) {
      throw new RangeError(
        `${sizeBytes} bytes more do not fit into a workspace of 4 GiB, of which ${address} are used`,
      );
    }
    const missing = end - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / PAGE_BYTES));
    this.#end = end;
    return address;
  }

  /** Copies bytes in and returns their address. */
  place(values: ArrayBufferView): number {
    const address = this.allocate(values.byteLength);
    this.bytes(address, values.byteLength).set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    return address;
  }

  /** A view of the bytes at an address, valid until the next allocation. */
  bytes(address: number, sizeBytes: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, address, sizeBytes);
  }

  /** A view of `count` float32 at an address, valid until the next allocation. */
  floats(address: number, count: number): Float32Array {
    return new Float32Array(this.memory.buffer, address, count);
  }

  /** A copy of the bytes at an address. */
  copy(address: number, sizeBytes: number): Uint8Array {
    return this.bytes(address, sizeBytes).slice();
  }
}

let shared: Workspace | undefined;

/** One workspace for short, synchronous jobs of this thread: reset it, use it, and keep nothing in it. */
export function sharedWorkspace(): Workspace {
  shared ??= new Workspace();
  shared.reset();
  return shared;
}
