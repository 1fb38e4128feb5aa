/** Without the byte-parity mode every result runs, and every output of a signature is what the recipe says. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRuntime } from '../../calibration/runtime/open.node.ts';
import type { Runtime } from '../../calibration/runtime/runtime.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { signatures } from '../../schema/graph.ts';
import type { Model } from '../../schema/model.ts';
import { readModel } from '../../schema/reader.ts';
import { randomFeed, runModel } from '../support/run-model.ts';
import { goldenCases } from './cases.ts';
import type { OriginalCalibration } from './original-ranges.ts';
import { quantizeWith } from './quantize-as-original.ts';

let runtime: Runtime | undefined;
beforeAll(async () => {
  runtime = await openRuntime('wasm');
});
afterAll(() => runtime?.close());

/** Runs every signature on random inputs; an interpreter that crashed is replaced before the error goes on. */
async function runAll(float: Model, quantized: Model): Promise<void> {
  for (const { key } of signatures(quantized)) {
    try {
      runtime ??= await openRuntime('wasm');
      await runModel(runtime, quantized, key, randomFeed(float, key, 3, [0.1, 0.9]));
    } catch (error) {
      runtime?.close();
      runtime = undefined;
      throw error;
    }
  }
}

/** A signature's outputs are its subgraph's, in place; float ones stay float or become integers of one width. */
function checkOutputs(float: Model, quantized: Model): void {
  const after = signatures(quantized);
  signatures(float).forEach((view, index) => {
    const graph = quantized.subgraphs[view.subgraph];
    view.outputs.forEach(({ tensor }, position) => {
      const now = after[index]?.outputs[position]?.tensor ?? -1;
      const place = float.subgraphs[view.subgraph]?.outputs.indexOf(tensor) ?? -1;
      expect(graph?.outputs[place], `output ${position} of ${view.key}`).toBe(now);
      const before = float.subgraphs[view.subgraph]?.tensors[tensor]?.type;
      const type = graph?.tensors[now]?.type;
      if (before === TensorType.FLOAT32)
        expect([TensorType.FLOAT32, TensorType.INT8, TensorType.INT16]).toContain(type);
      else expect(type).toBe(before);
    });
  });
}

/** Models of the collection that do not run before they are quantized either. */
const RUNS_NOT: Readonly<Record<string, string>> = {
  single_slice: 'its begin operand has one element for three dimensions',
};

const golden = goldenCases('golden').filter(
  ({ name, calibration }) =>
    !Object.keys(RUNS_NOT).some((model) => name.startsWith(`${model}/`)) &&
    (calibration !== undefined || !name.includes('/static')),
);
if (golden.length === 0) console.log('skipped: no runs of the original are here');

describe.skipIf(golden.length === 0)('models of the original in every recipe', () => {
  let running = 0;
  afterAll(() => console.log(`quantized the default way: ${running} of ${golden.length} golden results load and run`));
  it.each(golden)('$name runs', async ({ model, recipe, calibration }) => {
    const float = readModel(readFileSync(model));
    const quantized = quantizeWith({
      model: float,
      recipe,
      ...(calibration !== undefined && { calibration: calibration as OriginalCalibration }),
    });
    checkOutputs(float, quantized);
    await runAll(float, quantized);
    running += 1;
  });
});
