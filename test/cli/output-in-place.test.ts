import { lstatSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { aeq } from './aeq.ts';
import { workspace } from './workspace.ts';

const QUANTIZE = ['quantize', 'model.tflite', '--recipe', 'dynamic_wi8_afp32'];
const CALIBRATE = ['calibrate', 'model.tflite', '--data', 'samples'];

describe.skipIf(process.platform === 'win32')('a result in place of something that is read', () => {
  it.each([
    ['the model', [...QUANTIZE, '-o', 'model.tflite']],
    ['the model by another path', [...QUANTIZE, '-o', 'samples/../model.tflite']],
    ['what a link leads to', ['quantize', 'link.tflite', ...QUANTIZE.slice(2), '-o', 'model.tflite']],
    ['the model by a link', [...QUANTIZE, '-o', 'link.tflite']],
    ['the model with a plan', [...QUANTIZE, '-o', 'q.tflite', '--plan', 'model.tflite']],
    ['the result with a plan', [...QUANTIZE, '-o', 'q.tflite', '--plan', 'q.tflite']],
    ['the model with a calibration', [...CALIBRATE, '-o', 'model.tflite']],
    ['the model with a resumed calibration', [...CALIBRATE, '--resume', '-o', 'model.tflite']],
    ['a sample of a folder', [...CALIBRATE, '-o', 'samples/00.npy']],
    ['a sample', ['calibrate', 'model.tflite', '--data', 'serving_default=samples/00.npy', '-o', 'samples/00.npy']],
    ['a part', ['calibration', 'merge', 'c.json', 'c.json', '-o', 'c.json']],
    ['what is exported', ['calibration', 'export', 'c.json', '-o', './c.json']],
  ])('is refused, with --force too: %s', async (_what, args) => {
    const { folder, path, write } = workspace(2);
    symlinkSync('model.tflite', path('link.tflite'));
    write('c.json', '{}');
    const files = ['model.tflite', 'c.json', 'samples/00.npy'];
    const before = files.map((name) => readFileSync(path(name)));
    const run = await aeq([...args, '--force', '--quiet'], { cwd: folder });
    expect(run.stderr).toMatch(/^error {2}.* and writing the result there would destroy it \[USAGE\]\nhint .*\n$/);
    expect(run.status).toBe(2);
    expect(files.map((name) => readFileSync(path(name)))).toEqual(before);
    expect(lstatSync(path('link.tflite')).isSymbolicLink()).toBe(true);
    expect(readdirSync(folder).sort()).toEqual(['c.json', 'link.tflite', 'model.tflite', 'samples']);
  });
});
