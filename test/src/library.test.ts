import { execFile } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { Quantizer } from '../../src/quantizer.ts';
import { DIGITS } from '../cli/workspace.ts';
import { projectRoot } from '../support/shared.ts';
import { temporaryFolder } from '../support/temporary.ts';

const run = promisify(execFile);
const MODEL = join(DIGITS, 'digits_cnn.tflite');

/** A program as the README shows it, with what users pass for samples. */
const PROGRAM = `
import { AeqError, dynamicRule, Quantizer, recipes } from 'aeq';
import type { Comparison, ModelInput, RangeRule, RecipeSource, Rule, WeightRuleOptions } from 'aeq';

const picture = (seed: number): Float32Array =>
  Float32Array.from({ length: 784 }, (_, i) => ((i * 7919 + seed * 104729) % 1000) / 1000);

async function* endless() {
  for (let i = 0; ; i += 1) yield { image: picture(i) };
}

const options: WeightRuleOptions = { weightBits: 8, granularity: 'CHANNELWISE' };
const rules: readonly Rule[] = [...recipes.staticWi8Ai8().rules, dynamicRule({ ...options, regex: '^no layer' })];
const source: RecipeSource = { rules: rules.slice(0, 1) };
const range: RangeRule = { kind: 'minmax' };
const model: ModelInput = process.argv[2] as string;
const quantizer = await Quantizer.open(model);
quantizer.loadQuantizationRecipe(source);
quantizer.updateQuantizationRecipe({ regex: 'dense_3', operation: 'FULLY_CONNECTED', algorithm: 'no_quantize' });
const calibration = await quantizer.calibrate(endless(), { samples: 12 });
const shape = [1, 28, 28, 1];
const tensors = await quantizer.calibrate([
  { image: Object.freeze({ shape, dtype: 'float32', dataSync: () => picture(0) }) },
  { image: { shape, data: async () => picture(1) } },
  { image: { shape, type: 'float32', data: picture(2) } },
  picture(3),
]);
const own = picture(4);
const before = own.slice();
await quantizer.calibrate([{ image: own }]);
const result = await quantizer.quantize(calibration, { range });
await result.exportModel('model_q.tflite');
const comparison: Comparison = await quantizer.validate(Array.from({ length: 4 }, (_, i) => ({ image: picture(i) })));
let refused: string | undefined;
try {
  await result.exportModel('model_q.tflite');
} catch (error) {
  if (error instanceof AeqError) refused = error.code;
}
console.log(
  JSON.stringify({
    samples: [calibration.samples.length, tensors.samples.length],
    unchanged: own.every((value, i) => value === before[i]),
    outputs: comparison.signatures.map(({ outputs }) => outputs.length),
    float: comparison.floatOperators.map(({ reason }) => reason),
    refused,
  }),
);
quantizer.close();
`;

describe('a program that uses the package', () => {
  it('finds types that hold without skipLibCheck, and runs', { timeout: 60_000 }, async () => {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'node_modules'));
    symlinkSync(projectRoot, join(folder, 'node_modules/aeq'));
    symlinkSync(join(projectRoot, 'node_modules/@types'), join(folder, 'node_modules/@types'));
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    writeFileSync(join(folder, 'program.ts'), PROGRAM);
    const tsc = join(projectRoot, 'node_modules/typescript/bin/tsc');
    const options = ['--strict', '--exactOptionalPropertyTypes', '--skipLibCheck', 'false', '--types', 'node'];
    const target = ['--module', 'nodenext', '--target', 'es2022'];
    const compiled = await run(process.execPath, [tsc, 'program.ts', ...options, ...target], { cwd: folder }).catch(
      ({ stdout }: { stdout: string }) => ({ stdout }),
    );
    expect(compiled.stdout).toBe('');
    const { stdout } = await run(process.execPath, ['program.js', MODEL], { cwd: folder });
    expect(JSON.parse(stdout)).toEqual({
      samples: [12, 4],
      unchanged: true,
      outputs: [1],
      float: ['rule 2 (FULLY_CONNECTED in /dense_3/) keeps it float'],
      refused: 'FILE_EXISTS',
    });
  });
});

describe('what is no samples or no model', () => {
  it('is refused in words', async () => {
    const quantizer = await Quantizer.open(MODEL);
    for (const samples of [undefined, null, 5] as unknown as never[]) {
      await expect(quantizer.calibrate(samples)).rejects.toMatchObject({ code: 'FEED_INVALID' });
    }
    quantizer.close();
    for (const model of [undefined, 42, {}, new ArrayBuffer(8)] as unknown as string[]) {
      await expect(Quantizer.open(model)).rejects.toMatchObject({ code: 'USAGE' });
    }
  });
});
