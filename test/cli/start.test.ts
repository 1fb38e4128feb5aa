import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectRoot } from '../support/shared.ts';
import { MAIN } from './aeq.ts';

const MODEL = join(projectRoot, 'datasets/samples/digits/digits_cnn.tflite');

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'aeq-start-'));
  writeFileSync(
    join(folder, 'hooks.mjs'),
    `import { appendFileSync } from 'node:fs';
    export const load = (url, context, next) => { appendFileSync(process.env.LOADED, url + '\\n'); return next(url, context); };`,
  );
  writeFileSync(
    join(folder, 'register.mjs'),
    `import { register } from 'node:module'; register('./hooks.mjs', import.meta.url);`,
  );
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The files that a command loads in its own process, from the root of the package. */
function loadedBy(...words: string[]): string[] {
  const list = join(folder, 'loaded.txt');
  rmSync(list, { force: true });
  execFileSync(process.execPath, ['--import', pathToFileURL(join(folder, 'register.mjs')).href, MAIN, ...words], {
    env: { ...process.env, LOADED: list },
    stdio: 'pipe',
  });
  const urls = readFileSync(list, 'utf8').trim().split('\n');
  return urls
    .filter((url) => url.startsWith('file:'))
    .map((url) => relative(projectRoot, fileURLToPath(url)))
    .filter((path) => !path.startsWith('..'));
}

const quantize = () =>
  loadedBy(
    'quantize',
    MODEL,
    '--recipe',
    'dynamic_wi8_afp32',
    '-o',
    join(folder, 'q.tflite'),
    '--quiet',
    '--no-verify',
  );

describe('what a command loads', () => {
  it('is a few files for the version, and none of an installed package', () => {
    const loaded = loadedBy('--version');
    expect(loaded).toContain('dist/src/cli/main.js');
    expect(loaded.length).toBeLessThanOrEqual(10);
    expect(loaded.filter((path) => path.includes('node_modules'))).toEqual([]);
  });

  it('is little for inspect, and none of what checks documents', () => {
    const loaded = loadedBy('inspect', MODEL);
    expect(loaded.length).toBeLessThanOrEqual(25);
    expect(loaded.filter((path) => holds(path, 'toJSONSchema'))).toEqual([]);
  });

  it('is neither an interpreter nor a dataset nor a calibration for weights alone', () => {
    const loaded = quantize();
    expect(loaded.filter((path) => path.includes('node_modules'))).toEqual([]);
    expect(loaded.filter((path) => holds(path, 'litert_wasm'))).toEqual([]);
    expect(loaded.filter((path) => /\/(calibrat(e|ing)|open)\.?(node)?-/.test(path))).toEqual([]);
    expect(loaded.length).toBeLessThanOrEqual(50);
  });
});

describe('the cache of compiled code', () => {
  const inspect = (cache: string) =>
    execFileSync(process.execPath, [MAIN, 'inspect', MODEL], {
      env: { ...process.env, XDG_CACHE_HOME: cache, NODE_COMPILE_CACHE: undefined },
      encoding: 'utf8',
    });

  it('is in the folder of the user’s caches where Node has one, and changes nothing that is shown', () => {
    const cache = join(folder, 'cache');
    const first = inspect(cache);
    expect(existsSync(join(cache, 'aeq/code'))).toBe('enableCompileCache' in nodeModule);
    expect(inspect(cache)).toBe(first);
  });

  it('is done without where its folder cannot be made', () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    expect(inspect(file)).toContain('digits_cnn');
  });
});

const holds = (path: string, words: string) => readFileSync(join(projectRoot, path), 'utf8').includes(words);
