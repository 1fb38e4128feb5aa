import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { denseModel } from '../support/models.ts';
import { skipUnless } from '../support/shared.ts';
import { aeq, execute, MAIN, stable } from './aeq.ts';
import { mistake } from './mistake.ts';
import { DIGITS, npy, wideModel, workspace } from './workspace.ts';

const STATIC = ['quantize', 'model.tflite', '--static', '-o', 'q.tflite'];
const JPEG = Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 16, 0x4a, 0x46, 0x49, 0x46, 0, 1, 1, 0, 0, 1);

describe('a model that is none', () => {
  it('is missing', async () => {
    const { folder } = workspace(0);
    expect(await mistake(['quantize', 'nothing.tflite', '--static', '--data', '.'], folder)).toMatchInlineSnapshot(`
      "error  nothing.tflite does not exist [FILE_NOT_FOUND]
      hint   check the path
      exit status 3"
    `);
  });

  it('is a JPEG picture', async () => {
    const { folder, write } = workspace(0);
    write('cat.jpg', JPEG);
    expect(await mistake(['quantize', 'cat.jpg', '--static', '--data', '.'], folder)).toMatchInlineSnapshot(`
      "error  cat.jpg is not a .tflite model: it looks like a JPEG picture [MODEL_NOT_TFLITE]
      hint   a .tflite file has the letters TFL3 at byte 4
      exit status 3"
    `);
  });

  it('is cut off', async () => {
    const { folder, write } = workspace(0);
    write('half.tflite', denseModel().bytes().subarray(0, 300));
    const run = await aeq(['inspect', 'half.tflite'], { cwd: folder });
    expect(run.status).toBe(3);
    expect(run.stdout).toBe('');
    expect(run.stderr).toMatch(
      /^error {2}half\.tflite is damaged: .*300 bytes.*\[MODEL_TRUNCATED\]\nhint {3}.*again\n$/,
    );
  });

  it('is a folder', async () => {
    const { folder } = workspace(1);
    expect(await mistake(['inspect', 'samples'], folder)).toMatchInlineSnapshot(`
      "error  samples is a folder, not a model [FILE_UNREADABLE]
      hint   name the .tflite file
      exit status 3"
    `);
  });

  it('is a SavedModel', async () => {
    const { folder, write } = workspace(0);
    write('saved/saved_model.pb', 'x');
    expect(await mistake(['quantize', 'saved', '--static', '--data', '.'], folder)).toMatchInlineSnapshot(`
      "error  saved is a folder, not a model: it holds a TensorFlow SavedModel [FILE_UNREADABLE]
      hint   convert it to .tflite first
      exit status 3"
    `);
  });

  it('stands where the samples should be', async () => {
    const { folder } = workspace(1);
    expect(await mistake(['dataset', 'check', 'model.tflite', 'samples'], folder)).toMatchInlineSnapshot(`
      "error  samples is no model, but model.tflite is [USAGE]
      hint   the samples come first: aeq dataset check <source> <model>
      exit status 2"
    `);
  });
});

describe('samples that do not do', () => {
  it('are not there', async () => {
    const { folder } = workspace(0);
    expect(await mistake([...STATIC, '--data', 'nowhere'], folder)).toMatchInlineSnapshot(`
      "error  nowhere does not exist [FILE_NOT_FOUND]
      hint   check the path
      exit status 3"
    `);
  });

  it('are for a signature that there is not', async () => {
    const { folder } = workspace(1);
    expect(await mistake([...STATIC, '--data', 'serving_defalt=samples'], folder)).toMatchInlineSnapshot(`
      "error  the model has no signature serving_defalt [SIGNATURE_UNKNOWN]
      hint   did you mean "serving_default"?
      exit status 2"
    `);
  });

  it('are in a manifest with the paths of Windows', async () => {
    const { folder, path, write } = workspace(0);
    write('data/set/0.npy', npy([1, 4], Float32Array.of(1, -1, 0.5, 0.2)));
    write('w.dataset.json', JSON.stringify({ format: 'aeq-dataset', version: 1, data: 'data\\set' }));
    const args = [
      'calibrate',
      'model.tflite',
      '--data',
      'w.dataset.json',
      '-o',
      'c.json',
      '--json',
      '--progress',
      'none',
    ];
    const run = await aeq(args, { cwd: folder });
    expect(run.status, run.stderr).toBe(0);
    expect(JSON.parse(run.stdout)).toMatchObject({ samples: 1 });
    expect(existsSync(path('c.json'))).toBe(true);
  });

  it('are in an empty folder', async () => {
    const { folder, path } = workspace(0);
    mkdirSync(path('empty'));
    expect(await mistake([...STATIC, '--data', 'empty'], folder)).toMatchInlineSnapshot(`
      "error  there are no files in empty [DATASET_EMPTY]
      hint   give a folder of pictures, .npy or .npz files, text, WAV, parquet or tar files, or a *.dataset.json
      exit status 3"
    `);
  });

  it('have another shape', async () => {
    const { folder, write } = workspace(1);
    write('samples/wide.npy', npy([1, 5], new Float32Array(5)));
    expect(await mistake([...STATIC, '--data', 'samples'], folder)).toMatchInlineSnapshot(`
      "error  samples/wide.npy holds float32 [1,5], but input "x" takes FLOAT32 [1,4] [DATASET_MISMATCH]
      hint   give one sample of exactly this shape, or several along one more dimension in front
      exit status 3"
    `);
  });

  it('have another type', async () => {
    const { folder, write } = workspace(0);
    write('x.npy', npy([1, 4], Uint8Array.from(Buffer.alloc(32)), '<c8'));
    expect(await mistake([...STATIC, '--data', 'x.npy'], folder)).toMatchInlineSnapshot(`
      "error  1 of 1 samples cannot be decoded: x.npy is not a valid .npy file: elements of type c8 are not supported (sample 0) [DATASET_UNREADABLE]
      hint   repair or remove the file, or allow a share of bad files with --allow-bad
      exit status 3"
    `);
  });

  it('hold NaN: the tensor and the sample are named', async () => {
    const { folder, write } = workspace(2);
    write('samples/bad.npy', npy([1, 4], Float32Array.of(1, Number.NaN, 3, 4)));
    expect(await mistake([...STATIC, '--data', 'samples'], folder)).toMatchInlineSnapshot(`
      "error  tensor "x" holds 1 NaN in sample 2 (bad.npy) [CALIBRATION_NAN]
      hint   check this sample and its preprocessing, or leave it out; it is the first tensor in the graph that has any
      exit status 3"
    `);
    expect(existsSync(join(folder, 'q.tflite'))).toBe(false);
  });

  it.each(['1', '2'])(
    'include a damaged picture: it is named, and left out where that is allowed (workers: %s)',
    async (workers) => {
      const { folder, write, path } = workspace(0);
      for (const name of ['000.png', '001.png', '002.png']) {
        write(`pictures/${name}`, readFileSync(join(DIGITS, 'calibration', name)));
      }
      write('pictures/broken.png', readFileSync(join(DIGITS, 'calibration', '003.png')).subarray(0, 90));
      const model = join(DIGITS, 'digits_cnn.tflite');
      const args = ['calibrate', model, '--data', 'pictures', '-o', 'c.json', '--workers', workers];
      const refused = await aeq([...args, '--progress', 'none'], { cwd: folder });
      expect(refused.status).toBe(3);
      expect(refused.stderr).toMatch(/^error {2}1 of 4 samples cannot be decoded: pictures\/broken\.png .*\n/);
      expect(refused.stderr).toContain('--allow-bad');
      expect(existsSync(path('c.json'))).toBe(false);
      const allowed = await aeq([...args, '--allow-bad', '0.3', '--json', '--progress', 'none'], { cwd: folder });
      expect(allowed.status).toBe(0);
      expect(JSON.parse(allowed.stdout)).toMatchObject({ samples: 3 });
      expect(allowed.stderr).toMatch(/warning {2}1 of 4 samples left out: pictures\/broken\.png/);
    },
  );
});

describe('a recipe that there is not', () => {
  it('is misspelled', async () => {
    const { folder } = workspace(0);
    const args = ['quantize', 'model.tflite', '--recipe', 'dynamic_wi8_afp23'];
    expect(await mistake(args, folder)).toMatchInlineSnapshot(`
      "error  there is no built-in recipe and no file "dynamic_wi8_afp23" [RECIPE_NOT_FOUND]
      hint   did you mean dynamic_wi8_afp32 or dynamic_wi4_afp32 or dynamic_wi8c_afp32?
      exit status 3"
    `);
  });

  it('names an operator that there is not', async () => {
    const { folder, write } = workspace(0);
    const rule = { regex: '.*', operation: 'FULLY_CONECTED', algorithm_key: 'no_quantize' };
    write('recipe.json', JSON.stringify([rule]));
    expect(await mistake(['quantize', 'model.tflite', '--recipe', 'recipe.json'], folder)).toMatchInlineSnapshot(`
      "error  recipe.json: rules[0].operation is "FULLY_CONECTED", which is no operator [RECIPE_UNKNOWN_OPERATION]
      hint   did you mean "FULLY_CONNECTED"?
      exit status 3"
    `);
  });

  it('is no JSON', async () => {
    const { folder, write } = workspace(0);
    write('recipe.json', '[{"regex": }]');
    expect(await mistake(['quantize', 'model.tflite', '--recipe', 'recipe.json'], folder)).toMatchInlineSnapshot(`
      "error  recipe.json is not valid JSON at line 1, column 12: a comma before the closing bracket [RECIPE_INVALID]
      hint   correct the text at this place
      exit status 3"
    `);
  });

  it('is not said at all', async () => {
    const { folder } = workspace(0);
    expect(await mistake(['quantize', 'model.tflite'], folder)).toMatchInlineSnapshot(`
      "error  say how to quantize: --static or --recipe <name> [USAGE]
      hint   aeq recipe list shows the built-in recipes; dynamic_wi8_afp32 needs no data
      exit status 2"
    `);
  });
});

describe('an output that cannot be', () => {
  it('exists, and is overwritten with --force only', async () => {
    const { folder, path } = workspace(0);
    writeFileSync(path('q.tflite'), 'mine');
    const args = ['quantize', 'model.tflite', '--recipe', 'dynamic_wi8_afp32', '-o', 'q.tflite', '--no-verify'];
    expect(await mistake(args, folder)).toMatchInlineSnapshot(`
      "error  q.tflite exists already [FILE_EXISTS]
      hint   choose another name, or overwrite it with --force
      exit status 2"
    `);
    expect(readFileSync(path('q.tflite'), 'utf8')).toBe('mine');
    const forced = await aeq([...args, '--force', '--quiet'], { cwd: folder });
    expect(forced).toEqual({ status: 0, stdout: '', stderr: '' });
    expect(readFileSync(path('q.tflite')).subarray(4, 8).toString()).toBe('TFL3');
  });

  it('lies in a folder that there is not', async () => {
    const { folder } = workspace(1);
    const args = ['quantize', 'model.tflite', '--static', '--data', 'samples', '-o', 'no/q.tflite'];
    expect(await mistake(args, folder)).toMatchInlineSnapshot(`
      "error  no/q.tflite cannot be written: the folder does not exist [FILE_UNWRITABLE]
      hint   create the folder first
      exit status 3"
    `);
  });

  it('lies below a file', async () => {
    const { folder } = workspace(1);
    const args = ['calibrate', 'model.tflite', '--data', 'samples', '-o', 'model.tflite/c.json'];
    expect(await mistake(args, folder)).toMatchInlineSnapshot(`
      "error  model.tflite/c.json cannot be written: a part of the path is a file, not a folder [FILE_UNWRITABLE]
      hint   check the path
      exit status 3"
    `);
  });

  it.skipIf(!existsSync('/dev/full'))('lies on a full disk', async () => {
    const { folder } = workspace(0);
    const args = ['quantize', 'model.tflite', '--recipe', 'dynamic_wi8_afp32', '-o', '/dev/full', '--no-verify'];
    expect(await mistake(args, folder)).toMatchInlineSnapshot(`
      "error  /dev/full cannot be written: the disk is full [FILE_UNWRITABLE]
      hint   free some space or choose another disk
      exit status 3"
    `);
  });
});

/** Permissions do not hold the superuser back, but another user can be chosen. */
const NOBODY = process.getuid?.() === 0 ? 65534 : undefined;
const asUser = NOBODY === undefined ? {} : { uid: NOBODY };
const user = await aeq(['--version'], { cwd: '/', ...asUser });

describe.skipIf(skipUnless(process.platform !== 'win32' && user.status === 0, 'no user without write permission'))(
  'a folder without write permission',
  () => {
    it.each([
      ['quantize', ['quantize', 'model.tflite', '--recipe', 'dynamic_wi8_afp32', '-o', 'locked/q.tflite']],
      ['calibrate', ['calibrate', 'model.tflite', '--data', 'samples', '-o', 'locked/c.json']],
    ])('%s', async (_command, args) => {
      const { folder, path } = workspace(1);
      mkdirSync(path('locked'));
      chmodSync(folder, 0o755);
      chmodSync(path('locked'), 0o555);
      const run = await aeq([...args, '--quiet'], { cwd: folder, ...asUser });
      expect(run.stderr).toMatch(
        /^error {2}locked\/\S+ cannot be written: permission denied \[FILE_UNWRITABLE\]\nhint/,
      );
      expect(run.status).toBe(3);
      expect(readdirSync(path('locked'))).toEqual([]);
    });

    it('holds a model that may not be read', async () => {
      const { folder, path } = workspace(0);
      chmodSync(folder, 0o755);
      chmodSync(path('model.tflite'), 0o200);
      const run = await aeq(['inspect', 'model.tflite'], { cwd: folder, ...asUser });
      expect(stable(run)).toMatchInlineSnapshot(`
        "error  model.tflite cannot be read: permission denied [FILE_UNREADABLE]
        hint   check the permissions of the file and of its folder
        exit status 3"
      `);
    });
  },
);

const limitsFileSize = process.platform !== 'win32';

it.skipIf(!limitsFileSize)(
  'a disk that gets full in the middle leaves nothing behind, and the old file as it was',
  async () => {
    const { folder, path, write } = workspace(0);
    write('big.tflite', wideModel(512).bytes());
    writeFileSync(path('q.tflite'), 'old');
    const command = `ulimit -f 100; exec "$0" "$@" big.tflite --recipe dynamic_wi8_afp32 -o q.tflite --force --no-verify`;
    const run = await execute('/bin/sh', ['-c', command, process.execPath, MAIN, 'quantize'], { cwd: folder });
    expect(stable(run)).toMatchInlineSnapshot(`
      "error  q.tflite cannot be written: the file system does not take files of this size [FILE_UNWRITABLE]
      hint   choose another disk
      exit status 3"
    `);
    expect(readFileSync(path('q.tflite'), 'utf8')).toBe('old');
    expect(readdirSync(folder).sort()).toEqual(['big.tflite', 'model.tflite', 'q.tflite']);
  },
);

describe('a calibration that does not do', () => {
  it('is not given', async () => {
    const { folder } = workspace(0);
    expect(await mistake(STATIC, folder)).toMatchInlineSnapshot(`
      "error  static quantization needs the ranges of the activations [CALIBRATION_MISSING]
      hint   calibrate first (aeq calibrate), or give samples with --data
      exit status 2"
    `);
  });

  it('is of another model', async () => {
    const { folder, write } = workspace(2);
    const calibrated = await aeq(['calibrate', 'model.tflite', '--data', 'samples', '--quiet'], { cwd: folder });
    expect(calibrated).toEqual({ status: 0, stdout: '', stderr: '' });
    write('other.tflite', denseModel(7).bytes());
    const args = ['quantize', 'other.tflite', '--static', '--calibration', 'calibration.json'];
    expect(await mistake(args, folder)).toMatchInlineSnapshot(`
      "error  the calibration is of another model (model.tflite) [CALIBRATION_MISMATCH]
      hint   calibrate this very file; a converted or edited model needs a calibration of its own
      exit status 3"
    `);
  });

  it('is something else', async () => {
    const { folder } = workspace(0);
    copyFileSync(join(folder, 'model.tflite'), join(folder, 'c.json'));
    expect(await mistake([...STATIC, '--calibration', 'c.json'], folder)).toMatchInlineSnapshot(`
      "error  c.json is not JSON at line 1: expected a value, found "\\u001c" [CALIBRATION_INVALID]
      hint   give a calibration file of aeq or of the original
      exit status 3"
    `);
  });
});

describe('a command line that is wrong', () => {
  it.each([
    ['an unknown command', ['quantise', 'model.tflite']],
    ['an unknown option', ['quantize', 'model.tflite', '--statik']],
    ['an option of another command', ['validate', 'a.tflite', 'b.tflite', '--static']],
    ['no model', ['quantize', '--static', '--data', 'samples']],
    ['a word too many', ['inspect', 'model.tflite', 'other.tflite']],
    ['a word for a number', ['quantize', 'model.tflite', '--static', '--samples', 'ten']],
    ['a number that is too small', ['quantize', 'model.tflite', '--static', '--samples', '0']],
    ['a share above one', ['quantize', 'model.tflite', '--static', '--allow-bad', '5']],
    ['an unknown type', ['quantize', 'model.tflite', '--static', 'int4']],
    ['an unknown rule for ranges', ['quantize', 'model.tflite', '--static', '--data', 'samples', '--range', 'best']],
    ['numbers that are none', ['quantize', 'model.tflite', '--static', '--data', 'samples', '--mean', '1,b']],
    ['an unknown amount of memory', ['calibrate', 'model.tflite', '--data', 'samples', '--memory', 'much']],
    ['no memory', ['calibrate', 'model.tflite', '--data', 'samples', '--memory', '0']],
    ['a part that there is not', ['calibrate', 'model.tflite', '--data', 'samples', '--shard', '3/2']],
    ['two recipes', ['quantize', 'model.tflite', '--static', '--recipe', 'dynamic_wi8_afp32']],
    ['an unknown signature', ['calibrate', 'model.tflite', '--data', 'samples', '--signature', 'decode']],
    [
      'a condition that is none',
      ['validate', 'model.tflite', 'model.tflite', '--data', 'samples', '--fail-on', 'sqnr'],
    ],
  ])('%s', async (_what, args) => {
    const { folder } = workspace(1);
    const before = readdirSync(folder);
    const run = await aeq([...args, '--json', '--quiet'], { cwd: folder });
    expect(run.status).toBe(2);
    const { error } = JSON.parse(run.stdout);
    expect(run.stderr).toContain(error.message);
    expect(`${error.message}\n${error.hint ?? ''}`).toMatchSnapshot();
    expect(readdirSync(folder)).toEqual(before);
  });
});

describe('more workers than anybody has', () => {
  it.each([
    ['samples', 3, 3],
    ['what a machine can use', 200, Math.max(8, 2 * availableParallelism())],
  ])('are as many as there are %s', async (_what, samples, workers) => {
    const { folder } = workspace(samples);
    const args = [
      'calibrate',
      'model.tflite',
      '--data',
      'samples',
      '--workers',
      '100000',
      '-o',
      'c.json',
      '--runtime',
      'wasm',
    ];
    const run = await aeq([...args, '--json', '--quiet'], { cwd: folder });
    expect(run.status, run.stderr).toBe(0);
    expect(JSON.parse(run.stdout)).toMatchObject({ samples, workers });
  });
});
