/**
 * What calibration costs in one process and on one thread that are running already, per sample, beside the run that it
 * cannot do without: `npx tsx scripts/bench/captured-run.ts <model> <samples> <count> <wasm|native> <what>`; the library of
 * `native` from AEQ_LITERT_LIBRARY. What: `run`, with all wanted tensors as outputs and nothing else; `ranges`, the same
 * with the ranges of all of them; `histograms`, with ranges and histograms. Prints milliseconds, the median of the samples.
 */
import { openCapture } from '../../calibration/capture/session.ts';
import { openRuntime } from '../../calibration/runtime/open.node.ts';
import { LocalRunner } from '../../calibration/sample-runner.ts';
import { allActivations } from '../../calibration/wanted.ts';
import { openDataset } from '../../datasets/open.node.ts';
import type { Sample } from '../../datasets/sample.ts';
import { signatures } from '../../schema/graph.ts';
import { openModelFile } from '../../schema/model-file.node.ts';
import { inputSpecs } from '../../src/sample-sources.ts';
import { median } from './measure.ts';

/** The first runs prepare. */
const WARM_UP = 3;

const [, , path = '', samples = '', count = '50', choice = 'wasm', what = 'run'] = process.argv;
const file = openModelFile(path);
const { model } = file;
const [view] = signatures(model);
if (!view) throw new Error('the model has no signature');
const library = process.env.AEQ_LITERT_LIBRARY;
const runtime = await openRuntime(choice === 'native' ? 'native' : 'wasm', library === undefined ? {} : { library });
const settings = { wanted: allActivations(model), threads: 1, histograms: what === 'histograms' };
const runner = new LocalRunner(runtime, model, settings);
const capture = openCapture(runtime, model, settings.wanted, { threads: 1 });

async function runOnly({ feed }: Sample): Promise<void> {
  for await (const tensors of capture.run(view?.key ?? '', feed)) void tensors;
}

const dataset = await openDataset([samples], inputSpecs(model, view), { signature: view.key });
const indices = Array.from({ length: Math.min(Number(count), dataset.length) }, (_, i) => i);
const times: number[] = [];
for await (const sample of dataset.samples(indices)) {
  const start = performance.now();
  await (what === 'run' ? runOnly(sample) : runner.run(view.key, sample));
  times.push(performance.now() - start);
}
capture.close();
await runner.close();
runtime.close();
file.close();
console.log(JSON.stringify({ millisecondsPerSample: median(times.slice(WARM_UP)) }));
