import type { TypedArray } from './sample.ts';

/** Where a sample's tensors are put, and what it takes to make them: contents of files, intermediate results. */
export interface SampleMemory {
  /** Room at the start of a buffer that may be longer. What is in it is left over from anything. */
  bytes(sizeBytes: number): Uint8Array<ArrayBuffer>;
}

/** Each time new memory, which whoever gets the sample may keep. */
export const freshMemory: SampleMemory = { bytes: (sizeBytes) => new Uint8Array(sizeBytes) };

type Elements = { readonly BYTES_PER_ELEMENT: number } & (new (
  buffer: ArrayBuffer,
  offset: number,
  length: number,
) => TypedArray | Uint8ClampedArray);

/** Room for `count` elements of a kind. What is in it is left over from anything. */
export function elementsIn<T extends Elements>(memory: SampleMemory, Kind: T, count: number): InstanceType<T> {
  const { buffer } = memory.bytes(count * Kind.BYTES_PER_ELEMENT);
  return new Kind(buffer, 0, count) as InstanceType<T>;
}

/** Larger buffers are not kept for the next sample. */
const LARGEST_KEPT_BYTES = 2 ** 26;

/** Memory of one sample after the other: what is asked for in the same place of the order is the same buffer again. */
class Lane implements SampleMemory {
  readonly #buffers: ArrayBuffer[] = [];
  #asked = 0;

  bytes(sizeBytes: number): Uint8Array<ArrayBuffer> {
    const place = this.#asked++;
    const kept = this.#buffers[place];
    if (kept && kept.byteLength >= sizeBytes) return new Uint8Array(kept, 0, sizeBytes);
    const buffer = new ArrayBuffer(sizeBytes);
    if (sizeBytes <= LARGEST_KEPT_BYTES) this.#buffers[place] = buffer;
    return new Uint8Array(buffer);
  }

  begin(): this {
    this.#asked = 0;
    return this;
  }
}

/**
 * Memory that samples use one after the other: dead buffers would be given back late, since the collector looks at how many
 * objects there are and less at how large they are, and what was never there need not be.
 */
export class MemoryPool {
  readonly #free: Lane[] = [];

  /** Memory for one sample. */
  take(): SampleMemory {
    return (this.#free.pop() ?? new Lane()).begin();
  }

  /** The sample is done with. Memory that did not come from `take` is not kept. */
  give(memory: SampleMemory): void {
    if (memory instanceof Lane) this.#free.push(memory);
  }
}
