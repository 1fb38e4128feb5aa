import type { ChannelExtent } from '../../kernels/index.ts';
import type { ConstantOrigin } from '../../schema/constant.ts';
import type { PlainError } from '../../schema/plain-error.ts';
import type { AheadRule, Found } from '../algorithms/codes-ahead.ts';
import type { ChannelRanges } from '../algorithms/constants.ts';
import type { GroupNumbers, GroupRule } from '../algorithms/group-numbers.ts';

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

/** Find the numbers of groups [first, last) of a float32 constant. */
export interface NumbersJob {
  readonly kind: 'numbers';
  readonly extent: ChannelExtent;
  readonly rule: GroupRule;
  readonly first: number;
  readonly last: number;
}

/** Find the ranges of channels (or scales of blocks) of a float32 constant, and write its codes with these at once. */
export interface AheadJob {
  readonly kind: 'ahead';
  readonly extent: ChannelExtent;
  readonly how: AheadRule;
  /** Where what is found goes: memory that threads share. */
  readonly found: Found;
  readonly descriptor: number;
  readonly offset: number;
  /** Name of the file, for messages. */
  readonly name: string;
}

/** What is to be done with a constant. */
export type Job = WriteJob | RangesJob | NumbersJob | AheadJob;

/** What comes of it, where something is asked. */
export type JobResult = ChannelRanges | GroupNumbers | undefined;

/** What a thread is sent. The origin is left out when it is that of the thread's last job. */
export interface JobMessage {
  readonly job: Job;
  readonly origin: ConstantOrigin | undefined;
}

/** What a thread answers. */
export type JobAnswer = { readonly result: JobResult } | { readonly error: PlainError };
