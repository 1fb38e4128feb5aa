import { existsSync } from 'node:fs';
import { findNativeLibrary } from '../../../calibration/runtime/native-find.node.ts';
import { openNativeRuntime } from '../../../calibration/runtime/native-open.node.ts';
import type { Runtime } from '../../../calibration/runtime/runtime.ts';
import { openWasmRuntime } from '../../../calibration/runtime/wasm.node.ts';
import { skipUnless } from '../../support/shared.ts';

const library = findNativeLibrary();

/** LiteRT's C library is on this machine. */
export const hasNative = !skipUnless(library && existsSync(library.path), "LiteRT's C library is not on this machine");

/** The current interpreters that are here, to run the same tests on each. */
export const runtimes: readonly { name: string; open: () => Promise<Runtime> }[] = [
  { name: 'wasm', open: () => openWasmRuntime() },
  ...(hasNative ? [{ name: 'native', open: () => openNativeRuntime() }] : []),
];
