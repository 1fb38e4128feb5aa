import { existsSync, readdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { cacheFolder } from './cache-folder.node.ts';

/** Environment variable that names LiteRT's C library. */
export const LIBRARY_VARIABLE = 'AEQ_LITERT_LIBRARY';

/** The Python package whose wheels contain the library, as a folder and as a distribution. */
export const PYTHON_PACKAGE = 'ai_edge_litert';

const LIBRARY_NAMES: Partial<Record<NodeJS.Platform, string>> = { darwin: 'libLiteRt.dylib', win32: 'libLiteRt.dll' };

/** File name of the library on this platform. */
export const libraryName = (): string => LIBRARY_NAMES[process.platform] ?? 'libLiteRt.so';

export interface FoundLibrary {
  readonly path: string;
  /** How it was found, for messages. */
  readonly source: 'option' | 'environment' | 'cache' | 'python';
  /** Version of the wheel it came in, where that can be told. */
  readonly version: string | undefined;
}

/** Folder of the cache that holds one folder a version, each with the library in it. */
export const installFolder = (): string => join(cacheFolder(), 'litert');

/**
 * LiteRT's C library: the path given, that of the environment variable, the newest one in the user's cache, or the one in
 * a Python installation (an active environment, a Python on the PATH, the user's own packages). Only files are looked at;
 * nothing is run. What is named by option or variable is returned whether it exists or not.
 */
export function findNativeLibrary(option?: string): FoundLibrary | undefined {
  if (option) return named(option, 'option');
  const variable = process.env[LIBRARY_VARIABLE];
  if (variable) return named(variable, 'environment');
  return fromCache() ?? fromPython();
}

function named(path: string, source: FoundLibrary['source']): FoundLibrary {
  const file = existsSync(path) && statSync(path).isDirectory() ? join(path, libraryName()) : path;
  return { path: file, source, version: versionBeside(file) };
}

function fromCache(): FoundLibrary | undefined {
  const versions = entries(installFolder()).sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
  for (const version of versions) {
    const path = join(installFolder(), version, libraryName());
    if (existsSync(path)) return { path, source: 'cache', version };
  }
  return undefined;
}

function fromPython(): FoundLibrary | undefined {
  for (const folder of sitePackages()) {
    const path = join(folder, PYTHON_PACKAGE, libraryName());
    if (existsSync(path)) return { path, source: 'python', version: versionBeside(path) };
  }
  return undefined;
}

/** Folders that Python packages may be in, most specific first. */
function sitePackages(): string[] {
  const { VIRTUAL_ENV, CONDA_PREFIX, PATH = '', APPDATA } = process.env;
  const executables = process.platform === 'win32' ? ['python.exe'] : ['python3', 'python'];
  const onPath = PATH.split(delimiter).filter((folder) => executables.some((name) => existsSync(join(folder, name))));
  const windows = process.platform === 'win32';
  // On POSIX the executables are in bin/, on Windows beside Lib\ (or in Scripts\ of an environment).
  const prefixes = [
    VIRTUAL_ENV,
    CONDA_PREFIX,
    ...onPath.flatMap((folder) => (windows ? [folder, dirname(folder)] : [dirname(folder)])),
  ];
  const user = windows ? join(APPDATA ?? homedir(), 'Python') : join(homedir(), '.local');
  return [...new Set([...prefixes, user])].flatMap((prefix) => (prefix ? packageFolders(prefix) : []));
}

function packageFolders(prefix: string): string[] {
  if (process.platform === 'win32') {
    return [
      join(prefix, 'Lib', 'site-packages'),
      ...entries(prefix).map((name) => join(prefix, name, 'site-packages')),
    ];
  }
  const versions = entries(join(prefix, 'lib')).filter((name) => /^python3(\.\d+)?$/.test(name));
  return versions.flatMap((name) => ['site-packages', 'dist-packages'].map((kind) => join(prefix, 'lib', name, kind)));
}

/** Version of the wheel that put the library here, by the folder pip leaves beside the package. */
function versionBeside(library: string): string | undefined {
  const packages = dirname(dirname(library));
  for (const name of entries(packages)) {
    const found = /^ai_edge_litert(?:_nightly)?-(.+)\.dist-info$/.exec(name);
    if (found && existsSync(join(packages, name, 'METADATA'))) return found[1];
  }
  return undefined;
}

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
