import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const SHARED = process.env.AEQ_SHARED ?? resolve(ROOT, '../shared');

/** Root of the checkout. */
export const projectRoot = ROOT;

/**
 * Path of a file or folder of the shared reference material (real models, goldens), or undefined where it is not there:
 * a fresh clone has none, and the tests that need it are skipped with a reason.
 */
export function sharedPath(...parts: string[]): string | undefined {
  const path = join(SHARED, ...parts);
  return existsSync(path) ? path : undefined;
}

/** Like sharedPath, for use inside a test that is skipped when the material is missing. */
export function requireShared(...parts: string[]): string {
  const path = sharedPath(...parts);
  if (path === undefined) throw new Error(`shared material is missing: ${parts.join('/')}`);
  return path;
}

/** A Python that has the original quantizer, for tests that ask it; undefined where none is named in AEQ_PYTHON. */
export const oraclePython: string | undefined = process.env.AEQ_PYTHON;

/** Prints why a group of tests is skipped and returns whether it is. */
export function skipUnless(available: unknown, reason: string): boolean {
  if (!available) console.log(`skipped: ${reason}`);
  return !available;
}
