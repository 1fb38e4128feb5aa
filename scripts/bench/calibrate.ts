/**
 * Calibration, per sample and in memory, beside the original and beside the interpreter alone:
 * `npx tsx scripts/bench/calibrate.ts --model m.tflite [--data pictures/] [--against python] [--library libLiteRt.so]
 * [--runs 5] [--csv file] [--only "per sample" | "memory"]`.
 * The cost of a sample is the difference between a long and a short run over the difference of their samples, so that the
 * start counts for nothing. Every tool reads the same samples, which are decoded already.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bareRun, capturedRun } from './bare.ts';
import { measureLengths } from './lengths.ts';
import { alternate, type Contender, type Cost } from './measure.ts';
import { perSample } from './per-sample.ts';
import { modelName, rowOf, tell } from './report.ts';
import { withSamples } from './samples.ts';
import { aeq, original, readSettings, type Settings } from './settings.ts';

const SAMPLES = { short: 64, long: 320 };
/** Lengths of whole runs, between which memory must stay flat: one sample more costs the same, however many there were. */
const LENGTHS = [16, 64, 256, 1000];

function calibration(settings: Settings, folder: string, runtime: string, workers: number, samples: number): Cost {
  const output = join(folder, `${runtime}-${workers}.json`);
  const data = ['--data', samplesIn(folder, settings), '--samples', String(samples)];
  const how = ['--runtime', runtime, '--workers', String(workers)];
  return aeq(settings, ['calibrate', settings.model ?? '', ...data, ...how, '-o', output, '--force', '--quiet']);
}

const samplesIn = (folder: string, { data }: Settings) => join(folder, data === undefined ? 'samples' : 'samples.npy');

const subject = ({ model }: Settings) => ({ benchmark: 'calibrate', model: modelName(model) });

function contenders(settings: Settings, folder: string): Contender[] {
  const { against, library, model = '' } = settings;
  const ours = (['wasm', 'native'] as const).flatMap((runtime) =>
    runtime === 'native' && library === undefined
      ? []
      : [1, 2].map((workers) => ({
          name: `aeq ${runtime}, ${workers} worker${workers > 1 ? 's' : ''}`,
          run: () => perSample((samples) => calibration(settings, folder, runtime, workers, samples), SAMPLES),
        })),
  );
  const theirs = [1, 16].map((threads) => ({
    name: `original, ${threads} thread${threads > 1 ? 's' : ''}`,
    run: () =>
      perSample(
        (samples) =>
          original(against ?? '', [
            ...['calibrate', model, samplesIn(folder, settings)],
            ...[String(samples), String(threads)],
          ]),
        SAMPLES,
      ),
  }));
  const bare = ['wasm', ...(library === undefined ? [] : ['native'])].map((runtime) => ({
    name: `bare run, ${runtime}`,
    run: () => bareRun(settings, model, runtime),
  }));
  return [...ours, ...(against ? theirs : []), ...capturedRuns(settings, folder), ...bare];
}

/** In one process and on one thread: the run that calibration cannot do without, with ranges, and with histograms too. */
function capturedRuns(settings: Settings, folder: string): Contender[] {
  const names = { run: 'captured run', ranges: 'run with ranges', histograms: 'run with histograms' };
  return ['wasm', ...(settings.library === undefined ? [] : ['native'])].flatMap((runtime) =>
    Object.entries(names).map(([what, name]) => ({
      name: `${name}, ${runtime}`,
      run: () => capturedRun(settings, samplesIn(folder, settings), runtime, what),
    })),
  );
}

function measureSamples(settings: Settings, folder: string): void {
  for (const [name, costs] of alternate(contenders(settings, folder), settings.runs)) {
    tell(rowOf({ ...subject(settings), case: 'one sample' }, name, costs), settings.csv);
  }
  const [one, two] = [1, 2].map((workers) => readFileSync(join(folder, `wasm-${workers}.json`)));
  if (!one || !two || Buffer.compare(one, two) !== 0) throw new Error('one and two workers gave different bytes');
  console.log('one and two workers gave the same bytes');
}

function measureMemory(settings: Settings, folder: string): void {
  const { runs, csv, library } = settings;
  for (const runtime of ['wasm', ...(library === undefined ? [] : ['native'])]) {
    const how = { contender: `aeq ${runtime}, 1 worker`, lengths: LENGTHS, runs, csv };
    measureLengths(subject(settings), how, (samples) => calibration(settings, folder, runtime, 1, samples));
  }
}

const settings = readSettings(process.argv.slice(2));
await withSamples(settings, settings.only === 'per sample' ? SAMPLES.long : Math.max(...LENGTHS), (folder) => {
  if (settings.only !== 'memory') measureSamples(settings, folder);
  if (settings.only !== 'per sample') measureMemory(settings, folder);
});
