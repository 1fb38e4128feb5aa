/** GPTQ and OSCAR: what the default does otherwise than the original, a test per line of docs/differences.md. */
import { describe, expect, it } from 'vitest';
import type { Model } from '../../../schema/model.ts';
import { readModel } from '../../../schema/reader.ts';
import { Quantizer } from '../../../src/quantizer.ts';
import { dynamicRule, weightOnlyRule } from '../../../src/recipe/builders.ts';
import type { Rule } from '../../../src/recipe/types.ts';
import { ModelBuilder, randomFloats } from '../../support/model-builder.ts';
import { bytesOf, operatorNames, tensorNamed } from './quantize-small.ts';

type Layer = readonly [input: string, name: string, weights: Float32Array];

/** x of a shape -> FULLY_CONNECTED layers, each of which reads x or another; all that nobody reads are outputs. */
function layers(shape: readonly number[], ...list: readonly Layer[]): ModelBuilder {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const x = main.input('x', shape);
  const lengths = new Map([['x', shape.reduce((a, b) => a * b, 1)]]);
  const tensors = new Map([['x', x]]);
  for (const [input, name, values] of list) {
    const columns = lengths.get(input) ?? 1;
    const rows = values.length / columns;
    const weights = main.constant(`${name}/weights`, [rows, columns], values);
    const from = tensors.get(input) ?? 0;
    tensors.set(name, main.operator('FULLY_CONNECTED', [from, weights, -1], { name, shape: [1, rows] }));
    lengths.set(name, rows);
  }
  const read = new Set(list.map(([input]) => input));
  const outputs = list.filter(([, name]) => !read.has(name)).map(([, name]) => name);
  main.outputs(...outputs.map((name) => tensors.get(name) ?? 0));
  return builder.signature('main', { inputs: { x }, outputs: Object.fromEntries(outputs.map((name) => [name, name])) });
}

const bytesNamed = (model: Model, name: string) => bytesOf(model, tensorNamed(model, name));

const gptq = (regex = '.*') => dynamicRule({ algorithm: 'GPTQ', weightBits: 4, regex });
const oscar = (regex = '.*') => dynamicRule({ algorithm: 'OSCAR', weightBits: 4, regex });

/** Samples in which some values are large. */
const uneven = (count: number, length: number) =>
  Array.from({ length: count }, (_, seed) => ({
    x: randomFloats(length, seed + 1).map((value, i) => (i % 5 === 0 ? 6 * value : value)),
  }));

async function quantized(
  builder: ModelBuilder,
  rules: readonly Rule[],
  samples: readonly { x: Float32Array }[],
  compat = false,
) {
  const quantizer = await Quantizer.open(builder.bytes(), compat ? { compat: 'aeq-0.10' } : {});
  quantizer.loadQuantizationRecipe({ rules });
  const document = await quantizer.calibrate(samples, { runtime: 'wasm' });
  const result = await quantizer.quantize(document);
  const model = readModel(result.quantizedModel);
  const comparison = await quantizer.validate(samples, { runtime: 'wasm' });
  const sqnr = comparison.signatures.flatMap(({ outputs }) => outputs.map(({ metrics }) => metrics.sqnrDb ?? 0));
  quantizer.close();
  return { model, document, plan: result.plan, sqnr: Math.min(...sqnr) };
}

describe('GPTQ', () => {
  it('gives equal operators with one input equal codes, and needs to know nothing but inputs', async () => {
    const weights = randomFloats(5 * 20, 1);
    const model = layers([1, 20], ['x', 'a', weights], ['x', 'b', weights.slice()]);
    const found = await quantized(model, [gptq()], uneven(40, 20));
    expect(bytesNamed(found.model, 'a/weights')).toEqual(bytesNamed(found.model, 'b/weights'));
    expect(found.document.tensors.map(({ name }) => name)).toEqual(['x']);
  });

  it('learns of inputs that operators of other algorithms read or write', async () => {
    const model = layers([1, 20], ['x', 'h', randomFloats(12 * 20, 1)], ['h', 'y', randomFloats(3 * 12, 2)]);
    const plain = dynamicRule({ weightBits: 8, regex: 'h' });
    const found = await quantized(model, [plain, gptq('y')], uneven(40, 20));
    expect(found.sqnr).toBeGreaterThan(15);
    expect(found.document.tensors).toMatchObject([{ name: 'h', products: { channels: 12, rows: 40 } }]);
  });

  it('learns of an input that is flattened', async () => {
    const model = layers([1, 4, 5], ['x', 'y', randomFloats(6 * 20, 3)]);
    const found = await quantized(model, [gptq()], uneven(40, 20));
    expect(found.sqnr).toBeGreaterThan(15);
    await expect(quantized(model, [gptq()], uneven(40, 20), true)).rejects.toMatchObject({
      code: 'OPERATOR_UNSUPPORTED',
    });
  });
});

describe('OSCAR', () => {
  it('asks for samples; the original does not, and guesses', async () => {
    const model = layers([1, 20], ['x', 'y', randomFloats(5 * 20, 1)]);
    for (const [compat, needed] of [
      [false, true],
      [true, false],
    ] as const) {
      const quantizer = await Quantizer.open(model.bytes(), compat ? { compat: 'aeq-0.10' } : {});
      quantizer.addDynamicConfig({ algorithm: 'OSCAR', weightBits: 4 });
      expect(quantizer.needCalibration).toBe(needed);
      if (needed) await expect(quantizer.quantize()).rejects.toMatchObject({ code: 'CALIBRATION_MISSING' });
      else {
        const result = readModel((await quantizer.quantize()).quantizedModel);
        expect(new Set(new Float32Array(bytesNamed(result, 'x_multiplier').slice().buffer))).toEqual(new Set([1]));
      }
      quantizer.close();
    }
    const [guessed, learned] = [true, false].map((compat) => quantized(model, [oscar()], uneven(40, 20), compat));
    expect((await guessed)?.sqnr).toBeCloseTo((await learned)?.sqnr ?? 0, 0);
  });

  it('multiplies an input once for operators with the same factors', async () => {
    const weights = randomFloats(5 * 20, 1);
    const model = layers([1, 20], ['x', 'a', weights], ['x', 'b', weights.map((x) => 2 * x)]);
    const found = await quantized(model, [oscar()], uneven(40, 20));
    expect(operatorNames(found.model)).toEqual(['MUL', 'FULLY_CONNECTED', 'FULLY_CONNECTED']);
    expect(found.sqnr).toBeGreaterThan(12);
    const old = await quantized(model, [oscar()], uneven(40, 20), true);
    expect(operatorNames(old.model).filter((name) => name === 'MUL')).toHaveLength(2);
  });

  it('multiplies by nothing where there is nothing to gain', async () => {
    const model = layers([1, 8], ['x', 'y', new Float32Array(24).fill(0.5)]);
    const samples = uneven(4, 8).map(() => ({ x: new Float32Array(8).fill(1) }));
    expect(operatorNames((await quantized(model, [oscar()], samples)).model)).toEqual(['FULLY_CONNECTED']);
    const old = await quantized(model, [oscar()], samples, true);
    expect(operatorNames(old.model)).toEqual(['MUL', 'FULLY_CONNECTED']);
  });

  it('stores weights behind a DEQUANTIZE under weight-only rules', async () => {
    const model = layers([1, 20], ['x', 'y', randomFloats(5 * 20, 1)]);
    const rule = weightOnlyRule({ algorithm: 'OSCAR', weightBits: 4 });
    const found = await quantized(model, [rule], uneven(40, 20));
    expect(operatorNames(found.model).sort()).toEqual(['DEQUANTIZE', 'FULLY_CONNECTED', 'MUL']);
    expect(found.sqnr).toBeGreaterThan(12);
    const old = await quantized(model, [rule], uneven(40, 20), true);
    expect(operatorNames(old.model)).not.toContain('DEQUANTIZE');
  });

  it('refuses static rules, and inputs that cannot be multiplied, with the reason', async () => {
    const quantizer = await Quantizer.open(layers([1, 4, 5], ['x', 'y', randomFloats(5 * 20, 1)]).bytes());
    const add = () =>
      quantizer.addStaticConfig({
        algorithm: 'OSCAR',
        weightBits: 4,
        activationBits: 8,
        operation: 'FULLY_CONNECTED',
      });
    expect(add).toThrowError(/OSCAR leaves activations float/);
    quantizer.addDynamicConfig({ algorithm: 'OSCAR', weightBits: 4 });
    const plan = quantizer.plan(await quantizer.calibrate(uneven(4, 20), { runtime: 'wasm' }));
    expect(plan.operators[0]).toMatchObject({ mode: 'float' });
    expect(plan.operators[0]?.reason).toMatch(/not rows as long as those of its weight/);
    quantizer.close();
  });

  it('keeps weights that two operators share in one copy, with the same factors for both', async () => {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    const x = main.input('x', [1, 20]);
    const values = randomFloats(400, 4).map((value, i) => (i % 5 === 0 ? value / 8 : value));
    const weights = main.constant('weights', [20, 20], values);
    const first = main.operator('FULLY_CONNECTED', [x, weights, -1], { name: 'first', shape: [1, 20] });
    main.outputs(main.operator('FULLY_CONNECTED', [first, weights, -1], { name: 'y', shape: [1, 20] }));
    builder.signature('main', { inputs: { x }, outputs: { y: 'y' } });
    const found = await quantized(builder, [oscar()], uneven(40, 20));
    expect(operatorNames(found.model)).toEqual(['MUL', 'FULLY_CONNECTED', 'MUL', 'FULLY_CONNECTED']);
    expect(found.sqnr).toBeGreaterThan(8);
    expect(found.model.subgraphs[0]?.tensors.filter(({ name }) => name?.startsWith('weights'))).toHaveLength(1);
    expect(tensorNamed(found.model, 'weights').shape).toEqual([20, 20]);
  });
});
