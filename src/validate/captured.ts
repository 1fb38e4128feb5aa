import type { CapturedTensor, CaptureSession, Room } from '../../calibration/capture/session.ts';
import type { Feed } from '../../datasets/sample.ts';
import type { Kernels } from '../../kernels/index.ts';
import { CompareScratch } from './scratch.ts';

/** The captured tensors of one run of one subgraph, by tensor index. */
export type Captured = ReadonlyMap<number, CapturedTensor>;

/** Runs a session that takes everything in one pass, and gives its tensors to `use`; they end with it. */
export async function capturedOnce(
  session: CaptureSession,
  key: string,
  feed: Feed,
  use: (tensors: Captured) => void | Promise<void>,
): Promise<void> {
  for await (const tensors of session.run(key, feed)) {
    await use(new Map(tensors.map((entry) => [entry.tensor, entry])));
    return;
  }
}

/** Runs `use` with scratch memory beside captured tensors. */
export function withScratch<R>(
  { kernels, room }: { readonly kernels: Kernels; readonly room: Room },
  use: (scratch: CompareScratch) => R,
): R {
  const address = room.allocate(CompareScratch.sizeBytes);
  try {
    return use(new CompareScratch(kernels, address));
  } finally {
    room.free(address);
  }
}
