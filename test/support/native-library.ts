import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findNativeLibrary, libraryName, PYTHON_PACKAGE } from '../../calibration/runtime/native-find.node.ts';
import { oraclePython, skipUnless } from './shared.ts';

/** Beside the packages of the Python that tests may ask (AEQ_PYTHON), which need not be on the PATH. */
function besideOracle(): string | undefined {
  if (oraclePython === undefined) return undefined;
  const lib = join(dirname(dirname(oraclePython)), 'lib');
  const versions = existsSync(lib) ? readdirSync(lib).filter((name) => name.startsWith('python3')) : [];
  return versions
    .map((version) => join(lib, version, 'site-packages', PYTHON_PACKAGE, libraryName()))
    .find((path) => existsSync(path));
}

/**
 * LiteRT's C library for tests: where the product finds it, or in the Python of AEQ_PYTHON. Undefined where there is
 * none, which is printed.
 */
export function nativeLibraryForTests(): string | undefined {
  const found = findNativeLibrary();
  const path = found && existsSync(found.path) ? found.path : besideOracle();
  skipUnless(path, "LiteRT's C library is not on this machine (AEQ_LITERT_LIBRARY, or AEQ_PYTHON with ai-edge-litert)");
  return path;
}
