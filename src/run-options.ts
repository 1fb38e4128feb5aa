import type { RuntimeChoice } from '../calibration/runtime/open.node.ts';

/** How samples are run, whatever for. */
export interface RunOptions {
  /** At most this many samples of each signature. */
  readonly samples?: number | undefined;
  /** Choose them at random by this seed; otherwise the first. */
  readonly seed?: number | undefined;
  /** Interpreter; default `auto`. */
  readonly runtime?: RuntimeChoice | undefined;
  /** Path of LiteRT's C library, for the native interpreter. */
  readonly library?: string | undefined;
  /**
   * Samples that run at the same time, on one core each; by default as many as there are cores, where there are enough
   * samples.
   */
  readonly workers?: number | undefined;
  /** Most bytes of captured tensors at once; more are taken in several runs of each sample. */
  readonly memoryBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}
