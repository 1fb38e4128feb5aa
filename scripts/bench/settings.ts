import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Cost, measureProgram } from './measure.ts';

/** What all benchmarks can be told. */
export interface Settings {
  /** Runs of each contender; medians are shown. */
  readonly runs: number;
  /** A Python that has the original, to compare with. */
  readonly against: string | undefined;
  /** File that rows are appended to. */
  readonly csv: string | undefined;
  readonly model: string | undefined;
  readonly data: string | undefined;
  /** Other programs take the same arguments as `aeq`, such as an older build. */
  readonly program: string;
  /** Path of LiteRT's C library: the native interpreter takes part when it is given. */
  readonly library: string | undefined;
  readonly only: string | undefined;
}

const PROGRAM = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
const ORIGINAL = fileURLToPath(new URL('./original.py', import.meta.url));

/** @throws TypeError for unknown flags, Error when the program is not built. */
export function readSettings(args: readonly string[]): Settings {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      runs: text,
      against: text,
      csv: text,
      model: text,
      data: text,
      program: text,
      library: text,
      only: text,
    },
  });
  const program = values.program ?? PROGRAM;
  if (!existsSync(program)) throw new Error(`${program} is not there: npm run build makes it`);
  const { against, csv, model, data, library, only } = values;
  return { runs: Number(values.runs ?? 5), program, against, csv, model, data, library, only };
}

/** Runs `aeq` with arguments. */
export function aeq({ program, library }: Settings, args: readonly string[]): Cost {
  const variables = library === undefined ? [] : [`AEQ_LITERT_LIBRARY=${library}`];
  return measureProgram('env', [...variables, process.execPath, program, ...args]);
}

/** Runs the original with the arguments of original.py. */
export function original(python: string, args: readonly string[]): Cost {
  return measureProgram(python, [ORIGINAL, ...args]);
}
