import { AeqError } from '../errors.ts';
import type { ByteSource } from './byte-source.ts';
import type { FlatbufferFormat } from './format.ts';

/** Decoded bytes allowed per byte of file: small tables that share one vtable are counted with it every time. */
const BUDGET_RATIO = 8;
/** As much as a file source keeps in one page. */
const WINDOW_BYTES = 1 << 16;
/** No real graph comes near; a file of many empty tables would fill the memory of the process. */
const MAX_TABLES = 8_000_000;

/**
 * Bounds-checked little-endian access to a flatbuffer. Every offset that leaves the file gives an AeqError that names
 * it; the work a file can cause is limited by a budget in proportion to its size, so that tables that overlap or point
 * to each other cannot make a small file take forever.
 */
export class Cursor {
  readonly source: ByteSource;
  readonly format: FlatbufferFormat;
  readonly #file: string | undefined;
  #budget: number;
  #tables = 0;
  #window: DataView = new DataView(new ArrayBuffer(0));
  #windowStart = 0;

  constructor(source: ByteSource, format: FlatbufferFormat, file?: string) {
    this.source = source;
    this.format = format;
    this.#file = file;
    this.#budget = 2 ** 16 + BUDGET_RATIO * source.sizeBytes;
  }

  /** Error for damage at a byte offset. */
  damage(code: 'MODEL_TRUNCATED' | 'MODEL_INVALID', what: string, offset: number): AeqError {
    const name = this.#file ?? 'the model';
    return new AeqError(code, `${name} is damaged: ${what} at byte ${offset}`, {
      where: { ...(this.#file === undefined ? {} : { file: this.#file }), offset },
      hint: 'the file may be cut off or changed on its way: copy or download it again',
    });
  }

  /** Counts a table with `bytes` of its own and of its vtable against the budget. */
  spendTable(bytes: number, offset: number): void {
    this.#tables += 1;
    if (this.#tables > MAX_TABLES) throw this.damage('MODEL_INVALID', `more than ${MAX_TABLES} tables`, offset);
    this.spend(bytes, offset);
  }

  /** Counts `bytes` of decoded structure against the budget. */
  spend(bytes: number, offset: number): void {
    this.#budget -= bytes;
    if (this.#budget < 0)
      throw this.damage('MODEL_INVALID', 'more structure than the file can hold (overlapping tables)', offset);
  }

  check(offset: number, length: number, what: string): void {
    if (!(offset >= 0) || offset + length > this.source.sizeBytes) {
      throw this.damage(
        'MODEL_TRUNCATED',
        `${what} of ${length} bytes leaves the file of ${this.source.sizeBytes} bytes`,
        offset,
      );
    }
  }

  dataView(offset: number, length: number, what: string): DataView {
    this.check(offset, length, what);
    const bytes = this.source.view(offset, length);
    return new DataView(bytes.buffer, bytes.byteOffset, length);
  }

  /** Part of the file that is looked at; `locate` moves it. */
  get window(): DataView {
    return this.#window;
  }

  /** Position in `window` of the bytes [offset, offset + length). Reading many small fields needs no view for each. */
  locate(offset: number, length: number, what: string): number {
    const at = offset - this.#windowStart;
    if (at >= 0 && at + length <= this.#window.byteLength) return at;
    this.check(offset, length, what);
    const aligned = Math.floor(offset / WINDOW_BYTES) * WINDOW_BYTES;
    const fits = offset + length <= aligned + WINDOW_BYTES;
    const start = fits ? aligned : offset;
    this.#window = this.dataView(start, fits ? Math.min(WINDOW_BYTES, this.source.sizeBytes - start) : length, what);
    this.#windowStart = start;
    return offset - start;
  }

  uint16(offset: number, what: string): number {
    const at = this.locate(offset, 2, what);
    return this.#window.getUint16(at, true);
  }

  int32(offset: number, what: string): number {
    const at = this.locate(offset, 4, what);
    return this.#window.getInt32(at, true);
  }

  uint32(offset: number, what: string): number {
    const at = this.locate(offset, 4, what);
    return this.#window.getUint32(at, true);
  }

  /** Follows the unsigned relative offset that is stored at `offset`. */
  follow(offset: number, what: string): number {
    const relative = this.uint32(offset, what);
    if (relative === 0) throw this.damage('MODEL_INVALID', `null offset to ${what}`, offset);
    const target = offset + relative;
    this.check(target, 4, what);
    return target;
  }

  /** Start of the elements and their number, for the vector at `offset`. */
  vector(offset: number, elementBytes: number, what: string): { start: number; length: number } {
    const length = this.uint32(offset, what);
    const start = offset + 4;
    this.check(start, length * elementBytes, `${what} with ${length} elements`);
    return { start, length };
  }
}
