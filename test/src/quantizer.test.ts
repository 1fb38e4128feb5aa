/** The class as a program uses it: the sequence of calls of the original, and what it promises beyond. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeCalibration } from '../../schema/documents/calibration-write.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { readModel } from '../../schema/reader.ts';
import { Quantizer, recipes } from '../../src/index.ts';
import { randomFloats } from '../support/model-builder.ts';
import { denseModel } from '../support/models.ts';

const folder = mkdtempSync(join(tmpdir(), 'aeq-quantizer-'));
beforeAll(() => writeFileSync(join(folder, 'model.tflite'), denseModel().bytes()));
afterAll(() => rmSync(folder, { recursive: true }));

const path = join(folder, 'model.tflite');
const samples = Array.from({ length: 12 }, (_, seed) => ({ x: randomFloats(4, seed + 1) }));
const WASM = { runtime: 'wasm' } as const;

function* endless() {
  for (let seed = 1; ; seed += 1) yield { x: randomFloats(4, seed) };
}

it('opens, calibrates, quantizes, saves and validates', async () => {
  const quantizer = await Quantizer.open(path);
  quantizer.loadQuantizationRecipe(recipes.staticWi8Ai8());
  expect(quantizer.needCalibration).toBe(true);
  const result = await quantizer.quantize(await quantizer.calibrate(samples, WASM));
  await result.save(join(folder, 'saved'), 'dense');
  const saved = readFileSync(join(folder, 'saved', 'dense.tflite'));
  expect(new Uint8Array(saved)).toEqual(result.quantizedModel);
  expect(JSON.parse(readFileSync(join(folder, 'saved', 'dense_recipe.json'), 'utf8'))).toEqual(result.recipe);
  await expect(result.exportModel(join(folder, 'saved', 'dense.tflite'))).rejects.toMatchObject({
    code: 'FILE_EXISTS',
  });
  const comparison = await quantizer.validate(samples, WASM);
  expect(comparison.signatures[0]?.outputs[0]?.metrics.sqnrDb).toBeGreaterThan(30);

  // Another quantizer measures the same file, which it did not make.
  const other = await Quantizer.open(path, { previousQuantizedModel: join(folder, 'saved', 'dense.tflite') });
  const again = await other.validate(samples, WASM);
  expect(again.signatures[0]?.outputs[0]?.metrics).toEqual(comparison.signatures[0]?.outputs[0]?.metrics);
  other.loadQuantizationRecipe('dynamic_wi8_afp32');
  await other.quantize();
  const own = await other.validate(samples, WASM);
  expect(own.signatures[0]?.outputs[0]?.metrics.sqnrDb).not.toBe(again.signatures[0]?.outputs[0]?.metrics.sqnrDb);
  quantizer.close();
  other.close();
});

it('says what is missing', async () => {
  const quantizer = await Quantizer.open(path);
  await expect(quantizer.quantize()).rejects.toMatchObject({ code: 'RECIPE_EMPTY' });
  await expect(quantizer.validate(samples)).rejects.toMatchObject({ code: 'USAGE' });
  quantizer.addStaticConfig({ activationBits: 8, weightBits: 8 });
  await expect(quantizer.quantize()).rejects.toMatchObject({ code: 'CALIBRATION_MISSING' });
  for (const [mistaken, what] of [
    ['calibration.json', '"calibration.json"'],
    [{}, 'this object'],
    [samples, 'this object'],
  ] as const) {
    await expect(quantizer.quantize(mistaken as never)).rejects.toMatchObject({
      code: 'CALIBRATION_INVALID',
      message: `${what} is no calibration`,
    });
  }
  quantizer.close();
});

it('uses one calibration for many results, and changes nothing that it is given', async () => {
  const bytes = denseModel().bytes();
  const before = bytes.slice();
  const quantizer = await Quantizer.open(bytes);
  quantizer.loadQuantizationRecipe('static_wi8_ai8');
  const calibration = await quantizer.calibrate(samples, WASM);
  const text = writeCalibration(calibration);
  const first = (await quantizer.quantize(calibration)).quantizedModel;
  quantizer.loadQuantizationRecipe('static_wi8_ai16');
  const wide = readModel((await quantizer.quantize(calibration)).quantizedModel);
  expect(wide.subgraphs[0]?.tensors.some(({ type }) => type === TensorType.INT16)).toBe(true);
  quantizer.loadQuantizationRecipe('static_wi8_ai8');
  expect((await quantizer.quantize(calibration)).quantizedModel).toEqual(first);
  expect(writeCalibration(calibration)).toBe(text);
  expect(bytes).toEqual(before);
});

it('reads samples once, also without end, and goes on from an earlier calibration', async () => {
  const quantizer = await Quantizer.open(path);
  quantizer.loadQuantizationRecipe('static_wi8_ai8');
  const some = await quantizer.calibrate(endless(), { ...WASM, samples: 5 });
  expect(some.samples).toHaveLength(5);
  const more = await quantizer.calibrate(endless(), { ...WASM, samples: 12, resume: some });
  expect(writeCalibration(more)).toBe(writeCalibration(await quantizer.calibrate(endless(), { ...WASM, samples: 12 })));
  quantizer.close();
});

it('lets later rules override, and keeps a policy of its own to itself', async () => {
  const [one, other] = [await Quantizer.open(path), await Quantizer.open(path)];
  for (const quantizer of [one, other]) quantizer.loadQuantizationRecipe('dynamic_wi8_afp32');
  one.updateQuantizationRecipe({ regex: 'dense', operation: 'FULLY_CONNECTED', algorithm: 'no_quantize' });
  expect(one.plan().operators[0]).toMatchObject({ mode: 'float' });
  expect(one.plan().warnings.join()).toContain('nothing');
  expect(one.getQuantizationRecipe()).toHaveLength(2);
  const policy = join(folder, 'policy.json');
  writeFileSync(policy, JSON.stringify({ configs: {}, ops_per_config: {} }));
  other.loadConfigPolicy(policy);
  expect(other.plan().operators[0]).toMatchObject({ mode: 'float' });
  const third = await Quantizer.open(path);
  third.loadQuantizationRecipe('dynamic_wi8_afp32');
  expect(third.plan().operators[0]).toMatchObject({ mode: 'dynamic' });
  for (const quantizer of [one, other, third]) quantizer.close();
});

it('names what is wrong with a rule that is added, by its place in the whole recipe, and does not add it', async () => {
  const quantizer = await Quantizer.open(path);
  quantizer.loadQuantizationRecipe('dynamic_wi8_afp32');
  const config = { weight_tensor_config: { num_bits: 8, granularity: 'CHANNELWISE' }, compute_precision: 'INTEGER' };
  const wrong: [() => unknown, string, string | undefined][] = [
    [() => quantizer.addDynamicConfig({ operation: 'CONV2D', weightBits: 8 }), 'RECIPE_UNKNOWN_OPERATION', 'operation'],
    [() => quantizer.addDynamicConfig({ operation: 'GELU', weightBits: 8 }), 'RECIPE_UNSUPPORTED', 'op_config'],
    [() => quantizer.addStaticConfig({ regex: '(', activationBits: 8, weightBits: 8 }), 'RECIPE_INVALID', 'regex'],
    [
      () => quantizer.addWeightOnlyConfig({ weightBits: 8, granularity: 'CHANELWISE' as 'CHANNELWISE' }),
      'RECIPE_INVALID',
      'op_config.weight_tensor_config.granularity',
    ],
    [
      () => quantizer.updateQuantizationRecipe({ regex: '.*', operation: 'GELU', config }),
      'RECIPE_UNSUPPORTED',
      'op_config',
    ],
    [() => quantizer.updateQuantizationRecipe({ regex: '.*', operation: 'GELU' }), 'RECIPE_INVALID', 'op_config'],
    [
      () => quantizer.updateQuantizationRecipe({ regex: '.*', operation: '*', config, algorithm: 'OCTAVE' }),
      'RECIPE_INVALID',
      'algorithm_key',
    ],
  ];
  for (const [add, code, field] of wrong) {
    expect(add).toThrowError(expect.objectContaining({ code, where: { field: `rules[1].${field}` } }));
  }
  expect(quantizer.recipe.rules).toHaveLength(1);
  expect(quantizer.addDynamicConfig({ weightBits: 8, granularity: 'BLOCKWISE_32' })).toHaveLength(1);
  quantizer.close();
});

it('says that an added rule finds nothing, also behind a built-in recipe', async () => {
  const quantizer = await Quantizer.open(path);
  quantizer.loadQuantizationRecipe('dynamic_wi8_afp32');
  quantizer.addDynamicConfig({ regex: 'no such layer', operation: 'FULLY_CONNECTED', weightBits: 8 });
  expect(quantizer.plan().warnings.join()).toMatch(/rule 2 .* matches nothing/);
  quantizer.close();
});
