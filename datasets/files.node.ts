import { createHash } from 'node:crypto';
import { closeSync, type Dirent, openSync, read, type Stats, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { promisify } from 'node:util';
import { AeqError } from '../schema/errors.ts';
import { readError } from '../schema/file-errors.node.ts';
import { freshMemory, type SampleMemory } from './sample-memory.ts';

/** A file of a data set: on disk, or within an archive that stores it as it is. */
export interface DataFile {
  /** The file on disk that holds the bytes. */
  readonly path: string;
  /** Where in it they begin. */
  readonly offset: number;
  readonly sizeBytes: number;
  /** Relative to its source, with `/` on every system; the file's own name where the source is the file. */
  readonly name: string;
  /** What to call it in messages: its path, with the name in an archive behind it. */
  readonly label: string;
  /** Lower-case extension with its dot, `` for none. */
  readonly extension: string;
  /** It was named as a source itself, not found in a folder or archive. */
  readonly named: boolean;
}

/** What can be read: a path, or a file of a data set. */
export type Readable = string | Pick<DataFile, 'path' | 'offset' | 'sizeBytes' | 'label'>;

const readAt = promisify(read);

/** Node reads at most this much in one call. */
const LARGEST_READ_BYTES = 2 ** 31 - 1;
/** Above this total, large data sets are told apart by names, sizes and both ends of each file. */
const FULL_HASH_BYTES = 2 ** 31;
const SAMPLED_BYTES = 65_536;
/** Read at a time to be hashed. */
const HASHED_BYTES = 2 ** 20;

/** @throws AeqError FILE_NOT_FOUND, FILE_UNREADABLE */
function statOf(path: string): Stats {
  try {
    return statSync(path);
  } catch (error) {
    throw readError(path, error);
  }
}

/**
 * The files behind sources, each a file or a folder. Folders are read with all folders in them, without names that begin
 * with a dot, and sorted by code unit of the relative name, so that the order is the same on every system.
 * @throws AeqError FILE_NOT_FOUND, FILE_UNREADABLE
 */
export async function listFiles(sources: readonly string[]): Promise<DataFile[]> {
  const lists = await Promise.all(
    sources.map(async (source) => {
      const stats = statOf(source);
      if (!stats.isDirectory()) return [dataFile(source, basename(source), stats, true)];
      const files = await walk(source, '', new Set([stats.ino]));
      return files.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    }),
  );
  return lists.flat();
}

const dataFile = (path: string, name: string, stats: Stats, named = false): DataFile => {
  if (!stats.isFile()) {
    throw new AeqError('FILE_UNREADABLE', `${path} is no regular file`, { where: { file: path } });
  }
  return { path, offset: 0, sizeBytes: stats.size, name, label: path, extension: extname(name).toLowerCase(), named };
};

/** `above` holds the inode numbers of the folders above, so that symbolic links cannot lead in a circle. */
async function walk(folder: string, prefix: string, above: ReadonlySet<number>): Promise<DataFile[]> {
  let entries: Dirent[];
  try {
    entries = await readdir(folder, { withFileTypes: true });
  } catch (error) {
    throw readError(folder, error);
  }
  const files: DataFile[] = [];
  for (const { name } of entries) {
    if (name.startsWith('.')) continue;
    const path = join(folder, name);
    const stats = statOf(path);
    if (stats.isFile()) files.push(dataFile(path, prefix + name, stats));
    else if (stats.isDirectory() && !above.has(stats.ino)) {
      files.push(...(await walk(path, `${prefix}${name}/`, new Set([...above, stats.ino]))));
    }
  }
  return files;
}

function extentOf(file: Readable): { path: string; offset: number; sizeBytes: number; label: string } {
  return typeof file === 'string' ? { path: file, offset: 0, sizeBytes: statOf(file).size, label: file } : file;
}

/** A whole file. @throws AeqError FILE_NOT_FOUND, FILE_UNREADABLE (also above 2 GiB) */
export async function readWhole(file: Readable, memory: SampleMemory = freshMemory): Promise<Uint8Array> {
  const { sizeBytes, label } = extentOf(file);
  if (sizeBytes > LARGEST_READ_BYTES) {
    throw new AeqError('FILE_UNREADABLE', `${label} is larger than 2 GiB`, {
      where: { file: label },
      hint: 'split it into several files',
    });
  }
  return readRange(file, 0, sizeBytes, memory);
}

/** A whole text file in UTF-8. @throws AeqError as readWhole; DATASET_UNREADABLE when it is no UTF-8. */
export async function readText(file: Readable): Promise<string> {
  const bytes = await readWhole(file);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    const { label } = extentOf(file);
    throw new AeqError('DATASET_UNREADABLE', `${label} is not text in UTF-8`, {
      where: { file: label },
      hint: 'save it as UTF-8',
    });
  }
}

/** Bytes [start, end) of a file, fewer where it ends before. @throws AeqError FILE_NOT_FOUND, FILE_UNREADABLE */
export async function readRange(
  file: Readable,
  start: number,
  end: number,
  memory: SampleMemory = freshMemory,
): Promise<Uint8Array> {
  return withFile(file, ({ read, sizeBytes }) => read(start, memory.bytes(rangeBytes(start, end, sizeBytes))));
}

const rangeBytes = (start: number, end: number, sizeBytes: number) => Math.max(0, Math.min(end, sizeBytes) - start);

/** A file that is open to be read. */
interface OpenFile {
  readonly sizeBytes: number;
  /** Fills `target` with what begins at `start`; gives the part of it that was filled. */
  read(start: number, target: Uint8Array): Promise<Uint8Array>;
}

async function withFile<T>(file: Readable, use: (open: OpenFile) => Promise<T>): Promise<T> {
  const { path, offset, sizeBytes } = extentOf(file);
  try {
    // Opening and closing take less time than waiting for another thread to do it; reading is left to one.
    const descriptor = openSync(path, 'r');
    const read = async (start: number, target: Uint8Array) => {
      const bytes = target.subarray(0, rangeBytes(start, start + target.length, sizeBytes));
      let filled = 0;
      while (filled < bytes.length) {
        const position = offset + start + filled;
        const { bytesRead } = await readAt(descriptor, bytes, filled, bytes.length - filled, position);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return bytes.subarray(0, filled);
    };
    try {
      return await use({ sizeBytes, read });
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw readError(path, error);
  }
}

/**
 * SHA-256 over names, sizes and contents of the files in order, as `sha256:<hex>`. For more than 2 GiB in all only the
 * first and last 64 KiB of each file are read, and the text begins with `sha256-ends:`.
 */
export async function hashFiles(files: readonly DataFile[]): Promise<string> {
  const total = files.reduce((sum, file) => sum + file.sizeBytes, 0);
  const whole = total <= FULL_HASH_BYTES;
  const hash = createHash('sha256');
  const buffer = new Uint8Array(whole ? Math.min(HASHED_BYTES, total) : SAMPLED_BYTES);
  for (const file of files) {
    const { name, sizeBytes } = file;
    hash.update(`${name.length}:${name}:${sizeBytes}:`);
    const starts = whole ? multiples(HASHED_BYTES, sizeBytes) : [0, Math.max(0, sizeBytes - SAMPLED_BYTES)];
    await withFile(file, async ({ read }) => {
      for (const start of starts) hash.update(await read(start, buffer));
    });
  }
  return `${whole ? 'sha256' : 'sha256-ends'}:${hash.digest('hex')}`;
}

/** 0, step, ... below the end. */
const multiples = (step: number, end: number): number[] =>
  Array.from({ length: Math.ceil(end / step) }, (_, i) => i * step);
