import { AeqError } from '../../schema/errors.ts';
import type { Model } from '../../schema/model.ts';
import { LIBRARY_VARIABLE } from './native-find.node.ts';
import type { Runtime, RuntimeId } from './runtime.ts';

/** Values of `--runtime`. */
export type RuntimeChoice = 'auto' | RuntimeId;

export interface OpenRuntimeOptions {
  /** Path of LiteRT's C library for the native interpreter. */
  readonly library?: string;
}

/**
 * Opens an interpreter; only its own code is loaded. `auto` is the native one where it is there, else the embedded one.
 * Each call gives an interpreter with a memory of its own.
 * @throws AeqError RUNTIME_UNAVAILABLE when it is not installed here. With `auto` only when a library was named, by option
 * or environment, and cannot be used.
 */
export async function openRuntime(choice: RuntimeChoice = 'auto', options: OpenRuntimeOptions = {}): Promise<Runtime> {
  if (choice === 'native') return openNative(options);
  if (choice === 'tfjs-tflite') return (await import('./tfjs.node.ts')).openTfjsRuntime();
  if (choice === 'auto') {
    const found = await nativeIfThere(options);
    if (found) return found;
  }
  return (await import('./wasm.node.ts')).openWasmRuntime();
}

/** The model has tensors that keep their values from run to run: LiteRT's compiled models refuse it, older ones do not. */
export const hasVariables = (model: Model): boolean =>
  model.subgraphs.some(({ tensors }) => tensors.some(({ isVariable }) => isVariable));

/** As `openRuntime`, where `auto` is an interpreter that takes this model, if one is there. */
export async function openRuntimeFor(
  model: Model,
  choice: RuntimeChoice = 'auto',
  options: OpenRuntimeOptions = {},
): Promise<Runtime> {
  if (choice !== 'auto' || !hasVariables(model)) return openRuntime(choice, options);
  try {
    return await openRuntime('tfjs-tflite', options);
  } catch (error) {
    if (!(error instanceof AeqError) || error.code !== 'RUNTIME_UNAVAILABLE') throw error;
    return openRuntime(choice, options);
  }
}

async function nativeIfThere(options: OpenRuntimeOptions): Promise<Runtime | undefined> {
  const { findNativeLibrary } = await import('./native-find.node.ts');
  if (findNativeLibrary(options.library) === undefined) return undefined;
  try {
    return await openNative(options);
  } catch (error) {
    const named = options.library !== undefined || process.env[LIBRARY_VARIABLE] !== undefined;
    if (named || !(error instanceof AeqError) || error.code !== 'RUNTIME_UNAVAILABLE') throw error;
    return undefined;
  }
}

const openNative = async (options: OpenRuntimeOptions) =>
  (await import('./native-open.node.ts')).openNativeRuntime(options);
