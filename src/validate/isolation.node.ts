import { openModel } from '../../calibration/capture/open-model.ts';
import { openRuntime, type RuntimeChoice } from '../../calibration/runtime/open.node.ts';
import type { Runtime } from '../../calibration/runtime/runtime.ts';
import type { Feed } from '../../datasets/sample.ts';
import { AeqError } from '../../schema/errors.ts';
import type { Model } from '../../schema/model.ts';
import { modelBytes } from '../../schema/writer.ts';
import type { Isolation } from './injected.ts';
import { verifyModelFile } from './verify.node.ts';

export interface IsolationOptions {
  /** Path of LiteRT's C library for the native interpreter. */
  readonly library?: string;
  readonly signal?: AbortSignal;
}

/**
 * Where the operators of a model are run one by one. A wasm interpreter is its own isolation: a crash ends nothing but
 * its instance. Interpreters that share this process are tried in another one first.
 * @param runtime the interpreter that the comparison uses
 */
export function nodeIsolation(runtime: Runtime, options: IsolationOptions = {}): Isolation {
  const choice: RuntimeChoice = runtime.id;
  const library = options.library === undefined ? {} : { library: options.library };
  const open = () => openRuntime(choice, library);
  const wasm = runtime.id !== 'native';
  return {
    openRuntime: open,
    tryFirst: !wasm,
    tryModel: wasm
      ? (model, _key, feed) => tryHere(open, model, feed)
      : (model, key, feed) => tryInChild(choice, model, key, feed, options),
  };
}

async function tryHere(open: () => Promise<Runtime>, model: Model, feed: Feed): Promise<string | undefined> {
  const runtime = await open();
  try {
    const session = await openModel(runtime, model);
    await session.run(0, feed);
    session.close();
    return undefined;
  } catch (error) {
    if (error instanceof AeqError) return error.message;
    throw error;
  } finally {
    runtime.close();
  }
}

async function tryInChild(
  runtime: RuntimeChoice,
  model: Model,
  key: string,
  feed: Feed,
  options: IsolationOptions,
): Promise<string | undefined> {
  try {
    await verifyModelFile(modelBytes(model), { file: 'it', runtime, feeds: { [key]: feed }, ...options });
    return undefined;
  } catch (error) {
    if (error instanceof AeqError && error.code === 'VERIFY_FAILED') return error.message;
    throw error;
  }
}
