/**
 * Comparing a float model with its quantized form, per sample, beside the original:
 * `npx tsx scripts/bench/validate.ts --model m.tflite --data pictures/ [--against python] [--library libLiteRt.so]
 * [--runs 5] [--csv file]`. Both compare all tensors that they can match. The quantized model is made here, by
 * dynamic_wi8_afp32.
 */
import { join } from 'node:path';
import { alternate, type Contender } from './measure.ts';
import { perSample } from './per-sample.ts';
import { rowOf, tell } from './report.ts';
import { withSamples } from './samples.ts';
import { aeq, original, readSettings } from './settings.ts';

const SAMPLES = { short: 4, long: 20 };

const settings = readSettings(process.argv.slice(2));
const { model = '', against, library, runs, csv } = settings;
await withSamples(settings, SAMPLES.long, (folder) => {
  const quantized = join(folder, 'quantized.tflite');
  const samples = join(folder, 'samples.npy');
  aeq(settings, ['quantize', model, '--recipe', 'dynamic_wi8_afp32', '-o', quantized, '--no-verify', '--quiet']);
  const ours = (runtime: string, injected: readonly string[]) => (count: number) =>
    aeq(settings, [
      ...['validate', model, quantized, '--data', samples, '--samples', String(count)],
      ...['--runtime', runtime, '--quiet', ...injected],
    ]);
  const runtimes = ['wasm', ...(library === undefined ? [] : ['native'])];
  const contenders: Contender[] = runtimes.flatMap((runtime) => [
    { name: `aeq ${runtime}`, run: () => perSample(ours(runtime, []), SAMPLES) },
    { name: `aeq ${runtime}, arriving only`, run: () => perSample(ours(runtime, ['--no-injected']), SAMPLES) },
  ]);
  if (against) {
    contenders.push({
      name: 'original, 16 threads',
      run: () =>
        perSample((count) => original(against, ['validate', model, quantized, samples, String(count), '16']), SAMPLES),
    });
  }
  for (const [name, costs] of alternate(contenders, runs)) tell(rowOf('validate', 'one sample', name, costs), csv);
});
