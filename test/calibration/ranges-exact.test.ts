/** Rules that look at histograms, against the same rules on all activations of a small model. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openCapture } from '../../calibration/capture/session.ts';
import type { ActivationUse } from '../../calibration/ranges/context.ts';
import { gridOf, onGrid } from '../../calibration/ranges/grid.ts';
import { parseRangeRule } from '../../calibration/ranges/rule.ts';
import { searchRange } from '../../calibration/ranges/search.ts';
import { rangesFromCalibration } from '../../calibration/ranges/source.ts';
import type { Runtime } from '../../calibration/runtime/runtime.ts';
import { openWasmRuntime } from '../../calibration/runtime/wasm.node.ts';
import { calibrate } from '../../calibration/session.ts';
import { allActivations } from '../../calibration/wanted.ts';
import type { Feed } from '../../datasets/sample.ts';
import type { CalibrationDocument } from '../../schema/documents/calibration.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { bytesIdentity } from '../support/bytes-identity.ts';
import { ModelBuilder, randomFloats } from '../support/model-builder.ts';
import { feedDataset } from './session-data.ts';

const WIDTH = 96;
const SAMPLES = 30;
/** Histograms tell values apart that differ by a 64th. */
const BIN = 1 / 64;
const USE: ActivationUse = { bits: 8, symmetric: false, measure: { kind: 'value' }, mask: false };

/** Values of both signs, of one sign, with a long tail, bounded, and sums of all of them. */
function network(): ModelBuilder {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const shape = [1, WIDTH];
  const x = main.input('x', shape);
  const layer = (name: string, input: number, seed: number) => {
    const weights = main.constant(`${name}_w`, [WIDTH, WIDTH], randomFloats(WIDTH * WIDTH, seed));
    return main.operator('FULLY_CONNECTED', [input, weights, -1], { name, shape });
  };
  const first = layer('first', x, 1);
  const gelu = main.operator('GELU', [first], { name: 'gelu', shape });
  const second = layer('second', gelu, 2);
  const square = main.operator('MUL', [second, second], { name: 'square', shape });
  const tanh = main.operator('TANH', [first], { name: 'tanh', shape });
  const sum = main.operator('ADD', [square, first], { name: 'sum', shape });
  const all = main.operator('CONCATENATION', [tanh, sum], { name: 'all', shape: [1, 2 * WIDTH] }, { axis: 1 });
  main.outputs(all);
  builder.signature('serving_default', { inputs: { x }, outputs: { all: 'all' } });
  return builder;
}

const feeds: Feed[] = Array.from({ length: SAMPLES }, (_, i) => ({
  x: { type: TensorType.FLOAT32, shape: [1, WIDTH], data: randomFloats(WIDTH, 50 + i) },
}));

let runtime: Runtime;
let document: CalibrationDocument;
/** All values of each tensor, ascending. */
const values = new Map<number, number[]>();

beforeAll(async () => {
  runtime = await openWasmRuntime();
  const builder = network();
  const model = builder.build();
  const wanted = allActivations(model);
  const data = new Map([['serving_default', { dataset: feedDataset(feeds) }]]);
  ({ document } = await calibrate({ model, identity: bytesIdentity(builder.bytes()), runtime, data, wanted }));
  const capture = openCapture(runtime, model, wanted);
  for (const feed of feeds) {
    for await (const pass of capture.run('serving_default', feed)) {
      for (const { tensor, view, kernels } of pass) {
        const seen = new Float32Array(kernels.memory.buffer, view.byteOffset, view.sizeBytes / 4);
        values.set(tensor, [...(values.get(tensor) ?? []), ...seen]);
      }
    }
  }
  capture.close();
  for (const list of values.values()) list.sort((a, b) => a - b);
});
afterAll(() => runtime.close());

const ranges = (rule: string) => rangesFromCalibration(document, parseRangeRule(rule), { use: () => USE });

/** Whether a number is one of two values or between them, give or take a bin. */
function between(number: number, low: number, high: number): boolean {
  return number >= low - Math.abs(low) * BIN && number <= high + Math.abs(high) * BIN;
}

describe('of all activations of a small model', () => {
  it('there are as many as the calibration counted', () => {
    expect(values.size).toBe(document.tensors.length);
    for (const { tensor, histogram } of document.tensors) {
      const counted = histogram?.counts.reduce((sum, count) => sum + count, 0);
      expect(counted).toBe(values.get(tensor)?.length);
    }
  });

  it.each([99.9, 99, 90])('percentile=%f is within one bin', (percentile) => {
    for (const [tensor, sorted] of values) {
      const range = ranges(`percentile=${percentile}`).range(0, tensor);
      for (const [q, end] of [
        [1 - percentile / 100, range?.min],
        [percentile / 100, range?.max],
      ] as const) {
        const [below, above] = [sorted[Math.ceil(q * sorted.length) - 1], sorted[Math.floor(q * sorted.length)]];
        const least = sorted[0] ?? Number.NaN;
        expect(between(end ?? Number.NaN, below ?? least, above ?? sorted.at(-1) ?? least)).toBe(true);
      }
    }
  });

  it('mse is within one bin, and as good', () => {
    for (const [tensor, sorted] of values) {
      const range = ranges('mse').range(0, tensor);
      if (!range) throw new Error('no range');
      const exactError = (grid: ReturnType<typeof gridOf>) =>
        sorted.reduce((sum, x) => sum + (onGrid(x, grid) - x) ** 2, 0) / sorted.length;
      const full = { min: Math.min(sorted[0] ?? 0, 0), max: Math.max(sorted.at(-1) ?? 0, 0) };
      const exact = searchRange(exactError, full, USE);
      // A bin at the end that decides the step: where the other one lies hardly matters when it is near zero.
      const bin = BIN * Math.max(-full.min, full.max);
      expect(Math.abs(range.min - exact.min)).toBeLessThanOrEqual(bin);
      expect(Math.abs(range.max - exact.max)).toBeLessThanOrEqual(bin);
      expect(exactError(gridOf(range, USE))).toBeLessThanOrEqual(1.01 * exact.error);
    }
  });
});
