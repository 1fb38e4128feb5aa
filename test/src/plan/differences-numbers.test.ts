/**
 * What the default does otherwise than the original, a test per line of docs/differences.md: each shows the original's
 * behaviour (which the byte-parity mode keeps) and ours.
 */
import { describe, expect, it } from 'vitest';
import type { Model } from '../../../schema/model.ts';
import { dynamicRule } from '../../../src/recipe/builders.ts';
import { ModelBuilder, randomFloats } from '../../support/model-builder.ts';
import { wasmRuntime } from '../../support/wasm-runtime.ts';
import {
  bytesOf,
  COMPAT,
  chain,
  dense,
  floatReasonOf,
  INT8,
  INT16,
  quantizeSmall,
  runFilled,
  scalesOf,
  tensorNamed,
} from './quantize-small.ts';

const runtime = await wasmRuntime();
const run = (model: Model, value: number) => runFilled(runtime, model, value);

describe('numbers', () => {
  it('A1: the bias of a channel with tiny weights survives', async () => {
    const model = dense([0, 0, 1, -1], [0.5, 0.25]);
    const [original] = await run(quantizeSmall(model, INT8, COMPAT).model, 1);
    expect(Math.abs((original?.values[0] ?? 0) - 0.5)).toBeGreaterThan(0.4);
    const ours = quantizeSmall(model, INT8);
    const [fixed] = await run(ours.model, 1);
    expect(fixed?.values[0]).toBeCloseTo(0.5, 1);
    expect(ours.plan.warnings).toContainEqual(expect.stringContaining('widened so that the bias fits'));
  });

  it('A1: a bias of int16 activations uses its 64 bits', () => {
    const model = dense([1e-4, 1e-4], [3000]);
    const settings = { ranges: { x: [-1e-3, 1e-3] } } as const;
    const codes = (compat: boolean) => {
      const result = quantizeSmall(model, INT16, { ...settings, compat }).model;
      return new BigInt64Array(bytesOf(result, tensorNamed(result, 'b')).buffer)[0] ?? 0n;
    };
    const meant = (result: bigint, scale: number) => Number(result) * scale;
    const scale = scalesOf(tensorNamed(quantizeSmall(model, INT16, settings).model, 'b'))[0] ?? 0;
    expect(Number(codes(true))).toBe(-(2 ** 31));
    expect(meant(codes(false), scale)).toBeCloseTo(3000, 3);
  });

  it('A15: static BATCH_MATMUL has one scale for its weight', async () => {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    const x = main.input('x', [1, 2, 2]);
    const w = main.constant('w', [1, 2, 2], [1, 100, -1, 50]);
    main.outputs(main.operator('BATCH_MATMUL', [x, w], { name: 'y', shape: [1, 2, 2] }));
    builder.signature('main', { inputs: { x }, outputs: { y: 'y' } });
    const settings = { ranges: { x: [0, 1], y: [0, 150] } } as const;
    expect(scalesOf(tensorNamed(quantizeSmall(builder, INT8, { ...settings, compat: true }).model, 'w'))).toHaveLength(
      2,
    );
    const { model } = quantizeSmall(builder, INT8, settings);
    expect(scalesOf(tensorNamed(model, 'w'))).toHaveLength(1);
    const [output] = await run(model, 1);
    expect(output?.values[1]).toBeGreaterThan(145);
  });

  it('A16: the type in which ranges were stored does not matter', () => {
    const model = dense([1, 2, 3, 4], [0, 1]);
    const scale = (compat: boolean, carrier: 'float32' | 'float64') => {
      const greatest = carrier === 'float64' ? 12.7 : Math.fround(12.7);
      const settings = { compat, carrier, ranges: { x: [-3, greatest] } } as const;
      return scalesOf(tensorNamed(quantizeSmall(model, INT16, settings).model, 'x'));
    };
    expect(scale(true, 'float64')).not.toEqual(scale(true, 'float32'));
    expect(scale(false, 'float64')).toEqual(scale(false, 'float32'));
  });

  it('A17: blocks of zeros get a scale that can be divided by', () => {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    const x = main.input('x', [1, 64]);
    const w = main.constant('w', [1, 64], [...new Array<number>(32).fill(0), ...randomFloats(32, 1)]);
    main.outputs(main.operator('FULLY_CONNECTED', [x, w, -1], { name: 'y', shape: [1, 1] }));
    const rules = [dynamicRule({ weightBits: 4, granularity: 'BLOCKWISE_32' })];
    const first = (compat: boolean) => {
      const { model } = quantizeSmall(builder, rules, { compat });
      return new Uint16Array(bytesOf(model, tensorNamed(model, 'w_scales')).buffer)[0];
    };
    expect(first(true)).toBe(0);
    expect(first(false)).toBe(1);
  });

  it('A19: a tensor that was always zero does not bring the kernels down', async () => {
    const model = chain((main, r, x) => [main.operator('ADD', [r, x], { name: 'y', shape: [1, 4] })]);
    const { model: quantized } = quantizeSmall(model, INT8, { ranges: { y: [0, 0] } });
    await expect(run(quantized, 0.5)).resolves.toHaveLength(1);
    const original = quantizeSmall(model, INT8, { ranges: { y: [0, 0] }, compat: true });
    expect(scalesOf(tensorNamed(original.model, 'y'))[0]).toBeLessThan(1e-11);
  });

  it('A33: statistics of a constant do not override its own values', () => {
    const float = dense([1, 2, 30, 40], [0, 0]);
    const entry = { min: -1, max: 1, carrier: 'float32', shape: [1, 1], reason: 'a test' } as const;
    // Every tensor has statistics here, the weight too.
    const scales = (compat: boolean) => {
      return scalesOf(tensorNamed(quantizeSmall(float, INT8, { compat, constants: entry }).model, 'w'));
    };
    expect(scales(true)).toHaveLength(1);
    expect(scales(false)).toHaveLength(2);
  });
});

describe('safety', () => {
  const quotient = chain((main, r, x) => [main.operator('DIV', [r, x], { name: 'y', shape: [1, 4] })]);

  it('leaves a division float whose divisor can round to zero', () => {
    expect(floatReasonOf(quantizeSmall(quotient, INT8), 'DIV')).toContain('can round to zero');
    expect(floatReasonOf(quantizeSmall(quotient, INT8, { ranges: { x: [1, 2] } }), 'DIV')).toBeUndefined();
    expect(floatReasonOf(quantizeSmall(quotient, INT8, { safety: false }), 'DIV')).toBeUndefined();
  });

  it.each(['SQRT', 'RSQRT', 'LOG'] as const)('leaves %s float whose operand can round to zero', (name) => {
    const model = chain((main, r) => [main.operator(name, [r], { name: 'y', shape: [1, 4] })]);
    expect(floatReasonOf(quantizeSmall(model, INT8, { ranges: { r: [0, 2] } }), name)).toContain('can round to zero');
    expect(floatReasonOf(quantizeSmall(model, INT8, { ranges: { r: [0.1, 2] } }), name)).toBeUndefined();
  });

  it('leaves comparisons of values on different grids float', () => {
    const model = chain((main, r, x) => [main.operator('LESS', [r, x], { name: 'y', shape: [1, 4], type: 'BOOL' })]);
    const settings = { ranges: { x: [-1, 1], r: [0, 1] } } as const;
    expect(floatReasonOf(quantizeSmall(model, INT8, settings), 'LESS')).toContain('different grids');
    expect(floatReasonOf(quantizeSmall(model, INT8), 'LESS')).toBeUndefined();
  });

  it('leaves arithmetic on positions float', () => {
    const model = chain((main, r) => {
      const axis = main.constant('axis', [], Int32Array.of(1));
      const index = main.operator('ARG_MAX', [r, axis], { name: 'i', shape: [1], type: 'INT32' }, { outputType: 2 });
      const cast = main.operator('CAST', [index], { name: 'f', shape: [1] }, { inDataType: 2, outDataType: 0 });
      const half = main.constant('half', [1], [0.5]);
      return [main.operator('MUL', [cast, half], { name: 'y', shape: [1] })];
    });
    expect(floatReasonOf(quantizeSmall(model, INT8), 'MUL')).toContain('positions or counts');
    expect(floatReasonOf(quantizeSmall(model, INT8, { safety: false }), 'MUL')).toBeUndefined();
    expect(floatReasonOf(quantizeSmall(model, INT8), 'ARG_MAX')).toBeUndefined();
  });
});
