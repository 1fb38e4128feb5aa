import type { Constant } from './constant.ts';
import { AeqError } from './errors.ts';

/** A piece of a file: bytes at an offset, or a constant to be read when its turn comes. Gaps are zero. */
export type Segment =
  | { readonly offset: number; readonly sizeBytes: number; readonly bytes: Uint8Array }
  | { readonly offset: number; readonly sizeBytes: number; readonly constant: Constant };

/** A whole file, laid out before any constant is read. */
export interface FileLayout {
  readonly sizeBytes: number;
  /** In order of offset, without overlaps. Each can be filled on its own, in any order. */
  readonly segments: readonly Segment[];
  /** The file from start to end, in pieces of at most 1 MiB. A piece is valid until the next one is asked for. */
  chunks(): Iterable<Uint8Array>;
}

/** Longest typed array of the oldest engine we run on. */
const MEMORY_LIMIT = 2 ** 32 - 1;
/** Constants are read in pieces of this size. */
const CHUNK_BYTES = 1 << 20;
/** Pieces below this size are joined before they are handed out. */
const JOIN_BYTES = 256 << 10;

export const roundUp = (value: number, alignment: number): number => Math.ceil(value / alignment) * alignment;

/** A layout from its segments, which must be in order of offset and not overlap. */
export function fileLayout(segments: readonly Segment[], sizeBytes: number): FileLayout {
  return { sizeBytes, segments, chunks: () => chunksOf(segments, sizeBytes) };
}

/** The whole file in memory. @throws AeqError MODEL_TOO_LARGE beyond 4 GiB. */
export function layoutBytes(layout: FileLayout): Uint8Array {
  if (layout.sizeBytes > MEMORY_LIMIT) {
    throw new AeqError('MODEL_TOO_LARGE', `a model of ${layout.sizeBytes} bytes does not fit into one array`, {
      hint: 'write it to a file instead',
    });
  }
  const bytes = new Uint8Array(layout.sizeBytes);
  for (const segment of layout.segments) {
    let offset = segment.offset;
    for (const piece of segmentPieces(segment)) {
      bytes.set(piece, offset);
      offset += piece.length;
    }
  }
  return bytes;
}

/** The bytes of one segment, in order, in pieces of at most 1 MiB. */
export function* segmentPieces(segment: Segment): Iterable<Uint8Array> {
  if ('bytes' in segment) {
    yield segment.bytes;
    return;
  }
  const { constant } = segment;
  for (let start = 0; start < constant.sizeBytes; start += CHUNK_BYTES) {
    yield constant.read(start, Math.min(start + CHUNK_BYTES, constant.sizeBytes));
  }
}

/**
 * Bytes [start, end) of a segment in pieces that are each used up before the next one is asked for: nothing is copied
 * that need not be.
 */
export function* passingPieces(segment: Segment, start = 0, end = segment.sizeBytes): Iterable<Uint8Array> {
  if ('bytes' in segment) {
    yield segment.bytes.subarray(start, end);
    return;
  }
  const { constant } = segment;
  if (constant.pieces) {
    yield* constant.pieces(start, end);
    return;
  }
  const buffer = constant.fill ? new Uint8Array(Math.min(CHUNK_BYTES, end - start)) : undefined;
  for (let at = start; at < end; at += CHUNK_BYTES) {
    const until = Math.min(at + CHUNK_BYTES, end);
    const piece = buffer?.subarray(0, until - at) ?? constant.read(at, until);
    if (buffer) constant.fill?.(piece, at);
    yield piece;
  }
}

/** The file in order; small pieces are joined, so that many small constants do not become many small writes. */
function* chunksOf(segments: readonly Segment[], sizeBytes: number): Iterable<Uint8Array> {
  const joined = new Uint8Array(JOIN_BYTES);
  let filled = 0;
  for (const piece of rawPieces(segments, sizeBytes)) {
    if (filled + piece.length > JOIN_BYTES && filled > 0) {
      yield joined.slice(0, filled);
      filled = 0;
    }
    if (piece.length >= JOIN_BYTES) yield piece;
    else {
      joined.set(piece, filled);
      filled += piece.length;
    }
  }
  if (filled > 0) yield joined.slice(0, filled);
}

function* rawPieces(segments: readonly Segment[], sizeBytes: number): Iterable<Uint8Array> {
  let position = 0;
  for (const segment of segments) {
    yield* zeros(segment.offset - position);
    yield* segmentPieces(segment);
    position = segment.offset + segment.sizeBytes;
  }
  yield* zeros(sizeBytes - position);
}

function* zeros(count: number): Iterable<Uint8Array> {
  for (let left = count; left > 0; left -= CHUNK_BYTES) yield new Uint8Array(Math.min(left, CHUNK_BYTES));
}
