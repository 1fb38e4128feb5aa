import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { strToU8, zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { layoutBytes } from '../../schema/layout.ts';
import { layoutContainer } from '../../schema/litertlm/layout.ts';
import { container, section } from '../support/containers.ts';
import { ModelBuilder, randomFloats } from '../support/model-builder.ts';
import { denseModel, twoSignatureModel } from '../support/models.ts';
import { aeq, type Run, stable } from './aeq.ts';
import { DIGITS, npy, workspace } from './workspace.ts';

const json = (run: Run) => {
  expect(run).toMatchObject({ status: 0 });
  return JSON.parse(run.stdout);
};

describe('calibrate', () => {
  it('writes the same bytes for any number of workers, any budget of memory and merged parts', async () => {
    const { folder, path } = workspace(11);
    const calibrate = (...args: string[]) =>
      aeq(['calibrate', 'model.tflite', '--data', 'samples', '--quiet', ...args], { cwd: folder });
    for (const [name, ...args] of [
      ['whole.json', '--workers', '1'],
      ['workers.json', '--workers', '3'],
      ['memory.json', '--memory', '1', '--workers', '1'],
      ['part1.json', '--shard', '1/2'],
      ['part2.json', '--shard', '2/2'],
    ]) {
      expect(await calibrate('-o', name ?? '', ...args)).toEqual({ status: 0, stdout: '', stderr: '' });
    }
    const merge = ['calibration', 'merge', 'part2.json', 'part1.json', '-o', 'merged.json'];
    expect(stable(await aeq(merge, { cwd: folder }))).toMatchInlineSnapshot(`
      "merged.json: 11 samples from 2 files
      exit status 0"
    `);
    const whole = readFileSync(path('whole.json'), 'utf8');
    for (const name of ['workers.json', 'memory.json', 'merged.json']) {
      expect(readFileSync(path(name), 'utf8'), name).toBe(whole);
    }
  });

  it('--recipe limits it to what the recipe needs; --samples and --seed choose', async () => {
    const { folder, path, write } = workspace(30);
    const args = ['calibrate', 'model.tflite', '--data', 'samples', '--samples', '6', '--json', '--quiet'];
    expect(json(await aeq([...args, '-o', 'first.json'], { cwd: folder }))).toMatchObject({ samples: 6, tensors: 3 });
    const named = (file: string) =>
      JSON.parse(readFileSync(path(file), 'utf8')).samples.map(({ name }: { name: string }) => name);
    expect(named('first.json')).toEqual(['00.npy', '01.npy', '02.npy', '03.npy', '04.npy', '05.npy']);
    await aeq([...args, '--seed', '1', '-o', 'drawn.json'], { cwd: folder });
    expect(named('drawn.json')).not.toEqual(named('first.json'));
    await aeq([...args, '--seed', '1', '-o', 'again.json'], { cwd: folder });
    expect(named('again.json')).toEqual(named('drawn.json'));
    write('recipe.json', JSON.stringify([{ ...STATIC_RULE, operation: 'FULLY_CONNECTED' }]));
    const limited = await aeq([...args, '--recipe', 'recipe.json', '-o', 'limited.json'], { cwd: folder });
    expect(json(limited).tensors).toBe(2);
    const useless = await aeq([...args, '--recipe', 'dynamic_wi8_afp32', '-o', 'none.json'], { cwd: folder });
    expect(stable(useless)).toContain('the recipe dynamic_wi8_afp32 needs no calibration');
  });
});

/** input_ids [1,8] of int32 to rows of a table. */
function tokenModel(): ModelBuilder {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const ids = main.input('input_ids', [1, 8], { type: 'INT32' });
  const table = main.constant('table', [7, 2], randomFloats(14, 1));
  main.outputs(main.operator('GATHER', [table, ids], { name: 'y', shape: [1, 8, 2] }, { axis: 0, batchDims: 0 }));
  return builder.signature('serving_default', { inputs: { input_ids: ids }, outputs: { y: 'y' } });
}

const [STATIC_RULE] = JSON.parse(readFileSync(new URL('../../recipes/static_wi8_ai8.json', import.meta.url), 'utf8'));

describe('quantize', () => {
  it('calibrates inside to the same bytes as with a calibration file', async () => {
    const { folder, path } = workspace();
    const base = ['quantize', 'model.tflite', '--static', '--no-verify', '--quiet'];
    await aeq(['calibrate', 'model.tflite', '--data', 'samples', '--quiet'], { cwd: folder });
    await aeq([...base, '--calibration', 'calibration.json', '-o', 'a.tflite'], { cwd: folder });
    await aeq([...base, '--data', 'samples', '-o', 'b.tflite'], { cwd: folder });
    await aeq(['quantize', 'model.tflite', '--recipe', 'static_wi8_ai8', '--data', 'samples', '--quiet'], {
      cwd: folder,
    });
    const bytes = readFileSync(path('a.tflite'));
    expect(readFileSync(path('b.tflite')).equals(bytes)).toBe(true);
    // Without -o: beside the model, with the recipe in its name.
    expect(readFileSync(path('model_static_wi8_ai8.tflite')).equals(bytes)).toBe(true);
  });

  it('--dry-run prints the plan and writes nothing', async () => {
    const { folder } = workspace();
    const data = ['--data', 'samples', '--range', 'minmax'];
    const args = ['quantize', 'model.tflite', '--static', ...data, '--dry-run', '--quiet'];
    const run = await aeq(args, { cwd: folder });
    expect(run.stderr).toBe('');
    expect(run.stdout.replace(/scale \S+,/g, 'scale SCALE,')).toMatchInlineSnapshot(`
      "operator  name             becomes  why
      0:0       FULLY_CONNECTED  static   rule 1 (* in /.*/): static_wi8_ai8
      0:1       RELU             static   rule 1 (* in /.*/): static_wi8_ai8
      0:-       INPUT            static   rule 1 (* in /.*/): static_wi8_ai8
      0:-       OUTPUT           static   rule 1 (* in /.*/): static_wi8_ai8

                  type   parameters                         from                            tensor
      written as  int8   scale SCALE, zero point -2    min/max of 24 samples           x
      read as     int8   3 scales along axis 0              min/max of each channel         dense/weights
      read as     int32  3 scales along axis 0              input scale times weight scale  dense/bias
      written as  int8   scale SCALE, zero point -33    min/max of 24 samples           dense/output
      written as  int8   scale SCALE, zero point -128  min/max of 24 samples           y
      "
    `);
    expect(() => statSync(join(folder, 'model_static_wi8_ai8.tflite'))).toThrow();
    const plan = json(await aeq([...args, '--json', '--exclude', '^y;', '--io', 'float32'], { cwd: folder }));
    expect(plan.operators).toMatchObject([
      { name: 'FULLY_CONNECTED', mode: 'static' },
      { name: 'RELU', mode: 'float' },
      { name: 'INPUT', mode: 'float' },
      { name: 'OUTPUT', mode: 'float' },
    ]);
  });

  it('--io, --include and --range change the file', async () => {
    const { folder } = workspace();
    const type = async (...args: string[]) => {
      const quantize = [
        'quantize',
        'model.tflite',
        '--static',
        '--data',
        'samples',
        '--force',
        '--quiet',
        '-o',
        'q.tflite',
      ];
      expect(await aeq([...quantize, ...args], { cwd: folder })).toEqual({ status: 0, stdout: '', stderr: '' });
      const { signatures, subgraphs } = json(await aeq(['inspect', 'q.tflite', '--json'], { cwd: folder }));
      return { input: signatures[0].inputs[0].type, operators: subgraphs[0].operators, tensors: subgraphs[0].tensors };
    };
    expect(await type()).toMatchObject({ input: 'INT8', operators: { FULLY_CONNECTED: 1, RELU: 1 } });
    expect(await type('--io', 'float32')).toMatchObject({
      input: 'FLOAT32',
      operators: { QUANTIZE: 1, DEQUANTIZE: 1 },
    });
    expect(await type('--io', 'uint8')).toMatchObject({ input: 'UINT8' });
    expect(await type('--include', 'dense', '--io', 'float32')).toMatchObject({
      operators: { RELU: 1, DEQUANTIZE: 1 },
    });
    const scale = async (rule: string) =>
      (await type('--range', rule)).tensors.find(({ name }: { name: string }) => name === 'y').quantization.scale;
    const [minmax, ema, percentile] = [await scale('minmax'), await scale('ema'), await scale('percentile=90')];
    expect(ema).toBeLessThan(minmax);
    expect(percentile).toBeLessThan(minmax);
  });
});

describe('several signatures', () => {
  it('take data by --signature, by name, or from a manifest', async () => {
    const { folder, path, write } = workspace(24);
    write('two.tflite', twoSignatureModel().bytes());
    const calibrate = (...args: string[]) =>
      aeq(['calibrate', 'two.tflite', '--json', '--quiet', '--force', ...args], { cwd: folder });
    expect(stable(await calibrate('--data', 'samples'))).toContain('the model has several signatures: first, second');
    expect(json(await calibrate('--data', 'samples', '--signature', 'first'))).toMatchObject({
      samples: 24,
      tensors: 2,
    });
    const both = json(await calibrate('--data', 'first=samples', 'second=samples', '--samples', '9'));
    expect(both).toMatchObject({ samples: 18, tensors: 5 });
    const bytes = readFileSync(path('calibration.json'), 'utf8');
    const part = { data: 'samples', samples: 9 };
    write(
      'both.dataset.json',
      JSON.stringify({ format: 'aeq-dataset', version: 1, signatures: { first: part, second: part } }),
    );
    expect(json(await calibrate('--data', 'both.dataset.json'))).toMatchObject({ samples: 18, tensors: 5 });
    expect(JSON.parse(readFileSync(path('calibration.json'), 'utf8')).tensors).toEqual(JSON.parse(bytes).tensors);
    const { signatures } = json(
      await aeq(
        ['quantize', 'two.tflite', '--static', '--data', 'both.dataset.json', '-o', 'q.tflite', '--quiet', '--json'],
        {
          cwd: folder,
        },
      ).then(() => aeq(['inspect', 'q.tflite', '--json'], { cwd: folder })),
    );
    expect(signatures).toMatchObject([{ key: 'first' }, { key: 'second' }]);
  });
});

describe('looking at things', () => {
  it('inspect', async () => {
    const { folder } = workspace(0);
    expect(stable(await aeq(['inspect', 'model.tflite'], { cwd: folder }))).toMatchInlineSnapshot(`
      "model.tflite  SIZE  made by a test
      constants  float32 SIZE
      signature  serving_default
        in   x float32 [1,4]
        out  y float32 [1,3]

      subgraph 0 main
      operators  FULLY_CONNECTED 1, RELU 1
      tensor  type     shape  constant  quantization  name
           0  float32  [1,4]                          x
           1  float32  [3,4]      SIZE                dense/weights
           2  float32  [3]        SIZE                dense/bias
           3  float32  [1,3]                          dense/output
           4  float32  [1,3]                          y
      exit status 0"
    `);
  });

  it('recipe list, show and explain', async () => {
    const { folder } = workspace(0);
    const names = json(await aeq(['recipe', 'list', '--json'])).map(({ name }: { name: string }) => name);
    expect(names).toContain('dynamic_wi8_afp32');
    const shown = await aeq(['recipe', 'show', 'static_wi8_ai8']);
    expect(JSON.parse(shown.stdout)).toEqual(json(await aeq(['recipe', 'show', 'static_wi8_ai8', '--json'])));
    const explain = ['recipe', 'explain', 'model.tflite', 'dynamic_wi8_afp32'];
    expect(stable(await aeq(explain, { cwd: folder }))).toMatchInlineSnapshot(`
      "operator  name             output        becomes  why
      0:0       FULLY_CONNECTED  dense/output  dynamic  rule 1 (* in /.*/): dynamic_wi8_afp32
      0:1       RELU             y             float    rule 1 (* in /.*/) cannot be followed: RELU cannot be dynamic_wi8_afp32; it can be static_wi8_ai16, static_wi8_ai8
      0:-       INPUT            x             float    rule 1 (* in /.*/) cannot be followed: INPUT cannot be dynamic_wi8_afp32; it can be static_wi8_ai16, static_wi8_ai8, static_wi4_ai8, static_wi4_ai16, static_wi8_au8
      0:-       OUTPUT           y             float    rule 1 (* in /.*/) cannot be followed: OUTPUT cannot be dynamic_wi8_afp32; it can be static_wi8_ai16, static_wi8_ai8, static_wi4_ai8, static_wi4_ai16, static_wi8_au8
      exit status 0"
    `);
  });

  it('recipe show and explain for the models in a container', async () => {
    const { folder, write } = workspace(0);
    const example = container(
      section('TFLITE_MODEL', denseModel().bytes(), 'tf_lite_embedder'),
      section('TFLITE_MODEL', denseModel().bytes(), 'tf_lite_aux'),
    );
    write('model.litertlm', layoutBytes(layoutContainer(example)));
    write('map.json', JSON.stringify({ tf_lite_aux: 'dynamic_wi8_afp32' }));
    const shown = json(await aeq(['recipe', 'show', 'map.json', '--json'], { cwd: folder }));
    const [plain] = [json(await aeq(['recipe', 'show', 'dynamic_wi8_afp32', '--json']))];
    expect(shown).toEqual({ tf_lite_aux: plain });
    const explain = ['recipe', 'explain', 'model.litertlm', 'map.json'];
    const { stdout } = await aeq(explain, { cwd: folder });
    expect(stdout).toMatch(
      /tf_lite_embedder\nthe recipe is not for it[\s\S]*tf_lite_aux\noperator[\s\S]*FULLY_CONNECTED .* dynamic /,
    );
    const { components } = json(await aeq([...explain, '--json'], { cwd: folder }));
    expect(components).toMatchObject([{ skipped: true }, { component: 'tf_lite_aux', section: 1, warnings: [] }]);
    const inspected = await aeq(['inspect', 'model.litertlm'], { cwd: folder });
    expect(inspected.stdout).toMatch(/0 +tflite_model .*model_type tf_lite_embedder\n/);
    expect(inspected.stdout).toMatch(/tf_lite_aux\nconstants/);
    const { sections } = json(await aeq(['inspect', 'model.litertlm', '--json'], { cwd: folder }));
    expect(sections).toMatchObject([{ component: 'tf_lite_embedder', model: { signatures: [{}] } }, { index: 1 }]);
    const misspelled = ['quantize', 'model.litertlm', '--recipe', 'static_wi8_ai8', '--data', 'tf_lite_auks=x.csv'];
    const refused = await aeq(misspelled, { cwd: folder });
    expect(refused).toMatchObject({ status: 2 });
    expect(refused.stderr).toContain('did you mean "tf_lite_aux"?');
    const one = await aeq(['recipe', 'explain', 'model.tflite', 'gemma4_mixed48'], { cwd: folder });
    expect(stable(one)).toContain('[USAGE]');
  });

  it('calibration show, export', async () => {
    const { folder, write, path } = workspace();
    write('samples/24.npy', npy([1, 4], Float32Array.of(500, 0, 0, 0)));
    await aeq(['calibrate', 'model.tflite', '--data', 'samples', '--quiet'], { cwd: folder });
    expect(stable(await aeq(['calibration', 'show', 'calibration.json'], { cwd: folder }))).toMatchInlineSnapshot(`
      "model.tflite  25 samples, 3 tensors
      type     shape       min     max  typical  farthest  spread                              tensor
      float32  [1,4]  -0.96634     500  0.78937   633.4 x  █                      ▅  outliers  x
      float32  [1,3]   -182.82  1.7896  0.78599   232.6 x  ▅ ▅                    █  outliers  dense/output
      float32  [1,3]         0  1.7896  0.70983     2.5 x  ▇▅▇▆▇▆▅▆▆▆▅▆▄▆ ▆▅    ▅▃▆            y

      outliers  single samples reach more than 10 times farther than the middle one
      exit status 0"
    `);
    const { tensors } = json(
      await aeq(['calibration', 'show', 'calibration.json', '--json', '--top', '1'], { cwd: folder }),
    );
    for (const { histogram } of tensors) {
      expect(histogram.reduce((sum: number, share: number) => sum + share, 0)).toBeCloseTo(1, 9);
    }
    const refused = await aeq(['calibration', 'show', 'calibration.json', '--range', 'mse'], { cwd: folder });
    expect(stable(refused)).toMatchInlineSnapshot(`
      "error  what --range mse gives depends on the model and the recipe [USAGE]
      hint   here minmax, ema and percentile are possible; aeq quantize --dry-run shows the others
      exit status 2"
    `);
    await aeq(['calibration', 'export', 'calibration.json', '--format', 'aeq', '-o', 'theirs.json'], { cwd: folder });
    const theirs = JSON.parse(readFileSync(path('theirs.json'), 'utf8'));
    expect(Object.keys(theirs.model_qsvs)).toEqual(['x', 'dense/output', 'y']);
    expect((await aeq(['calibration', 'show', 'theirs.json'], { cwd: folder })).stdout).toMatch(
      /^a calibration of the Python original {2}25 samples, 3 tensors\n +min +max +tensor\n(.*\n){2}.* y\n$/,
    );
    // And back: what was exported can be quantized with.
    const args = ['quantize', 'model.tflite', '--static', '--calibration', 'theirs.json', '--no-verify', '--quiet'];
    expect(await aeq(args, { cwd: folder })).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  it('masks and outliers are named once when they become integers', async () => {
    const { folder, write } = workspace();
    write('samples/24.npy', npy([1, 4], Float32Array.of(500, 0, 0, 0)));
    const quantize = (...args: string[]) => aeq(['quantize', 'model.tflite', '--force', ...args], { cwd: folder });
    const run = await quantize('--static', '--data', 'samples', '--no-verify');
    expect(run.status).toBe(0);
    expect(run.stderr.split('\n').filter((line) => line.startsWith('warning'))).toEqual([
      'warning  2 tensors have samples that reach more than 10 times farther than the middle one: --dry-run and --plan say which and what range each gets; aeq calibration show has their values',
    ]);
    expect((await quantize('--recipe', 'dynamic_wi8_afp32', '--no-verify')).stderr).not.toContain('farther');
  });

  it('few samples and missing parts are warned of, also when they come from a file', async () => {
    const { folder } = workspace(30);
    const shard = ['calibrate', 'model.tflite', '--data', 'samples', '--shard', '1/3', '--quiet', '-o', 'part.json'];
    expect(await aeq(shard, { cwd: folder })).toEqual({ status: 0, stdout: '', stderr: '' });
    const warnings = async (file: string) => {
      const args = ['quantize', 'model.tflite', '--static', '--calibration', file, '--no-verify', '--force'];
      const { stderr } = await aeq(args, { cwd: folder });
      return stderr.split('\n').filter((line) => line.startsWith('warning'));
    };
    const few = 'warning  10 samples are few: below 20, ranges are mostly luck';
    expect(await warnings('part.json')).toEqual([
      few,
      'warning  20 samples of the data are not in the calibration: merge the other parts or resume it, unless they cannot be decoded',
    ]);
    await aeq(['calibration', 'export', 'part.json', '--format', 'aeq', '-o', 'theirs.json'], { cwd: folder });
    expect(await warnings('theirs.json')).toEqual([few]);
    await aeq(['calibrate', 'model.tflite', '--data', 'samples', '-o', 'whole.json'], { cwd: folder });
    expect(await warnings('whole.json')).toEqual([]);
  });

  it('raw pixels are warned of once, unless they are meant', async () => {
    const { folder, path } = workspace(0);
    mkdirSync(path('raw'));
    for (let i = 0; i < 24; i++) {
      const pixels = Uint8Array.from({ length: 784 }, (_, k) => Math.round(127.5 + 127.5 * Math.sin(k / (9 + i))));
      writeFileSync(path('raw', `${i}.npy`), npy([28, 28, 1], pixels));
    }
    const calibrate = async (...args: string[]) => {
      const model = join(DIGITS, 'digits_cnn.tflite');
      const run = await aeq(['calibrate', model, '--data', 'raw', '--force', ...args], { cwd: folder });
      expect(run.status).toBe(0);
      return run.stderr.split('\n').filter((line) => line.startsWith('warning'));
    };
    expect(await calibrate()).toEqual([
      expect.stringMatching(/input image got raw pixels \(0 to 255\).*--preprocess zero-one/),
    ]);
    expect(await calibrate('--preprocess', 'zero-one')).toEqual([]);
    expect(await calibrate('--preprocess', 'raw')).toEqual([]);
  });

  it('dataset check', async () => {
    const pictures = join(DIGITS, 'test');
    const model = join(DIGITS, 'digits_cnn.tflite');
    const good = await aeq(['dataset', 'check', pictures, model, '--samples', '50']);
    expect(good).toMatchObject({ status: 0, stderr: '' });
    expect(good.stdout).toMatchInlineSnapshot(`
      "serving_default  50 samples of images
      contentHash sha256:7d95bd667931d0b8e8350457577d960ef06f5789f02428b99479e42586a2ec95
      input  type     shape        least  greatest   mean  deviation
      image  float32  [1,28,28,1]      0      1.00  0.132      0.310

      000.png
      image [1,28,28,1]
                                  
                                  
                  :+@@@+:         
                 .@@@@@@@@@       
                -@@@@@* .%@@:     
                @@@#     %@@+     
              =@@%       %@@.     
            =@@@:       +@@.      
            *@@-       *@@=       
           #@@:      :@@@.        
            #@@@=.*#@@@+.         
              *@@@@@#=.           
                                  
                                  

      "
    `);
    const { folder, write } = workspace(2);
    write('vocab.txt', '[PAD]\n[UNK]\n[CLS]\n[SEP]\nhello\nworld\n##s\n');
    write('s.txt', 'Hello worlds\nhello there\n');
    write('ids.tflite', tokenModel().bytes());
    const texts = await aeq(['dataset', 'check', 's.txt', 'ids.tflite', '--tokenizer', 'vocab.txt'], { cwd: folder });
    expect(texts.stdout).toContain(
      's.txt:1\ninput_ids [1,8]\n2 4 5 6 3 0 0 0\n[CLS] hello worlds [SEP] (and 3 of padding)\n',
    );
    write('other.txt', `[PAD]\n[UNK]\n[CLS]\n[SEP]\n${'x\n'.repeat(3)}hello\nworlds\n`);
    const wrong = await aeq(['dataset', 'check', 's.txt', 'ids.tflite', '--tokenizer', 'other.txt'], { cwd: folder });
    expect(wrong.status).toBe(1);
    expect(wrong.stdout).toMatch(/error.*input_ids" gets numbers of 0 to 8 in 2 of 2 samples, .* 0 to 6 only/);
    write('samples/nan.npy', npy([1, 4], Float32Array.of(1, Number.NaN, 3, 4)));
    const bad = await aeq(['dataset', 'check', 'samples', 'model.tflite', '--quiet'], { cwd: folder });
    expect(bad.status).toBe(1);
    expect(bad.stderr).toMatch(/^error {2}.*NaN/);
  });

  it('doctor', async () => {
    const { runtimes } = json(await aeq(['doctor', '--json']));
    const wasm = runtimes.find(({ id }: { id: string }) => id === 'wasm');
    expect(wasm).toMatchObject({ available: true });
    expect(wasm.runMs).toBeGreaterThan(0);
    expect((await aeq(['doctor'])).stdout).toMatch(/^aeq \d+\.\d+\.\d+ {2}Node v\d+.*\n.*\n(.*\n)*wasm +available/);
  });

  it('inspect names the files that are packed behind a model', async () => {
    const { folder, write } = workspace(0);
    const files = zipSync({ 'labels.txt': strToU8('cat\ndog\n') });
    write('packed.tflite', Buffer.concat([denseModel().bytes(), files]));
    const { associatedFiles } = json(await aeq(['inspect', 'packed.tflite', '--json'], { cwd: folder }));
    expect(associatedFiles).toEqual([{ name: 'labels.txt', sizeBytes: 8 }]);
    const { stdout } = await aeq(['inspect', 'packed.tflite'], { cwd: folder });
    expect(stdout).toContain('files      labels.txt (8 B)');
  });

  it('hold operators to the policy of a file', async () => {
    const { folder, write } = workspace(2);
    const weight = { num_bits: 8, granularity: ['CHANNELWISE'] };
    const config = { weight_tensor_config: weight, explicit_dequantize: false, compute_precision: 'INTEGER' };
    const policy = { configs: { own: config }, ops_per_config: { own: ['CONV_2D'] } };
    write('policy.json', Buffer.from(JSON.stringify(policy)));
    const rule = ['--recipe', 'dynamic_wi8_afp32', '--dry-run', '--json'];
    const free = json(await aeq(['quantize', 'model.tflite', ...rule], { cwd: folder }));
    const modes = ({ operators }: { operators: { mode: string }[] }) => new Set(operators.map(({ mode }) => mode));
    expect(modes(free)).toContain('dynamic');
    const held = await aeq(['quantize', 'model.tflite', ...rule, '--policy', 'policy.json'], { cwd: folder });
    expect(modes(json(held))).toEqual(new Set(['float']));
    const explained = ['recipe', 'explain', 'model.tflite', 'dynamic_wi8_afp32', '--json', '--policy', 'policy.json'];
    expect(modes(json(await aeq(explained, { cwd: folder })))).toEqual(new Set(['float']));
    write('wrong.json', Buffer.from(JSON.stringify({ configs: {} })));
    const wrong = await aeq(['quantize', 'model.tflite', ...rule, '--policy', 'wrong.json'], { cwd: folder });
    expect(wrong).toMatchObject({ status: 3, stderr: expect.stringContaining('[POLICY_INVALID]') });
  });

  it('say once that no operator can follow a rule', async () => {
    const { folder, write } = workspace();
    const weight = { num_bits: 8, symmetric: true, granularity: 'BLOCKWISE_32' };
    const rule = { regex: '.*', operation: '*', algorithm_key: 'min_max_uniform_quantize' };
    const config = { weight_tensor_config: weight, compute_precision: 'INTEGER' };
    write('none.json', Buffer.from(JSON.stringify([{ ...rule, op_config: config }])));
    const args = ['quantize', 'model.tflite', '--recipe', 'none.json', '--json', '--progress', 'none'];
    for (const more of [['--dry-run'], []]) {
      const run = await aeq([...args, ...more], { cwd: folder });
      const { warnings } = json(run);
      expect(warnings).toEqual([
        'rule 1 (* in /.*/) has no effect: no operator can be dynamic with weights int8 symmetric BLOCKWISE_32',
        'nothing was quantized: 2 of 2 operators stay float',
      ]);
      expect(run.stderr.match(/^warning .*$/gm)).toEqual(warnings.map((text: string) => `warning  ${text}`));
    }
  });

  it('take the native library from a flag and from a config file', async () => {
    const { folder, write } = workspace(2);
    const missing = 'nowhere/libLiteRt.so';
    expect((await aeq(['doctor', '--library', missing])).stdout).toContain(`native: there is no file ${missing}`);
    write('aeq.json', Buffer.from(JSON.stringify({ library: missing })));
    const quantize = ['quantize', 'model.tflite', '--recipe', 'dynamic_wi8_afp32', '--config', 'aeq.json'];
    const { status, stderr } = await aeq(quantize, { cwd: folder });
    expect(status).toBe(4);
    expect(stderr).toContain(`there is no file ${missing} [RUNTIME_UNAVAILABLE]`);
  });
});
