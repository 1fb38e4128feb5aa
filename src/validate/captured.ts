import type { CapturedTensor, CaptureSession, Room } from '../../calibration/capture/session.ts';
import type { Feed } from '../../datasets/sample.ts';
import type { Kernels } from '../../kernels/index.ts';
import { CHUNK_ELEMENTS, type Scratch } from './numbers.ts';

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

/** Runs `use` with scratch memory beside captured tensors, for both sides of a comparison. */
export function withScratch<R>(
  { kernels, room }: { readonly kernels: Kernels; readonly room: Room },
  use: (scratch: { readonly reference: Scratch; readonly test: Scratch }) => R,
): R {
  const bytes = 4 * CHUNK_ELEMENTS;
  const address = room.allocate(4 * bytes);
  try {
    return use({
      reference: { kernels, codes: address, floats: address + bytes },
      test: { kernels, codes: address + 2 * bytes, floats: address + 3 * bytes },
    });
  } finally {
    room.free(address);
  }
}
