import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type Comparison, comparisonJson, comparisonSchema } from '../../schema/documents/comparison.ts';
import { readDocument, writeJsonFile } from '../../schema/documents/json-file.node.ts';
import { atomicWrite } from '../../schema/write-file.node.ts';
import type { BaselineDifference } from './baseline.ts';
import { reportHtml } from './html/page.ts';
import { junitXml } from './junit.ts';
import { nodeData } from './node-data.ts';
import { summaryMarkdown } from './summary.ts';

/** Files of a report that are always there. */
export const REPORT_FILES = ['comparison.json', 'report.html', 'summary.md', 'junit.xml'] as const;

/** Reads a comparison that an earlier run wrote. @throws AeqError FILE_NOT_FOUND, COMPARISON_INVALID naming the field. */
export function readComparisonFile(file: string): Comparison {
  return readDocument(comparisonSchema, file, { code: 'COMPARISON_INVALID', what: 'the comparison' });
}

/**
 * Writes everything `--report <folder>` promises: comparison.json, report.html, summary.md, junit.xml and one
 * node_data_<measure>.json per measure for Model Explorer. The folder is made when it is not there.
 * @throws AeqError FILE_EXISTS without `overwrite`, FILE_UNWRITABLE.
 * @returns the names of the files.
 */
export async function writeReportFolder(
  folder: string,
  comparison: Comparison,
  options: { readonly overwrite?: boolean; readonly differences?: readonly BaselineDifference[] } = {},
): Promise<string[]> {
  const overwrite = options.overwrite === true;
  mkdirSync(folder, { recursive: true });
  const texts: [string, string][] = [
    ['report.html', reportHtml(comparison, options.differences)],
    ['summary.md', summaryMarkdown(comparison, options.differences)],
    ['junit.xml', junitXml(comparison)],
  ];
  await writeJsonFile(join(folder, 'comparison.json'), comparisonJson(comparison), { overwrite });
  for (const [name, text] of texts) {
    await atomicWrite(join(folder, name), [new TextEncoder().encode(text)], { overwrite });
  }
  const data = nodeData(comparison);
  for (const [name, value] of data) await writeJsonFile(join(folder, name), value, { overwrite });
  return ['comparison.json', ...texts.map(([name]) => name), ...data.keys()];
}
