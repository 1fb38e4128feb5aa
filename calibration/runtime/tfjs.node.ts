import { AeqError } from '../../schema/errors.ts';
import { loadBuild } from './emscripten.node.ts';
import type { WasmBuild } from './litert-wasm-instance.ts';
import type { Runtime } from './runtime.ts';
import { createTfjsRuntime, type TfliteWasm } from './tfjs.ts';

const PACKAGE = '@tensorflow/tfjs-tflite';

let loaded: Promise<WasmBuild<TfliteWasm>> | undefined;

/**
 * TensorFlow Lite of 2023 as WebAssembly: whether a model also runs on devices with an older runtime, and with the same
 * results. One signature, over the first subgraph; no operators newer than it; one thread.
 * @throws AeqError RUNTIME_UNAVAILABLE when the optional package is not installed.
 */
export async function openTfjsRuntime(): Promise<Runtime> {
  loaded ??= loadBuild<TfliteWasm>(PACKAGE, 'tflite_web_api_cc_simd', 'SIMD');
  try {
    return createTfjsRuntime(await loaded);
  } catch (cause) {
    loaded = undefined;
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new AeqError('RUNTIME_UNAVAILABLE', `the interpreter tfjs-tflite cannot be loaded: ${words}`, {
      cause,
      hint: `npm install ${PACKAGE}@0.0.1-alpha.10`,
    });
  }
}
