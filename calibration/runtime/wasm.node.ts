import { AeqError } from '../../schema/errors.ts';
import { loadBuild } from './emscripten.node.ts';
import { createWasmRuntime } from './litert-wasm.ts';
import type { LiteRtWasm } from './litert-wasm-bindings.ts';
import type { WasmBuild } from './litert-wasm-instance.ts';
import { hasRelaxedSimd } from './relaxed-simd.ts';
import type { Runtime } from './runtime.ts';

const PACKAGE = '@litertjs/core';

/** The builds of the package that start in Node; the engine decides which one. */
const BUILDS = {
  relaxed: { file: 'litert_wasm_internal', label: 'relaxed SIMD' },
  compat: { file: 'litert_wasm_compat_internal', label: 'SIMD' },
} as const;

export type WasmBuildName = keyof typeof BUILDS;

const loaded = new Map<WasmBuildName, Promise<WasmBuild<LiteRtWasm>>>();

/**
 * The embedded interpreter, LiteRT as WebAssembly. Each call gives an interpreter with a memory of its own; the compiled
 * code is shared. `build` is chosen by what the engine can run.
 * @throws AeqError RUNTIME_UNAVAILABLE when the package's files cannot be loaded.
 */
export async function openWasmRuntime(options: { build?: WasmBuildName } = {}): Promise<Runtime> {
  const name = options.build ?? (hasRelaxedSimd() ? 'relaxed' : 'compat');
  let build = loaded.get(name);
  if (build === undefined) {
    build = loadBuild<LiteRtWasm>(PACKAGE, BUILDS[name].file, BUILDS[name].label);
    loaded.set(name, build);
  }
  try {
    return createWasmRuntime(await build);
  } catch (error) {
    loaded.delete(name);
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
