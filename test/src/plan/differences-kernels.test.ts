/**
 * What kernels of the runtime cannot do with the original's parameters, and what the default does about it: a test per line
 * of docs/differences.md that is about kernels.
 */
import { describe, expect, it } from 'vitest';
import { TensorType } from '../../../schema/generated/tflite.ts';
import type { Model } from '../../../schema/model.ts';
import { dynamicRule } from '../../../src/recipe/builders.ts';
import type { Rule } from '../../../src/recipe/types.ts';
import { ModelBuilder, randomFloats, type SubgraphBuilder } from '../../support/model-builder.ts';
import { runModel } from '../../support/run-model.ts';
import { wasmRuntime } from '../../support/wasm-runtime.ts';
import {
  COMPAT,
  chain,
  floatReasonOf,
  INT8,
  INT16,
  operatorNames,
  quantizeSmall,
  runFilled,
  scalesOf,
  tensorNamed,
} from './quantize-small.ts';

const runtime = await wasmRuntime();
const run = async (model: Model, value: number) => (await runFilled(runtime, model, value))[0]?.values ?? [];

const PIXEL = [1, 1, 1, 2];

/** x, one pixel, through two filters of which the first one is zero, and then as the test says. */
function pixels(then: (main: SubgraphBuilder, x: number, y: number) => number = (_, __, y) => y): ModelBuilder {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const x = main.input('x', PIXEL);
  const operands = [x, main.constant('w', [2, 1, 1, 2], [0, 0, 1, -1]), main.constant('b', [2], [0.5, 0.25])];
  const y = main.operator('CONV_2D', operands, { name: 'y', shape: PIXEL }, { strideW: 1, strideH: 1 });
  const output = then(main, x, y);
  main.outputs(output);
  return builder.signature('main', { inputs: { x }, outputs: { output } });
}

describe('int16 sums', () => {
  it('a channel without weights keeps its bias', async () => {
    const [original] = await run(quantizeSmall(pixels(), INT16, COMPAT).model, 1);
    expect(original).toBe(0);
    const ours = quantizeSmall(pixels(), INT16);
    const [fixed] = await run(ours.model, 1);
    expect(fixed).toBeCloseTo(0.5, 3);
    expect(ours.plan.warnings).toContainEqual(expect.stringContaining('so that the kernel has a factor for each'));
  });

  it('also where the reader of the result wants a much coarser grid', async () => {
    const model = pixels((main, x, y) =>
      main.operator('CONCATENATION', [y, x], { name: 'z', shape: [1, 1, 1, 4] }, { axis: 3 }),
    );
    const { model: quantized } = quantizeSmall(model, INT16, { ranges: { z: [-1000, 1000] } });
    expect(operatorNames(quantized).slice(-2)).toEqual(['QUANTIZE', 'CONCATENATION']);
    const [bias] = await run(quantized, 1);
    expect(Math.abs((bias ?? 0) - 0.5)).toBeLessThan(1000 / 32767);
  });
});

describe('int16 tables', () => {
  const graph = (name: 'EXP' | 'RSQRT' | 'LOG' | 'GELU') =>
    chain((main, _, x) => [main.operator(name, [x], { name: 'y', shape: [1, 4] })]);

  it.each([
    ['GELU', -2, 2, (x: number) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))), 1e-3],
    ['EXP', -2, 1.99, Math.exp, 2e-3],
    ['RSQRT', 3, 60, (x: number) => 1 / Math.sqrt(x), 1e-3],
    ['LOG', 0.2, 4, Math.log, 1e-3],
  ] as const)('%s is right at the ends of its range', async (name, min, max, of, tolerance) => {
    const outputs = [of(min), of(max)];
    const ranges = { x: [min, max], y: [Math.min(...outputs), Math.max(...outputs)] } as const;
    const { model } = quantizeSmall(graph(name), INT16, { ranges });
    for (const x of [min, min + (max - min) / 1000, max - (max - min) / 1000, max]) {
      const [y] = await run(model, x);
      expect(Math.abs((y ?? Number.NaN) - of(x)), `${name}(${x})`).toBeLessThan(tolerance);
    }
  });

  it('costs less than 1 % of the step', () => {
    const ranges = { x: [-2, 1.99], y: [-0.17, 1.9436] } as const;
    const [step] = scalesOf(tensorNamed(quantizeSmall(graph('GELU'), INT16, { ranges }).model, 'y'));
    const [original] = scalesOf(tensorNamed(quantizeSmall(graph('GELU'), INT16, { ranges, ...COMPAT }).model, 'y'));
    expect(step).toBeGreaterThan(original ?? 0);
    expect(step).toBeLessThan(1.01 * (original ?? 0));
  });

  it.each(['RSQRT', 'LOG'] as const)('%s stays float where values lie in the cell that has no end', (name) => {
    const reason = (least: number, rules: readonly Rule[]) =>
      floatReasonOf(quantizeSmall(graph(name), rules, { ranges: { x: [least, 2] } }), name);
    expect(reason(1 / 150, INT16)).toMatch(/first 128 steps/);
    expect(reason(1 / 120, INT16)).toBeUndefined();
  });
});

describe('comparisons', () => {
  const graph = chain((main, r, x) => [main.operator('EQUAL', [r, x], { name: 'y', shape: [1, 4], type: 'BOOL' })]);
  const reason = (end: number, rules: readonly Rule[], safety = true) => {
    const ranges = { x: [-end, end], r: [-end, end] } as const;
    return floatReasonOf(quantizeSmall(graph, rules, { ranges, safety }), 'EQUAL');
  };

  it('stay float on grids that their kernel cannot tell apart', () => {
    expect(reason(1, INT8)).toBeUndefined();
    expect(reason(0.4, INT8)).toMatch(/the step of what it compares is 0\.0031/);
    expect(reason(200, INT8)).toMatch(/the step of what it compares is 1\.57/);
    expect(reason(1, INT16)).toMatch(/the step of what it compares is 0\.00003/);
    expect(reason(200, INT16)).toBeUndefined();
    expect(reason(200, INT8, false)).toBeUndefined();
  });

  /** How many codes the kernel takes for the same as the next one. */
  async function blurred(end: number): Promise<number> {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    const inputs = { a: main.input('a', [254]), b: main.input('b', [254]) };
    main.outputs(main.operator('EQUAL', Object.values(inputs), { name: 'y', shape: [254], type: 'BOOL' }));
    builder.signature('main', { inputs, outputs: { y: 'y' } });
    const ranges = { a: [-end, end], b: [-end, end] } as const;
    const { model } = quantizeSmall(builder, INT8, { ranges, safety: false });
    const from = (code: number) => {
      const data = Int8Array.from({ length: 254 }, (_, i) => code + i);
      return { type: TensorType.INT8, shape: [254], data };
    };
    const [found] = await runModel(runtime, model, 'main', { a: from(-128), b: from(-127) });
    return found?.values.reduce((sum, value) => sum + value, 0) ?? Number.NaN;
  }

  it('tell codes apart exactly on grids from 1/256 to 1', async () => {
    for (const step of [1.0001 / 256, 0.01, 0.3, 0.9999]) expect(await blurred((255 / 2) * step), `${step}`).toBe(0);
    for (const step of [0.49 / 256, 1.5]) expect(await blurred((255 / 2) * step), `${step}`).toBeGreaterThan(0);
  });
});

it('a convolution with groups has a scale a channel under dynamic rules', () => {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const x = main.input('x', [1, 4, 4, 4]);
  const weights = main.constant('w', [6, 3, 3, 2], randomFloats(108, 1));
  const options = { strideW: 1, strideH: 1 };
  main.outputs(main.operator('CONV_2D', [x, weights], { name: 'y', shape: [1, 4, 4, 6] }, options));
  const rules = [dynamicRule({ weightBits: 4, granularity: 'TENSORWISE' })];
  const scales = (settings = {}) => scalesOf(tensorNamed(quantizeSmall(builder, rules, settings).model, 'w'));
  expect(scales(COMPAT)).toHaveLength(1);
  expect(scales()).toHaveLength(6);
});

describe('uint8 outputs of int16 operators', () => {
  const UINT8: Rule = {
    ...(INT8[0] as Rule),
    operation: 'OUTPUT',
    config: {
      ...(INT8[0] as Rule).config,
      activation: { numBits: 8, dtype: 'UINT', symmetric: false, granularity: 'TENSORWISE', algorithmParams: {} },
    } as Rule['config'],
  };
  const graph = chain((main, r) => [main.operator('SQRT', [r], { name: 'y', shape: [1, 4] })]);
  const settings = { ranges: { r: [0.5, 2], y: [0, 1.5] } } as const;

  it('are made over int8 of the same steps', async () => {
    const original = quantizeSmall(graph, [...INT16, UINT8], { ...settings, ...COMPAT }).model;
    expect(operatorNames(original).slice(-2)).toEqual(['SQRT', 'QUANTIZE']);
    await expect(run(original, 1)).rejects.toThrow(/quantize/);
    const { model } = quantizeSmall(graph, [...INT16, UINT8], settings);
    expect(operatorNames(model).slice(-3)).toEqual(['SQRT', 'QUANTIZE', 'QUANTIZE']);
    const graphOutput = model.subgraphs[0]?.tensors[model.subgraphs[0]?.outputs[0] ?? -1];
    expect(graphOutput?.type).toBe(TensorType.UINT8);
    const [y] = await run(model, 1);
    expect(Math.abs((y ?? 0) - 1)).toBeLessThan(1.5 / 255);
  });
});

describe('kernels with scales that do not fit each other', () => {
  const quotient = chain((main, _, x) => {
    const divisor = main.input('d', [1, 4]);
    return [main.operator('DIV', [x, divisor], { name: 'y', shape: [1, 4] })];
  });
  const ranges = (greatest: number) => ({ x: [-2, 2], d: [1, greatest], y: [-2, 2] }) as const;

  it.each([
    ['int8', INT8],
    ['int16', INT16],
  ])('%s: a division stays float whose quotients get too small for the kernel', async (_, rules) => {
    const model = quotient.signature('both', { inputs: { x: 'x', d: 'd' }, outputs: { y: 'y' } }).build();
    const run = async (quantized: Model, x: number, d: number) => {
      const filled = (value: number) => ({
        type: TensorType.FLOAT32,
        shape: [1, 4],
        data: new Float32Array(4).fill(value),
      });
      const [y] = await runModel(runtime, quantized, 'both', { x: filled(x), d: filled(d) });
      return y?.values[0] ?? Number.NaN;
    };
    // One step of x over 8, an eighth of a step, comes out as the end of the range.
    const original = quantizeSmall(model, rules, { ranges: ranges(8), ...COMPAT }).model;
    const [step = 0] = scalesOf(tensorNamed(original, 'x'));
    expect(Math.abs(await run(original, step, 8))).toBeGreaterThan(1.9);
    expect(floatReasonOf(quantizeSmall(model, rules, { ranges: ranges(8) }), 'DIV')).toMatch(/smallest quotients are/);
    const ours = quantizeSmall(model, rules, { ranges: ranges(3.9) });
    expect(floatReasonOf(ours, 'DIV')).toBeUndefined();
    expect(Math.abs(await run(ours.model, step, 3.9))).toBeLessThan(2 * step);
  });

  it('int16 shares of values up to 10^6 stay float', () => {
    const model = chain((main, _, x) => [main.operator('SOFTMAX', [x], { name: 'y', shape: [1, 4] }, { beta: 1 })]);
    const reason = (least: number, rules: readonly Rule[]) =>
      floatReasonOf(quantizeSmall(model, rules, { ranges: { x: [least, 10] } }), 'SOFTMAX');
    expect(reason(-1e6, INT16)).toMatch(/computes with 4 at most/);
    expect(reason(-1e5, INT16)).toBeUndefined();
    expect(reason(-1e6, INT8)).toBeUndefined();
  });

  it('a grid that is much finer is reached over grids in between', async () => {
    const model = chain((main, r, x) => {
      const big = main.operator('MUL', [x, main.constant('c', [1], [1000])], { name: 'big', shape: [1, 4] });
      return [main.operator('MINIMUM', [r, big], { name: 'y', shape: [1, 4] }), big];
    });
    const settings = { ranges: { big: [-1000, 2000], y: [-0.001, 0.001] } } as const;
    const { model: quantized } = quantizeSmall(model, INT16, settings);
    // RELU writes the grid of the result itself.
    expect(operatorNames(quantized)).toEqual(['RELU', 'MUL', 'QUANTIZE', 'QUANTIZE', 'MINIMUM']);
    const [y] = await run(quantized, 1);
    expect(y).toBeCloseTo(0.001, 5);
  });

  it('an end of a fused activation that is too many steps is given larger ones', async () => {
    const model = chain((main, r, x) => [
      main.operator('ADD', [r, x], { name: 'y', shape: [1, 4] }, { fusedActivationFunction: 3 }),
    ]);
    const small = [-1e-5, 1e-5] as const;
    const { model: quantized, plan } = quantizeSmall(model, INT16, { ranges: { x: small, r: small, y: small } });
    expect(plan.warnings).toContainEqual(expect.stringContaining('or the kernel could not rescale to it'));
    await expect(run(quantized, 1e-5)).resolves.toHaveLength(4);
    const original = quantizeSmall(model, INT16, { ranges: { x: small, r: small, y: small }, ...COMPAT }).model;
    await expect(run(original, 1e-5)).rejects.toThrow(/no_integer_overflow/);
  });

  it('a bias that does not fit beside a stored weight leaves the operator float', () => {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    const x = main.input('x', [1, 2]);
    const quantization = { scale: 1e-9 };
    const w = main.constant('w', [1, 2], Int8Array.of(1, -1), { quantization });
    const b = main.constant('b', [1], [500]);
    main.outputs(main.operator('FULLY_CONNECTED', [x, w, b], { name: 'y', shape: [1, 1] }));
    expect(floatReasonOf(quantizeSmall(builder, INT8), 'FULLY_CONNECTED')).toMatch(/bias does not fit/);
  });
});
