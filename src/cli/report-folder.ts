import { accessSync, constants, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { AeqError } from '../../schema/errors.ts';
import { writeError } from '../../schema/file-errors.node.ts';
import { checkWritable } from '../../schema/write-file.node.ts';

/**
 * Refuses early what making the folder of `--report` and writing its files would refuse. Nothing is made yet, so that an
 * interrupted run leaves nothing.
 * @throws AeqError FILE_EXISTS, FILE_UNWRITABLE.
 */
export function checkReport(folder: string, files: readonly string[], overwrite: boolean): void {
  const found = nearest(resolve(folder));
  if (!found.isFolder) {
    const file = found.path === resolve(folder) ? folder : found.path;
    throw new AeqError('FILE_UNWRITABLE', `${file} is a file, not a folder`, { hint: 'name a folder for the report' });
  }
  if (found.path === resolve(folder)) {
    for (const file of files) checkWritable(join(folder, file), { overwrite });
    return;
  }
  try {
    accessSync(found.path, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw writeError(folder, error);
  }
}

/** The path itself, or what there is of the way to it. */
function nearest(path: string): { readonly path: string; readonly isFolder: boolean } {
  try {
    return { path, isFolder: statSync(path).isDirectory() };
  } catch {
    return dirname(path) === path ? { path, isFolder: true } : nearest(dirname(path));
  }
}
