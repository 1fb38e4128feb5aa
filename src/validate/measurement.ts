import type { Sample, SampleName } from '../../datasets/sample.ts';
import type { Scores } from './classification.ts';
import type { Spread } from './distribution.ts';
import type { ErrorRecords } from './records.ts';

/** What one sample showed of operators that were run alone; operators by their place in the list of all. */
export interface InjectedMeasurement {
  /** For each record, whose result was compared with which float tensor. */
  readonly results: readonly (readonly [operator: number, float: number])[];
  readonly records: ErrorRecords;
  /** Operators that turned out not to run alone, with the reason. */
  readonly problems: readonly (readonly [operator: number, reason: string])[];
}

/**
 * What one sample showed of one quantized model. Plain data, so that it can come from another process. Jobs by their place
 * in the list of their signature: outputs first.
 */
export interface CandidateMeasurement {
  /** The job of each record. */
  readonly jobs: readonly number[];
  readonly records: ErrorRecords;
  /** How the float values are spread, where that is asked. */
  readonly spreads: readonly (readonly [job: number, spread: Spread])[];
  /** Why the two tensors of a job cannot be compared. */
  readonly problems: readonly (readonly [job: number, problem: string])[];
  /** What the models say of the classes, where an output holds their scores. */
  readonly scores: Scores | undefined;
  readonly injected: InjectedMeasurement | undefined;
}

/** Something that runs samples through all models: interpreters of this thread, or several workers. */
export interface SampleMeasurer {
  /** Version text of the interpreter. */
  readonly version: string;
  /** How many samples may run at a time. */
  readonly concurrency: number;
  /** It may need the values of a sample after it was measured. */
  readonly keepsSamples: boolean;
  /** It reads the samples of this signature itself: their names will do. */
  reads?(signature: string): boolean;
  /**
   * Measures one sample on each quantized model, in their order. What comes out is valid until the next sample where only
   * one runs at a time.
   * @param alone whether operators are also run alone
   * @throws AeqError FEED_INVALID, MODELS_DIFFER, RUNTIME_*, naming the sample; DATASET_UNREADABLE when it cannot be read
   * here.
   */
  measure(signature: string, sample: Sample | SampleName, alone: boolean): Promise<readonly CandidateMeasurement[]>;
  close(): Promise<void>;
}
