import type { ChannelExtent } from '../../kernels/index.ts';
import type { ConstantOrigin } from '../../schema/constant.ts';
import type { PlainError } from '../../schema/plain-error.ts';
import type { ChannelRanges } from '../algorithms/constants.ts';

/** Write bytes [start, end) of a constant to a place of an open file. */
export interface WriteJob {
  readonly kind: 'write';
  readonly start: number;
  readonly end: number;
  readonly descriptor: number;
  readonly offset: number;
  /** Name of the file, for messages. */
  readonly name: string;
}

/** Find the least and greatest value of each channel of a float32 constant. */
export interface RangesJob {
  readonly kind: 'ranges';
  readonly extent: ChannelExtent;
}

/** What is to be done with a constant. */
export type Job = WriteJob | RangesJob;

/** What a thread is sent. The origin is left out when it is that of the thread's last job. */
export interface JobMessage {
  readonly job: Job;
  readonly origin: ConstantOrigin | undefined;
}

/** What a thread answers: ranges to a job that asks for them. */
export type JobAnswer = { readonly ranges: ChannelRanges | undefined } | { readonly error: PlainError };
