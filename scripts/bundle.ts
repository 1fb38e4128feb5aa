/**
 * The programs of the package, each bundled with what it needs, in few small files: loading a hundred modules takes
 * longer than a small model. What a program imports later, with `import()`, stays in files of its own.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';

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

/** Small packages that become part of the bundles, with their licences; all others are loaded where they are installed. */
const BUNDLED = ['commander', 'fflate', 'picocolors', 'zod'];
const LICENSES = 'THIRD-PARTY-LICENSES.txt';
/** CommonJS packages ask for Node's modules with it. */
const REQUIRE =
  "import{createRequire as __createRequire}from'node:module';const require=__createRequire(import.meta.url);";

/**
 * Bundles all programs into `dist`, at the places of their sources, and removes what an earlier build put there.
 * @param root folder of package.json
 */
export async function bundlePrograms(root: string, dist: string): Promise<void> {
  removeCode(dist);
  const metafiles = await Promise.all(PROGRAMS.map((program) => bundle(root, dist, program)));
  writeFileSync(join(dist, LICENSES), licensesOf(root, metafiles));
}

async function bundle(root: string, dist: string, program: string): Promise<Metafile> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [program],
    outdir: join(dist, dirname(program)),
    chunkNames: '[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    // Names stay, for stacks that can be read.
    minifyWhitespace: true,
    minifySyntax: true,
    sourcemap: 'linked',
    sourcesContent: false,
    metafile: true,
    logLevel: 'warning',
    ...(program.includes('/cli/') ? { banner: { js: REQUIRE } } : {}),
    plugins: [packagesOutside(), ownPlaces(join(root, dirname(program)))],
  });
  return metafile;
}

/** Packages stay imports, but for the bundled ones. */
function packagesOutside(): Plugin {
  return {
    name: 'packages-outside',
    setup({ onResolve }) {
      onResolve({ filter: /^[^./]/ }, ({ path, kind, importer }) => {
        const inside = kind === 'entry-point' || BUNDLED.some((name) => path === name || path.startsWith(`${name}/`));
        return inside || importer.includes('node_modules') ? undefined : { path, external: true };
      });
    },
  };
}

/** In a bundle `import.meta.url` is still that of the module which says so, as if each had a file of its own. */
function ownPlaces(folder: string): Plugin {
  return {
    name: 'own-places',
    setup({ onLoad }) {
      onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const text = readFileSync(path, 'utf8');
        if (!text.includes('import.meta.url')) return undefined;
        const place = relative(folder, path).split(sep).join('/').replace(/\.ts$/, '.js');
        const url = `new URL(${JSON.stringify(place)}, import.meta.url).href`;
        return { contents: text.replaceAll('import.meta.url', url), loader: 'ts' };
      });
    },
  };
}

/** The licences of all packages that are in the bundles, as they ask for. @throws Error for a package without one. */
function licensesOf(root: string, metafiles: readonly Metafile[]): string {
  const inputs = metafiles.flatMap((metafile) => Object.keys(metafile.inputs));
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
