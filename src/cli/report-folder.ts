import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Comparison, comparisonJson } from '../../schema/documents/comparison.ts';
import { writeJsonFile } from '../../schema/documents/json-file.node.ts';
import { writeError } from '../../schema/file-errors.node.ts';
import { checkWritable } from '../../schema/write-file.node.ts';

const FILES = ['comparison.json'] as const;

/**
 * Makes the folder of `--report` and refuses early what `writeReport` would refuse.
 * @throws AeqError FILE_EXISTS, FILE_UNWRITABLE.
 */
export function checkReport(folder: string, overwrite: boolean): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw writeError(folder, error);
  }
  for (const file of FILES) checkWritable(join(folder, file), { overwrite });
}

/** Writes what `--report <folder>` promises. */
export async function writeReport(folder: string, comparison: Comparison, overwrite: boolean): Promise<void> {
  await writeJsonFile(join(folder, 'comparison.json'), comparisonJson(comparison), { overwrite });
}
