import type { Kernels } from './kernels.ts';
import { instantiateKernels } from './simd.ts';

const PAGE_BYTES = 65536;
const ALIGNMENT = 64;

/**
 * Memory of our own for data that lives in JavaScript: values are copied in, kernels run, results are copied out. A
 * stack of allocations: `reset` frees them all at once. Addresses are byte offsets below 4 GiB.
 */
export class Workspace {
  readonly memory: WebAssembly.Memory;
  readonly kernels: Kernels;
  #end = ALIGNMENT;

  constructor(make: (memory: WebAssembly.Memory) => Kernels = instantiateKernels) {
    this.memory = new WebAssembly.Memory({ initial: 16 });
    this.kernels = make(this.memory);
  }

  /** Frees every allocation. */
  reset(): void {
    this.#end = ALIGNMENT;
  }

  /** Address of `sizeBytes` bytes, 64-byte aligned, not cleared. Growing replaces `memory.buffer`: views go stale. */
  allocate(sizeBytes: number): number {
    const address = this.#end;
    this.#end = Math.ceil((address + sizeBytes) / ALIGNMENT) * ALIGNMENT;
    const missing = this.#end - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / PAGE_BYTES));
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
