import { basename } from 'node:path';
import type { ModelIdentity } from '../schema/documents/calibration.ts';
import { type ModelFile, sha256Of } from '../schema/model-file.node.ts';

/** Identity of an open model file; hashes it the first time. */
export function fileIdentity(file: Pick<ModelFile, 'path' | 'sizeBytes' | 'sha256'>): ModelIdentity {
  return { file: basename(file.path), sha256: file.sha256(), sizeBytes: file.sizeBytes };
}

/** Identity of a model in memory. */
export function bytesIdentity(bytes: Uint8Array, file = 'model.tflite'): ModelIdentity {
  const source = {
    sizeBytes: bytes.length,
    read: (offset: number, length: number) => bytes.subarray(offset, offset + length),
  };
  return { file, sha256: sha256Of(source), sizeBytes: bytes.length };
}
