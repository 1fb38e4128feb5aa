import type { Sample, SampleName } from '../datasets/sample.ts';
import type { UnreachableTensor } from './capture/reference.ts';
import type { PoolTalk } from './pool/talk.ts';
import type { RunnerSettings } from './sample-runner.ts';
import type { CollectedStatistics } from './statistics/statistics.ts';

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
    /** Of data sets, by signature: samples of these come as their names only. */
    readonly origins: Readonly<Record<string, unknown>>;
  };
  readonly ready: { readonly version: string; readonly unreachable: readonly UnreachableTensor[] };
  readonly request: { readonly signature: string; readonly sample: Sample | SampleName };
  /** What samples showed is summed up and handed over in parts. */
  readonly answer: undefined;
  readonly part: CollectedStatistics;
  readonly notice: 'reset';
}
