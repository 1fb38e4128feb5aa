/**
 * Quantizing a large model, in memory, time and bytes, beside the original and beside reading the input and writing the
 * output without doing anything:
 * `npx tsx scripts/bench/quantize.ts --model big.tflite [--against python] [--runs 5] [--csv file] [--only int8]`.
 * Files come from the page cache and go to it; the output is written to the temporary folder and deleted.
 */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { alternate, type Contender, measureProgram } from './measure.ts';
import { modelName, rowOf, tell } from './report.ts';
import { aeq, original, readSettings } from './settings.ts';

const FLOAT16_RULE = {
  regex: '.*',
  operation: 'FULLY_CONNECTED',
  algorithm_key: 'float_casting',
  op_config: {
    weight_tensor_config: { num_bits: 16, symmetric: true, granularity: 'TENSORWISE', dtype: 'FLOAT' },
    compute_precision: 'FLOAT',
    explicit_dequantize: true,
  },
};

/** Algorithms without a built-in recipe. */
const ALGORITHMS = ['OCTAV', 'MSE'];

/** Writes a recipe of one rule into a folder and returns its path. */
function algorithmFile(folder: string, key: string): string {
  const weight = { num_bits: 4, symmetric: true, granularity: 'CHANNELWISE', dtype: 'INT' };
  const rule = { regex: '.*', operation: 'FULLY_CONNECTED', algorithm_key: key };
  const path = join(folder, `${key}.json`);
  writeFileSync(
    path,
    JSON.stringify([{ ...rule, op_config: { weight_tensor_config: weight, compute_precision: 'INTEGER' } }]),
  );
  return path;
}

const READ_AND_WRITE = fileURLToPath(new URL('./read-and-write.mjs', import.meta.url));

function main(): void {
  const settings = readSettings(process.argv.slice(2));
  const { model, against, runs, csv, only } = settings;
  if (model === undefined) throw new Error('name a model: --model (scripts/bench/big-model.ts writes one)');
  const folder = mkdtempSync(join(tmpdir(), 'aeq-bench-'));
  const output = join(folder, 'output.tflite');
  const float16 = join(folder, 'float16.json');
  writeFileSync(float16, JSON.stringify([FLOAT16_RULE]));
  const recipes = {
    int8: 'dynamic_wi8_afp32',
    int4: 'dynamic_wi4_afp32',
    'int4 blocks': 'dynamic_wi4b32_afp32',
    float16,
    'int8 rotated': 'dynamic_wi8c_hr_afp32',
    ...Object.fromEntries(ALGORITHMS.map((key) => [`int4 ${key}`, algorithmFile(folder, key)])),
  };
  try {
    for (const [name, recipe] of Object.entries(recipes)) {
      if (only !== undefined && name !== only) continue;
      const fresh = <T>(run: () => T): T => {
        rmSync(output, { force: true });
        return run();
      };
      const ours = ['quantize', model, '--recipe', recipe, '-o', output, '--no-verify', '--quiet'];
      fresh(() => aeq(settings, ours));
      const bytes = statSync(output).size;
      const tool = process.execPath;
      const passing = [READ_AND_WRITE, model, output, String(bytes)];
      const contenders: Contender[] = [
        { name: 'aeq', run: () => fresh(() => aeq(settings, ours)) },
        { name: 'read and write', run: () => fresh(() => measureProgram(tool, passing)) },
      ];
      if (against) {
        contenders.push({
          name: 'original',
          run: () => fresh(() => original(against, ['quantize', model, output, recipe])),
        });
      }
      for (const [contender, costs] of alternate(contenders, runs)) {
        const subject = { benchmark: 'quantize', model: modelName(model), case: name };
        tell(rowOf(subject, contender, costs, statSync(model).size + bytes), csv);
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

main();
