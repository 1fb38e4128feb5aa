import { AeqError } from '../../schema/errors.ts';
import type { Runtime, RuntimeId } from './runtime.ts';
import { openWasmRuntime } from './wasm.node.ts';

/** Values of `--runtime`. */
export type RuntimeChoice = 'auto' | RuntimeId;

export interface OpenRuntimeOptions {
  /** Path of LiteRT's C library for the native interpreter. */
  readonly library?: string;
}

/**
 * Opens an interpreter. Each call gives one with a memory of its own.
 * @throws AeqError RUNTIME_UNAVAILABLE when it is not installed here.
 */
export async function openRuntime(choice: RuntimeChoice = 'auto', _options: OpenRuntimeOptions = {}): Promise<Runtime> {
  if (choice === 'auto' || choice === 'wasm') return openWasmRuntime();
  throw new AeqError('RUNTIME_UNAVAILABLE', `the interpreter ${choice} is not installed`, {
    hint: 'use --runtime wasm, which is always there',
  });
}
