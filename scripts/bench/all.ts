/**
 * All benchmarks of docs/performance.md, one after the other:
 * `npx tsx scripts/bench/all.ts --models <folder> --data <pictures> [--against python] [--library libLiteRt.so] [--runs 5]
 * [--csv docs/performance.csv] [--only calibrate|validate|quantize|start]`. About an hour on two cores, and 10 GB in the temporary folder.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { BIG_MODELS, writeBigModel } from './big-model.ts';

const text = { type: 'string' } as const;
const { values } = parseArgs({
  options: { models: text, data: text, against: text, library: text, runs: text, csv: text, only: text },
});
const { models, data, only } = values;
if (models === undefined || data === undefined) throw new Error('name the models and the pictures: --models, --data');

/** Options that all benchmarks take, but for those that differ. */
function common(different: { against?: string | undefined; runs?: string } = {}): string[] {
  const { against, library, runs, csv } = values;
  const given = { against, library, runs, csv, ...different };
  return Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, value]));
}

function run(benchmark: string, args: readonly string[]): void {
  if (only !== undefined && only !== benchmark) return;
  const script = fileURLToPath(new URL(`./${benchmark}.ts`, import.meta.url));
  const { status } = spawnSync(process.execPath, ['--import', 'tsx', script, ...args], { stdio: 'inherit' });
  if (status !== 0) throw new Error(`${benchmark} ${args.join(' ')} failed`);
}

/** The original cannot hold it in memory. */
const TOO_LARGE = { against: undefined };
const model = (name: string) => join(models, `${name}.tflite`);

run('start', common());
for (const benchmark of ['calibrate', 'validate']) {
  run(benchmark, ['--model', model('efficientnet_lite0'), '--data', data, ...common()]);
  // Once: that is the mean of many samples already.
  run(benchmark, ['--model', model('minilm_l6_seq64'), '--only', 'per sample', ...common({ runs: '1' })]);
}
for (const name of ['efficientnet_lite0', 'minilm_l6_seq64']) {
  run('quantize', ['--model', model(name), '--only', 'int8', ...common()]);
}
if (only === undefined || only === 'quantize') {
  for (const [size, big] of Object.entries(BIG_MODELS)) {
    const folder = mkdtempSync(join(tmpdir(), 'aeq-bench-'));
    try {
      const path = join(folder, `big-${size}.tflite`);
      writeBigModel(path, big);
      run('quantize', ['--model', path, ...common(size === '6' ? TOO_LARGE : {})]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}
