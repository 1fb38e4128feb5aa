/** The module that threads run: one job at a time, from the main thread. */
import { parentPort } from 'node:worker_threads';
import { bytesConstant, type ConstantOrigin } from '../../schema/constant.ts';
import { plainError } from '../../schema/plain-error.ts';
import { codesAhead, emptyFindings } from '../algorithms/codes-ahead.ts';
import { Hands } from './hands.node.ts';
import type { JobAnswer, JobMessage } from './job.ts';

/**
 * The engine compiles the kernels, and then compiles again what runs often, which takes longer than several jobs: a thread
 * that is started ahead has that behind it.
 */
function warmUp(): void {
  const zeros = bytesConstant(new Uint8Array(1 << 20));
  const extent = { outer: 1, channels: 64, inner: 4096 };
  const how = { type: { bits: 8, symmetric: true, unsigned: false } };
  for (const _ of codesAhead(zeros, extent, how, emptyFindings(extent, how)));
}

const hands = new Hands();
let last: ConstantOrigin | undefined;
warmUp();

parentPort?.on('message', ({ job, origin }: JobMessage) => {
  let answer: JobAnswer;
  try {
    last = origin ?? last;
    if (!last) throw new Error('the first job has no constant');
    answer = { result: hands.do(job, last) };
  } catch (error) {
    answer = { error: plainError(error) };
  }
  parentPort?.postMessage(answer);
});
