import type { Model } from '../../schema/model.ts';
import { layoutModel } from '../../schema/writer.ts';
import type { Runtime, Session, SessionOptions } from '../runtime/runtime.ts';

/** Loads a model in memory into an interpreter, laid out as that interpreter can read it. */
export function openModel(runtime: Runtime, model: Model, options: SessionOptions = {}): Promise<Session> {
  return runtime.open(layoutModel(model, { buffers: runtime.bufferPlacement }), options);
}
