import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ModelBuilder, randomFloats } from '../support/model-builder.ts';
import { aeq, stable } from './aeq.ts';
import { npy, workspace } from './workspace.ts';

/** x [1, 6, 80] -> FULLY_CONNECTED 48 -> RELU -> FULLY_CONNECTED 10 -> y, and samples whose values depend on each other, some of them large. */
function dense() {
  const place = workspace(0);
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const x = main.input('x', [1, 6, 80]);
  const layer = (input: number, name: string, rows: number, columns: number, seed: number) => {
    const weights = main.constant(
      `${name}/weights`,
      [rows, columns],
      randomFloats(rows * columns, seed).map((w) => w ** 3),
    );
    const bias = main.constant(`${name}/bias`, [rows], randomFloats(rows, seed + 1));
    return main.operator(
      'FULLY_CONNECTED',
      [input, weights, bias],
      { name, shape: [1, 6, rows] },
      { keepNumDims: true },
    );
  };
  const hidden = layer(x, 'hidden', 48, 80, 1);
  const active = main.operator('RELU', [hidden], { name: 'active', shape: [1, 6, 48] });
  main.outputs(layer(active, 'y', 10, 48, 5));
  builder.signature('serving_default', { inputs: { x }, outputs: { y: 'y' } });
  place.write('float.tflite', builder.bytes());
  const mixing = randomFloats(80 * 12, 99);
  for (let i = 0; i < 36; i += 1) {
    const causes = randomFloats(6 * 12, 200 + i);
    const values = Float32Array.from({ length: 6 * 80 }, (_, at) => {
      const [row, column] = [Math.floor(at / 80), at % 80];
      let sum = 0;
      for (let k = 0; k < 12; k += 1) sum += (causes[row * 12 + k] as number) * (mixing[column * 12 + k] as number);
      return column % 9 === 0 ? 30 * sum : sum;
    });
    const folder = i < 24 ? 'samples' : 'others';
    place.write(`${folder}/${String(i).padStart(2, '0')}.npy`, npy([1, 6, 80], values));
  }
  return place;
}

const rule = (algorithm: string, config: object = { compute_precision: 'INTEGER' }) =>
  JSON.stringify([
    {
      regex: '.*',
      operation: 'FULLY_CONNECTED',
      algorithm_key: algorithm,
      op_config: { weight_tensor_config: { num_bits: 4, symmetric: true, granularity: 'CHANNELWISE' }, ...config },
    },
  ]);

/** Signal to noise of the output on samples that were not calibrated with. */
async function noise(folder: string, file: string): Promise<number> {
  const run = await aeq(['validate', 'float.tflite', file, '--data', 'others', '--json', '--quiet'], { cwd: folder });
  expect(run).toMatchObject({ status: 0 });
  return JSON.parse(run.stdout).signatures[0].outputs[0].metrics.sqnrDb;
}

describe.each(['GPTQ', 'OSCAR'])('%s', (algorithm) => {
  it('writes the same bytes from samples, and from a calibration by any number of workers or parts', async () => {
    const { folder, path, write } = dense();
    write('recipe.json', rule(algorithm));
    const run = async (...args: string[]) => {
      expect(await aeq([...args, '--quiet'], { cwd: folder })).toMatchObject({ status: 0, stderr: '' });
    };
    const quantize = (output: string, ...from: string[]) =>
      run('quantize', 'float.tflite', '--recipe', 'recipe.json', '-o', output, ...from);
    const calibrate = (output: string, ...args: string[]) =>
      run('calibrate', 'float.tflite', '--recipe', 'recipe.json', '--data', 'samples', '-o', output, ...args);
    await calibrate('whole.json', '--workers', '1');
    await calibrate('workers.json', '--workers', '3');
    await calibrate('part1.json', '--shard', '1/2');
    await calibrate('part2.json', '--shard', '2/2');
    await run('calibration', 'merge', 'part2.json', 'part1.json', '-o', 'merged.json');
    const whole = readFileSync(path('whole.json'), 'utf8');
    for (const name of ['workers.json', 'merged.json']) expect(readFileSync(path(name), 'utf8'), name).toBe(whole);
    await quantize('file.tflite', '--calibration', 'merged.json');
    await quantize('data.tflite', '--data', 'samples');
    expect(readFileSync(path('data.tflite')).equals(readFileSync(path('file.tflite')))).toBe(true);
  });

  it('is more exact than min/max on other samples, stored for integer and for float kernels', async () => {
    const { folder, write } = dense();
    for (const [mode, config] of [
      ['dynamic', { compute_precision: 'INTEGER' }],
      ['stored', { compute_precision: 'FLOAT', explicit_dequantize: true }],
    ] as const) {
      const found: number[] = [];
      for (const key of [algorithm, 'min_max_uniform_quantize']) {
        write('recipe.json', rule(key, config));
        const args = ['quantize', 'float.tflite', '--recipe', 'recipe.json', '--data', 'samples', '-o', 'q.tflite'];
        expect(await aeq([...args, '--force', '--quiet'], { cwd: folder }), mode).toMatchObject({ status: 0 });
        found.push(await noise(folder, 'q.tflite'));
      }
      expect((found[0] as number) - (found[1] as number), mode).toBeGreaterThan(LEAST_GAIN[algorithm] as number);
    }
  });

  it('says what it needs', async () => {
    const { folder, write } = dense();
    write('recipe.json', rule(algorithm));
    const quantize = ['quantize', 'float.tflite', '--recipe', 'recipe.json'];
    expect(stable(await aeq(quantize, { cwd: folder }))).toMatchSnapshot('without samples');
    await aeq(['calibrate', 'float.tflite', '--data', 'samples', '-o', 'ranges.json'], { cwd: folder });
    const run = await aeq([...quantize, '--calibration', 'ranges.json'], { cwd: folder });
    expect(stable(run)).toMatchSnapshot('with ranges only');
  });
});

/** Decibels. OSCAR knows squares only: these inputs, which depend on each other, are nothing it is best at. */
const LEAST_GAIN: Readonly<Record<string, number>> = { GPTQ: 3, OSCAR: 0.4 };
