/**
 * Runs a model on samples with an interpreter on one thread and does nothing else: the least that calibration has to do.
 * `npx tsx scripts/bench/bare-run.ts <model> <count> <wasm|native>`; the library of `native` from AEQ_LITERT_LIBRARY.
 * Prints milliseconds a sample, the median over the samples.
 */
import { openRuntime } from '../../calibration/runtime/open.node.ts';
import { signatures } from '../../schema/graph.ts';
import { openModelFile } from '../../schema/model-file.node.ts';
import { genericFeed } from '../../src/validate/feeds.ts';
import { median } from './measure.ts';

const [, , path = '', count = '50', choice = 'wasm'] = process.argv;
const file = openModelFile(path);
const [view] = signatures(file.model);
const feed = view && genericFeed(file.model, view, 'indices', ({ shape = [] }) => [...shape]);
if (!view || !feed) throw new Error('the model has no signature that can be fed');
const library = process.env.AEQ_LITERT_LIBRARY;
const runtime = await openRuntime(choice === 'native' ? 'native' : 'wasm', library === undefined ? {} : { library });
const bytes = { sizeBytes: file.sizeBytes, chunks: () => [file.source.read(0, file.sizeBytes)] };
const session = await runtime.open(bytes, { threads: 1 });
const index = Math.max(
  0,
  session.signatures.findIndex(({ key }) => key === view.key),
);
const times: number[] = [];
for (let i = 0; i < Number(count); i += 1) {
  const start = performance.now();
  const outputs = await session.run(index, feed);
  times.push(performance.now() - start);
  void outputs;
}
session.close();
runtime.close();
file.close();
console.log(JSON.stringify({ millisecondsPerSample: median(times), version: runtime.version }));
