/**
 * Comparing a float model with its quantized form, per sample, beside the original and beside the bare runs of both models:
 * `npx tsx scripts/bench/validate.ts --model m.tflite [--data pictures/] [--against python] [--library libLiteRt.so]
 * [--runs 5] [--csv file] [--only "per sample" | "memory"]`. Both compare all tensors that they can match. The quantized
 * model is made here, by dynamic_wi8_afp32. Operators are also run alone on the first 16 samples, unless it says
 * "arriving error only".
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bareRun } from './bare.ts';
import { measureLengths } from './lengths.ts';
import { alternate, type Contender, type Cost } from './measure.ts';
import { perSample } from './per-sample.ts';
import { modelName, rowOf, tell } from './report.ts';
import { withSamples } from './samples.ts';
import { aeq, original, readSettings } from './settings.ts';

/** No more than the samples on which operators are run alone. */
const FEW = { short: 4, long: 16 };
const SAMPLES = { short: 16, long: 80 };
/** Lengths of whole runs, between which memory must stay flat. */
const LENGTHS = [16, 64, 256, 600];
const ARRIVING = '--no-injected';

const settings = readSettings(process.argv.slice(2));
const { model = '', against, library, runs, csv, only } = settings;
const runtimes = ['wasm', ...(library === undefined ? [] : ['native'])];
const subject = { benchmark: 'validate', model: modelName(model) };

await withSamples(settings, only === 'per sample' ? SAMPLES.long : Math.max(...LENGTHS), (folder, samples) => {
  const quantized = join(folder, 'quantized.tflite');
  aeq(settings, ['quantize', model, '--recipe', 'dynamic_wi8_afp32', '-o', quantized, '--no-verify', '--quiet']);
  const validation = (count: number, runtime: string, workers: number, more: readonly string[]): Cost =>
    aeq(settings, [
      ...['validate', model, quantized, '--data', samples, '--samples', String(count)],
      ...['--runtime', runtime, '--workers', String(workers), '--quiet', ...more],
    ]);
  const contenders = (lengths: typeof SAMPLES, more: readonly string[]): Contender[] =>
    runtimes.flatMap((runtime) =>
      [1, 2].map((workers) => ({
        name: `aeq ${runtime}, ${workers} worker${workers > 1 ? 's' : ''}`,
        run: () => perSample((count) => validation(count, runtime, workers, more), lengths),
      })),
    );
  const theirs: Contender = {
    name: 'original, 16 threads',
    run: () =>
      perSample((count) => original(against ?? '', ['validate', model, quantized, samples, String(count), '16']), FEW),
  };
  const limits: Contender[] = runtimes.map((runtime) => ({
    name: `bare runs of both models, ${runtime}`,
    run: () => bothRuns(bareRun(settings, model, runtime), bareRun(settings, quantized, runtime)),
  }));
  const measure = (name: string, taking: readonly Contender[]) => {
    for (const [contender, costs] of alternate(taking, runs)) {
      tell(rowOf({ ...subject, case: name }, contender, costs), csv);
    }
  };
  if (only !== 'memory') {
    measure('one sample, arriving error only', [
      ...contenders(SAMPLES, [ARRIVING]),
      ...(against ? [theirs] : []),
      ...limits,
    ]);
    measure('one sample, operators alone too', [...contenders(FEW, []), ...(against ? [theirs] : [])]);
    requireSameBytes([1, 2].map((workers) => report(folder, workers, validation)));
  }
  if (only !== 'per sample') {
    for (const runtime of runtimes) {
      // Once: the longest takes more than a minute.
      const how = { contender: `aeq ${runtime}, 1 worker`, lengths: LENGTHS, runs: 1, csv };
      measureLengths(subject, how, (count) => validation(count, runtime, 1, [ARRIVING]));
    }
  }
});

function bothRuns(float: Cost, quantized: Cost): Cost {
  return {
    wallSeconds: float.wallSeconds + quantized.wallSeconds,
    cpuSeconds: float.cpuSeconds + quantized.cpuSeconds,
    peakBytes: Math.max(float.peakBytes, quantized.peakBytes),
    output: '',
  };
}

type Validation = (count: number, runtime: string, workers: number, more: readonly string[]) => Cost;

function report(folder: string, workers: number, validation: Validation): Buffer {
  const path = join(folder, `report-${workers}`);
  validation(SAMPLES.short, runtimes.at(-1) ?? 'wasm', workers, ['--report', path, '--force']);
  return readFileSync(join(path, 'comparison.json'));
}

function requireSameBytes([one, two]: readonly Buffer[]): void {
  if (!one || !two || Buffer.compare(one, two) !== 0) throw new Error('one and two workers gave different bytes');
  console.log('one and two workers gave the same bytes');
}
