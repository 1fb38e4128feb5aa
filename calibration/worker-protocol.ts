import type { Sample } from '../datasets/sample.ts';
import type { UnreachableTensor } from './capture/reference.ts';
import type { PoolTalk } from './pool/talk.ts';
import type { RunnerSettings, SampleObservations } from './sample-runner.ts';

/** How a worker gets the model: the path of a file, or its bytes, which are copied to each. */
export type ModelSource = { readonly path: string } | { readonly bytes: Uint8Array };

/** What calibration workers are told and asked. */
export interface CalibrationTalk extends PoolTalk {
  readonly start: {
    readonly model: ModelSource;
    /** A value of `--runtime`, and the path of a native library. */
    readonly runtime: string;
    readonly library: string | undefined;
    readonly settings: RunnerSettings;
  };
  readonly ready: { readonly version: string; readonly unreachable: readonly UnreachableTensor[] };
  readonly request: { readonly signature: string; readonly sample: Sample };
  readonly answer: SampleObservations;
  readonly notice: 'reset';
}
