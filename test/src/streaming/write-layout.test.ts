import { closeSync, existsSync, openSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createUnfinishedFile } from '../../../schema/write-file.node.ts';
import { Quantizer } from '../../../src/quantizer.ts';
import { startThreads } from '../../../src/streaming/thread.node.ts';
import { ModelBuilder, randomFloats } from '../../support/model-builder.ts';
import { temporaryFolder } from '../../support/temporary.ts';

/** Bytes of int8 weights that make more than one job, and an odd count. */
const ROWS = 5003;
const COLUMNS = 1001;

/** A large weight, one that is small, and a large constant that stays float. */
function writeFloatModel(path: string, oddities: readonly number[] = []): void {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const x = main.input('x', [1, COLUMNS]);
  const values = randomFloats(ROWS * COLUMNS, 1);
  for (const [row, value] of oddities.entries()) values[row * COLUMNS + 7] = value;
  const large = main.constant('large', [ROWS, COLUMNS], values);
  const y = main.operator('FULLY_CONNECTED', [x, large, -1], { name: 'y', shape: [1, ROWS] });
  const small = main.constant('small', [3, ROWS], randomFloats(3 * ROWS, 2));
  const z = main.operator('FULLY_CONNECTED', [y, small, -1], { name: 'z', shape: [1, 3] });
  const table = main.constant('table', [100_003, 3], randomFloats(300_009, 3));
  main.outputs(main.operator('ADD', [z, table], { name: 'sum', shape: [100_003, 3] }));
  builder.signature('main', { inputs: { x }, outputs: { sum: 'sum' } });
  writeFileSync(path, builder.bytes());
}

async function quantized(path: string, recipe: string, threads = 1) {
  const quantizer = await Quantizer.open(path);
  quantizer.loadQuantizationRecipe(recipe);
  return { quantizer, result: await quantizer.quantize(undefined, { buffers: 'external', threads }) };
}

describe('a model that threads write', () => {
  const recipes = ['dynamic_wi8_afp32', 'dynamic_wi4_afp32', 'weight_only_wi8_afp32'];
  it.each(recipes)('has the bytes of the one the main thread writes: %s', async (recipe) => {
    const folder = temporaryFolder();
    const input = join(folder, 'float.tflite');
    writeFloatModel(input);
    const { quantizer, result } = await quantized(input, recipe);
    const expected = result.quantizedModel;
    for (const threads of [1, 2, 3]) {
      const output = join(folder, `${threads}.tflite`);
      await result.exportModel(output, { threads });
      expect(Buffer.compare(readFileSync(output), expected), `${threads} threads`).toBe(0);
    }
    quantizer.close();
    expect(readdirSync(folder).filter((name) => name.includes('unfinished'))).toEqual([]);
  });

  it('has the scales of weights that threads have measured', async () => {
    const input = join(temporaryFolder(), 'float.tflite');
    writeFloatModel(input, [Number.NaN, -0, Number.NEGATIVE_INFINITY]);
    const models: Uint8Array[] = [];
    for (const threads of [1, 2, 3]) {
      const { quantizer, result } = await quantized(input, 'dynamic_wi8_afp32', threads);
      models.push(result.quantizedModel);
      quantizer.close();
    }
    expect(models.slice(1).map((model) => Buffer.compare(model, models[0] as Uint8Array))).toEqual([0, 0]);
  });

  it('is written by threads that were started ahead', async () => {
    const folder = temporaryFolder();
    const input = join(folder, 'float.tflite');
    writeFloatModel(input);
    startThreads(1 << 30);
    startThreads(1 << 30);
    const { quantizer, result } = await quantized(input, 'dynamic_wi4_afp32', availableParallelism());
    const output = join(folder, 'out.tflite');
    await result.exportModel(output, { threads: availableParallelism() });
    expect(readFileSync(output).equals(result.quantizedModel)).toBe(true);
    quantizer.close();
  });

  it('is not there when the input became shorter', async () => {
    const folder = temporaryFolder();
    const input = join(folder, 'float.tflite');
    writeFloatModel(input);
    const { quantizer, result } = await quantized(input, 'dynamic_wi8_afp32');
    truncateSync(input, 1_000_000);
    const output = join(folder, 'out.tflite');
    await expect(result.exportModel(output, { threads: 2 })).rejects.toMatchObject({ code: 'MODEL_TRUNCATED' });
    quantizer.close();
    expect(existsSync(output)).toBe(false);
  });

  it('stops when it is told to, and leaves no thread that writes', async () => {
    const folder = temporaryFolder();
    const input = join(folder, 'float.tflite');
    writeFloatModel(input);
    const { quantizer, result } = await quantized(input, 'dynamic_wi8_afp32');
    const controller = new AbortController();
    const writing = result.exportModel(join(folder, 'out.tflite'), { threads: 2, signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(writing).rejects.toThrow('enough');
    quantizer.close();
    expect(readdirSync(folder)).toEqual(['float.tflite']);
  });

  it('says which file cannot be written', async () => {
    const folder = temporaryFolder();
    const input = join(folder, 'float.tflite');
    writeFloatModel(input);
    const { quantizer, result } = await quantized(input, 'dynamic_wi8_afp32');
    const file = createUnfinishedFile(join(folder, 'out.tflite'));
    const readOnly = openSync(input, 'r');
    const failing = { ...file, descriptor: readOnly, write: () => undefined };
    await expect(result.fill(failing, { threads: 2 })).rejects.toMatchObject({ code: 'FILE_UNWRITABLE' });
    closeSync(readOnly);
    file.discard();
    quantizer.close();
  });
});
