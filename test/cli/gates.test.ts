import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { planSchema } from '../../schema/documents/plan.ts';
import { aeq, stable } from './aeq.ts';
import { DIGITS, npy, type Workspace, wideModel, workspace } from './workspace.ts';

/** A model and its int8 version, calibrated on the samples that it is compared on. */
async function quantized(): Promise<Workspace> {
  const place = workspace();
  const args = [
    'quantize',
    'model.tflite',
    '--static',
    '--data',
    'samples',
    '-o',
    'q.tflite',
    '--no-verify',
    '--quiet',
  ];
  expect(await aeq(args, { cwd: place.folder })).toEqual({ status: 0, stdout: '', stderr: '' });
  return place;
}

const VALIDATE = ['validate', 'model.tflite', 'q.tflite', '--data', 'samples', '--runtime', 'wasm'];

describe('a gate', () => {
  it('that holds gives status 0, one that fails status 1 and the reason in one line', async () => {
    const { folder } = await quantized();
    const passing = await aeq([...VALIDATE, '--fail-on', 'output.sqnr<20', '--quiet'], { cwd: folder });
    expect(passing).toEqual({ status: 0, stdout: '', stderr: '' });
    const failing = await aeq([...VALIDATE, '--fail-on', 'output.sqnr<99', '--quiet'], { cwd: folder });
    expect(failing.status).toBe(1);
    expect(failing.stdout).toBe('');
    expect(failing.stderr).toMatch(/^gate {2}output\.sqnr<99 failed: y has \d\d\.\d+\n$/);
  });

  it('is told apart from the others', async () => {
    const { folder } = await quantized();
    const gates = ['--fail-on', 'output.sqnr<20', 'any.cosine<2', '--fail-on', 'size.ratio>0.001'];
    const { status, stdout } = await aeq([...VALIDATE, ...gates, '--progress', 'none'], { cwd: folder });
    expect(status).toBe(1);
    const lines = stdout.split('\n').filter((line) => line.startsWith('gate'));
    expect(lines).toEqual([
      expect.stringMatching(/^gate {2}output\.sqnr<20 passed: y has /),
      expect.stringMatching(/^gate {2}any\.cosine<2 failed: /),
      expect.stringMatching(/^gate {2}size\.ratio>0\.001 failed: the quantized file has /),
    ]);
  });

  it('stands in the JSON too', async () => {
    const { folder } = await quantized();
    const run = await aeq([...VALIDATE, '--fail-on', 'output.sqnr<99', '--json', '--quiet'], { cwd: folder });
    expect(run.status).toBe(1);
    const { gates } = JSON.parse(run.stdout);
    expect(gates).toMatchObject([{ condition: 'output.sqnr<99', passed: false, subject: 'y' }]);
    expect(run.stderr).toMatch(/^gate {2}output\.sqnr<99 failed/);
  });

  it('that asks for what is not known is an error, not a pass', async () => {
    const { folder } = await quantized();
    const run = await aeq([...VALIDATE, '--fail-on', 'top1.drop>0.01', '--quiet'], { cwd: folder });
    expect(stable(run)).toMatchInlineSnapshot(`
      "error  condition "top1.drop>0.01": accuracy is not known without labels [CONDITION_INVALID]
      hint   give labels (--labels)
      exit status 2"
    `);
  });
});

describe('a report', () => {
  it('is written whole, is not overwritten without --force, and serves as baseline', async () => {
    const { folder, path } = await quantized();
    const args = [...VALIDATE, '--report', 'reports/first', '--quiet'];
    expect(await aeq(args, { cwd: folder })).toEqual({ status: 0, stdout: '', stderr: '' });
    for (const name of ['comparison.json', 'report.html', 'summary.md', 'junit.xml', 'node_data_sqnr_db.json']) {
      expect(existsSync(path('reports/first', name)), name).toBe(true);
    }
    expect(stable(await aeq(args, { cwd: folder }))).toMatchInlineSnapshot(`
      "error  reports/first/comparison.json exists already [FILE_EXISTS]
      hint   choose another name, or overwrite it with --force
      exit status 2"
    `);
    expect((await aeq([...args, '--force'], { cwd: folder })).status).toBe(0);
    const baseline = ['--baseline', 'reports/first/comparison.json', '--samples', '12', '--json'];
    const again = await aeq([...VALIDATE, ...baseline], { cwd: folder });
    expect(again.stderr).toContain('warning  the baseline was measured on another number of samples');
    expect(JSON.parse(again.stdout).differences).toContainEqual(expect.objectContaining({ measure: 'SQNR dB' }));
  });

  it('says what looks wrong with the samples', async () => {
    const { folder, path, write } = await quantized();
    write('odd/constant.npy', npy([1, 4], Float32Array.of(1, 1, 1, 1)));
    write('odd/fine.npy', npy([1, 4], Float32Array.of(1, -1, 0.5, 0.2)));
    const args = ['validate', 'model.tflite', 'q.tflite', '--runtime', 'wasm', '--quiet'];
    for (const data of ['odd', 'samples']) {
      const run = await aeq([...args, '--data', data, '--report', `${data}_report`], { cwd: folder });
      expect(run).toEqual({ status: 0, stdout: '', stderr: '' });
    }
    const findings = (report: string) =>
      JSON.parse(readFileSync(path(report, 'comparison.json'), 'utf8')).datasets[0].findings;
    expect(findings('odd_report')).toEqual([
      {
        level: 'warning',
        code: 'constant',
        message: 'input "x" has one single value in 1 of 2 samples',
        samples: ['constant.npy'],
      },
    ]);
    expect(findings('samples_report')).toEqual([]);
    expect(readFileSync(path('odd_report/summary.md'), 'utf8')).toContain('one single value in 1 of 2 samples');
  });

  it('below a file is refused before anything runs', async () => {
    const { folder } = workspace(1);
    const args = ['validate', 'model.tflite', 'model.tflite', '--data', 'samples', '--report', 'model.tflite/a/b'];
    const run = await aeq(args, { cwd: folder });
    expect(run).toMatchObject({ status: 3, stdout: '' });
    expect(run.stderr).toMatch(/^error {2}\S*model\.tflite is a file, not a folder \[FILE_UNWRITABLE\]\nhint/);
  });

  it('into a file is refused before anything runs', async () => {
    const { folder } = workspace(1);
    const args = ['validate', 'model.tflite', 'model.tflite', '--data', 'samples', '--report', 'model.tflite'];
    expect(stable(await aeq(args, { cwd: folder }))).toMatchInlineSnapshot(`
      "error  model.tflite is a file, not a folder [FILE_UNWRITABLE]
      hint   name a folder for the report
      exit status 3"
    `);
  });
});

describe('what is compared', () => {
  it('says so when the models stand in the wrong order', async () => {
    const { folder } = await quantized();
    const run = await aeq(['validate', 'q.tflite', 'model.tflite', '--data', 'samples', '--quiet'], { cwd: folder });
    expect(stable(run)).toMatchInlineSnapshot(`
      "error  q.tflite is quantized, but model.tflite is not [MODELS_DIFFER]
      hint   the float model comes first: aeq validate <float> <quantized>
      exit status 3"
    `);
  });

  it('--no-injected leaves out the error that operators add', async () => {
    const { folder } = await quantized();
    const full = JSON.parse((await aeq([...VALIDATE, '--json', '--quiet'], { cwd: folder })).stdout);
    expect(full.operators).toHaveLength(2);
    const less = JSON.parse((await aeq([...VALIDATE, '--json', '--quiet', '--no-injected'], { cwd: folder })).stdout);
    expect(less.operators).toEqual([]);
    expect(less.signatures).toEqual(full.signatures);
  });
});

describe('the bundled digits', () => {
  it('come out right, with labels', async () => {
    const place = workspace(0);
    const model = join(DIGITS, 'digits_cnn.tflite');
    const data = ['--data', join(DIGITS, 'calibration'), '--samples', '40'];
    const run = await aeq(['quantize', model, '--static', ...data, '-o', 'q.tflite', '--quiet'], { cwd: place.folder });
    expect(run).toEqual({ status: 0, stdout: '', stderr: '' });
    const test = ['--data', join(DIGITS, 'test'), '--labels', join(DIGITS, 'test/labels.csv'), '--samples', '60'];
    const gates = ['--fail-on', 'output.sqnr<30', 'top1.drop>0.02', 'size.ratio>0.3'];
    const compared = await aeq(['validate', model, 'q.tflite', ...test, ...gates, '--json', '--quiet'], {
      cwd: place.folder,
    });
    expect(compared).toMatchObject({ status: 0, stderr: '' });
    const { classification } = JSON.parse(compared.stdout);
    expect(classification).toMatchObject({ labelled: 60 });
    expect(classification.float.top1).toBeGreaterThan(0.95);
    expect(readFileSync(place.path('q.tflite')).length).toBeLessThan(200_000);
  });
});

describe('--plan', () => {
  it('carries the reasons of quantize into the report of validate', async () => {
    const { folder, path } = workspace();
    const args = ['quantize', 'model.tflite', '--static', '--data', 'samples', '--exclude', '^y\\b', '--no-verify'];
    const made = await aeq([...args, '-o', 'q.tflite', '--plan', 'plan.json', '--quiet'], { cwd: folder });
    expect(made).toEqual({ status: 0, stdout: '', stderr: '' });
    const plan = planSchema.parse(JSON.parse(readFileSync(path('plan.json'), 'utf8')));
    const kept = plan.operators.find(({ operator, mode }) => operator >= 0 && mode === 'float');
    const run = await aeq([...VALIDATE, '--plan', 'plan.json', '--json', '--quiet'], { cwd: folder });
    const { floatOperators, signatures } = JSON.parse(run.stdout);
    expect(floatOperators).toMatchObject([{ operator: 'RELU', output: 'y', reason: kept?.reason }]);
    expect(floatOperators[0].reason).not.toContain('could be an integer operator');
    const written = plan.tensors.find(({ name, role }) => name === 'dense/output' && role === 'written as');
    const dense = signatures[0].tensors.find(({ name }: { name: string }) => name === 'dense/output');
    expect(dense.rangeReason).toBe(written?.reason);
    expect(written?.reason.length).toBeGreaterThan(3);
  });

  it('of another model is refused', async () => {
    const { folder, write } = await quantized();
    write('other.tflite', wideModel(4).bytes());
    const plan = ['quantize', 'other.tflite', '--static', '--data', 'samples', '--dry-run', '--plan', 'other.json'];
    expect(await aeq([...plan, '--json', '--quiet'], { cwd: folder })).toMatchObject({ status: 0, stderr: '' });
    expect(stable(await aeq([...VALIDATE, '--plan', 'other.json', '--quiet'], { cwd: folder }))).toMatchInlineSnapshot(
      `
      "error  the plan is of another float model (other.tflite) [MODELS_DIFFER]
      hint   give the plan that aeq quantize --plan wrote when it made this quantized model
      exit status 3"
    `,
    );
  });
});
