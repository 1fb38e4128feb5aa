import { setImmediate } from 'node:timers/promises';
import type { ConstantOrigin } from '../../schema/constant.ts';
import { fillEnd, fillFile, fillSegment } from '../../schema/model-file.node.ts';
import { type AtomicWriteOptions, createUnfinishedFile, type UnfinishedFile } from '../../schema/write-file.node.ts';
import type { FileLayout, Segment } from '../../schema/writer.ts';
import { threadCount } from './thread.node.ts';
import { Threads } from './threads.node.ts';
import { type WrittenAhead, withoutWritten } from './write-ahead.node.ts';

export interface FillOptions {
  /** Threads that read, quantize and write at the same time; default: one a core where the file is large. */
  readonly threads?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** What is in the file already. */
  readonly ahead?: WrittenAhead | undefined;
}

/** A job writes at most this many bytes. */
const JOB_BYTES = 4 << 20;
/** Constants below this size are sooner written than given away. */
const LEAST_BYTES = 1 << 20;
/** The main thread lets others run after this many bytes. */
const TURN_BYTES = 64 << 20;

/** Writes a laid out file, as `fillLayout`. @throws AeqError FILE_EXISTS, FILE_UNWRITABLE and what `fillLayout` throws. */
export async function writeLayoutFast(
  path: string,
  layout: FileLayout,
  options: FillOptions & AtomicWriteOptions = {},
): Promise<void> {
  const file = createUnfinishedFile(path, options);
  try {
    await fillLayout(file, layout, options);
    file.commit();
  } finally {
    file.discard();
  }
}

/**
 * Writes all bytes of a laid out file, with threads where it is large. The bytes do not depend on their number.
 * @throws AeqError FILE_UNWRITABLE, FILE_UNREADABLE, MODEL_TRUNCATED; the abort reason. No thread writes afterwards.
 */
export async function fillLayout(
  file: UnfinishedFile,
  layout: FileLayout,
  { threads: asked, signal, ahead }: FillOptions = {},
): Promise<void> {
  if (file.descriptor === undefined) {
    fillFile(file, layout);
    return;
  }
  const segments = ahead?.file === file ? withoutWritten(layout, ahead) : layout.segments;
  const shared = segments.flatMap(sharedSegment);
  const count = threadCount(
    shared.reduce((sum, { origin }) => sum + sourceBytes(origin), 0),
    asked,
  );
  if (count < 2 || shared.length === 0) await fillHere(file, segments, signal);
  else await fillShared(file, segments, shared, new Threads(count, signal), signal);
  fillEnd(file, layout);
}

async function fillHere(file: UnfinishedFile, segments: Iterable<Segment>, signal?: AbortSignal): Promise<void> {
  let written = 0;
  for (const segment of segments) {
    fillSegment(file, segment);
    written += segment.sizeBytes;
    if (written < TURN_BYTES) continue;
    written = 0;
    await setImmediate();
    signal?.throwIfAborted();
  }
}

/** A segment that threads can write. */
interface SharedSegment {
  readonly segment: Segment;
  readonly origin: ConstantOrigin;
}

function sharedSegment(segment: Segment): SharedSegment[] {
  const origin = 'constant' in segment && segment.sizeBytes >= LEAST_BYTES ? segment.constant.origin : undefined;
  return origin ? [{ segment, origin }] : [];
}

function sourceBytes(origin: ConstantOrigin): number {
  return origin.kind === 'file' ? origin.sizeBytes : sourceBytes(origin.from);
}

async function fillShared(
  file: UnfinishedFile,
  segments: readonly Segment[],
  shared: readonly SharedSegment[],
  threads: Threads,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { descriptor = -1, temporaryPath: name } = file;
  try {
    const jobs = shared.flatMap(({ segment: { offset, sizeBytes }, origin }) =>
      Array.from({ length: Math.ceil(sizeBytes / JOB_BYTES) }, (_, i) => {
        const start = i * JOB_BYTES;
        const end = Math.min(start + JOB_BYTES, sizeBytes);
        return threads.run({ kind: 'write', start, end, descriptor, offset: offset + start, name }, origin);
      }),
    );
    const own = new Set(segments);
    for (const { segment } of shared) own.delete(segment);
    await Promise.all([...jobs, fillHere(file, own, signal)]);
  } finally {
    await threads.close();
  }
}
