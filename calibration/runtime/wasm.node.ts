import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { AeqError } from '../../schema/errors.ts';
import { createWasmRuntime } from './litert-wasm.ts';
import type { Factory, LiteRtWasm } from './litert-wasm-bindings.ts';
import type { WasmBuild } from './litert-wasm-instance.ts';
import { hasRelaxedSimd } from './relaxed-simd.ts';
import type { Runtime } from './runtime.ts';

const PACKAGE = '@litertjs/core';
const require = createRequire(import.meta.url);

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
    build = loadBuild(name);
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

async function loadBuild(name: WasmBuildName): Promise<WasmBuild<LiteRtWasm>> {
  const { file, label } = BUILDS[name];
  const root = packageRoot(PACKAGE);
  const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  const [factory, bytes] = await Promise.all([
    loadFactory<LiteRtWasm>(join(root, 'wasm', `${file}.js`)),
    readFile(join(root, 'wasm', `${file}.wasm`)),
  ]);
  const module = await WebAssembly.compile(bytes);
  return { factory, module, version: `${PACKAGE} ${manifest.version} (${label})` };
}

/** The folder of an installed package, whatever its `exports` say. @throws Error when it is not installed. */
export function packageRoot(name: string): string {
  for (const folder of require.resolve.paths(name) ?? []) {
    const candidate = join(folder, name, 'package.json');
    try {
      return dirname(require.resolve(candidate));
    } catch {}
  }
  throw new Error(`the package ${name} is not installed`);
}

/**
 * The factory function of an Emscripten glue file. The file is for script tags and CommonJS, its package says ESM, so
 * neither `import` nor `require` can load it: its text is evaluated as the body of a CommonJS module. No global is set.
 */
export async function loadFactory<Exports>(path: string): Promise<Factory<Exports>> {
  const source = await readFile(path, 'utf8');
  const module: { exports: unknown } = { exports: {} };
  const body = new Function('module', 'exports', 'require', '__filename', '__dirname', source);
  body(module, module.exports, require, path, dirname(path));
  const exported = module.exports as { default?: unknown } | ((...args: unknown[]) => unknown);
  const factory = typeof exported === 'function' ? exported : exported.default;
  if (typeof factory !== 'function') throw new Error(`${path} exports no factory function`);
  return factory as Factory<Exports>;
}

const text = (error: unknown) => (error instanceof Error ? error.message : String(error));
