import { instantiateKernels, type Kernels } from '../../kernels/index.ts';
import { AeqError } from '../../schema/errors.ts';
import type { Deletable, Factory, LiteRtWasm } from './litert-wasm-bindings.ts';

type CallCode = 'RUNTIME_REJECTED_MODEL' | 'RUNTIME_FAILED';

/** How a refused model is introduced. */
export const REFUSED = 'the interpreter refused the model';
export const REFUSED_HINT = 'see which operators the model has (aeq inspect), or try another interpreter (--runtime)';

/** Log lines kept for messages: what a failing call says comes last. */
const LOG_LINES = 50;

/** A compiled build of the interpreter and the glue that goes with it; any number of instances can be made of it. */
export interface WasmBuild<Exports> {
  readonly factory: Factory<Exports>;
  readonly module: WebAssembly.Module;
  /** For reports, such as `@litertjs/core 2.5.3 (SIMD)`. */
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
   * Calls into the interpreter; failures become an AeqError with the interpreter's own words. A run that logged an error
   * has failed too: this interpreter returns from a run that failed as if it had not.
   * @throws AeqError of the given code; RUNTIME_OUT_OF_MEMORY; RUNTIME_FAILED when the copy is dead or dies.
   */
  async call<R>(code: CallCode, what: string, use: () => R | Promise<R>): Promise<R> {
    if (this.dead) throw deadError(what);
    this.#log.length = 0;
    try {
      const result = await use();
      if (code === 'RUNTIME_FAILED' && this.#log.some(isFailure)) throw new Error('the call returned');
      return result;
    } catch (error) {
      if (error instanceof AeqError) throw error;
      throw this.#translate(error, code, what);
    }
  }

  #translate(error: unknown, code: CallCode, what: string): AeqError {
    const thrown = error instanceof Error ? error.message : String(error);
    const words = errorWords(this.#log) || firstLine(thrown);
    const trapped = isTrap(error);
    if (trapped) this.dead = true;
    else this.worn = true;
    if (isOutOfMemory(`${thrown} ${words}`)) {
      return outOfMemory(`${what}: ${words}`, error);
    }
    if (trapped) return crashed(what, words, error);
    const refused = code === 'RUNTIME_REJECTED_MODEL' || isRefusal(words);
    if (refused && this.memory.buffer.byteLength > TIGHT_BYTES) return outOfMemory(`${REFUSED}: ${words}`, error);
    return refused
      ? new AeqError('RUNTIME_REJECTED_MODEL', `${REFUSED}: ${words}`, { cause: error, hint: REFUSED_HINT })
      : new AeqError(code, `${what}: ${words}`, {
          cause: error,
          hint: 'check the values and shapes this sample feeds',
        });
  }
}

/** Deletes embind objects unless their interpreter is dead; it is when deleting fails. */
export function deleteAll(instance: WasmInstance<unknown>, objects: Iterable<Deletable | undefined>): void {
  if (instance.dead) return;
  try {
    for (const object of objects) object?.delete();
  } catch {
    instance.dead = true;
  }
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

/** A model that fills half of the memory leaves no room for the copy of its weights that kernels want; none of them says so. */
const TIGHT_BYTES = 2 ** 30;

/** The last is where buffers for outputs are made, which says nothing when there is no room. */
const isOutOfMemory = (text: string) =>
  /\bOOM\b|out of memory|bad_alloc|enlarge memory|failed to allocate memory|litert_tensor_buffer\.h/i.test(text);

const isError = (line: string) => /^\s*(ERROR|FATAL)\b/.test(line);

/** An operator that the delegate does not take runs without it. */
const isFailure = (line: string) => isError(line) && !/failed to delegate/.test(line);

/** Operators are looked up and prepared at the first run, so that is when some models are refused. */
const isRefusal = (words: string) => /failed to prepare|unresolved custom op|Didn't find op/.test(words);

/**
 * What the interpreter says went wrong: its error lines in order. Lines that begin with a source position only repeat
 * that a call failed (but for those that pass on an operator's words), and are used when there is nothing else.
 */
export function errorWords(log: readonly string[]): string {
  const lines = log
    .filter(isError)
    .map((line) => firstLine(line.replace(/^\s*(ERROR|FATAL):?\s*(\[error_reporter\S*\])?/, '')));
  const telling = lines.filter((line) => !line.startsWith('['));
  const chosen = telling.length > 0 ? telling : lines.slice(-1);
  return [...new Set(chosen.map((line) => line.replace(/^\[[^\]]*\]\s*/, '').replace(/\.$/, '')))].slice(-3).join('; ');
}

const crashed = (what: string, words: string, cause: unknown) =>
  new AeqError('RUNTIME_FAILED', `${what}: the interpreter crashed (${words}); this session cannot be used again`, {
    cause,
    hint: 'open the model again; if it repeats, try another interpreter (--runtime)',
  });

const firstLine = (text: string) => text.split('\n')[0]?.trim() || 'no reason given';
