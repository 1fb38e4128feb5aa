import { createHash } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { type FileSource, openFileSource } from './file-source.node.ts';
import type { Model } from './model.ts';
import { readModel } from './reader.ts';
import { type AtomicWriteOptions, createUnfinishedFile } from './write-file.node.ts';
import { type FileLayout, layoutModel, type WriteOptions } from './writer.ts';

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
  const source = openFileSource(path);
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

const HASH_CHUNK_BYTES = 1 << 20;

/** SHA-256 of everything in a source, in hexadecimal. */
export function sha256Of(source: {
  readonly sizeBytes: number;
  read(offset: number, length: number): Uint8Array;
}): string {
  const hash = createHash('sha256');
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
export function writeLayout(path: string, layout: Pick<FileLayout, 'chunks'>, options: AtomicWriteOptions = {}): void {
  const file = createUnfinishedFile(path, options);
  try {
    let offset = 0;
    for (const chunk of layout.chunks()) {
      file.write(chunk, offset);
      offset += chunk.length;
    }
    file.commit();
  } finally {
    file.discard();
  }
}
