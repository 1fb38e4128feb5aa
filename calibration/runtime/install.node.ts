import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { AeqError } from '../../schema/errors.ts';
import { readError, writeError } from '../../schema/file-errors.node.ts';
import { atomicWrite } from '../../schema/write-file.node.ts';
import { installFolder, libraryName, PYTHON_PACKAGE } from './native-find.node.ts';
import { openNativeRuntime } from './native-open.node.ts';
import { readWheel } from './wheel.ts';

/** The version that pip is asked for: the one the native interpreter was made with. */
const WHEEL_VERSION = '2.3.0';
const DISTRIBUTION = 'ai-edge-litert';
const PIP_TIMEOUT_MS = 10 * 60_000;

export interface InstallOptions {
  /** A wheel file of `ai-edge-litert`; without it the user's own pip fetches one. */
  readonly wheel?: string;
  /** The Python whose pip is used; `python3` (`python` on Windows) unless given. */
  readonly python?: string;
}

export interface InstalledLibrary {
  readonly path: string;
  readonly version: string;
  readonly sizeBytes: number;
}

/**
 * Takes LiteRT's C library out of a wheel, checks it against the hash in the wheel's list, puts it into the user's cache
 * folder (where the native interpreter finds it) and runs a model on it. Nothing but the library is unpacked, and no code
 * of the wheel is run before.
 * @throws AeqError FILE_NOT_FOUND or FILE_UNREADABLE for the wheel, RUNTIME_UNAVAILABLE when pip cannot fetch one or the
 * library does not work here (it is removed again), FILE_UNWRITABLE.
 */
export async function installNativeRuntime(options: InstallOptions = {}): Promise<InstalledLibrary> {
  if (options.wheel !== undefined) return installWheel(options.wheel);
  const folder = mkdtempSync(join(tmpdir(), 'aeq-wheel-'));
  try {
    return await installWheel(await fetchWheel(options.python, folder));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function installWheel(wheel: string): Promise<InstalledLibrary> {
  const name = libraryName();
  const { version, bytes } = takeLibrary(wheel, name);
  const folder = join(installFolder(), version);
  const path = join(folder, name);
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw writeError(path, error);
  }
  await atomicWrite(path, [bytes], { overwrite: true });
  try {
    (await openNativeRuntime({ library: path })).close();
  } catch (error) {
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
  return { path, version, sizeBytes: bytes.byteLength };
}

function takeLibrary(wheel: string, name: string): { version: string; bytes: Uint8Array } {
  let file: Uint8Array;
  try {
    file = readFileSync(wheel);
  } catch (error) {
    throw readError(wheel, error);
  }
  const { version, entry, siblings } = readWheel(file, PYTHON_PACKAGE, `${PYTHON_PACKAGE}/${name}`, wheel);
  if (!/^[\w.+]+$/.test(version)) throw unusable(wheel, `its version is ${JSON.stringify(version)}`);
  if (entry === undefined) {
    const other = siblings.find((sibling) => /LiteRt\.(so|dylib|dll)$/.test(sibling));
    throw unusable(wheel, other ? `it is for another system (it holds ${other}, not ${name})` : `it holds no ${name}`);
  }
  const found = createHash('sha256').update(entry.bytes).digest('base64url');
  if (found !== entry.sha256) throw unusable(wheel, `${name} in it does not have the hash that its list gives`);
  return { version, bytes: entry.bytes };
}

/** Asks pip for a wheel for this system. Any Python's will do: the library in it does not depend on Python. */
async function fetchWheel(python: string | undefined, folder: string): Promise<string> {
  const command = python ?? (process.platform === 'win32' ? 'python' : 'python3');
  const what = ['--no-deps', '--only-binary=:all:', '--python-version=3.12', `${DISTRIBUTION}==${WHEEL_VERSION}`];
  const options = ['--disable-pip-version-check', '--no-input', '--quiet', '--dest', folder];
  try {
    await promisify(execFile)(command, ['-m', 'pip', 'download', ...options, ...what], { timeout: PIP_TIMEOUT_MS });
  } catch (cause) {
    throw new AeqError('RUNTIME_UNAVAILABLE', `${command} -m pip could not fetch ${DISTRIBUTION}: ${pipWords(cause)}`, {
      cause,
      hint: `fetch a wheel of ${DISTRIBUTION} ${WHEEL_VERSION} some other way and name it: aeq runtime install <file>`,
    });
  }
  const wheel = readdirSync(folder).find((name) => name.endsWith('.whl'));
  if (wheel === undefined) throw unusable(folder, 'pip fetched no wheel');
  return join(folder, wheel);
}

/** The last error line of pip; for a command that is not there, that. */
function pipWords(error: unknown): string {
  const { code, stderr, message } = error as { code?: unknown; stderr?: string; message: string };
  if (code === 'ENOENT') return 'there is no such command';
  const lines = (stderr ?? '').split('\n').filter((line) => line.trim() !== '');
  const line = lines.findLast((entry) => /error/i.test(entry)) ?? lines.at(-1) ?? message.split('\n')[0] ?? '';
  return line.replace(/^ERROR:\s*/i, '').trim();
}

const unusable = (file: string, reason: string) =>
  new AeqError('FILE_UNREADABLE', `${file} cannot be used: ${reason}`, {
    where: { file },
    hint: `give a wheel of ${DISTRIBUTION} for this system`,
  });
