import { AeqError } from '../../schema/errors.ts';
import { fileType } from './element-type.ts';
import { REFUSED, REFUSED_HINT } from './litert-wasm-instance.ts';
import type { Argument, NativeLibrary } from './native-library.node.ts';
import type { SignatureInfo, TensorInfo } from './runtime.ts';
import { withoutStderr } from './stderr.node.ts';

/** Status numbers of the C API that say more than "failed". */
const STATUS_WORDS: Readonly<Record<number, string>> = {
  1: 'invalid argument',
  2: 'out of memory',
  3: 'runtime failure',
  5: 'unsupported',
  500: 'the file cannot be read',
  501: 'invalid flatbuffer',
};

/** Bytes of LiteRtRankedTensorType: element type, rank in the low 7 bits, eight dimensions, eight strides. */
const RANKED_TYPE_INTS = 18;
const RANK_MASK = 0x7f;
const CPU = 1;

/** A tensor of a loaded model: what the interpreter says of it, and its type as the C API wants it back. */
export interface NativeTensor {
  readonly info: TensorInfo;
  readonly rankedType: Int32Array;
}

export interface NativeSignature {
  readonly info: SignatureInfo;
  readonly inputs: readonly NativeTensor[];
  readonly outputs: readonly NativeTensor[];
}

/** Calls a function that gives a handle, pointer or count through its last parameter. */
export function result(what: string, call: (out: BigUint64Array) => number): bigint {
  const out = new BigUint64Array(1);
  check(what, call(out));
  return out[0] ?? 0n;
}

/** @throws AeqError RUNTIME_REJECTED_MODEL, or RUNTIME_OUT_OF_MEMORY, unless the status is 0. */
export function check(what: string, status: number, words = ''): void {
  if (status === 0) return;
  const reason = words || STATUS_WORDS[status] || `status ${status}`;
  if (status === 2) {
    throw new AeqError('RUNTIME_OUT_OF_MEMORY', `${what}: ${reason}`, { hint: 'capture less at once (--memory)' });
  }
  throw new AeqError('RUNTIME_REJECTED_MODEL', `${what}: ${reason}`, { hint: REFUSED_HINT });
}

/** Least severity of what the library writes to the standard error stream, a setting of the whole process. */
const ERRORS = 3;
const NOTHING = 4;

/** Starts the library. It is told to look for no graphics or other accelerators and to write nothing to the terminal. */
export function createEnvironment({ api }: NativeLibrary, leastSeverity = NOTHING): bigint {
  const tags = { autoRegisterAccelerators: 24, leastSeverity: 25 } as const;
  const options = [
    [tags.autoRegisterAccelerators, CPU],
    [tags.leastSeverity, leastSeverity],
  ] as const;
  const integer = 2;
  const bytes = new DataView(new ArrayBuffer(24 * options.length));
  options.forEach(([tag, value], index) => {
    bytes.setInt32(24 * index, tag, true);
    bytes.setInt32(24 * index + 8, integer, true);
    bytes.setBigInt64(24 * index + 16, BigInt(value), true);
  });
  return result('starting the interpreter', (out) => api.LiteRtCreateEnvironment(options.length, bytes, out));
}

/** The model over bytes that must stay where they are, or over a file. */
export function createModel({ api }: NativeLibrary, environment: bigint, source: Uint8Array | string): bigint {
  const create = (out: BigUint64Array) =>
    typeof source === 'string'
      ? api.LiteRtCreateModelFromFile(environment, source, out)
      : api.LiteRtCreateModelFromBuffer(environment, source, source.byteLength, out);
  const { value, words } = withoutStderr(() => {
    const out = new BigUint64Array(1);
    return { status: create(out), handle: out[0] ?? 0n };
  });
  check(REFUSED, value.status, words());
  return value.handle;
}

/** Where the interpreter's error messages go. */
const TO_STDERR = 1;
const TO_BUFFER = 2;

/** Prepares a model for the CPU with this many threads. Errors of its runs are kept for `errorMessages`. */
export function compile(library: NativeLibrary, environment: bigint, model: bigint, threads: number): bigint {
  const first = withoutStderr(() => tryCompile(library, environment, model, threads, TO_BUFFER)).value;
  if (first.status === 0) return first.handle;
  check(REFUSED, first.status, reasonOfRefusal(library, model, threads));
  throw new AeqError('INTERNAL', REFUSED);
}

/** The buffer of messages went with the attempt: once more, with messages to a stream that is read. */
function reasonOfRefusal(library: NativeLibrary, model: bigint, threads: number): string {
  const { api } = library;
  const { words } = withoutStderr(() => {
    const environment = createEnvironment(library, ERRORS);
    const { status, handle } = tryCompile(library, environment, model, threads, TO_STDERR);
    if (status === 0) api.LiteRtDestroyCompiledModel(handle);
    api.LiteRtDestroyEnvironment(environment);
    api.LiteRtDestroyEnvironment(createEnvironment(library));
  });
  return words();
}

function tryCompile(library: NativeLibrary, environment: bigint, model: bigint, threads: number, errors: number) {
  const { api, keep } = library;
  const options = result('preparing the model', (out) => api.LiteRtCreateOptions(out));
  const texts = { xnnpack: `num_threads = ${threads}\n`, runtime_options_string: `error_reporter_mode = ${errors}\n` };
  // Read while the model is compiled, so they must live until then.
  const payloads = Object.entries(texts).map(([name, text]) => [name, Buffer.from(`${text}\0`)] as const);
  try {
    check('preparing the model', api.LiteRtSetOptionsHardwareAccelerators(options, CPU));
    for (const [name, payload] of payloads) {
      const opaque = result('preparing the model', (out) => api.LiteRtCreateOpaqueOptions(name, payload, keep, out));
      check('preparing the model', api.LiteRtAddOpaqueOptions(options, opaque));
    }
    const out = new BigUint64Array(1);
    const status = api.LiteRtCreateCompiledModel(environment, model, options, out);
    return { status, handle: out[0] ?? 0n };
  } finally {
    api.LiteRtDestroyOptions(options);
  }
}

/** What the interpreter said since the last call; empty when it said nothing. */
export function errorMessages(library: NativeLibrary, compiled: bigint): string {
  const { api, free } = library;
  const out = new BigUint64Array(1);
  if (api.LiteRtCompiledModelGetErrorMessages(compiled, out) !== 0 || out[0] === 0n) return '';
  const address = out[0] ?? 0n;
  const text = cString(library, address);
  free?.(address);
  api.LiteRtCompiledModelClearErrors(compiled);
  return text;
}

/** The signatures of a model; one without any has a default one. */
export function readSignatures(library: NativeLibrary, model: bigint): NativeSignature[] {
  const { api } = library;
  const read = (call: (out: BigUint64Array) => number) => result('reading the signatures', call);
  const count = Number(read((out) => api.LiteRtGetNumModelSignatures(model, out)));
  return Array.from({ length: count }, (_, index) => {
    const signature = read((out) => api.LiteRtGetModelSignature(model, index, out));
    const key = cString(
      library,
      read((out) => api.LiteRtGetSignatureKey(signature, out)),
    );
    const inputs = readTensors(library, signature, {
      count: api.LiteRtGetNumSignatureInputs,
      name: api.LiteRtGetSignatureInputName,
      tensor: api.LiteRtGetSignatureInputTensorByIndex,
    });
    const outputs = readTensors(library, signature, {
      count: api.LiteRtGetNumSignatureOutputs,
      name: api.LiteRtGetSignatureOutputName,
      tensor: api.LiteRtGetSignatureOutputTensorByIndex,
    });
    const info = { key, inputs: inputs.map((tensor) => tensor.info), outputs: outputs.map((tensor) => tensor.info) };
    return { info, inputs, outputs };
  });
}

interface TensorReaders {
  readonly count: (...args: Argument[]) => number;
  readonly name: (...args: Argument[]) => number;
  readonly tensor: (...args: Argument[]) => number;
}

function readTensors(library: NativeLibrary, signature: bigint, readers: TensorReaders): NativeTensor[] {
  const read = (call: (out: BigUint64Array) => number) => result('reading the signatures', call);
  const count = Number(read((out) => readers.count(signature, out)));
  return Array.from({ length: count }, (_, index) => {
    const name = cString(
      library,
      read((out) => readers.name(signature, index, out)),
    );
    const tensor = read((out) => readers.tensor(signature, index, out));
    const rankedType = new Int32Array(RANKED_TYPE_INTS);
    check(`reading the type of ${name}`, library.api.LiteRtGetRankedTensorType(tensor, rankedType));
    const rank = (rankedType[1] ?? 0) & RANK_MASK;
    const shape = Array.from(rankedType.subarray(2, 2 + rank));
    if (shape.some((length) => length < 0)) throw openShape(name, shape);
    return { info: { name, type: fileType(rankedType[0] ?? 0), shape }, rankedType };
  });
}

const cString = ({ koffi }: NativeLibrary, address: bigint): string =>
  address === 0n ? '' : String(koffi.decode(address, 'char', -1));

/** The refusal of a model whose shapes are not fixed yet. */
export const openShape = (name: string, shape: readonly number[]): AeqError =>
  new AeqError(
    'RUNTIME_REJECTED_MODEL',
    `tensor ${name} has the open shape [${shape}], which this interpreter cannot run`,
    {
      where: { tensor: name },
      hint: 'fix the shapes first, as capturing does',
    },
  );
