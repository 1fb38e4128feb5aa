export type TypedArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;

/** A dense tensor in row-major order. `type` is a TensorType of the file format; bool is a Uint8Array of 0 and 1. */
export interface TensorValue {
  readonly type: number;
  readonly shape: readonly number[];
  readonly data: TypedArray;
}

/** Input tensors of one signature by signature input name. */
export type Feed = Readonly<Record<string, TensorValue>>;

/** One calibration or test sample. */
export interface Sample {
  /** Position in the whole data set, also when only a part of it is read. */
  readonly index: number;
  /** What to call it in messages: a file name, a line number. */
  readonly name: string;
  readonly feed: Feed;
}

/** A sample that is still to be read. */
export type SampleName = Pick<Sample, 'index' | 'name'>;

/** What the model expects of one input; a dataset makes its tensors to fit. -1 in the shape is a free dimension. */
export interface InputSpec {
  readonly name: string;
  readonly type: number;
  readonly shape: readonly number[];
  /** Its numbers choose among this many rows, from 0 on: others there is nothing for. Undefined where they are values. */
  readonly rows?: number | undefined;
}

/** How samples are to be read. */
export interface ReadOptions {
  /**
   * The memory of a sample is used for others once the next sample is asked for, or the iteration is ended: until then its
   * values are valid. By default each sample has memory of its own and may be kept.
   */
  readonly reuseMemory?: boolean | undefined;
}

/**
 * Samples for one signature. File-backed datasets know their length, can be read by index and in any order; an
 * iterable of the library is read once from its start.
 */
export interface Dataset {
  /** Number of samples; undefined for an iterable of unknown length. */
  readonly length: number | undefined;
  /** JSON-serialisable account of the source and its preprocessing, recorded in the calibration file. */
  readonly description: DatasetDescription;
  /** What each sample is called, where that is known without reading it. */
  readonly names?: readonly string[];
  /** Plain data from which another process can open the same data set, where one can (see `reopenDataset`). */
  readonly origin?: unknown;
  /** Samples with these indices in this order; all of them by default. */
  samples(indices?: Iterable<number>, options?: ReadOptions): AsyncIterable<Sample>;
}

export interface DatasetDescription {
  /** `images`, `arrays`, `iterable` ... */
  readonly kind: string;
  /** Sources as the user wrote them. */
  readonly sources: readonly string[];
  /** Everything that decides the numbers a model is fed with. */
  readonly preprocessing: Readonly<Record<string, unknown>>;
  /** Hash over the names and contents of the files that were found, where there are files. */
  readonly contentHash?: string;
}
