import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { AeqError } from '../../schema/errors.ts';
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
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw writeError(folder, error);
    throw new AeqError('FILE_UNWRITABLE', `${folder} is a file, not a folder`, {
      hint: 'name a folder for the report',
    });
  }
  for (const file of files) checkWritable(join(folder, file), { overwrite });
}
