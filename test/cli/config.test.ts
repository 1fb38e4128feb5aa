import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { aeq, stable } from './aeq.ts';
import { workspace } from './workspace.ts';

const CALIBRATE = ['calibrate', 'model.tflite', '--config', 'aeq.json', '--json', '--quiet'];

describe('--config', () => {
  it('gives options, which the command line overrides', async () => {
    const { folder, write } = workspace(8);
    write('aeq.json', JSON.stringify({ data: ['samples'], samples: 5, output: 'from-config.json', workers: 1 }));
    const plain = await aeq(CALIBRATE, { cwd: folder });
    expect(JSON.parse(plain.stdout)).toMatchObject({ calibration: 'from-config.json', samples: 5, workers: 1 });
    const overridden = await aeq([...CALIBRATE, '--samples', '3', '-o', 'other.json'], { cwd: folder });
    expect(JSON.parse(overridden.stdout)).toMatchObject({ calibration: 'other.json', samples: 3 });
  });

  it('can serve several commands: options of others are left alone', async () => {
    const { folder, write } = workspace(8);
    write(
      'aeq.json',
      JSON.stringify({ data: ['samples'], failOn: ['output.sqnr<99'], static: 'int16', verify: false }),
    );
    const options = ['--config', 'aeq.json', '--json', '--quiet'];
    const quantized = await aeq(['quantize', 'model.tflite', '-o', 'q.tflite', ...options], { cwd: folder });
    // A flag that switches something off is its name with false.
    expect(JSON.parse(quantized.stdout)).toMatchObject({ output: 'q.tflite', verified: 'not verified' });
    const compared = await aeq(['validate', 'model.tflite', 'q.tflite', ...options], { cwd: folder });
    expect(compared.status).toBe(1);
  });

  it.each([
    ['is missing', undefined],
    ['is no JSON', '{"data": }'],
    ['is no object', '["data"]'],
    ['names an option that there is not', '{"dota": ["samples"]}'],
    ['names what every object has', '{"constructor": 1}'],
    ['has a word for a number', '{"samples": "ten"}'],
    ['has a number that is too small', '{"samples": 0}'],
    ['has an unknown choice', '{"runtime": "tpu"}'],
    ['has a word for a list', '{"data": "samples"}'],
    ['has a word for a flag', '{"force": "yes"}'],
  ])('that %s is refused with the place', async (_what, content) => {
    const { folder, write } = workspace(1);
    if (content !== undefined) write('aeq.json', content);
    const run = await aeq(['calibrate', 'model.tflite', '--config', 'aeq.json'], { cwd: folder });
    expect(run.stdout).toBe('');
    expect(stable(run)).toMatchSnapshot();
  });

  it('never changes what is asked for: the same bytes as with flags', async () => {
    const { folder, path, write } = workspace(8);
    write('aeq.json', JSON.stringify({ data: ['samples'], seed: 7, samples: 4 }));
    await aeq([...CALIBRATE, '-o', 'a.json'], { cwd: folder });
    const flags = ['--data', 'samples', '--seed', '7', '--samples', '4'];
    await aeq(['calibrate', 'model.tflite', ...flags, '-o', 'b.json', '--quiet'], { cwd: folder });
    expect(readFileSync(path('a.json'), 'utf8')).toBe(readFileSync(path('b.json'), 'utf8'));
  });
});
