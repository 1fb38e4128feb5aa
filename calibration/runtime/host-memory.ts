import { instantiateKernels, type Kernels } from '../../kernels/index.ts';
import { AeqError } from '../../schema/errors.ts';

const PAGE_BYTES = 65536;
const LARGEST_PAGES = 65536;
const ALIGNMENT = 64;
/** Interpreters may read a little past the end of a tensor. */
const SLACK_BYTES = 128;
const LEAST_GROWTH_BYTES = 16 << 20;

/** Bytes that a block takes whose user needs so many. */
export const blockBytes = (sizeBytes: number): number => Math.ceil((sizeBytes + SLACK_BYTES) / ALIGNMENT) * ALIGNMENT;

interface Range {
  start: number;
  end: number;
}

/**
 * One WebAssembly.Memory cut into blocks, for an interpreter that runs outside of wasm and writes where it is told.
 * Kernels read what it wrote in place. Addresses are byte offsets below 4 GiB, 64-byte aligned.
 */
export class HostMemory {
  readonly memory: WebAssembly.Memory;
  readonly kernels: Kernels;
  /** Free ranges in order of address, never adjacent. */
  #free: Range[];
  readonly #taken = new Map<number, number>();

  constructor() {
    this.memory = new WebAssembly.Memory({ initial: 16, maximum: LARGEST_PAGES });
    this.kernels = instantiateKernels(this.memory);
    this.#free = [{ start: ALIGNMENT, end: this.memory.buffer.byteLength }];
  }

  /**
   * A block, not cleared. The memory may grow, which replaces `memory.buffer` (but does not move it: the engine keeps
   * the whole address range of a memory with a maximum).
   * @throws AeqError RUNTIME_OUT_OF_MEMORY
   */
  allocate(sizeBytes: number): number {
    const needed = blockBytes(sizeBytes);
    let range = this.#free.find(({ start, end }) => end - start >= needed);
    if (range === undefined) {
      this.#grow(needed);
      range = this.#free.at(-1);
    }
    if (range === undefined) throw new AeqError('INTERNAL', 'the memory has not grown');
    const address = range.start;
    range.start += needed;
    if (range.start === range.end) this.#free = this.#free.filter((other) => other !== range);
    this.#taken.set(address, needed);
    return address;
  }

  /** Gives a block back; other addresses are ignored. */
  free(address: number): void {
    const sizeBytes = this.#taken.get(address);
    if (sizeBytes === undefined) return;
    this.#taken.delete(address);
    this.#release({ start: address, end: address + sizeBytes });
  }

  #grow(needed: number): void {
    const end = this.memory.buffer.byteLength;
    const last = this.#free.at(-1);
    const missing = needed - (last?.end === end ? end - last.start : 0);
    const wanted = Math.max(missing, Math.min(end / 4, 256 << 20), LEAST_GROWTH_BYTES);
    const room = (LARGEST_PAGES - end / PAGE_BYTES) * PAGE_BYTES;
    const pages = Math.ceil(Math.min(wanted, Math.max(missing, room)) / PAGE_BYTES);
    try {
      this.memory.grow(pages);
    } catch (cause) {
      throw new AeqError('RUNTIME_OUT_OF_MEMORY', `no memory for ${missing} bytes more of tensors (4 GiB at most)`, {
        cause,
        hint: 'capture less at once (--memory) or use a smaller batch',
      });
    }
    this.#release({ start: end, end: end + pages * PAGE_BYTES });
  }

  /** Puts a range among the free ones, joined with its neighbours. */
  #release(range: Range): void {
    const before = this.#free.findLastIndex(({ start }) => start < range.start);
    this.#free.splice(before + 1, 0, range);
    for (const index of [before + 1, before]) {
      const first = this.#free[index];
      const second = this.#free[index + 1];
      if (first && second && first.end === second.start) {
        first.end = second.end;
        this.#free.splice(index + 1, 1);
      }
    }
  }
}

/**
 * One block for several users that write to it in turn, as large as the largest of them needs. Whoever has reserved room in
 * it asks with `has` whether it is still there before writing: it moves when somebody needs more.
 */
export class SharedBlock {
  readonly #host: HostMemory;
  #address: number | undefined;
  #sizeBytes = 0;
  #users = 0;

  constructor(host: HostMemory) {
    this.#host = host;
  }

  /** Somebody begins to use it. */
  enter(): void {
    this.#users += 1;
  }

  /** Somebody has ended using it; the last one gives it back. */
  leave(): void {
    this.#users -= 1;
    if (this.#users === 0) this.#release();
  }

  /** The address of at least so many bytes. @throws AeqError RUNTIME_OUT_OF_MEMORY */
  reserve(sizeBytes: number): number {
    if (this.#address !== undefined && sizeBytes <= this.#sizeBytes) return this.#address;
    this.#release();
    this.#address = this.#host.allocate(sizeBytes);
    this.#sizeBytes = sizeBytes;
    return this.#address;
  }

  /** Whether room that was reserved at this address is still there. */
  has(address: number): boolean {
    return address === this.#address;
  }

  #release(): void {
    if (this.#address !== undefined) this.#host.free(this.#address);
    this.#address = undefined;
    this.#sizeBytes = 0;
  }
}
