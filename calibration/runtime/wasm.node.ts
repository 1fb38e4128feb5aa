import { AeqError } from '../../schema/errors.ts';
import { loadBuild } from './emscripten.node.ts';
import { createWasmRuntime } from './litert-wasm.ts';
import type { LiteRtWasm } from './litert-wasm-bindings.ts';
import type { WasmBuild } from './litert-wasm-instance.ts';
import type { Runtime } from './runtime.ts';

const PACKAGE = '@litertjs/core';

/**
 * The build of the package whose results every engine and processor agree on. There is another one with relaxed SIMD,
 * whose instructions may round differently on each processor: it needs 2 to 8 % less time, and ranges, and so models,
 * would depend on the machine and on the version of Node.
 */
const BUILD = { file: 'litert_wasm_compat_internal', label: 'SIMD' } as const;

let loaded: Promise<WasmBuild<LiteRtWasm>> | undefined;

/**
 * The embedded interpreter, LiteRT as WebAssembly. Each call gives an interpreter with a memory of its own; the compiled
 * code is shared.
 * @throws AeqError RUNTIME_UNAVAILABLE when the package's files cannot be loaded.
 */
export async function openWasmRuntime(): Promise<Runtime> {
  loaded ??= loadBuild<LiteRtWasm>(PACKAGE, BUILD.file, BUILD.label);
  try {
    return createWasmRuntime(await loaded);
  } catch (error) {
    loaded = undefined;
    throw new AeqError(
      'RUNTIME_UNAVAILABLE',
      `the embedded interpreter (${PACKAGE}) cannot be loaded: ${text(error)}`,
      {
        cause: error,
        hint: 'install the dependencies again (npm ci)',
      },
    );
  }
}

const text = (error: unknown) => (error instanceof Error ? error.message : String(error));
