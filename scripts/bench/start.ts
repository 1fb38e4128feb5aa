/**
 * What small things cost from start to end, beside the original where it has the same:
 * `npx tsx scripts/bench/start.ts [--model small.tflite] [--against python] [--runs 5] [--csv file]`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { alternate, type Contender } from './measure.ts';
import { modelName, rowOf, tell } from './report.ts';
import { aeq, original, readSettings } from './settings.ts';

const SMALL = fileURLToPath(new URL('../../datasets/samples/digits/digits_cnn.tflite', import.meta.url));

const settings = readSettings(process.argv.slice(2));
const { model = SMALL, against, runs, csv } = settings;
const folder = mkdtempSync(join(tmpdir(), 'aeq-bench-'));
try {
  const output = join(folder, 'out.tflite');
  const dynamic = ['quantize', model, '--recipe', 'dynamic_wi8_afp32', '-o', output, '--force', '--quiet'];
  const cases: [string, Contender[]][] = [
    ['nothing', [{ name: 'aeq --version', run: () => aeq(settings, ['--version']) }]],
    ['inspect', [{ name: 'aeq', run: () => aeq(settings, ['inspect', model]) }]],
    [
      'quantize dynamic',
      [
        { name: 'aeq', run: () => aeq(settings, dynamic) },
        { name: 'aeq --no-verify', run: () => aeq(settings, [...dynamic, '--no-verify']) },
      ],
    ],
  ];
  if (against) {
    cases[0]?.[1].push({ name: 'original, imports', run: () => original(against, ['start']) });
    cases[2]?.[1].push({
      name: 'original',
      run: () => original(against, ['quantize', model, output, 'dynamic_wi8_afp32']),
    });
  }
  for (const [name, contenders] of cases) {
    for (const [contender, costs] of alternate(contenders, runs))
      tell(rowOf({ benchmark: 'start', model: modelName(model), case: name }, contender, costs), csv);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
