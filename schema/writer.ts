import type { Table } from './codec/decode.ts';
import { encodeStructure, LateOffset, LateVector } from './codec/encode.ts';
import type { Constant } from './constant.ts';
import { AeqError } from './errors.ts';
import { FILE_IDENTIFIER } from './generated/tflite.ts';
import type { Model } from './model.ts';

/** Where constants go: in the flatbuffer, behind it (`Buffer.offset/size`), or as their size suggests. */
export type BufferPlacement = 'auto' | 'inline' | 'external';

export interface WriteOptions {
  readonly buffers?: BufferPlacement;
}

/** A piece of the file: bytes at an offset, or a constant to be read when its turn comes. Gaps are zero. */
export type Segment =
  | { readonly offset: number; readonly sizeBytes: number; readonly bytes: Uint8Array }
  | { readonly offset: number; readonly sizeBytes: number; readonly constant: Constant };

/** A whole file, laid out before any constant is read. */
export interface FileLayout {
  readonly sizeBytes: number;
  /** In order of offset, without overlaps. */
  readonly segments: readonly Segment[];
  /** The file from start to end, in pieces of at most a few MiB. */
  chunks(): Iterable<Uint8Array>;
}

/** Relative offsets in a flatbuffer are signed in some readers. */
const FLATBUFFER_LIMIT = 2 ** 31 - 1;
/** Beyond this the constants go behind the flatbuffer; below it any reader, however old, can use the file. */
const INLINE_LIMIT = 2 ** 30;
/** Constants of at least this size go outside when the others do; the offset costs little less than the data below it. */
const EXTERNAL_LEAST = 1024;
const EXTERNAL_ALIGNMENT = 64;
/** Longest typed array of the oldest engine we run on. */
const MEMORY_LIMIT = 2 ** 32 - 1;
const CHUNK_BYTES = 4 << 20;
/** Pieces below this size are joined before they are handed out. */
const JOIN_BYTES = 256 << 10;

/**
 * Lays out a model as a `.tflite` file: structure first, then inline constants (16-byte aligned), then external ones
 * (64-byte aligned). The bytes depend on nothing but the model and the options.
 * @throws AeqError MODEL_TOO_LARGE when the flatbuffer part would exceed 2 GiB.
 */
export function layoutModel(model: Model, options: WriteOptions = {}): FileLayout {
  const placement = options.buffers ?? 'auto';
  const total = model.buffers.reduce((sum, constant) => sum + (constant?.sizeBytes ?? 0), 0);
  const outside = placement === 'external' || (placement === 'auto' && total > INLINE_LIMIT);
  const root = { ...model, buffers: model.buffers.map((constant) => bufferTable(constant, outside)) };
  const { bytes, vectors, offsets } = encodeStructure('Model', root as unknown as Table, FILE_IDENTIFIER);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const segments: Segment[] = [{ offset: 0, sizeBytes: bytes.byteLength, bytes }];
  let end = bytes.byteLength;
  for (const { at, align, constant } of vectors) {
    const start = roundUp(end + 4, align);
    view.setUint32(at, start - 4 - at, true);
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, constant.sizeBytes, true);
    segments.push({ offset: start - 4, sizeBytes: 4, bytes: length });
    if (constant.sizeBytes > 0) segments.push({ offset: start, sizeBytes: constant.sizeBytes, constant });
    end = start + constant.sizeBytes;
  }
  if (end > FLATBUFFER_LIMIT) throw tooLarge(end);
  for (const { at, constant } of offsets) {
    const start = roundUp(end, EXTERNAL_ALIGNMENT);
    view.setBigUint64(at, BigInt(start), true);
    segments.push({ offset: start, sizeBytes: constant.sizeBytes, constant });
    end = start + constant.sizeBytes;
  }
  const sizeBytes = roundUp(end, 16);
  return { sizeBytes, segments, chunks: () => chunksOf(segments, sizeBytes) };
}

/** The whole file in memory. @throws AeqError MODEL_TOO_LARGE, beyond 4 GiB too. */
export function modelBytes(model: Model, options: WriteOptions = {}): Uint8Array {
  const layout = layoutModel(model, options);
  if (layout.sizeBytes > MEMORY_LIMIT) {
    throw new AeqError('MODEL_TOO_LARGE', `a model of ${layout.sizeBytes} bytes does not fit into one array`, {
      hint: 'write it to a file instead',
    });
  }
  const bytes = new Uint8Array(layout.sizeBytes);
  for (const segment of layout.segments) {
    if ('bytes' in segment) bytes.set(segment.bytes, segment.offset);
    else for (const { start, data } of piecesOf(segment.constant)) bytes.set(data, segment.offset + start);
  }
  return bytes;
}

function bufferTable(constant: Constant | undefined, outside: boolean): Table {
  if (constant === undefined) return {};
  if (outside && constant.sizeBytes >= EXTERNAL_LEAST) {
    return { offset: new LateOffset(constant), size: BigInt(constant.sizeBytes) };
  }
  return { data: new LateVector(constant) };
}

const roundUp = (value: number, alignment: number) => Math.ceil(value / alignment) * alignment;

function tooLarge(sizeBytes: number): AeqError {
  return new AeqError('MODEL_TOO_LARGE', `the flatbuffer part of the model would have ${sizeBytes} bytes, over 2 GiB`, {
    hint: 'write the weights behind the flatbuffer: --buffers external',
  });
}

function* piecesOf(constant: Constant): Iterable<{ start: number; data: Uint8Array }> {
  for (let start = 0; start < constant.sizeBytes; start += CHUNK_BYTES) {
    yield { start, data: constant.read(start, Math.min(start + CHUNK_BYTES, constant.sizeBytes)) };
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
    if (segment.offset > position) yield new Uint8Array(segment.offset - position);
    if ('bytes' in segment) yield segment.bytes;
    else for (const { data } of piecesOf(segment.constant)) yield data;
    position = segment.offset + segment.sizeBytes;
  }
  if (sizeBytes > position) yield new Uint8Array(sizeBytes - position);
}
