import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { AeqError } from '../../schema/errors.ts';

const require = createRequire(import.meta.url);

/** The part of koffi that is used. Pointers are BigInts; typed arrays are passed by address. */
export interface Koffi {
  load(path: string | null): KoffiLibrary;
  address(buffer: ArrayBuffer): bigint;
  decode(address: bigint, type: string, length: number): unknown;
  proto(result: string, parameters: readonly string[]): unknown;
  pointer(type: unknown): unknown;
  register(callback: () => void, type: unknown): unknown;
}

interface KoffiLibrary {
  func(name: string, result: string, parameters: readonly string[]): (...args: never[]) => unknown;
}

const P = 'void *';
const N = 'size_t';

/** Functions of LiteRT's C API: parameters by name. All return a status but the destructors, which return nothing. */
const FUNCTIONS = {
  LiteRtCreateEnvironment: ['int', P, P],
  LiteRtCreateModelFromBuffer: [P, P, N, P],
  LiteRtCreateModelFromFile: [P, 'str', P],
  LiteRtGetNumModelSignatures: [P, P],
  LiteRtGetModelSignature: [P, N, P],
  LiteRtGetSignatureKey: [P, P],
  LiteRtGetNumSignatureInputs: [P, P],
  LiteRtGetSignatureInputName: [P, N, P],
  LiteRtGetSignatureInputTensorByIndex: [P, N, P],
  LiteRtGetNumSignatureOutputs: [P, P],
  LiteRtGetSignatureOutputName: [P, N, P],
  LiteRtGetSignatureOutputTensorByIndex: [P, N, P],
  LiteRtGetRankedTensorType: [P, P],
  LiteRtCreateOptions: [P],
  LiteRtSetOptionsHardwareAccelerators: [P, 'int'],
  LiteRtCreateOpaqueOptions: ['str', P, P, P],
  LiteRtAddOpaqueOptions: [P, P],
  LiteRtCreateCompiledModel: [P, P, P, P],
  LiteRtCreateTensorBufferFromHostMemory: [P, P, N, P, P],
  LiteRtRunCompiledModel: [P, N, N, P, N, P],
  LiteRtCompiledModelGetErrorMessages: [P, P],
  LiteRtCompiledModelClearErrors: [P],
} as const;

const DESTRUCTORS = [
  'LiteRtDestroyEnvironment',
  'LiteRtDestroyModel',
  'LiteRtDestroyOptions',
  'LiteRtDestroyCompiledModel',
  'LiteRtDestroyTensorBuffer',
] as const;

/** A pointer or handle, a typed array passed by address, a string or a number. */
export type Argument = bigint | number | string | ArrayBufferView | null | object;

export type NativeApi = Readonly<
  Record<keyof typeof FUNCTIONS, (...args: Argument[]) => number> &
    Record<(typeof DESTRUCTORS)[number], (handle: bigint) => void>
>;

export interface NativeLibrary {
  readonly path: string;
  readonly koffi: Koffi;
  readonly api: NativeApi;
  /** A C function pointer that frees nothing: option texts belong to us. */
  readonly keep: object;
  /** C's `free`, where strings of the library may be given to it. */
  readonly free: ((address: bigint) => void) | undefined;
}

const loaded = new Map<string, NativeLibrary>();

/**
 * Loads LiteRT's C library.
 * @throws AeqError RUNTIME_UNAVAILABLE when koffi is not installed, the file is no library for this machine, or a function
 * is missing.
 */
export function loadNativeLibrary(path: string): NativeLibrary {
  const known = loaded.get(path);
  if (known) return known;
  const koffi = loadKoffi();
  if (!existsSync(path)) throw unavailable(`there is no file ${path}`, path);
  const library = open(koffi, path);
  pin(koffi, path);
  const api: Record<string, unknown> = {};
  const missing: string[] = [];
  const bind = (name: string, result: string, parameters: readonly string[]) => {
    try {
      api[name] = library.func(name, result, parameters);
    } catch {
      missing.push(name);
    }
  };
  for (const [name, parameters] of Object.entries(FUNCTIONS)) bind(name, 'int', parameters);
  for (const name of DESTRUCTORS) bind(name, 'void', [P]);
  if (missing.length > 0) {
    const all = missing.length === Object.keys(FUNCTIONS).length + DESTRUCTORS.length;
    const what = all ? 'it is not the LiteRT C library' : `it lacks ${missing.slice(0, 3).join(', ')}`;
    throw unavailable(`${path} cannot be used: ${what}`, path);
  }
  const native = { path, koffi, api: api as NativeApi, keep: keepPointer(koffi), free: systemFree(koffi) };
  loaded.set(path, native);
  return native;
}

let keep: object | undefined;

function keepPointer(koffi: Koffi): object {
  keep ??= koffi.register(() => {}, koffi.pointer(koffi.proto('void', [P]))) as object;
  return keep;
}

/** @throws AeqError RUNTIME_UNAVAILABLE where the optional package is not installed. */
function loadKoffi(): Koffi {
  try {
    return require('koffi') as Koffi;
  } catch (cause) {
    throw new AeqError(
      'RUNTIME_UNAVAILABLE',
      'the native interpreter needs the package koffi, which is not installed',
      {
        cause,
        hint: 'npm install koffi, or use --runtime wasm',
      },
    );
  }
}

function open(koffi: Koffi, path: string): KoffiLibrary {
  try {
    return koffi.load(path);
  } catch (cause) {
    const words = cause instanceof Error ? cause.message : String(cause);
    throw unavailable(`${path} cannot be loaded: ${words}`, path, cause);
  }
}

/**
 * Keeps a library in memory to the end of the process. koffi unloads it when its thread ends, but it leaves handlers for
 * the exit of the process behind, which would then jump into nothing.
 */
function pin(koffi: Koffi, path: string): void {
  const resolveNow = 2;
  if (process.platform === 'win32') {
    const load = koffi.load('kernel32.dll').func('LoadLibraryW', P, ['str16']) as (path: string) => bigint;
    load(path);
    return;
  }
  const load = koffi.load(null).func('dlopen', P, ['str', 'int']) as (path: string, flags: number) => bigint;
  load(path, resolveNow);
}

/** On Windows a library may have a heap of its own, so its strings are left alone. */
function systemFree(koffi: Koffi): NativeLibrary['free'] {
  if (process.platform === 'win32') return undefined;
  return koffi.load(null).func('free', 'void', [P]) as (address: bigint) => void;
}

export const unavailable = (message: string, file: string, cause?: unknown): AeqError =>
  new AeqError('RUNTIME_UNAVAILABLE', message, {
    cause,
    where: { file },
    hint: 'aeq was made for libLiteRt of ai-edge-litert 2.3; run aeq runtime install, or use --runtime wasm',
  });
