/**
 * The whole build: kernels, types and programs to dist/, and the files that are read at run time. Nothing is done when no
 * source changed since the last one; otherwise the compiler works incrementally.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildKernels } from './build-kernels.ts';
import { bundlePrograms } from './bundle.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DIST = join(ROOT, 'dist');
const STAMP = join(DIST, '.build.json');
const MAIN = join(DIST, 'src/cli/main.js');
/** Folders that are compiled, or copied as they are. */
const ROOMS = ['kernels', 'schema', 'datasets', 'calibration', 'src', 'recipes'];
/** Files whose change asks for a build like a changed source. */
const SETTINGS = [
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'scripts/build.ts',
  'scripts/bundle.ts',
];

interface Stamp {
  readonly fingerprint: string;
  readonly sources: readonly string[];
}

await buildKernels();
const stamp = describe();
const last = readStamp();
if (last?.fingerprint !== stamp.fingerprint || !existsSync(MAIN)) {
  copyAssets(stamp.sources);
  compile();
  await bundlePrograms(ROOT, DIST);
  removeStale(last?.sources ?? [], stamp.sources);
  if (existsSync(MAIN)) chmodSync(MAIN, 0o755);
  writeFileSync(STAMP, JSON.stringify(stamp));
}

/** Names of all sources, and a hash of what tells that one of them changed. */
function describe(): Stamp {
  const sources = ROOMS.flatMap((room) => filesOf(room).filter((name) => /\.(ts|json)$/.test(name)));
  const hash = createHash('sha256');
  for (const name of [...sources, ...SETTINGS]) {
    const { mtimeMs, size } = statSync(join(ROOT, name));
    hash.update(`${name}\0${mtimeMs}\0${size}\n`);
  }
  return { fingerprint: hash.digest('hex'), sources };
}

/** Files below a folder of the root, as paths from the root with `/`. The samples are data, not sources. */
function filesOf(folder: string): string[] {
  if (folder === 'datasets/samples' || !existsSync(join(ROOT, folder))) return [];
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    return entry.isDirectory() ? filesOf(path) : [path];
  });
}

function readStamp(): Stamp | undefined {
  try {
    return JSON.parse(readFileSync(STAMP, 'utf8')) as Stamp;
  } catch {
    return undefined;
  }
}

/** Runs the compiler, which checks and writes the types; its messages go to the terminal and its failure ends the build. */
function compile(): void {
  mkdirSync(DIST, { recursive: true });
  const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  const incremental = ['--incremental', '--tsBuildInfoFile', join(DIST, '.tsbuildinfo')];
  const { status } = spawnSync(process.execPath, [compiler, '-p', 'tsconfig.build.json', ...incremental], {
    cwd: ROOT,
    stdio: 'inherit',
  });
  if (status !== 0) process.exit(status ?? 1);
}

/** Removes what an earlier build made of sources that are gone. */
function removeStale(before: readonly string[], now: readonly string[]): void {
  const kept = new Set(now);
  for (const name of before) {
    if (kept.has(name)) continue;
    rmSync(join(DIST, name.replace(/\.ts$/, '.d.ts')), { force: true });
  }
}

/** JSON files keep their places. */
function copyAssets(sources: readonly string[]): void {
  for (const name of sources) {
    if (name.endsWith('.json')) cpSync(join(ROOT, name), join(DIST, name));
  }
}
