import { basename } from 'node:path';
import type { ByteSource } from '../schema/codec/byte-source.ts';
import type { ModelIdentity } from '../schema/documents/calibration.ts';
import { type ModelFile, sha256Of } from '../schema/model-file.node.ts';

/** Identity of an open model file; hashes it the first time. */
export function fileIdentity(file: Pick<ModelFile, 'path' | 'sizeBytes' | 'sha256'>): ModelIdentity {
  return { file: basename(file.path), sha256: file.sha256(), sizeBytes: file.sizeBytes };
}

/** Identity of a model that is no file of its own; hashes it. */
export function sourceIdentity(source: ByteSource, file: string): ModelIdentity {
  return { file, sha256: sha256Of(source), sizeBytes: source.sizeBytes };
}
