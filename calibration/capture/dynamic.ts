import type { Feed } from '../../datasets/sample.ts';
import { AeqError } from '../../schema/errors.ts';
import type { Model } from '../../schema/model.ts';
import type { Runtime, Session, TensorView } from '../runtime/runtime.ts';
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
  let whole: readonly TensorView[] | undefined;
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

/**
 * The outputs of the second of two runs of a signature, or undefined when these do not succeed.
 * @throws AeqError for a failure that has nothing to do with sizes.
 */
export async function runsTwice(session: Session, key: string, feed: Feed): Promise<readonly TensorView[] | undefined> {
  const index = session.signatures.findIndex((signature) => signature.key === key);
  let first: readonly TensorView[] | undefined;
  try {
    first = await session.run(index, feed);
    return await session.run(index, feed);
  } catch (error) {
    if (error instanceof AeqError && (first || isAboutSize(error))) return undefined;
    throw error;
  }
}

/** What a first run says of an output that does not fit the buffer made for it. */
const isAboutSize = (error: AeqError) => /allocation_type|Custom allocation is too small/.test(error.message);
