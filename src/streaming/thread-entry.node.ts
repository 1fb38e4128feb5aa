/** The module that threads run: one job at a time, from the main thread. */
import { parentPort } from 'node:worker_threads';
import { type Constant, fillFrom } from '../../schema/constant.ts';
import { readFully } from '../../schema/file-source.node.ts';
import { passingPieces } from '../../schema/layout.ts';
import { plainError } from '../../schema/plain-error.ts';
import { writeFully } from '../../schema/write-file.node.ts';
import { channelRanges } from '../algorithms/constants.ts';
import { constantOfOrigin } from '../algorithms/derivations.ts';
import { groupNumbers } from '../algorithms/group-numbers.ts';
import type { Job, JobAnswer, JobMessage } from './job.ts';

/** A range of a file that the main thread has open. */
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

function run(job: Job, constant: Constant): JobAnswer {
  if (job.kind === 'ranges') return { result: channelRanges(constant, job.extent) };
  if (job.kind === 'numbers') {
    return { result: groupNumbers(constant, job.extent, job.rule, job.first, job.last) };
  }
  let { offset } = job;
  for (const piece of passingPieces({ offset, sizeBytes: constant.sizeBytes, constant }, job.start, job.end)) {
    writeFully(job.descriptor, piece, offset, job.name);
    offset += piece.length;
  }
  return { result: undefined };
}

let constant: Constant | undefined;

parentPort?.on('message', ({ job, origin }: JobMessage) => {
  let answer: JobAnswer;
  try {
    if (origin) constant = constantOfOrigin(origin, openRange);
    if (!constant) throw new Error('the first job has no constant');
    answer = run(job, constant);
  } catch (error) {
    answer = { error: plainError(error) };
  }
  parentPort?.postMessage(answer);
});
