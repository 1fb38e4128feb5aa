/**
 * Finds out what LiteRT's kernels take, by running them: every operator of the test zoo in every form, compared with the
 * float result. Writes schema/kernel-support.json.
 *
 * usage: tsx scripts/kernels/probe.ts [operator...]
 */
import { writeFileSync } from 'node:fs';
import { openRuntime } from '../../calibration/runtime/open.node.ts';
import type { Runtime } from '../../calibration/runtime/runtime.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { signatures } from '../../schema/graph.ts';
import { operatorZoo, type ZooEntry } from '../../test/support/operator-zoo.ts';
import { type OutputValues, randomFeed, runModel } from '../../test/support/run-model.ts';
import { type ProbeForm, quantizeForProbe, type Range } from './quantize-for-probe.ts';

/** Least signal to noise ratio (dB) that counts as right, by the bits that limit it. */
const LEAST_DB = { 16: 45, 8: 25, 4: 8, 2: 0 } as const;
const KEY = 'serving_default';

type Outcome =
  | { readonly runs: true; readonly scales: string; readonly sqnrDb: number }
  | { readonly runs: false; readonly why: string };

/** Output scales that kernels prescribe. */
const PRESCRIBED = [
  { scale: 1 / 256, zeroPoint: -128 },
  { scale: 1 / 128, zeroPoint: 0 },
  { scale: 16 / 256, zeroPoint: 127 },
  { scale: 1 / 32768, zeroPoint: 0 },
] as const;

const FORMS: Readonly<Record<string, Omit<ProbeForm, 'scales'>>> = {
  int8: { activations: 'INT8', weights: { bits: 8, perChannel: true } },
  int16: { activations: 'INT16', weights: { bits: 8, perChannel: true } },
  'int8, one weight scale': { activations: 'INT8', weights: { bits: 8, perChannel: false } },
  'int16, one weight scale': { activations: 'INT16', weights: { bits: 8, perChannel: false } },
  'int8, int4 weights': { activations: 'INT8', weights: { bits: 4, perChannel: true } },
  'int16, int4 weights': { activations: 'INT16', weights: { bits: 4, perChannel: true } },
  'int8, int2 weights': { activations: 'INT8', weights: { bits: 2, perChannel: true } },
  'float, int8 weights': { weights: { bits: 8, perChannel: true } },
  'float, int8 weights, one scale': { weights: { bits: 8, perChannel: false } },
  'float, int4 weights': { weights: { bits: 4, perChannel: true } },
  'float, int2 weights': { weights: { bits: 2, perChannel: true } },
};

class Probe {
  #runtime: Runtime | undefined;

  async probe(entry: ZooEntry): Promise<Record<string, Outcome>> {
    const feed = randomFeed(entry.model, KEY, 11, entry.range);
    const expected = await this.#run(entry.model, feed);
    if (typeof expected === 'string') return { float32: { runs: false, why: expected } };
    const ranges = rangesOf(entry, feed, expected);
    const result: Record<string, Outcome> = {};
    for (const [name, form] of Object.entries(FORMS)) {
      if (!entry.weights && name !== 'int8' && name !== 'int16') continue;
      result[name] = await this.#probeForm(entry, form, feed, expected, ranges);
    }
    return result;
  }

  async #probeForm(
    entry: ZooEntry,
    form: Omit<ProbeForm, 'scales'>,
    feed: ReturnType<typeof randomFeed>,
    expected: readonly OutputValues[],
    ranges: ReadonlyMap<number, Range>,
  ): Promise<Outcome> {
    const bits = Math.min(
      form.activations === 'INT16' ? 16 : 8,
      form.activations && !entry.weights ? 16 : (form.weights?.bits ?? 16),
    );
    let why: string | undefined;
    for (const scales of form.activations
      ? (['free', 'same', 'negated', ...PRESCRIBED] as const)
      : (['free'] as const)) {
      const model = quantizeForProbe(entry.model, ranges, { ...form, scales }, entry.weights);
      const actual = await this.#run(model, feed);
      if (typeof actual === 'string') {
        why ??= actual;
        continue;
      }
      why ??= 'it runs, but its results are wrong with every way of scaling';
      const sqnrDb = Math.min(...expected.map((output, index) => sqnr(output.values, actual[index]?.values)));
      const label = typeof scales === 'string' ? scales : `output ${scales.scale}, zero point ${scales.zeroPoint}`;
      if (sqnrDb >= LEAST_DB[bits as keyof typeof LEAST_DB])
        return { runs: true, scales: label, sqnrDb: Math.round(Math.min(sqnrDb, 99)) };
    }
    return { runs: false, why: why ?? '' };
  }

  /** Outputs, or what the interpreter said. One that crashed is replaced. */
  async #run(model: ZooEntry['model'], feed: ReturnType<typeof randomFeed>): Promise<OutputValues[] | string> {
    this.#runtime ??= await openRuntime('wasm');
    try {
      return await runModel(this.#runtime, model, KEY, feed);
    } catch (error) {
      this.#runtime.close();
      this.#runtime = undefined;
      return (error as Error).message
        .replace(/^.*?lite\/kernels\//, '')
        .replace(/; Node number.*$/, '')
        .slice(0, 160);
    }
  }

  get version(): string {
    return this.#runtime?.version ?? '';
  }
}

function rangesOf({ model }: ZooEntry, feed: ReturnType<typeof randomFeed>, outputs: readonly OutputValues[]) {
  const ranges = new Map<number, Range>();
  const [view] = signatures(model);
  const add = (tensor: number, values: Iterable<number>) => {
    if (model.subgraphs[0]?.tensors[tensor]?.type !== TensorType.FLOAT32) return;
    const list = [...values];
    // Widened, each by another factor, so that a kernel that only copies codes is seen to.
    const factor = 1 + 0.15 * (ranges.size + 1);
    ranges.set(tensor, { min: factor * Math.min(...list), max: factor * Math.max(...list) });
  };
  for (const { name, tensor } of view?.inputs ?? []) add(tensor, feed[name]?.data as Float32Array);
  view?.outputs.forEach(({ tensor }, index) => {
    add(tensor, outputs[index]?.values ?? []);
  });
  return ranges;
}

function sqnr(expected: Float64Array, actual: Float64Array | undefined): number {
  if (actual?.length !== expected.length) return Number.NEGATIVE_INFINITY;
  let signal = 0;
  let noise = 0;
  expected.forEach((value, index) => {
    signal += value ** 2;
    noise += (value - (actual[index] ?? Number.NaN)) ** 2;
  });
  return noise === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(signal / noise);
}

const wanted = new Set(process.argv.slice(2));
const probe = new Probe();
const operators: Record<string, Record<string, Outcome>> = {};
for (const entry of operatorZoo) {
  if (wanted.size > 0 && !wanted.has(entry.operator)) continue;
  operators[entry.name] = await probe.probe(entry);
}
const document = {
  about: "What LiteRT's kernels take, found by running one small model per operator and form and comparing with float.",
  how: 'tsx scripts/kernels/probe.ts',
  runtime: probe.version,
  operators,
};
if (wanted.size > 0) console.log(JSON.stringify(operators, null, 1));
else
  writeFileSync(new URL('../../schema/kernel-support.json', import.meta.url), `${JSON.stringify(document, null, 2)}\n`);
