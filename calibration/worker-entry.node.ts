/** The module that calibration workers run: one interpreter, samples in, observations out. */
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

let runner: LocalRunner | undefined;

async function answerTo(request: WorkerStart | WorkerRequest): Promise<WorkerAnswer | undefined> {
  if (request.kind === 'start') {
    runner = await openRunner(request);
    return { kind: 'ready', version: runner.version, unreachable: runner.unreachable };
  }
  if (!runner) throw new AeqError('INTERNAL', 'the worker was not started');
  if (request.kind === 'reset') {
    runner.reset();
    return undefined;
  }
  return { kind: 'seen', observations: await runner.run(request.signature, request.sample) };
}

process.on('message', async (request: WorkerStart | WorkerRequest) => {
  const answer = await answerTo(request).catch(
    (error: unknown): WorkerAnswer => ({ kind: 'failed', error: plain(error) }),
  );
  if (answer) process.send?.(answer);
});
process.once('disconnect', () => process.exit());
// Ctrl-C reaches the whole group: the parent decides, and still wants what is under way.
process.on('SIGINT', () => undefined);
