import { closeSync, openSync, readSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { errorWords } from './litert-wasm-instance.ts';
import type { Koffi } from './native-library.node.ts';

const STDERR = 2;
const LONGEST_TEXT = 16_384;
const require = createRequire(import.meta.url);

interface Descriptors {
  dup(descriptor: number): number;
  dup2(from: number, to: number): number;
}

let descriptors: Descriptors | undefined;

/**
 * Runs a call into a C library that writes notes to the standard error stream, and keeps them off the terminal. `words`
 * gives the errors among them. Only where that is safe: on POSIX systems, in the main thread (the stream belongs to the
 * whole process, and two threads would get in each other's way); elsewhere there are no words.
 */
export function withoutStderr<T>(call: () => T): { value: T; words: () => string } {
  if (process.platform === 'win32' || !isMainThread) return { value: call(), words: () => '' };
  const { dup, dup2 } = posix();
  const path = join(tmpdir(), `aeq-${process.pid}-${Date.now()}.log`);
  const file = openSync(path, 'wx+', 0o600);
  // It goes on without a name, so that nothing is left behind however this ends.
  rmSync(path, { force: true });
  const saved = dup(STDERR);
  let text = '';
  try {
    dup2(file, STDERR);
    const value = call();
    return { value, words: () => errorWords(text.split('\n')) };
  } finally {
    dup2(saved, STDERR);
    closeSync(saved);
    const bytes = Buffer.alloc(LONGEST_TEXT);
    text = bytes.toString('utf8', 0, readSync(file, bytes, 0, LONGEST_TEXT, 0));
    closeSync(file);
  }
}

function posix(): Descriptors {
  if (descriptors) return descriptors;
  const library = (require('koffi') as Koffi).load(null);
  const dup = library.func('dup', 'int', ['int']) as Descriptors['dup'];
  const dup2 = library.func('dup2', 'int', ['int', 'int']) as Descriptors['dup2'];
  descriptors = { dup, dup2 };
  return descriptors;
}
