import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { BuiltinOperator } from '../../schema/generated/tflite.ts';
import { operatorBuiltin } from '../../schema/graph.ts';
import { layoutBytes } from '../../schema/layout.ts';
import { readContainer, textItem } from '../../schema/litertlm/container.ts';
import { layoutContainer } from '../../schema/litertlm/layout.ts';
import { readModel } from '../../schema/reader.ts';
import { explainContainer, type QuantizeContainerOptions, quantizeContainer } from '../../src/container.node.ts';
import { recipes } from '../../src/recipe/builders.ts';
import { recipeToJson } from '../../src/recipe/write.ts';
import { container, section } from '../support/containers.ts';
import { ModelBuilder, randomFloats } from '../support/model-builder.ts';
import { denseModel, twoSignatureModel } from '../support/models.ts';
import { temporaryFolder } from '../support/temporary.ts';

type Metadata = ReturnType<typeof container>['metadata'];

const tokenizer = Uint8Array.from({ length: 5000 }, (_, i) => i & 255);

function exampleFile(): { folder: string; path: string } {
  const folder = temporaryFolder();
  const path = join(folder, 'model.litertlm');
  const example = container(
    section('TFLITE_MODEL', denseModel().bytes(), 'tf_lite_embedder'),
    section('SENTENCE_PIECE_TOKENIZER', tokenizer),
    section('TFLITE_MODEL', twoSignatureModel().bytes(), 'tf_lite_prefill_decode'),
  );
  writeFileSync(path, layoutBytes(layoutContainer(example)));
  return { folder, path };
}

/** A weight of more than one job for threads, and of an odd number of bytes. */
function largeModel(): Uint8Array {
  const [rows, columns] = [5003, 1001];
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const x = main.input('x', [1, columns]);
  const weights = main.constant('weights', [rows, columns], randomFloats(rows * columns, 1));
  main.outputs(main.operator('FULLY_CONNECTED', [x, weights, -1], { name: 'y', shape: [1, rows] }));
  return builder.bytes();
}

/** A policy that no operator of these models can follow. */
function nothingAllowed(folder: string): string {
  const file = join(folder, 'policy.json');
  const weight = { num_bits: 8, granularity: ['CHANNELWISE'] };
  const config = { weight_tensor_config: weight, explicit_dequantize: false, compute_precision: 'INTEGER' };
  writeFileSync(file, JSON.stringify({ configs: { none: config }, ops_per_config: { none: [] } }));
  return file;
}

const opened = (path: string) => readContainer(readFileSync(path));
const bytesOf = (path: string, at: number) => {
  const source = opened(path).sections[at]?.source;
  return source?.read(0, source.sizeBytes);
};

it('quantizes the components a recipe names and leaves every other byte as it was', async () => {
  const { folder, path } = exampleFile();
  const output = join(folder, 'out.litertlm');
  const reports = await quantizeContainer(
    path,
    output,
    { tf_lite_prefill_decode: 'dynamic_wi8_afp32' },
    { verify: false },
  );
  expect(reports.map(({ component, section: at }) => [component, at])).toEqual([['tf_lite_prefill_decode', 2]]);
  expect(bytesOf(output, 0)).toEqual(bytesOf(path, 0));
  expect(bytesOf(output, 1)).toEqual(tokenizer);
  const model = readModel(bytesOf(output, 2) ?? new Uint8Array());
  const weights = model.subgraphs[0]?.tensors.find(({ name }) => name === 'weights');
  expect(weights?.quantization?.scale).toHaveLength(2);
});

it('calibrates components with static recipes, verifies them, and gives the same bytes again', async () => {
  const { folder, path } = exampleFile();
  const asked: string[] = [];
  const write = (name: string) =>
    quantizeContainer(
      path,
      join(folder, name),
      { tf_lite_embedder: 'static_wi8_ai8' },
      {
        calibrate: (component, quantizer) => {
          asked.push(component);
          const samples = [{ x: Float32Array.of(1, -1, 0.5, 2) }, { x: Float32Array.of(0, 3, -2, 1) }];
          return quantizer.calibrate(samples, { runtime: 'wasm' });
        },
      },
    );
  await write('a.litertlm');
  await write('b.litertlm');
  expect(asked).toEqual(['tf_lite_embedder', 'tf_lite_embedder']);
  expect(readFileSync(join(folder, 'a.litertlm')).equals(readFileSync(join(folder, 'b.litertlm')))).toBe(true);
  const model = readModel(bytesOf(join(folder, 'a.litertlm'), 0) ?? new Uint8Array());
  expect(model.subgraphs[0]?.operators.map((operator) => operatorBuiltin(model, operator))).toEqual([
    BuiltinOperator.FULLY_CONNECTED,
    BuiltinOperator.RELU,
  ]);
});

it('gives results that differ different identities', async () => {
  const { folder, path } = exampleFile();
  const samples = (first: number) => [{ x: Float32Array.of(first, -1, 0.5, 2) }];
  const made = async (recipe: string, options: QuantizeContainerOptions = {}, first = 1) => {
    const output = join(folder, 'out.litertlm');
    await quantizeContainer(
      path,
      output,
      { tf_lite_embedder: recipe },
      {
        ...{ verify: false, overwrite: true, ...options },
        calibrate: (_, quantizer) => quantizer.calibrate(samples(first), { runtime: 'wasm' }),
      },
    );
    return { uuid: textItem(opened(output).metadata, 'uuid'), bytes: readFileSync(output).toString('latin1') };
  };
  const results = [
    await made('static_wi8_ai8'),
    await made('static_wi8_ai8', {}, 7),
    await made('static_wi8_ai8', { shorthand: { io: 'float32' } }),
    await made('static_wi8_ai8', { shorthand: { exclude: ['^y;'] } }),
    await made('dynamic_wi8_afp32'),
    await made('dynamic_wi8_afp32', { policy: nothingAllowed(folder) }),
  ];
  expect(new Set(results.map(({ bytes }) => bytes)).size).toBe(results.length);
  expect(new Set(results.map(({ uuid }) => uuid)).size).toBe(results.length);
  expect(await made('static_wi8_ai8')).toEqual(results[0]);
});

it('holds every component to a policy, and says once what follows from that', async () => {
  const { folder, path } = exampleFile();
  const policy = nothingAllowed(folder);
  const options = { policy, verify: false, shorthand: { exclude: ['nowhere'] } };
  const reports = await quantizeContainer(path, join(folder, 'out.litertlm'), 'dynamic_wi8_afp32', options);
  for (const { quantizedOperators, warnings } of reports) {
    expect(quantizedOperators).toBe(0);
    expect(warnings.filter((text) => text.startsWith('rule 1 '))).toEqual([expect.stringContaining('has no effect')]);
  }
  const explained = explainContainer(path, 'dynamic_wi8_afp32', { policy });
  const modes = explained.flatMap(({ explanation }) => explanation?.operators.map(({ mode }) => mode) ?? []);
  expect(new Set(modes)).toEqual(new Set(['float']));
});

it('writes the same bytes with any number of threads', async () => {
  const folder = temporaryFolder();
  const path = join(folder, 'model.litertlm');
  const model = section('TFLITE_MODEL', largeModel(), 'tf_lite_embedder');
  writeFileSync(path, layoutBytes(layoutContainer(container(section('GENERIC_BINARY', tokenizer), model))));
  const made = async (threads: number) => {
    const output = join(folder, `${threads}.litertlm`);
    await quantizeContainer(path, output, 'dynamic_wi8_afp32', { verify: false, threads });
    return readFileSync(output);
  };
  expect((await made(3)).equals(await made(1))).toBe(true);
});

it('says so when the recipe is for none of the components, and writes nothing', async () => {
  const { folder, path } = exampleFile();
  const output = join(folder, 'out.litertlm');
  const attempt = quantizeContainer(path, output, { tf_lite_vision_encoder: 'dynamic_wi8_afp32' });
  await expect(attempt).rejects.toMatchObject({
    code: 'RECIPE_EMPTY',
    hint: expect.stringContaining('tf_lite_embedder'),
  });
  expect(() => readFileSync(output)).toThrow('ENOENT');
});

it('explains what a recipe makes of each model in it, and says for which it is not', () => {
  const { path } = exampleFile();
  const explained = explainContainer(path, { tf_lite_prefill_decode: 'dynamic_wi8_afp32' });
  expect(explained.map(({ component, section: at }) => [component, at])).toEqual([
    ['tf_lite_embedder', 0],
    ['tf_lite_prefill_decode', 2],
  ]);
  expect(explained[0]?.explanation).toBeUndefined();
  const modes = explained[1]?.explanation?.operators.map(({ mode }) => mode) ?? [];
  expect(modes).toContain('dynamic');
  expect(explainContainer(path, 'gemma4_mixed48').every(({ explanation }) => explanation)).toBe(true);
  expect(() => explainContainer(path, { tf_lite_aux: 'dynamic_wi8_afp32' })).toThrowError(
    expect.objectContaining({ code: 'RECIPE_EMPTY' }),
  );
});

it('keeps sections that it does not know, kinds of values, order and alignment, in a static run of several models', async () => {
  const folder = temporaryFolder();
  const path = join(folder, 'model.litertlm');
  const unknown = Uint8Array.from({ length: 20_001 }, (_, i) => (i * 7) & 255);
  const example = container(
    section('TFLITE_MODEL', denseModel().bytes(), 'tf_lite_aux'),
    { ...section('GENERIC_BINARY', unknown), type: 77 },
    section('TFLITE_MODEL', denseModel().bytes()),
    section('TFLITE_WEIGHTS', Uint8Array.of()),
    section('TFLITE_MODEL', denseModel().bytes(), 'tf_lite_embedder'),
  );
  const metadata = [{ key: 'count', value: { table: 'UInt64', value: 7n } }, ...example.metadata] as Metadata;
  writeFileSync(path, layoutBytes(layoutContainer({ ...example, metadata, version: [1, 5, 3] })));
  const output = join(folder, 'out.litertlm');
  const asked: string[] = [];
  const warnings: string[] = [];
  const rules = [...recipeToJson(recipes.staticWi8Ai8())];
  await quantizeContainer(
    path,
    output,
    { default: rules, tf_lite_auks: 'static_wi8_ai8' },
    {
      verify: false,
      onWarning: (text) => warnings.push(text),
      calibrate: async (component, quantizer) => {
        asked.push(component);
        return quantizer.calibrate([{ x: Float32Array.of(1, 2, 3, asked.length) }], { runtime: 'wasm' });
      },
    },
  );
  expect(asked).toEqual(['tf_lite_aux', 'tf_lite_embedder']);
  expect(warnings).toEqual([
    expect.stringMatching(/^section 2 is a model without a model_type/),
    expect.stringMatching(/^the recipe for tf_lite_auks has no effect: .*did you mean "tf_lite_aux"/),
  ]);
  const [before, after] = [opened(path), opened(output)];
  expect(after.version).toEqual([1, 5, 3]);
  expect(after.sections.map(({ type, items }) => [type, items])).toEqual(
    before.sections.map(({ type, items }) => [type, items]),
  );
  for (const at of [1, 2, 3]) expect(bytesOf(output, at)).toEqual(bytesOf(path, at));
  for (const at of [0, 4]) expect(bytesOf(output, at)).not.toEqual(bytesOf(path, at));
  // Every model has ranges of its own.
  expect(bytesOf(output, 0)).not.toEqual(bytesOf(output, 4));
  expect(after.metadata[0]).toEqual(before.metadata[0]);
  expect(after.metadata.map(({ key }) => key)).toEqual(before.metadata.map(({ key }) => key));
  expect(after.metadata[1]).not.toEqual(before.metadata[1]);
  expect(readFileSync(output).length - (bytesOf(output, 4)?.length ?? 0)).toSatisfy((at: number) => at % 16384 === 0);
});
