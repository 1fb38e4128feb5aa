/** The process behind `verifyModelFile`: nothing but this is loaded, so that it starts fast. */

import { outputReferences } from '../../calibration/capture/reference.ts';
import { openCapture } from '../../calibration/capture/session.ts';
import { expectShortLife } from '../../calibration/pool/short-life.node.ts';
import { hasVariables, openRuntime, openRuntimeFor } from '../../calibration/runtime/open.node.ts';
import type { Runtime } from '../../calibration/runtime/runtime.ts';
import type { Feed } from '../../datasets/sample.ts';
import { AeqError } from '../../schema/errors.ts';
import { isDynamic, type SignatureView, signatureShape, signatures } from '../../schema/graph.ts';
import type { Model } from '../../schema/model.ts';
import { type ModelFile, openModelFile } from '../../schema/model-file.node.ts';
import { serveParent } from './child.node.ts';
import { feedFor, GENERIC_VALUES, genericFeed } from './feeds.ts';
import type { VerifyAnswer, VerifyInterpreter, VerifyRequest } from './verify.node.ts';

/** Lengths to try for free dimensions other than the batch, since the model does not say which it can take. */
const FREE_LENGTHS = [1, 32, 256];
/** Said of files that keep a state, where the interpreter takes none, or not this one. */
const STATE = 'models that keep a state run on older interpreters only, such as that of @tensorflow/tfjs-tflite';
const CHUNK_BYTES = 4 << 20;

/** The interpreter that most models need, opened while the file is not there yet. */
let prepared: Promise<Runtime> | undefined;

const options = ({ library }: VerifyInterpreter) => (library === undefined ? {} : { library });

function prepare(interpreter: VerifyInterpreter): void {
  prepared = openRuntime(interpreter.runtime, options(interpreter));
  // Whoever uses it sees the rejection.
  prepared.catch(() => undefined);
}

async function interpreterFor(model: Model, request: VerifyRequest): Promise<Runtime> {
  if (prepared && !hasVariables(model)) return prepared;
  return openRuntimeFor(model, request.runtime, options(request));
}

async function verify(request: VerifyRequest): Promise<VerifyAnswer> {
  let file: ModelFile;
  let runtime: Runtime;
  try {
    file = openModelFile(request.path);
    runtime = await interpreterFor(file.model, request);
  } catch (error) {
    return broken(error);
  }
  let step: 'load' | 'run' = 'load';
  let running: string | undefined;
  try {
    const views = signatures(file.model);
    const session = await openSession(runtime, file, views);
    step = 'run';
    for (const view of views) {
      running = view.key;
      const feeds = feedsFor(file.model, view, request.feeds[view.key]);
      await firstThatRuns(feeds, (feed) => session(view, feed));
    }
    return { status: 'ok', runtime: runtime.version, signatures: views.map((view) => view.key) };
  } catch (error) {
    if (!(error instanceof AeqError)) return broken(error);
    if (error.code === 'RUNTIME_OUT_OF_MEMORY') return { status: 'skipped', reason: error.message };
    if (error.code === 'RUNTIME_REJECTED_MODEL' && hasVariables(file.model)) {
      return { status: 'skipped', reason: `${runtime.version}: ${error.message}; ${STATE}` };
    }
    return { status: 'failed', step, message: error.message, ...(running === undefined ? {} : { signature: running }) };
  } finally {
    // Some systems do not let a file be renamed that is open anywhere.
    file.close();
  }
}

type RunOnce = (view: SignatureView, feed: Feed) => Promise<void>;

/** The file as it is, where the interpreter takes such files at all; else a copy with its shapes fixed. */
async function openSession(runtime: Runtime, file: ModelFile, views: readonly SignatureView[]): Promise<RunOnce> {
  const { model } = file;
  if (asIs(model, views)) {
    const session = await runtime.open({ sizeBytes: file.sizeBytes, chunks: () => pieces(file) });
    return async (view, feed) => {
      const index = view.declared ? session.signatures.findIndex(({ key }) => key === view.key) : 0;
      const info = session.signatures[index];
      const named = view.declared ? feed : renamed(view, feed, info?.inputs.map(({ name }) => name) ?? []);
      await session.run(index, named);
    };
  }
  const capture = openCapture(runtime, model, outputReferences(model, views));
  return async (view, feed) => {
    for await (const _ of capture.run(view.key, feed));
  };
}

/** No free dimension, and signatures that name all inputs and outputs of their subgraphs. */
function asIs(model: Model, views: readonly SignatureView[]): boolean {
  if (model.subgraphs.some((subgraph) => subgraph.tensors.some(isDynamic))) return false;
  return views.every(({ subgraph, inputs, outputs }) => {
    const graph = model.subgraphs[subgraph];
    return inputs.length === graph?.inputs.length && outputs.length === graph.outputs.length;
  });
}

/** The interpreter has names of its own for what the file does not name; positions agree. */
function renamed(view: SignatureView, feed: Feed, names: readonly string[]): Feed {
  const entries = view.inputs.map((input, i) => [names[i] ?? input.name, feed[input.name]] as const);
  return Object.fromEntries(entries) as Feed;
}

function* pieces(file: ModelFile): Generator<Uint8Array> {
  for (let offset = 0; offset < file.sizeBytes; offset += CHUNK_BYTES) {
    yield file.source.read(offset, Math.min(CHUNK_BYTES, file.sizeBytes - offset));
  }
}

/**
 * The real sample if there is one. Otherwise values that suit most models, and others in case those do not: a model is
 * only refused when it runs with none.
 */
function feedsFor(model: Model, view: SignatureView, sample: Feed | undefined): Feed[] {
  if (sample !== undefined) return [feedFor(model, view, view, sample)];
  const free = view.inputs.some(({ tensor }) => {
    const entry = model.subgraphs[view.subgraph]?.tensors[tensor];
    return entry !== undefined && signatureShape(entry).some((length, axis) => length < 0 && axis > 0);
  });
  return (free ? FREE_LENGTHS : [1]).flatMap((length) =>
    GENERIC_VALUES.flatMap((values) => {
      const feed = genericFeed(model, view, values, (tensor) =>
        signatureShape(tensor).map((size, axis) => (size >= 0 ? size : axis === 0 ? 1 : length)),
      );
      return feed === undefined ? [] : [feed];
    }),
  );
}

async function firstThatRuns(feeds: readonly Feed[], run: (feed: Feed) => Promise<void>): Promise<void> {
  let failure: unknown;
  for (const feed of feeds) {
    try {
      return await run(feed);
    } catch (error) {
      failure ??= error;
    }
  }
  if (failure !== undefined) throw failure;
}

function broken(error: unknown): VerifyAnswer {
  const { message } = error as Error;
  return error instanceof AeqError
    ? { status: 'broken', code: error.code, message, hint: error.hint }
    : { status: 'broken', code: 'INTERNAL', message: String(message ?? error), hint: undefined };
}

expectShortLife();
serveParent(prepare, verify);
