import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Zippable, zipSync } from 'fflate';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { installNativeRuntime } from '../../../calibration/runtime/install.node.ts';
import { findNativeLibrary, LIBRARY_VARIABLE, libraryName } from '../../../calibration/runtime/native-find.node.ts';
import { openNativeRuntime } from '../../../calibration/runtime/native-open.node.ts';
import { hasNative } from './available.ts';

const real = findNativeLibrary();
let folder: string;
const saved = { ...process.env };

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'aeq-test-'));
  process.env.XDG_CACHE_HOME = join(folder, 'cache');
  delete process.env[LIBRARY_VARIABLE];
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
  for (const name of ['XDG_CACHE_HOME', LIBRARY_VARIABLE]) {
    if (saved[name] === undefined) delete process.env[name];
    else process.env[name] = saved[name];
  }
});

/** A wheel with a library in it; `claimed` are the bytes whose hash its list gives. */
function wheel(library: Uint8Array, options: { name?: string; claimed?: Uint8Array; list?: boolean } = {}): string {
  const path = `ai_edge_litert/${options.name ?? libraryName()}`;
  const hash = createHash('sha256')
    .update(options.claimed ?? library)
    .digest('base64url');
  const entries: Zippable = { [path]: library, 'ai_edge_litert/__init__.py': new Uint8Array(10) };
  const text = new TextEncoder().encode(`${path},sha256=${hash},${library.length}\n`);
  if (options.list !== false) entries['ai_edge_litert-9.8.7.dist-info/RECORD'] = text;
  const file = join(folder, 'ai_edge_litert-9.8.7-py3-none-any.whl');
  writeFileSync(file, zipSync(entries));
  return file;
}

const refused = (file: string) => expect(installNativeRuntime({ wheel: file })).rejects;
const junk = new TextEncoder().encode('this is no library');

describe('installing the C library from a wheel', () => {
  it('refuses what is no wheel of it', async () => {
    await refused(join(folder, 'nothing.whl')).toMatchObject({ code: 'FILE_NOT_FOUND' });
    writeFileSync(join(folder, 'text.whl'), 'not a zip archive');
    await refused(join(folder, 'text.whl')).toMatchObject({ code: 'FILE_UNREADABLE' });
    await refused(wheel(junk, { list: false })).toThrow(/no wheel of ai_edge_litert/);
    const cut = readFileSync(wheel(junk)).subarray(0, 100);
    writeFileSync(join(folder, 'cut.whl'), cut);
    await refused(join(folder, 'cut.whl')).toMatchObject({ code: 'FILE_UNREADABLE' });
  });

  it('refuses a library that does not have the hash of the list', async () => {
    await refused(wheel(junk, { claimed: new Uint8Array(3) })).toThrow(/does not have the hash/);
  });

  it('refuses a wheel for another system', async () => {
    const other = process.platform === 'win32' ? 'libLiteRt.so' : 'libLiteRt.dll';
    await refused(wheel(junk, { name: other })).toThrow(/another system/);
  });

  it('removes a library that does not work here', async () => {
    await refused(wheel(junk)).toMatchObject({ code: 'RUNTIME_UNAVAILABLE' });
    expect(existsSync(join(folder, 'cache', 'aeq', 'litert', '9.8.7'))).toBe(false);
  });

  it('says that there is no such Python', async () => {
    const install = installNativeRuntime({ python: join(folder, 'no-python') });
    await expect(install).rejects.toMatchObject({
      code: 'RUNTIME_UNAVAILABLE',
      hint: expect.stringMatching(/ and name it: aeq runtime install <file>$/),
    });
  });

  it.skipIf(!hasNative)('installs it where it is found, and it works', async () => {
    const installed = await installNativeRuntime({ wheel: wheel(readFileSync(real?.path ?? '')) });
    expect(installed).toMatchObject({ version: '9.8.7', path: expect.stringContaining(folder) });
    expect(findNativeLibrary()).toEqual({ path: installed.path, source: 'cache', version: '9.8.7' });
    const runtime = await openNativeRuntime();
    expect(runtime.version).toContain('9.8.7');
    runtime.close();
  });
});

describe('looking for the C library', () => {
  it('takes the option before the variable, and both as they are', () => {
    process.env[LIBRARY_VARIABLE] = '/somewhere/lib.so';
    expect(findNativeLibrary('/here/lib.so')).toMatchObject({ path: '/here/lib.so', source: 'option' });
    expect(findNativeLibrary()).toMatchObject({ path: '/somewhere/lib.so', source: 'environment' });
    expect(findNativeLibrary(folder)?.path).toBe(join(folder, libraryName()));
  });
});
