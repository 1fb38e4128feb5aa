import type { ByteSource } from '../codec/byte-source.ts';

/** What a container starts with. */
export const MAGIC = 'LITERTLM';

/** Whether a file starts like a container. */
export function isContainer(source: ByteSource): boolean {
  return new TextDecoder('latin1').decode(source.view(0, Math.min(MAGIC.length, source.sizeBytes))) === MAGIC;
}
