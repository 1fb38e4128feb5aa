import { AeqError } from '../../schema/errors.ts';
import { outOfMemory, type WasmInstance } from './litert-wasm-instance.ts';

/** A block of a wasm heap and the 64-byte aligned address in it: `malloc` there aligns to 8 only. */
export interface WasmBlock {
  /** What to give to `_free`. */
  readonly raw: number;
  readonly address: number;
}

const ALIGNMENT = 64;
/** The heaps cannot grow beyond 2 GiB. */
const LARGEST_BLOCK = 2 ** 31 - 2 ** 16;

/** @throws AeqError RUNTIME_OUT_OF_MEMORY; RUNTIME_FAILED when the interpreter is dead. */
export function allocateBlock(
  copy: WasmInstance<{ _malloc(sizeBytes: number): number }>,
  sizeBytes: number,
): WasmBlock {
  if (copy.dead)
    throw new AeqError('RUNTIME_FAILED', 'the interpreter crashed earlier', { hint: 'open the model again' });
  let raw = 0;
  try {
    if (sizeBytes < LARGEST_BLOCK) raw = copy.exports._malloc(sizeBytes + ALIGNMENT) >>> 0;
  } catch (error) {
    copy.dead = true;
    throw outOfMemory(`${sizeBytes} bytes`, error);
  }
  if (raw === 0) throw outOfMemory(`${sizeBytes} bytes`);
  return { raw, address: Math.ceil(raw / ALIGNMENT) * ALIGNMENT };
}
