import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Comparison, comparisonJson } from '../../schema/documents/comparison.ts';
import { writeJsonFile } from '../../schema/documents/json-file.node.ts';

/** Writes what `--report <folder>` promises; the folder is made when it is not there. */
export async function writeReport(folder: string, comparison: Comparison, overwrite: boolean): Promise<void> {
  mkdirSync(folder, { recursive: true });
  await writeJsonFile(join(folder, 'comparison.json'), comparisonJson(comparison), { overwrite });
}
