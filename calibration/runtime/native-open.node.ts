import { AeqError } from '../../schema/errors.ts';
import { modelBytes } from '../../schema/writer.ts';
import { NativeRuntime } from './native.node.ts';
import { type FoundLibrary, findNativeLibrary, LIBRARY_VARIABLE } from './native-find.node.ts';
import { loadNativeLibrary, type NativeLibrary, unavailable } from './native-library.node.ts';
import { createEnvironment } from './native-model.node.ts';
import { probeAnswer, probeFeed, probeModel } from './probe-model.ts';
import type { Runtime } from './runtime.ts';

export interface NativeOptions {
  /** Path of the library, or of the folder it is in. */
  readonly library?: string;
}

/** Libraries that answered the probe in this thread. */
const proven = new Set<string>();

/**
 * The native interpreter, LiteRT's C library.
 * @throws AeqError RUNTIME_UNAVAILABLE when there is no library, it cannot be loaded, lacks a function, or does not give
 * the right answer to a model with a known one.
 */
export async function openNativeRuntime(options: NativeOptions = {}): Promise<Runtime> {
  const found = findNativeLibrary(options.library);
  if (found === undefined) throw notFound();
  const library = loadNativeLibrary(found.path);
  const runtime = start(library, found);
  if (proven.has(found.path)) return runtime;
  try {
    await prove(runtime, found.path);
    proven.add(found.path);
    return runtime;
  } catch (error) {
    runtime.close();
    throw error;
  }
}

function start(library: NativeLibrary, found: FoundLibrary): NativeRuntime {
  try {
    const version = found.version === undefined ? 'of unknown version' : found.version;
    return new NativeRuntime(library, createEnvironment(library), `LiteRT C library ${version} (${found.path})`);
  } catch (cause) {
    throw unavailable(`${found.path} does not start: ${words(cause)}`, found.path, cause);
  }
}

/** Runs a model whose answer is known: functions may be there by name and take other arguments than we think. */
async function prove(runtime: Runtime, path: string): Promise<void> {
  try {
    const session = await runtime.open(modelBytes(probeModel()), { threads: 1 });
    try {
      const [signature] = session.signatures;
      const [y] = await session.run(0, probeFeed());
      const given = y ? new Float32Array(session.memory.buffer, y.byteOffset, y.sizeBytes / 4) : new Float32Array();
      const right = signature?.key === 'probe' && `${given}` === `${probeAnswer()}`;
      if (!right) throw new Error('a model with a known answer came out wrong');
    } finally {
      session.close();
    }
  } catch (cause) {
    throw unavailable(`${path} has another interface than it should: ${words(cause)}`, path, cause);
  }
}

const notFound = () =>
  new AeqError('RUNTIME_UNAVAILABLE', "the native interpreter needs LiteRT's C library, which was not found", {
    hint: `run aeq runtime install, set ${LIBRARY_VARIABLE} to its path, or use --runtime wasm`,
  });

const words = (error: unknown) => (error instanceof Error ? error.message : String(error));
