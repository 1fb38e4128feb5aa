/** Random access to the bytes of a file or of memory. Offsets are bytes from the start, as doubles: files may be huge. */
export interface ByteSource {
  readonly sizeBytes: number;
  /** Bytes [offset, offset + length), which lie inside the source. May be a view of a cache: never write to it, and let go of it soon. */
  view(offset: number, length: number): Uint8Array;
  /** Like view, but the caller may keep the result; large ranges are not put in any cache. */
  read(offset: number, length: number): Uint8Array;
  /** Puts the bytes from `offset` on into all of `target`, past every cache. */
  fill?(target: Uint8Array, offset: number): void;
  /** Where the source lies in an open file of this process. */
  readonly place?: { readonly descriptor: number; readonly offset: number } | undefined;
}

/** Bytes that are in memory already. */
export function memorySource(input: Uint8Array): ByteSource {
  // A Node Buffer is a Uint8Array whose slice() does not copy; a plain view has the standard meaning.
  const bytes = new Uint8Array(input.buffer, input.byteOffset, input.byteLength);
  const view = (offset: number, length: number) => bytes.subarray(offset, offset + length);
  return { sizeBytes: bytes.byteLength, view, read: view };
}

/** A part of a source as a source of its own, offsets counted from `start`. */
export function rangeSource(source: ByteSource, start: number, sizeBytes: number): ByteSource {
  const { place } = source;
  return {
    sizeBytes,
    view: (offset, length) => source.view(start + offset, length),
    read: (offset, length) => source.read(start + offset, length),
    ...(source.fill && { fill: (target: Uint8Array, offset: number) => source.fill?.(target, start + offset) }),
    ...(place && { place: { descriptor: place.descriptor, offset: place.offset + start } }),
  };
}
