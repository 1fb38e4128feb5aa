import { existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createUnfinishedFile } from '../../../schema/write-file.node.ts';
import { Quantizer } from '../../../src/quantizer.ts';
import { ModelBuilder, randomFloats } from '../../support/model-builder.ts';
import { temporaryFolder } from '../../support/temporary.ts';

/** More than one job of rows whose codes of four bits are no whole bytes, and a second weight of whole blocks. */
const ROWS = 4501;
const ODD = 1001;
const EVEN = 1056;

function writeFloatModel(path: string, oddities: readonly number[] = []): void {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const x = main.input('x', [1, ODD]);
  const first = randomFloats(EVEN * ODD, 1);
  for (const [row, value] of oddities.entries()) first[row * ODD + 7] = value;
  const y = main.operator('FULLY_CONNECTED', [x, main.constant('first', [EVEN, ODD], first), -1], {
    name: 'y',
    shape: [1, EVEN],
  });
  const second = main.constant('second', [ROWS, EVEN], randomFloats(ROWS * EVEN, 2));
  main.outputs(main.operator('FULLY_CONNECTED', [y, second, -1], { name: 'z', shape: [1, ROWS] }));
  builder.signature('main', { inputs: { x }, outputs: { z: 'z' } });
  writeFileSync(path, builder.bytes());
}

/** Quantizes into a file. Returns its bytes, how many of them were there before the plan, and the bytes as they should be. */
async function quantizedInto(input: string, recipe: string, threads: number) {
  const output = `${input}.${threads}`;
  const quantizer = await Quantizer.open(input);
  quantizer.loadQuantizationRecipe(recipe);
  const file = createUnfinishedFile(output);
  try {
    const result = await quantizer.quantize(undefined, { into: file, threads });
    const ahead = statSync(file.temporaryPath).size;
    await result.fill(file, { threads });
    file.commit();
    return { bytes: readFileSync(output), ahead, expected: await plainBytes(input, recipe) };
  } finally {
    file.discard();
    quantizer.close();
  }
}

async function plainBytes(input: string, recipe: string): Promise<Uint8Array> {
  const quantizer = await Quantizer.open(input);
  quantizer.loadQuantizationRecipe(recipe);
  const { quantizedModel } = await quantizer.quantize(undefined, { threads: 1 });
  quantizer.close();
  return quantizedModel;
}

describe('weights whose codes are written before there is a plan', () => {
  const recipes = ['dynamic_wi8_afp32', 'dynamic_wi4_afp32', 'dynamic_wi4b32_afp32', 'weight_only_wi4_afp32'];
  it.each(recipes)('have the bytes of one thread: %s', async (recipe) => {
    const input = join(temporaryFolder(), 'float.tflite');
    writeFloatModel(input, [-0, 1e-12]);
    for (const threads of [1, 2, 3]) {
      const { bytes, ahead, expected } = await quantizedInto(input, recipe, threads);
      expect(Buffer.compare(bytes, expected), `${threads} threads`).toBe(0);
      expect(ahead > 0, `${threads} threads`).toBe(threads > 1);
    }
  });

  it('are written again where the plan turns out to want others', async () => {
    const input = join(temporaryFolder(), 'float.tflite');
    writeFloatModel(input, [Number.NaN, Number.POSITIVE_INFINITY]);
    const { bytes, ahead, expected } = await quantizedInto(input, 'dynamic_wi8_afp32', 2);
    expect(ahead).toBeGreaterThan(0);
    expect(Buffer.compare(bytes, expected)).toBe(0);
  });

  it('are not where their scales need more than their ranges', async () => {
    const input = join(temporaryFolder(), 'float.tflite');
    writeFloatModel(input);
    const { bytes, ahead, expected } = await quantizedInto(input, 'dynamic_wi8c_hr_afp32', 2);
    expect(ahead).toBe(0);
    expect(Buffer.compare(bytes, expected)).toBe(0);
  });

  it('leave nothing where the input became shorter, or somebody stops it', async () => {
    const folder = temporaryFolder();
    const input = join(folder, 'float.tflite');
    writeFloatModel(input);
    const quantizer = await Quantizer.open(input);
    quantizer.loadQuantizationRecipe('dynamic_wi8_afp32');
    const stopped = createUnfinishedFile(join(folder, 'stopped.tflite'));
    const controller = new AbortController();
    const quantizing = quantizer.quantize(undefined, { into: stopped, threads: 2, signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(quantizing).rejects.toThrow('enough');
    stopped.discard();
    truncateSync(input, 1_000_000);
    const short = createUnfinishedFile(join(folder, 'short.tflite'));
    const failing = quantizer.quantize(undefined, { into: short, threads: 2 });
    await expect(failing).rejects.toMatchObject({ code: 'MODEL_TRUNCATED' });
    short.discard();
    quantizer.close();
    expect(readdirSync(folder)).toEqual(['float.tflite']);
    expect(existsSync(join(folder, 'short.tflite'))).toBe(false);
  });
});
