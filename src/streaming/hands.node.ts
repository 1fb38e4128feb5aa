import { type Constant, type ConstantOrigin, fillFrom } from '../../schema/constant.ts';
import { readFully } from '../../schema/file-source.node.ts';
import { passingPieces } from '../../schema/layout.ts';
import { writeFully } from '../../schema/write-file.node.ts';
import { codesAhead } from '../algorithms/codes-ahead.ts';
import { channelRanges } from '../algorithms/constants.ts';
import { constantOfOrigin } from '../algorithms/derivations.ts';
import { groupNumbers } from '../algorithms/group-numbers.ts';
import type { AheadJob, Job, JobResult, WriteJob } from './job.ts';

/** What does jobs in a thread, one at a time. */
export class Hands {
  #origin: ConstantOrigin | undefined;
  #constant: Constant | undefined;

  /** @throws AeqError FILE_UNREADABLE, MODEL_TRUNCATED, FILE_UNWRITABLE. */
  do(job: Job, origin: ConstantOrigin): JobResult {
    if (origin !== this.#origin || !this.#constant) this.#constant = constantOfOrigin(origin, openRange);
    this.#origin = origin;
    return run(job, this.#constant);
  }
}

/** A range of a file that a thread of the process has open. */
function openRange({ descriptor, offset, sizeBytes }: { descriptor: number; offset: number; sizeBytes: number }) {
  const constant: Constant = {
    sizeBytes,
    read: (start = 0, end = sizeBytes) => {
      const bytes = new Uint8Array(end - start);
      fillFrom(constant, bytes, start);
      return bytes;
    },
    fill: (target, start) => readFully(descriptor, target, offset + start, 'the model'),
  };
  return constant;
}

function run(job: Job, constant: Constant): JobResult {
  if (job.kind === 'ranges') return channelRanges(constant, job.extent);
  if (job.kind === 'numbers') return groupNumbers(constant, job.extent, job.rule, job.first, job.last);
  if (job.kind === 'ahead') {
    write(codesAhead(constant, job.extent, job.how, job.found), job);
    return undefined;
  }
  const segment = { offset: job.offset, sizeBytes: constant.sizeBytes, constant };
  write(passingPieces(segment, job.start, job.end), job);
  return undefined;
}

function write(pieces: Iterable<Uint8Array>, { descriptor, offset, name }: WriteJob | AheadJob): void {
  let at = offset;
  for (const piece of pieces) {
    writeFully(descriptor, piece, at, name);
    at += piece.length;
  }
}
