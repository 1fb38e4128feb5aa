import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Comparison, comparisonJson, comparisonSchema } from '../../schema/documents/comparison.ts';
import { readDocument } from '../../schema/documents/json-file.node.ts';
import { writeError } from '../../schema/file-errors.node.ts';
import { createUnfinishedFile, type UnfinishedFile } from '../../schema/write-file.node.ts';
import type { BaselineDifference } from './baseline.ts';
import { reportHtml } from './html/page.ts';
import { junitXml } from './junit.ts';
import { nodeData } from './node-data.ts';
import { summaryMarkdown } from './summary.ts';

/** Files of a report that are always there. */
export const REPORT_FILES = ['comparison.json', 'report.html', 'summary.md', 'junit.xml'] as const;

/** The topmost folder that was made, undefined when all were there. @throws AeqError FILE_UNWRITABLE. */
function makeFolder(folder: string): string | undefined {
  try {
    return mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw writeError(folder, error);
  }
}

/** Reads a comparison that an earlier run wrote. @throws AeqError FILE_NOT_FOUND, COMPARISON_INVALID naming the field. */
export function readComparisonFile(file: string): Comparison {
  return readDocument(comparisonSchema, file, { code: 'COMPARISON_INVALID', what: 'the comparison' });
}

/**
 * Writes everything `--report <folder>` promises: comparison.json, report.html, summary.md, junit.xml and one
 * node_data_<measure>.json per measure for Model Explorer. The folder is made when it is not there.
 * A disk that gets full leaves no half of it.
 * @throws AeqError FILE_EXISTS without `overwrite`, FILE_UNWRITABLE.
 * @returns the names of the files.
 */
export function writeReportFolder(
  folder: string,
  comparison: Comparison,
  options: { readonly overwrite?: boolean; readonly differences?: readonly BaselineDifference[] } = {},
): string[] {
  const made = makeFolder(folder);
  const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
  const texts: [string, string][] = [
    ['comparison.json', json(comparisonJson(comparison))],
    ['report.html', reportHtml(comparison, options.differences)],
    ['summary.md', summaryMarkdown(comparison, options.differences)],
    ['junit.xml', junitXml(comparison)],
    ...Array.from(nodeData(comparison), ([name, value]): [string, string] => [name, json(value)]),
  ];
  const files: UnfinishedFile[] = [];
  try {
    for (const [name, text] of texts) {
      const file = createUnfinishedFile(join(folder, name), { overwrite: options.overwrite === true });
      files.push(file);
      file.write(new TextEncoder().encode(text), 0);
    }
    for (const file of files) file.commit();
  } catch (error) {
    for (const file of files) file.discard();
    if (made !== undefined) rmSync(made, { recursive: true, force: true });
    throw error;
  }
  return texts.map(([name]) => name);
}
