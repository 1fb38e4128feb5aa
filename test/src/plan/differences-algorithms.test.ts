/**
 * OCTAV, MSE and Hadamard rotations: what the default does otherwise than the original, a test per line of
 * docs/differences.md.
 */
import { describe, expect, it } from 'vitest';
import { TensorType } from '../../../schema/generated/tflite.ts';
import { operatorName, signatures } from '../../../schema/graph.ts';
import type { Model } from '../../../schema/model.ts';
import { modelBytes } from '../../../schema/writer.ts';
import { dynamicRule, staticRule, type WeightRuleOptions, weightOnlyRule } from '../../../src/recipe/builders.ts';
import { checkRules } from '../../../src/recipe/check.ts';
import { recipeContext } from '../../../src/recipe/context.ts';
import type { AlgorithmKey, Rule } from '../../../src/recipe/types.ts';
import { verifyModelFile } from '../../../src/validate/verify.node.ts';
import { ModelBuilder, randomFloats } from '../../support/model-builder.ts';
import { randomFeed, runModel } from '../../support/run-model.ts';
import { wasmRuntime } from '../../support/wasm-runtime.ts';
import {
  bytesOf,
  COMPAT,
  chain,
  dense,
  floatReasonOf,
  type QuantizeSettings,
  quantizeSmall,
  scalesOf,
  tensorNamed,
} from './quantize-small.ts';

const runtime = await wasmRuntime();

const FORMS = ['HADAMARD_ROTATION', 'DECOMPOSED_HADAMARD_ROTATION'] as const;
const rotated = (algorithm: AlgorithmKey, options: Partial<WeightRuleOptions> = {}) =>
  dynamicRule({ weightBits: 8, algorithm, ...options });

const names = (model: Model) => (model.subgraphs[0]?.operators ?? []).map((operator) => operatorName(model, operator));

/** Relative root mean square error of each output on one random input. */
async function errors(float: Model | ModelBuilder, quantized: Model): Promise<number[]> {
  const model = 'build' in float ? float.build() : float;
  const key = signatures(model)[0]?.key ?? '';
  const feed = randomFeed(model, key, 3);
  const [expected, found] = [await runModel(runtime, model, key, feed), await runModel(runtime, quantized, key, feed)];
  return expected.map(({ values, name }) => {
    const other = found.find((output) => output.name === name)?.values ?? new Float64Array(values.length);
    const squares = (list: Float64Array) => list.reduce((sum, x) => sum + x * x, 0);
    return Math.sqrt(squares(values.map((x, i) => x - (other[i] ?? Number.NaN))) / squares(values));
  });
}

/** Rounding to 8 bits, of weights and on the fly of activations, is far below this; a missing rotation far above. */
const CLOSE = 0.05;

async function expectClose(float: ModelBuilder, rules: readonly Rule[], settings: QuantizeSettings = {}) {
  const quantized = quantizeSmall(float, rules, settings);
  for (const error of await errors(float, quantized.model)) expect(error).toBeLessThan(CLOSE);
  return quantized;
}

/** x [2, width] -> FULLY_CONNECTED with random weights of 3 rows for each name, outputs of these names. */
function heads(width: number, outputs: readonly string[], bias: 'bias' | 'none' | 'absent' = 'bias'): ModelBuilder {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const x = main.input('x', [2, width]);
  const results = outputs.map((name, i) => {
    const w = main.constant(`w_${name}`, [3, width], randomFloats(3 * width, 7 + i));
    const tail =
      bias === 'bias' ? [main.constant(`b_${name}`, [3], randomFloats(3, 9 + i))] : bias === 'none' ? [-1] : [];
    return main.operator('FULLY_CONNECTED', [x, w, ...tail], { name, shape: [2, 3] });
  });
  main.outputs(...results);
  return builder.signature('main', { inputs: { x }, outputs: Object.fromEntries(outputs.map((name) => [name, name])) });
}

/** ids [4] -> EMBEDDING_LOOKUP -> e, which is the output and read by RELU -> r. */
function lookup(): ModelBuilder {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const ids = main.input('ids', [4], { type: 'INT32' });
  const table = main.constant('table', [5, 8], randomFloats(40, 5));
  const e = main.operator('EMBEDDING_LOOKUP', [ids, table], { name: 'e', shape: [4, 8] });
  const r = main.operator('RELU', [e], { name: 'r', shape: [4, 8] });
  main.outputs(e, r);
  return builder.signature('main', { inputs: { ids }, outputs: { e, r } });
}

describe.each(FORMS)('%s', (form) => {
  it('gives what the float model gives, and loads in the interpreter as it is', async () => {
    const { model } = await expectClose(heads(8, ['y']), [rotated(form)]);
    expect(names(model)).toEqual(
      form === 'HADAMARD_ROTATION'
        ? ['aeq.hadamard_rotation', 'FULLY_CONNECTED']
        : ['RESHAPE', 'FULLY_CONNECTED', 'RESHAPE', 'FULLY_CONNECTED'],
    );
    expect(await verifyModelFile(modelBytes(model), { runtime: 'wasm' })).toMatchObject({ status: 'ok' });
  });

  it('rotates rows of a table back under the name they had, also in the signature', async () => {
    const { model } = await expectClose(lookup(), [rotated(form)]);
    const output = signatures(model)[0]?.outputs.find(({ name }) => name === 'e')?.tensor ?? -1;
    expect(model.subgraphs[0]?.outputs).toContain(output);
    expect(model.subgraphs[0]?.tensors[output]?.name).toBe('e');
    const original = quantizeSmall(lookup(), [rotated(form)], COMPAT).model;
    const stale = signatures(original)[0]?.outputs.find(({ name }) => name === 'e')?.tensor ?? -1;
    expect(original.subgraphs[0]?.outputs).not.toContain(stale);
  });

  it('leaves a graph output as it is that a rotated operator reads', async () => {
    const builder = chain((main, r) => {
      const w = main.constant('w', [3, 4], randomFloats(12, 3));
      return [r, main.operator('FULLY_CONNECTED', [r, w, -1], { name: 'y', shape: [1, 3] })];
    });
    await expectClose(builder, [rotated(form)]);
    if (form === 'HADAMARD_ROTATION') {
      const original = quantizeSmall(builder, [rotated(form)], COMPAT).model;
      expect(original.subgraphs[0]?.tensors[original.subgraphs[0]?.outputs[0] ?? -1]?.name).toBe('r_rotated');
    }
  });

  it('rotates once for readers that want the same, by each size for others', async () => {
    const limited = (regex: string, maxHadamardSize: number) => rotated(form, { regex, maxHadamardSize });
    const products = (model: Model) => names(model).filter((name) => name !== 'RESHAPE').length;
    const same = await expectClose(heads(8, ['y', 'z']), [rotated(form)]);
    expect(products(same.model)).toBe(3);
    const rules = [limited('^y', 4), limited('^z', 8)];
    const different = await expectClose(heads(8, ['y', 'z']), rules);
    expect(products(different.model)).toBe(4);
    const [, z = 0] = await errors(heads(8, ['y', 'z']), quantizeSmall(heads(8, ['y', 'z']), rules, COMPAT).model);
    expect(z).toBeGreaterThan(CLOSE);
    const tensors = different.model.subgraphs[0]?.tensors.map(({ name }) => name) ?? [];
    expect(new Set(tensors).size).toBe(tensors.length);
  });

  it('takes operators without a bias', async () => {
    await expectClose(heads(8, ['y'], 'none'), [rotated(form)]);
    await expectClose(heads(8, ['y'], 'absent'), [rotated(form)]);
    expect(() => quantizeSmall(heads(8, ['y'], 'absent'), [rotated(form)], COMPAT)).toThrow('no operand for a bias');
  });

  it('stores rows of an odd length without a rotation', async () => {
    const { model } = await expectClose(heads(7, ['y']), [rotated(form)]);
    expect(names(model)).toEqual(['FULLY_CONNECTED']);
    const plain = quantizeSmall(heads(7, ['y']), [dynamicRule({ weightBits: 8, algorithm: 'OCTAV' })]).model;
    expect(bytesOf(model, tensorNamed(model, 'w_y'))).toEqual(bytesOf(plain, tensorNamed(plain, 'w_y')));
    expect(() => quantizeSmall(heads(7, ['y']), [rotated(form)], COMPAT)).toThrow('odd');
  });

  it.each([
    ['one', [-1, 3, 8]],
    ['two', [-1, -1, 8]],
  ])('keeps %s free dimensions', async (count, signature) => {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    const x = main.input('x', [1, 1, 8]);
    const shape = signature.map(Math.abs);
    Object.assign(builder.build().subgraphs[0]?.tensors[x] ?? {}, { shape, shapeSignature: signature });
    const w = main.constant('w', [3, 8], randomFloats(24, 3));
    const y = { name: 'y', shape: [...shape.slice(0, 2), 3], signature: [...signature.slice(0, 2), 3] };
    main.outputs(main.operator('FULLY_CONNECTED', [x, w, -1], y, { keepNumDims: true }));
    builder.signature('main', { inputs: { x }, outputs: { y: 'y' } });
    const { model } = await expectClose(builder, [dynamicRule({ weightBits: 8 }), rotated(form)]);
    // The operator has the output's size from the file.
    expect(names(model).length).toBe(form === 'HADAMARD_ROTATION' ? 1 : count === 'one' ? 4 : 5);
  });

  it('stores weights only, behind a DEQUANTIZE, where the rule says so', async () => {
    const rule = weightOnlyRule({ weightBits: 8, algorithm: form });
    const { model } = await expectClose(heads(8, ['y']), [rule]);
    expect(names(model)).toContain('DEQUANTIZE');
    expect(names(quantizeSmall(heads(8, ['y']), [rule], COMPAT).model)).not.toContain('DEQUANTIZE');
  });

  it('has no static form', () => {
    const rule = staticRule({ weightBits: 8, activationBits: 8, algorithm: form });
    expect(floatReasonOf(quantizeSmall(heads(8, ['y']), [rule]), 'FULLY_CONNECTED')).toContain('activations float');
    expect(checkRules([rule], recipeContext())[0]).toContain('no effect');
    expect(() => checkRules([{ ...rule, operation: 'FULLY_CONNECTED' }], recipeContext())).toThrow('activations float');
    expect(quantizeSmall(heads(8, ['y']), [rule], COMPAT).plan.operators[0]?.mode).toBe('dynamic');
  });

  it('leaves weights alone that are stored as codes already', () => {
    const once = quantizeSmall(heads(8, ['y']), [dynamicRule({ weightBits: 8 })]).model;
    const twice = quantizeSmall(once, [rotated(form)]).model;
    expect(names(twice)).toEqual(names(once));
    expect(names(quantizeSmall(once, [rotated(form)], COMPAT).model)).not.toEqual(names(once));
  });

  it('shares no codes with an algorithm that does not rotate', async () => {
    const builder = heads(8, ['y', 'z']);
    const [y, z] = ['w_y', 'w_z'].map((name) => tensorNamed(builder.build(), name));
    if (y && z) z.buffer = y.buffer;
    const rules = [rotated(form, { regex: '^y' }), dynamicRule({ weightBits: 8, algorithm: 'OCTAV', regex: '^z' })];
    await expectClose(builder, rules);
    const [, wrong = 0] = await errors(builder, quantizeSmall(builder, rules, COMPAT).model);
    expect(wrong).toBeGreaterThan(CLOSE);
  });
});

describe('HADAMARD_ROTATION', () => {
  it('is said to need a runtime that has the operator', () => {
    const { plan } = quantizeSmall(heads(8, ['y']), [rotated('HADAMARD_ROTATION')]);
    expect(plan.warnings).toEqual([expect.stringContaining('aeq.hadamard_rotation')]);
    expect(quantizeSmall(heads(8, ['y']), [rotated('DECOMPOSED_HADAMARD_ROTATION')]).plan.warnings).toEqual([]);
  });

  it('is not used for ranks that the operator reads wrongly', () => {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    const x = main.input('x', [1, 2, 2, 8]);
    const w = main.constant('w', [3, 8], randomFloats(24, 3));
    main.outputs(main.operator('FULLY_CONNECTED', [x, w, -1], { name: 'y', shape: [4, 3] }));
    builder.signature('main', { inputs: { x }, outputs: { y: 'y' } });
    const rules = [dynamicRule({ weightBits: 8 }), rotated('HADAMARD_ROTATION')];
    expect(names(quantizeSmall(builder, rules).model)).toEqual(['FULLY_CONNECTED']);
    expect(names(quantizeSmall(builder, [rotated('DECOMPOSED_HADAMARD_ROTATION')]).model)).toHaveLength(4);
  });
});

describe('OCTAV and MSE', () => {
  it.each(['OCTAV', 'MSE'] as const)('%s: a channel of zeros keeps a scale, and its bias', (algorithm) => {
    const rules = [staticRule({ weightBits: 8, activationBits: 8, algorithm })];
    const float = dense([0, 0, 1, -2], [0.5, 0.25]);
    const ours = quantizeSmall(float, [dynamicRule({ weightBits: 8, algorithm })]).model;
    expect(scalesOf(tensorNamed(ours, 'w'))[0]).toBe(Math.fround(Math.fround(1e-9) / 127));
    const original = quantizeSmall(float, [dynamicRule({ weightBits: 8, algorithm })], COMPAT).model;
    expect(scalesOf(tensorNamed(original, 'w'))[0]).toBe(0);
    const { model } = quantizeSmall(float, rules);
    const bias = tensorNamed(model, 'b');
    const codes = new Int32Array(bytesOf(model, bias).buffer);
    expect((codes[0] as number) * (scalesOf(bias)[0] as number)).toBeCloseTo(0.5, 4);
    const wrong = quantizeSmall(float, rules, COMPAT).model;
    expect(new Int32Array(bytesOf(wrong, tensorNamed(wrong, 'b')).buffer)[0]).toBe(-(2 ** 31));
  });

  it('OCTAV: scales of blocks stay within float16', () => {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    const x = main.input('x', [1, 64]);
    const values = randomFloats(128, 1).map((value, i) => value * (i < 32 ? 1e-9 : i < 64 ? 1e7 : 1));
    const w = main.constant('w', [2, 64], values);
    main.outputs(main.operator('FULLY_CONNECTED', [x, w, -1], { name: 'y', shape: [1, 2] }));
    const rules = [dynamicRule({ weightBits: 4, granularity: 'BLOCKWISE_32', algorithm: 'OCTAV' })];
    const halves = (model: Model) => [...new Uint16Array(bytesOf(model, tensorNamed(model, 'w_scales')).buffer)];
    expect(halves(quantizeSmall(builder, rules, COMPAT).model).slice(0, 2)).toEqual([0, 0x7c00]);
    expect(halves(quantizeSmall(builder, rules).model).slice(0, 2)).toEqual([1, 0x7bff]);
  });

  it('OCTAV: constants of asymmetric int8 operators follow their range', () => {
    const builder = chain((main, r) => {
      const c = main.constant('c', [1, 4], [0.5, 1, 1.5, 2]);
      return [main.operator('ADD', [r, c], { name: 'y', shape: [1, 4] })];
    });
    const rules = (algorithm: AlgorithmKey) => [staticRule({ weightBits: 8, activationBits: 8, algorithm })];
    const ours = quantizeSmall(builder, rules('OCTAV')).model;
    const plain = quantizeSmall(builder, rules('min_max_uniform_quantize')).model;
    expect(tensorNamed(ours, 'c').type).toBe(TensorType.INT8);
    expect(bytesOf(ours, tensorNamed(ours, 'c'))).toEqual(bytesOf(plain, tensorNamed(plain, 'c')));
    expect(() => quantizeSmall(builder, rules('OCTAV'), COMPAT)).toThrow('zero point');
  });

  it('MSE: settings it has no numbers for are refused when the recipe is read', () => {
    const check = (options: Partial<WeightRuleOptions>) => () =>
      checkRules(
        [dynamicRule({ weightBits: 4, operation: 'FULLY_CONNECTED', algorithm: 'MSE', ...options })],
        recipeContext(),
      );
    expect(check({})).not.toThrow();
    expect(check({ weightBits: 2 })).toThrow('8 and 4 bits');
    expect(check({ granularity: 'BLOCKWISE_32' })).toThrow('per block');
  });
});
