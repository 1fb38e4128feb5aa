/** What LiteRT's wasm build exports, as far as it is used here. Every object must be deleted by hand. */
export interface Deletable {
  delete(): void;
}

export interface EmbindVector<T> extends Deletable {
  size(): number;
  get(index: number): T;
}

export interface RankedTensorType extends Deletable {
  elementType(): { value: number } | number;
  layout(): Deletable & { dimensions(): EmbindVector<number> };
  bytes(): number;
}

export interface TensorBuffer extends Deletable {
  /** Byte address in the heap. */
  lock(mode: unknown): number;
  unlock(): void;
  packedSize(): number;
  tensorType(): RankedTensorType;
}

export interface SimpleSignature extends Deletable {
  key(): string;
  inputNames(): EmbindVector<string>;
  outputNames(): EmbindVector<string>;
}

export interface LoadedModel extends Deletable {
  getNumSignatures(): number;
  getSignature(index: number): SimpleSignature;
  getInputTensorType(signature: number, index: number): RankedTensorType;
  getOutputTensorType(signature: number, index: number): RankedTensorType;
}

export interface CompiledModel extends Deletable {
  run(signature: number, inputs: TensorBuffer[]): TensorBuffer[] | Promise<TensorBuffer[]>;
}

export interface LiteRtWasm {
  readonly HEAPU8: Uint8Array;
  _malloc(sizeBytes: number): number;
  _free(address: number): void;
  readonly LiteRtEnvironment: { create(options: null): Deletable };
  readonly LiteRtTensorBuffer: {
    createManaged(environment: Deletable, kind: unknown, type: RankedTensorType, sizeBytes: number): TensorBuffer;
  };
  readonly LiteRtTensorBufferType: { readonly HOST_MEMORY: unknown };
  readonly LiteRtTensorBufferLockMode: { readonly READ: unknown; readonly WRITE: unknown };
  loadModel(environment: Deletable, address: number, sizeBytes: number): LoadedModel;
  compileModel(environment: Deletable, model: LoadedModel, options: object): CompiledModel | Promise<CompiledModel>;
}

export interface FactoryArguments {
  print(line: string): void;
  printErr(line: string): void;
  locateFile(name: string): string;
  instantiateWasm(imports: WebAssembly.Imports, done: (instance: WebAssembly.Instance) => void): object;
}

/** The export of an Emscripten glue file. */
export type Factory<Exports> = (options: FactoryArguments) => Promise<Exports>;

/** Calls `use` and deletes the object afterwards, whatever happens. */
export function using<T extends Deletable, R>(object: T, use: (object: T) => R): R {
  try {
    return use(object);
  } finally {
    object.delete();
  }
}

/** The contents of an embind vector, which is deleted. */
export function takeAll<T>(vector: EmbindVector<T>): T[] {
  return using(vector, (list) => Array.from({ length: list.size() }, (_, index) => list.get(index)));
}
