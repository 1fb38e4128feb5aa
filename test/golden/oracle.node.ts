import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from '../support/shared.ts';

/** What the original is asked to quantize. */
export interface OracleQuestion {
  readonly name: string;
  readonly model: Uint8Array;
  readonly recipe: unknown;
  readonly calibration?: unknown;
  readonly carrier?: 'float32' | 'float64';
}

/** The file it wrote, or what it said. */
export type OracleAnswer = { readonly file: Uint8Array } | { readonly error: string };

/** Asks the original, in one process for all questions. Answers are in the order of the questions. */
export function askOracle(python: string, questions: readonly OracleQuestion[]): OracleAnswer[] {
  const folder = mkdtempSync(join(tmpdir(), 'aeq-oracle-'));
  try {
    for (const question of questions) writeQuestion(join(folder, question.name), question);
    const script = join(projectRoot, 'scripts/oracle/quantize_folder.py');
    execFileSync(python, [script, folder], { stdio: ['ignore', 'ignore', 'pipe'], maxBuffer: 2 ** 30 });
    return questions.map(({ name }) => readAnswer(join(folder, name)));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function writeQuestion(folder: string, question: OracleQuestion): void {
  mkdirSync(folder);
  writeFileSync(join(folder, 'model.tflite'), question.model);
  writeFileSync(join(folder, 'recipe.json'), JSON.stringify(question.recipe));
  if (question.calibration === undefined) return;
  writeFileSync(join(folder, 'calibration.json'), JSON.stringify(question.calibration));
  writeFileSync(join(folder, 'carrier.txt'), question.carrier ?? 'float32');
}

function readAnswer(folder: string): OracleAnswer {
  const file = join(folder, 'quantized.tflite');
  if (existsSync(file)) return { file: new Uint8Array(readFileSync(file)) };
  return { error: readFileSync(join(folder, 'error.txt'), 'utf8') };
}
