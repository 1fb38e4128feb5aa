import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { COMMANDS, type CommandSpec } from '../../src/cli/commands.ts';
import { flagName } from '../../src/cli/options.ts';
import { aeq, execute, MAIN, stable } from './aeq.ts';
import { workspace } from './workspace.ts';

const QUANTIZE = ['quantize', 'model.tflite', '--static', '--data', 'samples', '-o', 'q.tflite', '--runtime', 'wasm'];
const ESCAPE = '\u001b';

describe('what quantize says', () => {
  it('goes to the two streams: the account to stdout, progress to stderr', async () => {
    const { folder } = workspace();
    expect(stable(await aeq([...QUANTIZE, '--workers', '1'], { cwd: folder }))).toMatchInlineSnapshot(`
      "q.tflite  SIZE → SIZE (130 %)
      2 of 2 operators quantized
      loaded and run on RUNTIME
      calibrating: one interpreter, about MEMORY
      calibrating: 24 samples, 3 tensors (TIME)
      quantizing: q.tflite (TIME)
      exit status 0"
    `);
  });

  it('is nothing with --quiet', async () => {
    const { folder } = workspace();
    expect(await aeq([...QUANTIZE, '--quiet'], { cwd: folder })).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  it('is JSON and nothing else on stdout with --json', async () => {
    const { folder } = workspace(3);
    const run = await aeq([...QUANTIZE, '--json'], { cwd: folder });
    expect(JSON.parse(run.stdout)).toMatchInlineSnapshot(
      { sizeBytes: expect.any(Number) },
      `
      {
        "floatSizeBytes": 800,
        "operators": 2,
        "output": "q.tflite",
        "quantizedOperators": 2,
        "sizeBytes": Any<Number>,
        "verified": "ok",
        "warnings": [],
      }
    `,
    );
    expect(run.stderr).toContain('warning  3 samples are few');
  });
});

describe('--progress', () => {
  it('json tells every sample as a line', async () => {
    const { folder } = workspace(4);
    const { stderr } = await aeq([...QUANTIZE, '--progress', 'json'], { cwd: folder });
    const events = stderr
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line));
    const calibrating = events.filter(({ step }) => step === 'calibrating');
    expect(calibrating[0].detail).toMatch(/^one interpreter, about .* of memory$/);
    expect(calibrating.slice(1)).toMatchInlineSnapshot(`
      [
        {
          "detail": "00.npy",
          "done": 1,
          "event": "update",
          "step": "calibrating",
          "total": 4,
        },
        {
          "detail": "01.npy",
          "done": 2,
          "event": "update",
          "step": "calibrating",
          "total": 4,
        },
        {
          "detail": "02.npy",
          "done": 3,
          "event": "update",
          "step": "calibrating",
          "total": 4,
        },
        {
          "detail": "03.npy",
          "done": 4,
          "event": "update",
          "step": "calibrating",
          "total": 4,
        },
        {
          "detail": "4 samples, 3 tensors",
          "event": "end",
          "step": "calibrating",
        },
      ]
    `);
    expect(events.at(-1)).toEqual({ step: 'quantizing', event: 'end', detail: 'q.tflite' });
  });

  it('plain has neither colours nor renewed lines', async () => {
    const { folder } = workspace();
    const { stderr } = await aeq([...QUANTIZE, '--progress', 'plain'], { cwd: folder, env: { FORCE_COLOR: '1' } });
    expect(stderr).not.toContain(ESCAPE);
    expect(stderr).not.toContain('\r');
    expect(stderr).toMatch(
      /^calibrating: .*\ncalibrating: 24 samples, 3 tensors \(.*\)\nquantizing: q\.tflite \(.*\)\n$/,
    );
  });

  it('none says nothing', async () => {
    const { folder } = workspace();
    expect((await aeq([...QUANTIZE, '--progress', 'none'], { cwd: folder })).stderr).toBe('');
  });
});

describe('colours', () => {
  it('are there when they are asked for, and not with NO_COLOR or into a pipe', async () => {
    const { folder } = workspace(0);
    const args = ['inspect', 'model.tflite'];
    const colored = await aeq(args, { cwd: folder, env: { FORCE_COLOR: '1' } });
    expect(colored.stdout).toContain(ESCAPE);
    expect((await aeq(args, { cwd: folder, env: { FORCE_COLOR: '1', NO_COLOR: '1' } })).stdout).not.toContain(ESCAPE);
    const plain = await aeq(args, { cwd: folder });
    expect(plain.stdout).not.toContain(ESCAPE);
    expect(stripVTControlCharacters(colored.stdout)).toBe(plain.stdout);
  });

  it('cannot be smuggled in by names', async () => {
    const { folder, write } = workspace(0);
    write(`${ESCAPE}]0;title\u0007.tflite`, 'x');
    const run = await aeq(['inspect', `${ESCAPE}]0;title\u0007.tflite`], { cwd: folder });
    expect(run.status).toBe(3);
    expect(run.stderr).not.toContain(ESCAPE);
    expect(run.stderr).toContain('\\x1b]0;title\\x07.tflite');
  });
});

describe('a reader that has seen enough', () => {
  it('closes the pipe, which is no error', async () => {
    const { folder } = workspace(0);
    const child = spawn(process.execPath, [MAIN, 'recipe', 'list', '--json'], { cwd: folder });
    child.stdout.destroy();
    let stderr = '';
    child.stderr.on('data', (text) => {
      stderr += text;
    });
    const status = await new Promise((resolve) => child.on('close', resolve));
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  it.skipIf(process.platform === 'win32')('does not keep a command from finishing its work', async () => {
    const { folder } = workspace();
    const command = '"$0" "$@" 2>&1 | head -n 1';
    const args = ['quantize', 'model.tflite', '--static', '--data', 'samples', '-o', 'q.tflite'];
    const run = await execute('/bin/sh', ['-c', command, process.execPath, MAIN, ...args], { cwd: folder });
    expect(run.stdout).toMatch(/^calibrating: [^\n]+\n$/);
    expect(readdirSync(folder).sort()).toEqual(['model.tflite', 'q.tflite', 'samples']);
  });
});

describe.skipIf(!existsSync('/dev/full'))('a full disk', () => {
  const inShell = (command: string, args: readonly string[], folder: string) =>
    execute('/bin/sh', ['-c', command, process.execPath, MAIN, ...args], { cwd: folder });

  it('that takes no result is an error', async () => {
    const { folder } = workspace(0);
    const run = await inShell('exec "$0" "$@" > /dev/full', ['inspect', 'model.tflite'], folder);
    expect(stable(run)).toMatchInlineSnapshot(`
      "error  standard output cannot be written: the disk is full [FILE_UNWRITABLE]
      hint   free some space or choose another disk
      exit status 3"
    `);
  });

  it('that takes no remarks does not matter', async () => {
    const { folder } = workspace();
    const args = ['quantize', 'model.tflite', '--recipe', 'dynamic_wi8_afp32', '-o', 'q.tflite'];
    const run = await inShell('exec "$0" "$@" 2> /dev/full', args, folder);
    expect(run).toMatchObject({ status: 0, stdout: expect.stringContaining('1 of 2 operators quantized') });
  });
});

describe('help', () => {
  const all = (specs: readonly CommandSpec[], before: string[] = []): { words: string[]; spec: CommandSpec }[] =>
    specs.flatMap((spec) => [
      { words: [...before, spec.name], spec },
      ...all(spec.subcommands ?? [], [...before, spec.name]),
    ]);

  it('is what there is without a command, and with status 2, because nothing was done', async () => {
    const bare = await aeq([]);
    const asked = await aeq(['--help']);
    expect(bare).toEqual({ status: 2, stdout: '', stderr: asked.stdout });
    expect(asked).toMatchObject({ status: 0, stderr: '' });
    expect(asked.stdout).toMatchInlineSnapshot(`
      "Usage: aeq [options] [command]

      Post-training quantization for LiteRT (.tflite) models: calibrate, quantize,
      validate.

      Options:
        -V, --version                           show the version
        -h, --help                              show this help

      Commands:
        calibrate [options] <model>             run the float model on samples and record the range of every activation
        quantize [options] <model>              write a quantized model
        validate [options] <float> <quantized>  run the float and the quantized model on samples and report the error layer by layer
        inspect [options] <model>               operators, tensors, sizes, quantization, signatures and metadata of a model
        recipe                                  built-in recipes
        calibration                             look at, join and convert calibration files
        dataset                                 look at samples before they are used
        runtime                                 interpreters
        doctor [options]                        which interpreters this machine has, with versions and speed
        help [command...]                       show the help of a command

      Start here:
        aeq quantize model.tflite --static --data pictures/
        aeq validate model.tflite model_static_wi8_ai8.tflite --data pictures/

      Exit status: 0 done, 1 a gate failed, 2 usage, 3 bad input, 4 unsupported, 5 internal error.
      "
    `);
  });

  it('of a command can be asked for in two ways', async () => {
    const asked = await aeq(['recipe', 'explain', '--help']);
    expect(asked).toEqual(await aeq(['help', 'recipe', 'explain']));
    expect(asked.stdout).toMatchInlineSnapshot(`
      "Usage: aeq recipe explain [options] <model> <recipe>

      which rule decides each operator of a model, and why an operator stays float

      Arguments:
        model                 float .tflite model or .litertlm container
        recipe                name of a built-in recipe, or a file

      Quantizing:
        --include <regex...>  quantize only operators with a matching output name
        --exclude <regex...>  keep operators with a matching output name in float
        --io <type>           type of the model’s inputs and outputs; same is what the
                              recipe says: same, float32, int8, uint8, int16 (default:
                              same)
        --policy <file>       JSON file of the configurations that each operator may
                              have, in place of the built-in ones
        --compat <version>    the same bytes and graph as the Python original, its
                              faults included

      Output:
        --json                print the result as JSON on stdout and nothing else
                              there
        --quiet               no progress, remarks and summaries: errors only, and
                              what was asked to be shown
        --config <file>       JSON file of options, such as {"data": ["pictures"],
                              "maxLength": 64}; the command line overrides it

      Options:
        -h, --help            show this help
      "
    `);
  });

  it.each(all(COMMANDS))('of $words names every argument and option', async ({ words, spec }) => {
    const { status, stdout, stderr } = await aeq([...words, '--help']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const [usage = '', ...lines] = stdout.split('\n');
    const parameters = [...(spec.arguments ?? []).map(({ name }) => name), ...(spec.subcommands ? ['[command]'] : [])];
    expect(usage).toBe(['Usage: aeq', ...words, '[options]', ...parameters].join(' '));
    const named = lines.flatMap((line) => /^ {2}(?:-\w, )?(--[\w-]+)/.exec(line)?.[1] ?? []);
    expect(named).toEqual([...(spec.options ?? []).map(flagName), '--help']);
  });
});
