import type { PoolTalk } from '../../calibration/pool/talk.ts';
import type { ModelSource } from '../../calibration/worker-protocol.ts';
import type { Sample, SampleName } from '../../datasets/sample.ts';
import type { CandidateOptions } from './candidate.ts';
import type { CandidateMeasurement } from './measurement.ts';

/** A model for a worker to open, and what it is called in messages. */
export interface NamedSource {
  readonly file: string;
  readonly source: ModelSource;
}

/** What validation workers are told and asked. */
export interface MeasurerTalk extends PoolTalk {
  readonly start: {
    readonly float: NamedSource;
    readonly quantized: readonly NamedSource[];
    /** Keys of the float model's signatures. */
    readonly signatures: readonly string[];
    readonly candidate: CandidateOptions;
    /** A value of `--runtime`, and the path of a native library. */
    readonly runtime: string;
    readonly library: string | undefined;
    readonly memoryBytes: number | undefined;
    /** Of data sets, by signature: samples of these come as their names only. */
    readonly origins: Readonly<Record<string, unknown>>;
  };
  readonly ready: { readonly version: string };
  readonly request: {
    readonly signature: string;
    readonly sample: Sample | SampleName;
    readonly alone: boolean;
  };
  readonly answer: readonly CandidateMeasurement[];
  readonly part: never;
  readonly notice: never;
}
