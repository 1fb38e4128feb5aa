import type { Feed } from '../../datasets/sample.ts';
import { AeqError } from '../../schema/errors.ts';
import type { Model } from '../../schema/model.ts';
import type { Runtime, Session } from '../runtime/runtime.ts';
import { openModel } from './open-model.ts';
import type { TensorReference } from './reference.ts';
import { type CaptureModelOptions, captureModel } from './rewrite.ts';

/**
 * The tensors among these whose size depends on values. An interpreter keeps them in a place of its own: the first run
 * leaves their outputs unwritten without a word, the second one fails. So each group is run twice, and halved while it
 * fails.
 */
export async function dynamicTensors(
  runtime: Runtime,
  model: Model,
  key: string,
  feed: Feed,
  tensors: readonly TensorReference[],
  options: CaptureModelOptions,
): Promise<TensorReference[]> {
  if (tensors.length === 0) return [];
  const { model: copy } = captureModel(model, tensors, options);
  const session = await openModel(runtime, copy);
  let whole: boolean;
  try {
    whole = await runsTwice(session, key, feed);
  } finally {
    session.close();
  }
  if (whole) return [];
  if (tensors.length === 1) return [...tensors];
  const middle = tensors.length >> 1;
  const found: TensorReference[] = [];
  for (const half of [tensors.slice(0, middle), tensors.slice(middle)]) {
    found.push(...(await dynamicTensors(runtime, model, key, feed, half, options)));
  }
  return found;
}

/** Whether two runs of a signature succeed. @throws AeqError for a failure that has nothing to do with sizes. */
export async function runsTwice(session: Session, key: string, feed: Feed): Promise<boolean> {
  const index = session.signatures.findIndex((signature) => signature.key === key);
  let runs = 0;
  try {
    for (; runs < 2; runs += 1) await session.run(index, feed);
    return true;
  } catch (error) {
    if (error instanceof AeqError && (runs > 0 || isAboutSize(error))) return false;
    throw error;
  }
}

/** What a first run says of an output that does not fit the buffer made for it. */
const isAboutSize = (error: AeqError) => /allocation_type|Custom allocation is too small/.test(error.message);
