import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Factory } from './litert-wasm-bindings.ts';
import type { WasmBuild } from './litert-wasm-instance.ts';

const require = createRequire(import.meta.url);

/**
 * Loads an Emscripten build from the folder `wasm` of an installed package.
 * @throws Error when the package is not installed or its files are not as expected.
 */
export async function loadBuild<Exports>(name: string, file: string, label: string): Promise<WasmBuild<Exports>> {
  const root = packageRoot(name);
  const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  const [factory, bytes] = await Promise.all([
    loadFactory<Exports>(join(root, 'wasm', `${file}.js`)),
    readFile(join(root, 'wasm', `${file}.wasm`)),
  ]);
  const module = await WebAssembly.compile(bytes);
  return { factory, module, version: `${name} ${manifest.version} (${label})` };
}

/** The folder of an installed package, whatever its `exports` say. @throws Error when it is not installed. */
function packageRoot(name: string): string {
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
async function loadFactory<Exports>(path: string): Promise<Factory<Exports>> {
  const source = await readFile(path, 'utf8');
  const module: { exports: unknown } = { exports: {} };
  const body = new Function('module', 'exports', 'require', '__filename', '__dirname', source);
  body(module, module.exports, require, path, dirname(path));
  const exported = module.exports as { default?: unknown } | ((...args: unknown[]) => unknown);
  const factory = typeof exported === 'function' ? exported : exported.default;
  if (typeof factory !== 'function') throw new Error(`${path} exports no factory function`);
  return factory as Factory<Exports>;
}
