import type { Sample } from '../datasets/sample.ts';
import type { ErrorCode, ErrorWhere } from '../schema/errors.ts';
import type { UnreachableTensor } from './capture/reference.ts';
import type { RunnerSettings, SampleObservations } from './sample-runner.ts';

/** How a worker gets the model: the path of a file, or its bytes (shared memory is not copied). */
export type ModelSource = { readonly path: string } | { readonly bytes: Uint8Array };

/** What a worker is started with. */
export interface WorkerStart {
  readonly model: ModelSource;
  /** A value of `--runtime`, and the path of a native library. */
  readonly runtime: string;
  readonly library: string | undefined;
  readonly settings: RunnerSettings;
}

/** What a worker is asked. */
export type WorkerRequest =
  | { readonly kind: 'run'; readonly signature: string; readonly sample: Sample }
  | { readonly kind: 'reset' };

/** An error as plain data: class instances do not survive the way between threads. */
export interface PlainError {
  /** Undefined for errors that are no AeqError. */
  readonly code: ErrorCode | undefined;
  readonly message: string;
  readonly where: ErrorWhere;
  readonly hint: string | undefined;
}

/** What a worker answers: once `ready`, then one answer for each `run`. */
export type WorkerAnswer =
  | { readonly kind: 'ready'; readonly version: string; readonly unreachable: readonly UnreachableTensor[] }
  | { readonly kind: 'seen'; readonly observations: SampleObservations }
  | { readonly kind: 'failed'; readonly error: PlainError };
