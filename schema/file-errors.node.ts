import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { AeqError } from './errors.ts';
import { nearestNames } from './nearest.ts';

/** Why the system refused, in words, by error code; the codes a user can do something about. */
const REASONS: Readonly<Record<string, readonly [reason: string, hint: string]>> = {
  EACCES: ['permission denied', 'check the permissions of the file and of its folder'],
  EPERM: ['permission denied', 'check the permissions of the file and of its folder'],
  EROFS: ['the disk is read-only', 'choose a place that can be written'],
  ENOENT: ['the folder does not exist', 'create the folder first'],
  ENOTDIR: ['a part of the path is a file, not a folder', 'check the path'],
  EISDIR: ['it is a folder', 'name a file'],
  ENAMETOOLONG: ['the name is too long', 'choose a shorter name'],
  ENOSPC: ['the disk is full', 'free some space or choose another disk'],
  EDQUOT: ['the disk quota is used up', 'free some space or choose another disk'],
  EFBIG: ['the file system does not take files of this size', 'choose another disk'],
  EMFILE: ['too many open files', 'raise the limit with ulimit -n'],
  EIO: ['the disk reports an error', 'check the disk'],
  ELOOP: ['its symbolic links go in a circle', 'check the path'],
  EBUSY: ['it is in use', 'close the program that uses it'],
};

/** Of a larger folder not all names are compared. */
const MOST_NAMES = 2000;

const reasonOf = (error: unknown): readonly [string, string] => {
  const { code, message } = error as NodeJS.ErrnoException;
  return REASONS[code ?? ''] ?? [code ?? String(message), 'check the path and the disk'];
};

/** The AeqError for a failed open or read of `file`: FILE_NOT_FOUND where nothing is there, else FILE_UNREADABLE. */
export function readError(file: string, error: unknown): AeqError {
  if (error instanceof AeqError) return error;
  if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
    return new AeqError('FILE_NOT_FOUND', `${file} does not exist`, {
      where: { file },
      hint: hintOfMissing(file),
      cause: error,
    });
  }
  const [reason, hint] = reasonOf(error);
  return new AeqError('FILE_UNREADABLE', `${file} cannot be read: ${reason}`, { where: { file }, hint, cause: error });
}

/** What a path that leads nowhere may have meant. */
function hintOfMissing(file: string): string {
  if (file === '-') return 'standard input is not read: name a file';
  try {
    // Names of a letter or two are a part of everything.
    const names = readdirSync(dirname(file)).filter((name) => name.length > 2);
    const [near] = nearestNames(basename(file), names.slice(0, MOST_NAMES), 1);
    return near === undefined ? 'check the path' : `did you mean "${join(dirname(file), near)}"?`;
  } catch {
    return 'check the path';
  }
}

/** The AeqError FILE_UNWRITABLE for a failed creation or write of `file`. */
export function writeError(file: string, error: unknown): AeqError {
  if (error instanceof AeqError) return error;
  const [reason, hint] = reasonOf(error);
  return new AeqError('FILE_UNWRITABLE', `${file} cannot be written: ${reason}`, {
    where: { file },
    hint,
    cause: error,
  });
}
