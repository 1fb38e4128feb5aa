/**
 * The bytes of a constant tensor, not necessarily in memory: a range of a file, bytes, or derived from another constant.
 * Any range can be read at any time and in any order, so that a writer can stream it in chunks.
 */
export interface Constant {
  readonly sizeBytes: number;
  /** Bytes [start, end), by default all. May be a view of shared memory: never write to the result. */
  read(start?: number, end?: number): Uint8Array;
  /** Puts the bytes from `start` on into all of `target`, where that costs less than reading and copying. */
  fill?(target: Uint8Array, start: number): void;
  /**
   * Bytes [start, end) in pieces, each valid only until the next is asked for or another constant is read: for callers
   * that use a piece up at once. Absent where `read` does as well.
   */
  pieces?(start: number, end: number): Iterable<Uint8Array>;
  /** How another thread gets the same bytes; undefined where it cannot. */
  readonly origin?: ConstantOrigin | undefined;
}

/** A constant as plain data that can be sent to other threads of the process. */
export type ConstantOrigin =
  | { readonly kind: 'file'; readonly descriptor: number; readonly offset: number; readonly sizeBytes: number }
  | { readonly kind: 'derived'; readonly how: string; readonly from: ConstantOrigin; readonly parameters: unknown };

/** A constant whose bytes are in memory already. */
export function bytesConstant(bytes: Uint8Array): Constant {
  return { sizeBytes: bytes.byteLength, read: (start = 0, end = bytes.byteLength) => bytes.subarray(start, end) };
}

/** Copies bytes [start, start + target.length) of a constant into memory of the caller. */
export function fillFrom(constant: Constant, target: Uint8Array, start: number): void {
  if (constant.fill) constant.fill(target, start);
  else target.set(constant.read(start, start + target.length));
}
