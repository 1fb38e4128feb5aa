import { fileIdentity, sourceIdentity } from '../calibration/identity.node.ts';
import type { ModelSource } from '../calibration/worker-protocol.ts';
import { type ByteSource, memorySource } from '../schema/codec/byte-source.ts';
import type { ModelIdentity } from '../schema/documents/calibration.ts';
import { AeqError } from '../schema/errors.ts';
import type { Model } from '../schema/model.ts';
import { openModelFile } from '../schema/model-file.node.ts';
import { readModel } from '../schema/reader.ts';

/** A model by path, file URL, bytes, or anything that bytes can be read from. */
export type ModelInput = string | URL | Uint8Array | ByteSource;

/** A model and what else is asked of where it came from. */
export interface OpenedModel {
  readonly model: Model;
  readonly file: string;
  /** For a worker to open the model itself. */
  readonly source: () => ModelSource;
  readonly sizeBytes: number;
  readonly identity: () => ModelIdentity;
  readonly close: () => void;
}

/**
 * Opens a model, whose weights are read when they are needed.
 * @throws AeqError FILE_NOT_FOUND, MODEL_NOT_TFLITE, MODEL_TRUNCATED, MODEL_INVALID, USAGE for what is no model.
 */
export function openSource(input: ModelInput): OpenedModel {
  if (typeof input === 'string' || input instanceof URL) {
    const file = openModelFile(input);
    return {
      model: file.model,
      file: file.path,
      source: () => ({ path: file.path }),
      sizeBytes: file.sizeBytes,
      identity: () => fileIdentity(file),
      close: () => file.close(),
    };
  }
  if (!(input instanceof Uint8Array) && typeof (input as Partial<ByteSource> | null)?.read !== 'function') {
    throw new AeqError('USAGE', 'a model is a path, a URL of a file, or bytes', {
      hint: 'an ArrayBuffer becomes bytes with new Uint8Array(buffer)',
    });
  }
  const source = input instanceof Uint8Array ? memorySource(input) : input;
  const file = 'model.tflite';
  const { sizeBytes } = source;
  let identity: ModelIdentity | undefined;
  return {
    model: readModel(source),
    file,
    source: () => ({ bytes: source.read(0, sizeBytes) }),
    sizeBytes,
    identity: () => {
      identity ??= sourceIdentity(source, file);
      return identity;
    },
    close: () => {},
  };
}

/** What is compared: the model and how an interpreter opens it. */
export const comparedModel = ({ file, model, sizeBytes, source }: OpenedModel) => ({
  file,
  model,
  sizeBytes,
  source: source(),
});
