import { execFileSync } from 'node:child_process';
import { copyFileSync, readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { layoutBytes } from '../../schema/layout.ts';
import { layoutContainer } from '../../schema/litertlm/layout.ts';
import { modelBytes } from '../../schema/writer.ts';
import { container, section } from '../support/containers.ts';
import { ModelBuilder } from '../support/model-builder.ts';
import { denseModel } from '../support/models.ts';
import { aeq } from './aeq.ts';
import { mistake } from './mistake.ts';
import { npy, workspace } from './workspace.ts';

const DYNAMIC = ['--recipe', 'dynamic_wi8_afp32'];
const containerBytes = () =>
  layoutBytes(layoutContainer(container(section('TFLITE_MODEL', denseModel().bytes(), 'tf_lite_embedder'))));

describe('a name that leads nowhere', () => {
  it('is nearly that of a file', async () => {
    const { folder, write } = workspace(0);
    expect(await mistake(['inspect', 'model.tflit'], folder)).toMatchInlineSnapshot(`
      "error  model.tflit does not exist [FILE_NOT_FOUND]
      hint   did you mean "model.tflite"?
      exit status 3"
    `);
    write('deep/recipe.json', '[]');
    const args = ['quantize', 'model.tflite', '--recipe', 'dynamic_wi8_afp32', '--policy', 'deep/recpe.json'];
    expect(await mistake(args, folder)).toMatchInlineSnapshot(`
      "error  deep/recpe.json does not exist [FILE_NOT_FOUND]
      hint   did you mean "deep/recipe.json"?
      exit status 3"
    `);
  });

  it('stands for standard input', async () => {
    const { folder } = workspace(0);
    expect(await mistake(['inspect', '-'], folder)).toMatchInlineSnapshot(`
      "error  - does not exist [FILE_NOT_FOUND]
      hint   standard input is not read: name a file
      exit status 3"
    `);
  });

  it.skipIf(process.platform === 'win32')('is a pipe that nobody writes to', async () => {
    const { folder } = workspace(0);
    execFileSync('mkfifo', ['pipe'], { cwd: folder });
    expect(await mistake(['inspect', 'pipe'], folder)).toMatchInlineSnapshot(`
      "error  pipe is a device or a pipe, not a file [FILE_UNREADABLE]
      hint   name a file
      exit status 3"
    `);
  });
});

describe('a container', () => {
  it('is known by its content', async () => {
    const { folder, path, write } = workspace(0);
    write('renamed.tflite', containerBytes());
    const inspected = await aeq(['inspect', 'renamed.tflite', '--json'], { cwd: folder });
    expect(JSON.parse(inspected.stdout).sections).toHaveLength(1);
    const explained = await aeq(['recipe', 'explain', 'renamed.tflite', ...DYNAMIC.slice(1), '--json'], {
      cwd: folder,
    });
    expect(JSON.parse(explained.stdout).components).toHaveLength(1);
    const args = ['quantize', 'renamed.tflite', ...DYNAMIC, '-o', 'q.tflite', '--no-verify', '--quiet'];
    expect(await aeq(args, { cwd: folder })).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(readFileSync(path('q.tflite'), 'latin1').slice(0, 8)).toBe('LITERTLM');
  });

  it('is no model to calibrate', async () => {
    const { folder, write } = workspace(1);
    write('c.litertlm', containerBytes());
    expect(await mistake(['calibrate', 'c.litertlm', '--data', 'samples'], folder)).toMatchInlineSnapshot(`
      "error  c.litertlm is not a .tflite model: it is a .litertlm container, which only inspect, quantize and recipe explain take [MODEL_NOT_TFLITE]
      hint   a .tflite file has the letters TFL3 at byte 4
      exit status 3"
    `);
  });
});

describe('a model that is quantized already', () => {
  it('stays as it is, and that is said', async () => {
    const { folder, write } = workspace();
    for (let i = 0; i < 20; i++) write(`codes/${i}.npy`, npy([1, 4], Uint8Array.of(i, 2, 3, 4), '|i1'));
    const quantize = (...args: string[]) => aeq(['quantize', ...args, '--progress', 'none'], { cwd: folder });
    await quantize('model.tflite', '--static', '--data', 'samples', '-o', 'q.tflite');
    const { stderr } = await quantize('q.tflite', '--static', '--data', 'codes', '-o', 'again.tflite');
    expect(stderr).toBe(
      'warning  no tensor has a range to find: the model computes nothing in float\n' +
        'warning  the model is quantized already: the recipe changes nothing in it\n',
    );
    await quantize('model.tflite', ...DYNAMIC, '-o', 'd.tflite');
    const further = await quantize('d.tflite', '--static', '--data', 'samples', '-o', 's.tflite');
    expect(further.stderr).toContain('warning  the model is quantized in part already: quantized tensors stay');
  });
});

it('a model of a newer runtime is not blamed on quantizing', async () => {
  const { folder, write } = workspace(0);
  const model = denseModel().build();
  for (const code of model.operatorCodes.slice(1))
    Object.assign(code, { builtinCode: 250, deprecatedBuiltinCode: 127 });
  write('newer.tflite', modelBytes(model));
  const args = ['quantize', 'newer.tflite', ...DYNAMIC, '-o', 'q.tflite'];
  const told = await mistake(args, folder);
  expect(told).toMatch(
    /^error {2}q\.tflite does not load: .*\. The float model does not run here either \[VERIFY_FAILED\]\n/,
  );
  expect(told).toContain('exit status 4');
  expect(readdirSync(folder).sort()).toEqual(['model.tflite', 'newer.tflite']);
});

describe('what cannot be compared', () => {
  it('a model made of another one', async () => {
    const { folder, write } = workspace(1);
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    const x = main.input('x', [1, 4]);
    main.outputs(main.operator('TANH', [x], { name: 'z', shape: [1, 4] }));
    write('other.tflite', builder.signature('serving_default', { inputs: { x }, outputs: { z: 'z' } }).bytes());
    const args = ['validate', 'model.tflite', 'other.tflite', '--data', 'samples'];
    expect(await mistake(args, folder)).toMatchInlineSnapshot(`
      "error  other.tflite computes nothing that the float model computes; of dense/output: the quantized model has no operator that makes this value [MODELS_DIFFER]
      hint   compare a model with the float model that it was made from
      exit status 3"
    `);
  });

  it('accuracy without labels, which is said before anything runs', async () => {
    const { folder, path } = workspace(1);
    copyFileSync(path('model.tflite'), path('same.tflite'));
    const args = ['validate', 'model.tflite', 'same.tflite', '--data', 'samples', '--fail-on', 'top1.drop>0.01'];
    const run = await aeq(args, { cwd: folder });
    expect(run.stderr).not.toContain('comparing');
    expect(await mistake(args, folder)).toMatchInlineSnapshot(`
      "error  condition "top1.drop>0.01": accuracy is not known without labels [CONDITION_INVALID]
      hint   give labels (--labels)
      exit status 2"
    `);
  });

  it('labels of other classes, or of some samples only', async () => {
    const { folder, path, write } = workspace(9);
    copyFileSync(path('model.tflite'), path('same.tflite'));
    write('labels.csv', 'file,label\n00.npy,1\n01.npy,3\n');
    const args = ['validate', 'model.tflite', 'same.tflite', '--data', 'samples', '--labels', 'labels.csv'];
    const run = await aeq([...args, '--progress', 'none'], { cwd: folder });
    expect(run.stderr).toBe('warning  the labels go up to 3, but the output has 3 classes, counted from 0\n');
    expect(run.stdout).toContain('7 of 9 samples have no label: accuracy is that of the others');
  });
});

describe('samples and recipes with little in them', () => {
  it('a recipe of no rules', async () => {
    const { folder, write } = workspace(0);
    write('none.json', '[]');
    expect(await mistake(['quantize', 'model.tflite', '--recipe', 'none.json'], folder)).toMatchInlineSnapshot(`
      "error  there are no rules to quantize by [RECIPE_EMPTY]
      hint   load a recipe that has some, such as 'dynamic_wi8_afp32'
      exit status 3"
    `);
  });

  it('one sample', async () => {
    const { folder } = workspace(1);
    const run = await aeq(['calibrate', 'model.tflite', '--data', 'samples'], { cwd: folder });
    expect(run.stderr).toContain('warning  1 sample is few: below 20');
  });
});

it('a policy is not overwritten', async () => {
  const { folder, path, write } = workspace(0);
  write('policy.json', '{}');
  const args = ['quantize', 'model.tflite', ...DYNAMIC, '--policy', 'policy.json', '-o', 'policy.json', '--force'];
  expect(await mistake(args, folder)).toContain('policy.json is read by this command');
  expect(readFileSync(path('policy.json'), 'utf8')).toBe('{}');
});
