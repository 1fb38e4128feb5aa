/**
 * The bytes of a constant tensor, not necessarily in memory: a range of a file, bytes, or derived from another constant.
 * Any range can be read at any time and in any order, so that a writer can stream it in chunks.
 */
export interface Constant {
  readonly sizeBytes: number;
  /** Bytes [start, end), by default all. May be a view of shared memory: never write to the result. */
  read(start?: number, end?: number): Uint8Array;
}

/** A constant whose bytes are in memory already. */
export function bytesConstant(bytes: Uint8Array): Constant {
  return { sizeBytes: bytes.byteLength, read: (start = 0, end = bytes.byteLength) => bytes.subarray(start, end) };
}
