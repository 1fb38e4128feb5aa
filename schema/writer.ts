import { placedAssociatedFiles } from './associated-files.ts';
import type { Table } from './codec/decode.ts';
import { encodeStructure, LateOffset, LateVector } from './codec/encode.ts';
import type { Constant } from './constant.ts';
import { AeqError } from './errors.ts';
import { FILE_IDENTIFIER, TFLITE } from './generated/tflite.ts';
import { type FileLayout, fileLayout, layoutBytes, roundUp, type Segment } from './layout.ts';
import type { Model } from './model.ts';

export type { FileLayout, Segment } from './layout.ts';

/** Where constants go: in the flatbuffer, behind it (`Buffer.offset/size`), or as their size suggests. */
export type BufferPlacement = 'auto' | 'inline' | 'external';

export interface WriteOptions {
  readonly buffers?: BufferPlacement;
}

/** Relative offsets in a flatbuffer are signed in some readers. */
const FLATBUFFER_LIMIT = 2 ** 31 - 1;
/** Beyond this the constants go behind the flatbuffer; below it any reader, however old, can use the file. */
const INLINE_LIMIT = 2 ** 30;
/** Constants of at least this size go outside when the others do; the offset costs little less than the data below it. */
const EXTERNAL_LEAST = 1024;
const EXTERNAL_ALIGNMENT = 64;

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
  const { bytes, vectors, offsets } = encodeStructure(TFLITE, 'Model', root as unknown as Table, FILE_IDENTIFIER);
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
  const padded = roundUp(end, 16);
  if (model.associatedFiles === undefined) return fileLayout(segments, padded);
  const constant = placedAssociatedFiles(model.associatedFiles, padded);
  segments.push({ offset: padded, sizeBytes: constant.sizeBytes, constant });
  return fileLayout(segments, padded + constant.sizeBytes);
}

/** The whole file in memory. @throws AeqError MODEL_TOO_LARGE, beyond 4 GiB too. */
export function modelBytes(model: Model, options: WriteOptions = {}): Uint8Array {
  return layoutBytes(layoutModel(model, options));
}

function bufferTable(constant: Constant | undefined, outside: boolean): Table {
  if (constant === undefined) return {};
  if (outside && constant.sizeBytes >= EXTERNAL_LEAST) {
    return { offset: new LateOffset(constant), size: BigInt(constant.sizeBytes) };
  }
  return { data: new LateVector(constant) };
}

function tooLarge(sizeBytes: number): AeqError {
  return new AeqError('MODEL_TOO_LARGE', `the flatbuffer part of the model would have ${sizeBytes} bytes, over 2 GiB`, {
    hint: 'write the weights behind the flatbuffer: --buffers external',
  });
}
