import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { writeError } from '../../schema/file-errors.node.ts';
import { checkWritable } from '../../schema/write-file.node.ts';

/**
 * Makes the folder of `--report` and refuses early what writing the files would refuse.
 * @throws AeqError FILE_EXISTS, FILE_UNWRITABLE.
 */
export function checkReport(folder: string, files: readonly string[], overwrite: boolean): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw writeError(folder, error);
  }
  for (const file of files) checkWritable(join(folder, file), { overwrite });
}
