import type { Model } from '../schema/model.ts';
import { openModelFile } from '../schema/model-file.node.ts';
import { readModel } from '../schema/reader.ts';
import type { ModelSource } from './worker-protocol.ts';

/** The model that a worker was told of. Its file stays open as long as the process. @throws what readers throw. */
export function openModelSource(source: ModelSource): Model {
  return 'path' in source ? openModelFile(source.path).model : readModel(source.bytes);
}
