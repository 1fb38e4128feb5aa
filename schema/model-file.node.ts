import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AeqError } from './errors.ts';
import { type FileSource, openFileSource } from './file-source.node.ts';
import { sha256 } from './hash.node.ts';
import { passingPieces } from './layout.ts';
import type { Model } from './model.ts';
import { readModel } from './reader.ts';
import { type AtomicWriteOptions, createUnfinishedFile, type UnfinishedFile } from './write-file.node.ts';
import { type FileLayout, layoutModel, type Segment, type WriteOptions } from './writer.ts';

/** A model on disk. Its constants read from the file, so keep it open as long as they are used. */
export interface ModelFile {
  readonly path: string;
  readonly sizeBytes: number;
  readonly model: Model;
  readonly source: FileSource;
  /** Hash of the whole file in hexadecimal; reads it once, in pieces, and remembers the result. */
  sha256(): string;
  close(): void;
}

/**
 * Opens a `.tflite` file and reads its graph, no weight.
 * @throws AeqError FILE_NOT_FOUND, FILE_UNREADABLE, MODEL_NOT_TFLITE, MODEL_TRUNCATED, MODEL_INVALID.
 */
export function openModelFile(file: string | URL): ModelFile {
  const path = file instanceof URL ? fileURLToPath(file) : file;
  const source = openSource(path);
  try {
    const model = readModel(source, path);
    let hash: string | undefined;
    return {
      path,
      sizeBytes: source.sizeBytes,
      model,
      source,
      sha256: () => {
        hash ??= sha256Of(source);
        return hash;
      },
      close: () => source.close(),
    };
  } catch (error) {
    source.close();
    throw error;
  }
}

/** @throws AeqError FILE_UNREADABLE for a folder, with what people mean by one. */
function openSource(path: string): FileSource {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return openFileSource(path);
  const saved = existsSync(join(path, 'saved_model.pb'));
  throw new AeqError(
    'FILE_UNREADABLE',
    `${path} is a folder, not a model${saved ? ': it holds a TensorFlow SavedModel' : ''}`,
    {
      where: { file: path },
      hint: saved ? 'convert it to .tflite first' : 'name the .tflite file',
    },
  );
}

const HASH_CHUNK_BYTES = 1 << 20;

/** SHA-256 of everything in a source, in hexadecimal. */
export function sha256Of(source: {
  readonly sizeBytes: number;
  read(offset: number, length: number): Uint8Array;
}): string {
  const hash = sha256();
  for (let offset = 0; offset < source.sizeBytes; offset += HASH_CHUNK_BYTES) {
    hash.update(source.read(offset, Math.min(HASH_CHUNK_BYTES, source.sizeBytes - offset)));
  }
  return hash.digest('hex');
}

/**
 * Writes a model beside its target and renames it, in pieces: memory stays flat however large the model.
 * @throws AeqError FILE_EXISTS, FILE_UNWRITABLE, MODEL_TOO_LARGE. Returns the size of the file in bytes.
 */
export function writeModelFile(path: string, model: Model, options: WriteOptions & AtomicWriteOptions = {}): number {
  const layout = layoutModel(model, options);
  writeLayout(path, layout, options);
  return layout.sizeBytes;
}

/** Writes a file that is laid out already. @throws AeqError FILE_EXISTS, FILE_UNWRITABLE. */
function writeLayout(path: string, layout: FileLayout, options: AtomicWriteOptions = {}): void {
  const file = createUnfinishedFile(path, options);
  try {
    fillFile(file, layout);
    file.commit();
  } finally {
    file.discard();
  }
}

/** Writes all bytes of a laid out file. @throws AeqError FILE_UNWRITABLE. */
export function fillFile(file: UnfinishedFile, layout: FileLayout): void {
  if (file.descriptor === undefined) {
    let offset = 0;
    for (const chunk of layout.chunks()) {
      file.write(chunk, offset);
      offset += chunk.length;
    }
    return;
  }
  for (const segment of layout.segments) fillSegment(file, segment);
  fillEnd(file, layout);
}

/** Writes one segment to its place. */
export function fillSegment(file: UnfinishedFile, segment: Segment): void {
  let { offset } = segment;
  for (const piece of passingPieces(segment)) {
    file.write(piece, offset);
    offset += piece.length;
  }
}

/** Makes the file as long as it is laid out: gaps are zero by themselves, but not the one at the end. */
export function fillEnd(file: UnfinishedFile, { sizeBytes, segments }: FileLayout): void {
  const last = segments.at(-1);
  const end = last ? last.offset + last.sizeBytes : 0;
  if (end < sizeBytes) file.write(new Uint8Array(1), sizeBytes - 1);
}
