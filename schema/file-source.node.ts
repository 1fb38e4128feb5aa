import { closeSync, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import type { ByteSource } from './codec/byte-source.ts';
import { AeqError } from './errors.ts';
import { readError } from './file-errors.node.ts';

/** A file opened for random access. Offsets are doubles, so files beyond 4 GiB work. */
export interface FileSource extends ByteSource {
  readonly path: string;
  /** Gives the file back; the source must not be used afterwards. May be called twice. */
  close(): void;
}

const PAGE_BYTES = 1 << 16;
const CACHED_PAGES = 64;
/** One system call reads less than 2 GiB. */
const CALL_BYTES = 2 ** 30;

/**
 * Opens a file for reading by pages: small views come from a cache of 4 MiB, large reads go past it, so that a model
 * of any size costs only its graph.
 * @throws AeqError FILE_NOT_FOUND, FILE_UNREADABLE (also for folders and for pipes, which have no random access); later
 * reads throw FILE_UNREADABLE, or MODEL_TRUNCATED when the file has become shorter.
 */
export function openFileSource(path: string): FileSource {
  const descriptor = openRegular(path);
  return new PagedFile(path, descriptor, fstatSync(descriptor).size);
}

function openRegular(path: string): number {
  let descriptor: number | undefined;
  try {
    // Opening a pipe waits for its writer, and nothing interrupts that.
    requireRegular(path, statSync(path));
    descriptor = openSync(path, 'r');
    requireRegular(path, fstatSync(descriptor));
    return descriptor;
  } catch (error) {
    if (descriptor !== undefined) closeSync(descriptor);
    throw readError(path, error);
  }
}

function requireRegular(path: string, status: Stats): void {
  if (status.isFile()) return;
  const kind = status.isDirectory() ? 'a folder' : 'a device or a pipe';
  throw new AeqError('FILE_UNREADABLE', `${path} is ${kind}, not a file`, {
    where: { file: path },
    hint: 'name a file',
  });
}

class PagedFile implements FileSource {
  readonly path: string;
  readonly sizeBytes: number;
  readonly place: { readonly descriptor: number; readonly offset: number };
  readonly #descriptor: number;
  /** By page number, least recently used first. */
  readonly #pages = new Map<number, Uint8Array>();
  #closed = false;
  // Reading a table takes many tiny views of the same page: it is asked first, without touching the map.
  #lastNumber = -1;
  #lastPage: Uint8Array = new Uint8Array(0);

  constructor(path: string, descriptor: number, sizeBytes: number) {
    this.path = path;
    this.#descriptor = descriptor;
    this.sizeBytes = sizeBytes;
    this.place = { descriptor, offset: 0 };
  }

  view(offset: number, length: number): Uint8Array {
    const number = Math.floor(offset / PAGE_BYTES);
    const within = offset - number * PAGE_BYTES;
    if (within + length <= PAGE_BYTES) return this.#page(number).subarray(within, within + length);
    return this.read(offset, length);
  }

  read(offset: number, length: number): Uint8Array {
    const result = new Uint8Array(length);
    if (length > PAGE_BYTES) {
      this.fill(result, offset);
      return result;
    }
    for (let done = 0; done < length; ) {
      const number = Math.floor((offset + done) / PAGE_BYTES);
      const within = offset + done - number * PAGE_BYTES;
      const part = this.#page(number).subarray(within, within + length - done);
      result.set(part, done);
      done += part.length;
    }
    return result;
  }

  fill(target: Uint8Array, offset: number): void {
    if (this.#closed) throw new AeqError('INTERNAL', `${this.path} was read after it was closed`);
    readFully(this.#descriptor, target, offset, this.path);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#pages.clear();
    this.#lastNumber = -1;
    closeSync(this.#descriptor);
  }

  #page(number: number): Uint8Array {
    if (number === this.#lastNumber) return this.#lastPage;
    let page = this.#pages.get(number);
    if (page === undefined) {
      const start = number * PAGE_BYTES;
      page = new Uint8Array(Math.min(PAGE_BYTES, this.sizeBytes - start));
      this.fill(page, start);
      if (this.#pages.size >= CACHED_PAGES) this.#pages.delete(this.#pages.keys().next().value ?? -1);
    } else {
      this.#pages.delete(number);
    }
    this.#pages.set(number, page);
    this.#lastNumber = number;
    this.#lastPage = page;
    return page;
  }
}

/**
 * Reads all of `target` from a place of an open file, which may be open in another thread of the process.
 * @throws AeqError FILE_UNREADABLE, MODEL_TRUNCATED. `name` is the file in messages.
 */
export function readFully(descriptor: number, target: Uint8Array, offset: number, name: string): void {
  for (let done = 0; done < target.length; ) {
    const part = Math.min(CALL_BYTES, target.length - done);
    let count: number;
    try {
      count = readSync(descriptor, target, done, part, offset + done);
    } catch (error) {
      throw readError(name, error);
    }
    if (count === 0) {
      throw new AeqError(
        'MODEL_TRUNCATED',
        `${name} ends at byte ${offset + done}: it became shorter while it was read`,
        {
          where: { file: name, offset: offset + done },
          hint: 'do not change the file while it is in use',
        },
      );
    }
    done += count;
  }
}
