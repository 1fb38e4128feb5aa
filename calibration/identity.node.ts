import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { basename } from 'node:path';
import type { ModelIdentity } from '../schema/documents/calibration.ts';

const CHUNK_BYTES = 1 << 22;

/** Identity of a model file, read in pieces. @throws the system's error when it cannot be read. */
export function fileIdentity(path: string): ModelIdentity {
  const hash = createHash('sha256');
  const chunk = new Uint8Array(CHUNK_BYTES);
  const file = openSync(path, 'r');
  let sizeBytes = 0;
  try {
    for (let read = readSync(file, chunk); read > 0; read = readSync(file, chunk)) {
      hash.update(chunk.subarray(0, read));
      sizeBytes += read;
    }
  } finally {
    closeSync(file);
  }
  return { file: basename(path), sha256: hash.digest('hex'), sizeBytes };
}

/** Identity of a model in memory. */
export function bytesIdentity(bytes: Uint8Array, file = 'model.tflite'): ModelIdentity {
  return { file, sha256: createHash('sha256').update(bytes).digest('hex'), sizeBytes: bytes.length };
}
