import type { Sample } from '../datasets/sample.ts';
import type { ErrorCode, ErrorWhere } from '../schema/errors.ts';
import type { UnreachableTensor } from './capture/reference.ts';
import type { RunnerSettings, SampleObservations } from './sample-runner.ts';

/** How a worker gets the model: the path of a file, or its bytes, which are copied to each. */
export type ModelSource = { readonly path: string } | { readonly bytes: Uint8Array };

/** The first message to a worker. */
export interface WorkerStart {
  readonly kind: 'start';
  readonly model: ModelSource;
  /** A value of `--runtime`, and the path of a native library. */
  readonly runtime: string;
  readonly library: string | undefined;
  readonly settings: RunnerSettings;
}

/** What a worker is asked then. */
export type WorkerRequest =
  | { readonly kind: 'run'; readonly signature: string; readonly sample: Sample }
  | { readonly kind: 'reset' };

/** An error as plain data: class instances do not survive the way between processes. */
export interface PlainError {
  /** Undefined for errors that are no AeqError. */
  readonly code: ErrorCode | undefined;
  readonly message: string;
  readonly where: ErrorWhere;
  readonly hint: string | undefined;
}

/** What a worker answers: `ready` to its start, then one answer for each `run`. */
export type WorkerAnswer =
  | { readonly kind: 'ready'; readonly version: string; readonly unreachable: readonly UnreachableTensor[] }
  | { readonly kind: 'seen'; readonly observations: SampleObservations }
  | { readonly kind: 'failed'; readonly error: PlainError };
