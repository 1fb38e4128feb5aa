import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseGate } from '../../src/validate/gate-parser.ts';
import { JUNIT, jsonFaults, xmlFaults } from '../support/independent-validators.ts';
import { projectRoot } from '../support/shared.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { repositoryFolder } from './folders.ts';
import { blocksOf, notPrinted, type ShellRun, shell, workflowCommands } from './guide.ts';

const PAGE = 'docs/ci.md';

/** The workflow's commands. Installing is left out: the built command is in node_modules/.bin already. */
function steps(): string[] {
  const workflow = blocksOf(PAGE).find(({ language }) => language === 'yaml')?.text ?? '';
  const [install, ...others] = workflowCommands(workflow);
  expect(install).toBe('npm ci');
  expect(others).toHaveLength(4);
  return others;
}

/** A repository as the page wants it, and what happens to a pull request in it: the run of each step. */
async function pullRequest(
  commands: readonly string[],
): Promise<{ folder: string; runs: ShellRun[]; summary: string }> {
  const folder = temporaryFolder();
  const repository = join(folder, 'repository');
  const summaryFile = join(folder, 'summary.md');
  mkdirSync(repository);
  repositoryFolder(repository);
  const runs: ShellRun[] = [];
  let failed = false;
  // The last step has `if: always()`; the others end with the first that fails.
  for (const [index, command] of commands.entries()) {
    if (failed && index < commands.length - 1) continue;
    const run = await shell(command, repository, { GITHUB_STEP_SUMMARY: summaryFile });
    runs.push(run);
    failed ||= run.status !== 0;
  }
  return { folder: repository, runs, summary: existsSync(summaryFile) ? readFileSync(summaryFile, 'utf8') : '' };
}

describe('the workflow of docs/ci.md', { timeout: 180_000 }, () => {
  it('passes for a good model and leaves the report', async () => {
    const { folder, runs, summary } = await pullRequest(steps());
    expect(
      runs.map(({ status }) => status),
      runs.map(({ output }) => output).join('\n'),
    ).toEqual([0, 0, 0, 0]);
    expect(runs[2]?.output).not.toContain('failed');
    for (const file of ['comparison.json', 'report.html', 'summary.md', 'junit.xml']) {
      expect(existsSync(join(folder, 'build/report', file)), file).toBe(true);
    }
    const read = (file: string) => readFileSync(join(folder, 'build', file), 'utf8');
    expect(jsonFaults('comparison', JSON.parse(read('report/comparison.json')))).toEqual([]);
    expect(jsonFaults('plan', JSON.parse(read('plan.json')))).toEqual([]);
    expect(xmlFaults(JUNIT, read('report/junit.xml'))).toEqual([]);
    expect(summary).toContain('digits_int8.tflite');
    expect(summary).toContain('top-1');
  });

  it('fails with status 1, says why in one line, and still shows the summary', async () => {
    const [check = '', quantize = '', ...others] = steps();
    const worse = quantize.replace('--static --data data/calibration', '--recipe dynamic_wi2c_afp32');
    expect(worse).not.toBe(quantize);
    const { runs, summary } = await pullRequest([check, worse, ...others]);
    expect(
      runs.map(({ status }) => status),
      runs.map(({ output }) => output).join('\n'),
    ).toEqual([0, 0, 1, 0]);
    const output = runs[2]?.output ?? '';
    expect(output.split('\n').filter((line) => line.startsWith('gate  top1.drop>0.01 failed: '))).toHaveLength(1);
    const shown = blocksOf(PAGE).filter(({ language }) => language === 'text');
    expect(shown).toHaveLength(1);
    for (const { text } of shown) expect(notPrinted(text, output)).toEqual([]);
    expect(summary).toContain('failed');
  });

  it('has only conditions that the command knows in its table', () => {
    const page = readFileSync(join(projectRoot, PAGE), 'utf8');
    const conditions = [...page.matchAll(/^\| `([^`]+)` *\|/gm)].map((match) => match[1] ?? '');
    expect(conditions.length).toBeGreaterThan(4);
    for (const condition of conditions) expect(() => parseGate(condition), condition).not.toThrow();
  });
});
