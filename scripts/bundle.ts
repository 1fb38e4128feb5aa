/**
 * The programs of the package, each bundled with what it needs, in few small files: loading a hundred modules takes
 * longer than a small model. What a program imports later, with `import()`, stays in files of its own.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative, sep } from 'node:path';
import { build, type Plugin } from 'rolldown';

/** Modules that somebody starts: the command, the library, and what runs in other processes and threads. */
const PROGRAMS = [
  'src/cli/main.ts',
  'src/index.ts',
  'src/sample-worker.node.ts',
  'src/streaming/thread-entry.node.ts',
  'src/validate/measurer-entry.node.ts',
  'src/validate/verify-entry.node.ts',
  'calibration/worker-entry.node.ts',
];

/**
 * What is loaded together lies in one file, with all that it imports and no earlier file has: to find, read and link forty
 * files took a third of the time that a small quantization takes. Otherwise there is a file for whatever the same
 * programs and imports need.
 */
const TOGETHER: readonly (readonly [string, RegExp])[] = [
  ['command', /src[\\/]cli[\\/](program|code-cache|commands[\\/]quantize)\.ts$/],
  ['model', /src[\\/]cli[\\/]commands[\\/]inspect\.ts$/],
  ['quantizing', /src[\\/]cli[\\/]commands[\\/]quantize-model\.ts$/],
  ['library', /src[\\/]index\.ts$/],
  ['running', /(worker|measurer|verify)-entry\.node\.ts$/],
  ['sampling', /src[\\/]sample-worker\.node\.ts$/],
];

/** Small packages that become part of the bundles, with their licences; all others are loaded where they are installed. */
const BUNDLED = ['commander', 'fflate', 'picocolors', 'zod'];
/** What the bundler writes in place of syntax that the target does not have is told in terms of this, its own. */
const HELPERS = '@oxc-project/runtime/';
const LICENSES = 'THIRD-PARTY-LICENSES.txt';

/**
 * Bundles all programs into `dist`, at the places of their sources, and removes what an earlier build put there.
 * @param root folder of package.json
 */
export async function bundlePrograms(root: string, dist: string): Promise<void> {
  removeCode(dist);
  const modules = (await Promise.all(PROGRAMS.map((program) => bundle(root, dist, program)))).flat();
  writeFileSync(join(dist, LICENSES), licensesOf(root, modules));
}

/**
 * Bundles one program. Returns the paths of the modules that are in it.
 * @throws Error for what the bundler warns of: an import that is not found would be left to fail at run time.
 */
async function bundle(root: string, dist: string, program: string): Promise<readonly string[]> {
  const { output } = await build({
    cwd: root,
    input: program,
    platform: 'node',
    external: isOutside,
    plugins: [ownPlaces(join(root, dirname(program)))],
    transform: { target: 'node20.19' },
    preserveEntrySignatures: 'strict',
    // What is also imported otherwise does not become a file of its own, as is said of it.
    checks: { ineffectiveDynamicImport: false },
    onLog: (_level, { message }) => {
      throw new Error(`${program}: ${message}`);
    },
    output: {
      dir: join(dist, dirname(program)),
      entryFileNames: '[name].js',
      chunkFileNames: '[name]-[hash].js',
      // Names stay, for stacks that can be read.
      minify: { compress: false, mangle: false, codegen: { removeWhitespace: true } },
      sourcemap: true,
      sourcemapExcludeSources: true,
      codeSplitting: { groups: TOGETHER.map(([name, test], i) => ({ name, test, priority: TOGETHER.length - i })) },
    },
  });
  const chunks = output.filter((file) => file.type === 'chunk');
  const entry = chunks.find(({ isEntry }) => isEntry)?.fileName ?? '';
  const back = chunks.find(({ imports }) => imports.includes(entry));
  if (back)
    throw new Error(`${back.fileName} imports ${program}, which may be waiting for it: they must share a third`);
  return chunks.flatMap(({ moduleIds }) => moduleIds);
}

/** Packages stay imports, but for the bundled ones. */
function isOutside(path: string, importer: string | undefined): boolean {
  if (isBuiltin(path)) return true;
  if (/^[./]/.test(path) || path.startsWith(HELPERS) || importer === undefined || importer.includes('node_modules'))
    return false;
  return !BUNDLED.some((name) => path === name || path.startsWith(`${name}/`));
}

/** In a bundle `import.meta.url` is still that of the module which says so, as if each had a file of its own. */
function ownPlaces(folder: string): Plugin {
  return {
    name: 'own-places',
    load(path) {
      if (!path.endsWith('.ts')) return undefined;
      const text = readFileSync(path, 'utf8');
      if (!text.includes('import.meta.url')) return undefined;
      const place = relative(folder, path).split(sep).join('/').replace(/\.ts$/, '.js');
      const url = `new URL(${JSON.stringify(place)}, import.meta.url).href`;
      return { code: text.replaceAll('import.meta.url', url), moduleType: 'ts' };
    },
  };
}

/** The licences of all packages that are in the bundles, as they ask for. @throws Error for a package without one. */
function licensesOf(root: string, modules: readonly string[]): string {
  const inputs = modules.map((path) => relative(root, path).split(sep).join('/'));
  const folders = new Set(inputs.flatMap((path) => path.match(/^node_modules\/(@[^/]+\/)?[^/]+/)?.[0] ?? []));
  const texts = [...folders].sort().map((folder) => {
    const file = readdirSync(join(root, folder)).find((name) => /^licen[sc]e/i.test(name));
    if (file === undefined) throw new Error(`${folder} has no licence to show, so it cannot be bundled`);
    const { name, version } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    return `${name} ${version}\n\n${readFileSync(join(root, folder, file), 'utf8').trim()}\n`;
  });
  return ['Parts of these packages are in the JavaScript files of this folder.\n', ...texts].join(
    `\n${'-'.repeat(78)}\n\n`,
  );
}

function removeCode(dist: string): void {
  for (const entry of readdirSync(dist, { withFileTypes: true, recursive: true })) {
    if (entry.isFile() && /\.js(\.map)?$/.test(entry.name)) rmSync(join(entry.parentPath, entry.name));
  }
}
