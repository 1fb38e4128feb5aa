import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { openRuntime } from '../../calibration/runtime/open.node.ts';
import type { Runtime, RuntimeId } from '../../calibration/runtime/runtime.ts';
import { nativeLibraryForTests } from '../support/native-library.ts';
import { skipUnless } from '../support/shared.ts';

const library = nativeLibraryForTests();

function hasOlder(): boolean {
  const name = '@tensorflow/tfjs-tflite';
  const folders = createRequire(import.meta.url).resolve.paths(name) ?? [];
  return !skipUnless(
    folders.some((folder) => existsSync(`${folder}/${name}/package.json`)),
    `${name} is not installed`,
  );
}

/** The interpreters that are here, to run the operators on each. */
export const availableRuntimes: readonly RuntimeId[] = [
  'wasm',
  ...(library ? (['native'] as const) : []),
  ...(hasOlder() ? (['tfjs-tflite'] as const) : []),
];

/** Opens one of them. */
export const openAvailable = (id: RuntimeId): Promise<Runtime> => openRuntime(id, library ? { library } : {});
