import { instantiateKernels, type Kernels } from '../../kernels/index.ts';
import { AeqError } from '../../schema/errors.ts';
import type { Deletable, Factory, LiteRtWasm } from './litert-wasm-bindings.ts';

/** Log lines kept for messages: what a failing call says comes last. */
const LOG_LINES = 50;

/** A compiled build of the interpreter and the glue that goes with it; any number of instances can be made of it. */
export interface WasmBuild<Exports> {
  readonly factory: Factory<Exports>;
  readonly module: WebAssembly.Module;
  /** For reports, such as `@litertjs/core 2.5.3 (relaxed SIMD)`. */
  readonly version: string;
}

/**
 * One running copy of a wasm interpreter with its memory. A trap leaves its memory in an unknown state, so the copy is
 * marked dead and refuses everything afterwards.
 */
export class WasmInstance<Exports> {
  readonly exports: Exports;
  readonly memory: WebAssembly.Memory;
  readonly kernels: Kernels;
  /** Open sessions. */
  sessions = 0;
  /** Set by a trap. */
  dead = false;
  /** Set by a refused model, which may have left things behind: replace the copy as soon as no session is open. */
  worn = false;
  readonly #log: string[];

  private constructor(exports: Exports, memory: WebAssembly.Memory, log: string[]) {
    this.exports = exports;
    this.memory = memory;
    this.kernels = instantiateKernels(memory);
    this.#log = log;
  }

  static async create<Exports>(build: WasmBuild<Exports>): Promise<WasmInstance<Exports>> {
    const log: string[] = [];
    const keep = (line: string) => {
      log.push(line);
      if (log.length > LOG_LINES) log.shift();
    };
    let memory: WebAssembly.Memory | undefined;
    const exports = await build.factory({
      print: keep,
      printErr: keep,
      locateFile: (name) => name,
      instantiateWasm: (imports, done) => {
        const instance = new WebAssembly.Instance(build.module, imports);
        memory = Object.values(instance.exports).find((entry) => entry instanceof WebAssembly.Memory);
        done(instance);
        return instance.exports;
      },
    });
    if (memory === undefined) {
      throw new AeqError('RUNTIME_UNAVAILABLE', `${build.version} does not export its memory`, {
        hint: 'install the version that aeq asks for (npm ci)',
      });
    }
    return new WasmInstance(exports, memory, log);
  }

  /**
   * Calls into the interpreter; failures become an AeqError with the interpreter's own words.
   * @throws AeqError of the given code; RUNTIME_OUT_OF_MEMORY; RUNTIME_FAILED when the copy is dead or dies.
   */
  async call<R>(
    code: 'RUNTIME_REJECTED_MODEL' | 'RUNTIME_FAILED',
    what: string,
    use: () => R | Promise<R>,
  ): Promise<R> {
    if (this.dead) throw deadError(what);
    this.#log.length = 0;
    try {
      return await use();
    } catch (error) {
      if (error instanceof AeqError) throw error;
      throw this.#translate(error, code, what);
    }
  }

  #translate(error: unknown, code: 'RUNTIME_REJECTED_MODEL' | 'RUNTIME_FAILED', what: string): AeqError {
    const thrown = error instanceof Error ? error.message : String(error);
    const words = lastError(this.#log) ?? firstLine(thrown);
    const trapped = isTrap(error);
    if (trapped) this.dead = true;
    else this.worn = true;
    if (isOutOfMemory(`${thrown} ${this.#log.join(' ')}`)) {
      this.dead = true;
      return outOfMemory(`${what}: ${words}`, error);
    }
    if (!trapped) {
      return new AeqError(code, `${what}: ${words}`, { cause: error, hint: hintFor(code) });
    }
    return new AeqError(
      'RUNTIME_FAILED',
      `${what}: the interpreter crashed (${words}); this session cannot be used again`,
      {
        cause: error,
        hint: 'open the model again; if it repeats, try another interpreter (--runtime)',
      },
    );
  }
}

/** Deletes embind objects unless their interpreter is dead, when deleting would fail as well. */
export function deleteAll(instance: WasmInstance<unknown>, objects: Iterable<Deletable | undefined>): void {
  if (instance.dead) return;
  for (const object of objects) object?.delete();
}

/** The instance of the LiteRT build. */
export type LiteRtInstance = WasmInstance<LiteRtWasm>;

export function outOfMemory(message: string, cause?: unknown): AeqError {
  return new AeqError(
    'RUNTIME_OUT_OF_MEMORY',
    `${message}: the interpreter has no more memory (wasm has 2 GiB at most)`,
    {
      cause,
      hint: 'capture less at once (--memory), use a smaller batch, or the native interpreter (--runtime native)',
    },
  );
}

const deadError = (what: string) =>
  new AeqError('RUNTIME_FAILED', `${what}: the interpreter crashed earlier; this session cannot be used again`, {
    hint: 'open the model again',
  });

/** Traps, aborts and stack overflows: the interpreter stopped in the middle of something. */
const isTrap = (error: unknown) =>
  error instanceof WebAssembly.RuntimeError ||
  error instanceof RangeError ||
  (error instanceof Error && error.name === 'RuntimeError');

const isOutOfMemory = (text: string) =>
  /\bOOM\b|out of memory|bad_alloc|cannot enlarge memory|failed to allocate|memory allocation failed|Cannot allocate/i.test(
    text,
  );

/** The last line of the log that is an error, without its source position. */
function lastError(log: readonly string[]): string | undefined {
  const line = log.findLast((entry) => /^\s*(ERROR|FATAL)\b/.test(entry));
  return line === undefined ? undefined : firstLine(line.replace(/^\s*(ERROR|FATAL):?\s*(\[[^\]]*\])?\s*/, ''));
}

const firstLine = (text: string) => text.split('\n')[0]?.trim() || 'no reason given';

const hintFor = (code: 'RUNTIME_REJECTED_MODEL' | 'RUNTIME_FAILED') =>
  code === 'RUNTIME_FAILED'
    ? 'check the values and shapes that this sample feeds'
    : 'see which operators the model has (aeq inspect), or try another interpreter (--runtime)';
