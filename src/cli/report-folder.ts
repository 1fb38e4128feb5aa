import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { writeError } from '../../schema/file-errors.node.ts';
import { checkWritable } from '../../schema/write-file.node.ts';
import { REPORT_FILES } from '../report/folder.node.ts';

/**
 * Makes the folder of `--report` and refuses early what writing the report would refuse.
 * @throws AeqError FILE_EXISTS, FILE_UNWRITABLE.
 */
export function checkReport(folder: string, overwrite: boolean): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw writeError(folder, error);
  }
  for (const file of REPORT_FILES) checkWritable(join(folder, file), { overwrite });
}
