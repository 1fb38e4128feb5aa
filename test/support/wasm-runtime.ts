import { afterAll } from 'vitest';
import { openRuntime } from '../../calibration/runtime/open.node.ts';
import type { Runtime } from '../../calibration/runtime/runtime.ts';

/** The wasm interpreter for all tests of a file, which closes it after the last: `const runtime = await wasmRuntime()`. */
export async function wasmRuntime(): Promise<Runtime> {
  const runtime = await openRuntime('wasm');
  afterAll(() => runtime.close());
  return runtime;
}
