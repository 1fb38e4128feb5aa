import { createHash } from 'node:crypto';
import { type Dirent, type Stats, statSync } from 'node:fs';
import { open, readdir, readFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { AeqError } from '../schema/errors.ts';
import { readError } from '../schema/file-errors.node.ts';

/** A file of a data set. */
export interface DataFile {
  readonly path: string;
  /** Relative to its source, with `/` on every system; the file's own name where the source is the file. */
  readonly name: string;
  readonly sizeBytes: number;
  /** Lower-case extension with its dot, `` for none. */
  readonly extension: string;
}

/** Node reads at most this much in one call. */
const LARGEST_READ_BYTES = 2 ** 31 - 1;
/** Above this total, large data sets are told apart by names, sizes and both ends of each file. */
const FULL_HASH_BYTES = 2 ** 31;
const SAMPLED_BYTES = 65_536;

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
      if (!stats.isDirectory()) return [dataFile(source, basename(source), stats)];
      const files = await walk(source, '', new Set([stats.ino]));
      return files.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
    }),
  );
  return lists.flat();
}

const dataFile = (path: string, name: string, stats: Stats): DataFile => {
  if (!stats.isFile()) {
    throw new AeqError('FILE_UNREADABLE', `${path} is no regular file`, { where: { file: path } });
  }
  return { path, name, sizeBytes: stats.size, extension: extname(name).toLowerCase() };
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

/** A whole file. @throws AeqError FILE_NOT_FOUND, FILE_UNREADABLE (also above 2 GiB) */
export async function readWhole(path: string): Promise<Uint8Array> {
  const { size } = statOf(path);
  if (size > LARGEST_READ_BYTES) {
    throw new AeqError('FILE_UNREADABLE', `${path} is larger than 2 GiB`, {
      where: { file: path },
      hint: 'split it into several files',
    });
  }
  try {
    return await readFile(path);
  } catch (error) {
    throw readError(path, error);
  }
}

/** A whole text file in UTF-8. @throws AeqError as readWhole; DATASET_UNREADABLE when it is no UTF-8. */
export async function readText(path: string): Promise<string> {
  const bytes = await readWhole(path);
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new AeqError('DATASET_UNREADABLE', `${path} is not text in UTF-8`, {
      where: { file: path },
      hint: 'save it as UTF-8',
    });
  }
}

/** Bytes [start, end) of a file, fewer where it ends before. @throws AeqError FILE_NOT_FOUND, FILE_UNREADABLE */
export async function readRange(path: string, start: number, end: number): Promise<Uint8Array> {
  try {
    const file = await open(path);
    try {
      const bytes = new Uint8Array(end - start);
      let filled = 0;
      while (filled < bytes.length) {
        const { bytesRead } = await file.read(bytes, filled, bytes.length - filled, start + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      return bytes.subarray(0, filled);
    } finally {
      await file.close();
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
  const hash = createHash('sha256');
  for (const { path, name, sizeBytes } of files) {
    hash.update(`${name.length}:${name}:${sizeBytes}:`);
    if (total <= FULL_HASH_BYTES) {
      for (let start = 0; start < sizeBytes; start += 2 ** 26) {
        hash.update(await readRange(path, start, Math.min(sizeBytes, start + 2 ** 26)));
      }
    } else {
      hash.update(await readRange(path, 0, Math.min(sizeBytes, SAMPLED_BYTES)));
      hash.update(await readRange(path, Math.max(0, sizeBytes - SAMPLED_BYTES), sizeBytes));
    }
  }
  return `${total <= FULL_HASH_BYTES ? 'sha256' : 'sha256-ends'}:${hash.digest('hex')}`;
}
