import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  fsyncSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { AeqError } from './errors.ts';
import { writeError } from './file-errors.node.ts';

export interface AtomicWriteOptions {
  /** Replace an existing file; by default it is an error. */
  readonly overwrite?: boolean;
}

/** Names of temporary files that are being written, with their descriptors. */
const unfinished = new Map<string, number>();
let counter = 0;

/**
 * Deletes every temporary file that is being written, at once and without waiting: for the handler of an interrupt.
 * Returns how many there were. The writes they belong to fail when they go on.
 */
export function removeUnfinishedFiles(): number {
  const count = unfinished.size;
  for (const [path, descriptor] of unfinished) discard(path, descriptor);
  return count;
}

/**
 * Refuses early what a later write to `path` would refuse: an existing file without `overwrite`, a missing folder, no
 * permission. For a check before long work; the write checks again.
 * @throws AeqError FILE_EXISTS, FILE_UNWRITABLE.
 */
export function checkWritable(path: string, options: AtomicWriteOptions = {}): void {
  const target = resolveTarget(path, options);
  try {
    if (target.special) accessSync(target.path, constants.W_OK);
    else {
      const folder = dirname(target.path);
      if (!statSync(folder).isDirectory()) throw Object.assign(new Error(folder), { code: 'ENOTDIR' });
      accessSync(folder, constants.W_OK | constants.X_OK);
    }
  } catch (error) {
    throw writeError(path, error);
  }
}

/** A file that is being written under a temporary name beside its target. Exactly one of commit and discard ends it. */
export interface UnfinishedFile {
  /** Where the bytes are now: other threads may open it by this name and fill ranges of their own. */
  readonly temporaryPath: string;
  /** The open file, where bytes can be written at any offset, by other threads too; undefined for a device or pipe. */
  readonly descriptor: number | undefined;
  /** Writes all of `bytes` at `offset`. @throws AeqError FILE_UNWRITABLE. */
  write(bytes: Uint8Array, offset: number): void;
  /** Renames to the target, after a flush to the disk where that replaces a file. @throws AeqError FILE_EXISTS, FILE_UNWRITABLE; nothing is left then. */
  commit(): void;
  /** Deletes the temporary file. Does nothing after either end. */
  discard(): void;
}

/**
 * Starts a file that appears under its name only when it is complete. A device or pipe as target is written directly.
 * Symbolic links are followed; the permissions of a file that is replaced stay.
 * @throws AeqError FILE_EXISTS, FILE_UNWRITABLE.
 */
export function createUnfinishedFile(path: string, options: AtomicWriteOptions = {}): UnfinishedFile {
  const target = resolveTarget(path, options);
  if (target.special) return openSpecial(path);
  const { temporaryPath, descriptor } = openTemporary(path, target.path);
  let ended = false;
  const end = (): void => {
    ended = true;
    discard(temporaryPath, descriptor);
  };
  return {
    temporaryPath,
    descriptor,
    write: (bytes, offset) => {
      if (!unfinished.has(temporaryPath)) throw new AeqError('INTERNAL', `${path}: the write was ended before`);
      writeFully(descriptor, bytes, offset, path);
    },
    commit: () => {
      if (ended) throw new AeqError('INTERNAL', `${path}: the write was ended before`);
      try {
        if (target.mode !== undefined) chmodSync(temporaryPath, target.mode);
        // Bytes that are lost with the power would be lost in place of the old file; of a new one nothing else is.
        if (target.mode !== undefined) fsyncSync(descriptor);
        resolveTarget(path, options);
        // Windows does not rename open files.
        unfinished.delete(temporaryPath);
        closeSync(descriptor);
        renameSync(temporaryPath, target.path);
        ended = true;
      } catch (error) {
        end();
        throw writeError(path, error);
      }
    },
    discard: () => {
      if (!ended) end();
    },
  };
}

/**
 * Writes a file from pieces in order, so that at any moment the target holds the old content or all of the new one.
 * A piece is used up before the next one is asked for: pieces may be views of memory that is used again.
 * On any error, also one of the iterable, nothing is left behind.
 * @throws AeqError FILE_EXISTS, FILE_UNWRITABLE; what the iterable throws passes unchanged.
 */
export async function atomicWrite(
  path: string,
  chunks: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  options: AtomicWriteOptions = {},
): Promise<void> {
  const file = createUnfinishedFile(path, options);
  try {
    let offset = 0;
    for await (const chunk of chunks) {
      file.write(chunk, offset);
      offset += chunk.length;
    }
    file.commit();
  } finally {
    file.discard();
  }
}

interface Target {
  /** Symbolic links resolved. */
  readonly path: string;
  /** Device, pipe or socket: written in place. */
  readonly special: boolean;
  /** Permissions of the file that is replaced. */
  readonly mode?: number;
}

function resolveTarget(path: string, options: AtomicWriteOptions): Target {
  let status: ReturnType<typeof statSync>;
  try {
    status = statSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { path, special: false };
    throw writeError(path, error);
  }
  if (status.isDirectory()) throw writeError(path, Object.assign(new Error('folder'), { code: 'EISDIR' }));
  if (!status.isFile()) return { path, special: true };
  if (!options.overwrite) {
    throw new AeqError('FILE_EXISTS', `${path} exists already`, {
      where: { file: path },
      hint: 'choose another name, or overwrite it with --force',
    });
  }
  return { path: realpathSync(path), special: false, mode: status.mode & 0o7777 };
}

function openTemporary(path: string, target: string): { temporaryPath: string; descriptor: number } {
  // A name of 255 bytes is the limit of most file systems, and one character may take four.
  const stem = basename(target).slice(0, 40);
  for (;;) {
    counter += 1;
    const temporaryPath = join(dirname(target), `.${stem}.${process.pid}-${counter}.unfinished`);
    try {
      const descriptor = openSync(temporaryPath, 'wx');
      unfinished.set(temporaryPath, descriptor);
      return { temporaryPath, descriptor };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw writeError(path, error);
    }
  }
}

function openSpecial(path: string): UnfinishedFile {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(path, 'w');
  } catch (error) {
    throw writeError(path, error);
  }
  const end = (): void => {
    if (descriptor !== undefined) closeSync(descriptor);
    descriptor = undefined;
  };
  return {
    temporaryPath: path,
    descriptor: undefined,
    // No offsets on a pipe; the pieces come in order.
    write: (bytes) => writeFully(descriptor ?? -1, bytes, undefined, path),
    commit: end,
    discard: end,
  };
}

/** Writes all of `bytes` at a place of an open file. `path` is its name in messages. @throws AeqError FILE_UNWRITABLE. */
export function writeFully(descriptor: number, bytes: Uint8Array, offset: number | undefined, path: string): void {
  for (let done = 0; done < bytes.length; ) {
    try {
      const at = offset === undefined ? null : offset + done;
      done += writeSync(descriptor, bytes, done, Math.min(bytes.length - done, 2 ** 30), at);
    } catch (error) {
      throw writeError(path, error);
    }
  }
}

function discard(temporaryPath: string, descriptor: number): void {
  const open = unfinished.delete(temporaryPath);
  try {
    if (open) closeSync(descriptor);
    rmSync(temporaryPath, { force: true });
  } catch {
    // The folder may be gone or the disk broken: there is nothing left to delete or no way to do it.
  }
}
