/** The module that calibration workers run: one interpreter, samples in, observations out. */
import { parentPort, workerData } from 'node:worker_threads';
import { AeqError } from '../schema/errors.ts';
import type { Model } from '../schema/model.ts';
import { openModelFile } from '../schema/model-file.node.ts';
import { readModel } from '../schema/reader.ts';
import { openRuntime, type RuntimeChoice } from './runtime/open.node.ts';
import { LocalRunner } from './sample-runner.ts';
import type { ModelSource, PlainError, WorkerAnswer, WorkerRequest, WorkerStart } from './worker-protocol.ts';

function openModel(source: ModelSource): Model {
  return 'path' in source ? openModelFile(source.path).model : readModel(source.bytes);
}

async function openRunner({ model, runtime, library, settings }: WorkerStart): Promise<LocalRunner> {
  const interpreter = await openRuntime(runtime as RuntimeChoice, library === undefined ? {} : { library });
  return new LocalRunner(interpreter, openModel(model), settings);
}

function plain(error: unknown): PlainError {
  if (error instanceof AeqError) {
    return { code: error.code, message: error.message, where: error.where, hint: error.hint };
  }
  const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return { code: undefined, message, where: {}, hint: undefined };
}

const runner = openRunner(workerData as WorkerStart);

function answer(message: WorkerAnswer, transfer: ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, transfer);
}

async function handle(request: WorkerRequest): Promise<void> {
  const mine = await runner;
  if (request.kind === 'reset') return mine.reset();
  const observations = await mine.run(request.signature, request.sample);
  const buffers = observations.flatMap(([, { histogram }]) =>
    histogram ? [histogram.keys.buffer, histogram.counts.buffer] : [],
  );
  answer({ kind: 'seen', observations }, buffers as ArrayBuffer[]);
}

parentPort?.on('message', (request: WorkerRequest) => {
  handle(request).catch((error: unknown) => answer({ kind: 'failed', error: plain(error) }));
});

runner.then(
  ({ version, unreachable }) => answer({ kind: 'ready', version, unreachable }),
  (error: unknown) => answer({ kind: 'failed', error: plain(error) }),
);
