/** Shapes of graphs that quantizing has to leave whole: each is quantized, loaded and run. */
import { describe, expect, it } from 'vitest';
import { TensorType } from '../../../schema/generated/tflite.ts';
import { signatures } from '../../../schema/graph.ts';
import type { Model } from '../../../schema/model.ts';
import { readModel } from '../../../schema/reader.ts';
import { Quantizer } from '../../../src/quantizer.ts';
import { dynamicRule, floatRule } from '../../../src/recipe/builders.ts';
import { ModelBuilder, randomFloats, type SubgraphBuilder } from '../../support/model-builder.ts';
import { randomFeed, runModel } from '../../support/run-model.ts';
import { wasmRuntime } from '../../support/wasm-runtime.ts';
import {
  bytesOf,
  COMPAT,
  chain,
  DYNAMIC,
  floatReasonOf,
  INT8,
  operatorNames,
  type QuantizeSettings,
  quantizeSmall,
  runFilled,
  tensorNamed,
} from './quantize-small.ts';

const { FLOAT32, INT8: CODES } = TensorType;
const FLOAT_IO = [floatRule({ operation: 'INPUT' }), floatRule({ operation: 'OUTPUT' })];

const runtime = await wasmRuntime();

const run = async (model: Model, value: number) =>
  (await runFilled(runtime, model, value)).map(({ values }) => values[0] ?? Number.NaN);

describe('graphs', () => {
  it('tensors of one name are told apart', async () => {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    const x = main.input('same', [1, 4]);
    const middle = main.operator('RELU', [x], { name: 'same', shape: [1, 4] });
    main.outputs(main.operator('TANH', [middle], { name: 'same', shape: [1, 4] }));
    builder.signature('main', { inputs: { x }, outputs: { y: 2 } });
    expect(() => quantizeSmall(builder, INT8, COMPAT)).toThrow(/not unique/);
    const { model } = quantizeSmall(builder, [...INT8, ...FLOAT_IO]);
    expect(operatorNames(model)).toEqual(['QUANTIZE', 'RELU', 'TANH', 'DEQUANTIZE']);
    const names = model.subgraphs[0]?.tensors.slice(3).map(({ name }) => name) ?? [];
    expect(new Set(names).size).toBe(names.length);
    expect((await run(model, 0.5))[0]).toBeCloseTo(Math.tanh(0.5), 1);
  });

  it.each([
    ['integer', INT8],
    ['float', [...INT8, ...FLOAT_IO]],
    ['an integer and a float', [...INT8, floatRule({ operation: 'OUTPUT' })]],
  ])('an input that is passed straight to an output, with %s border', async (_, rules) => {
    const model = chain((_main, r, x) => [x, r]);
    const { model: result } = quantizeSmall(model, rules);
    const [passed, relu] = await run(result, -0.5);
    expect(passed).toBeCloseTo(-0.5, 1);
    expect(relu).toBeCloseTo(0, 1);
    const types = (which: 'inputs' | 'outputs') =>
      result.subgraphs[0]?.[which].map((tensor) => result.subgraphs[0]?.tensors[tensor]?.type);
    expect(types('outputs')).toEqual(rules.length === 1 ? [CODES, CODES] : [FLOAT32, FLOAT32]);
    expect(types('inputs')).toEqual(rules.length === 3 ? [FLOAT32] : [CODES]);
  });

  it('A24: a graph input takes the scale that its readers want', async () => {
    const model = chain((main, r, x) => [
      main.operator('CONCATENATION', [r, x], { name: 'c', shape: [1, 8] }, { axis: 1 }),
    ]);
    for (const operator of model.build().subgraphs[0]?.operators.splice(0, 1) ?? []) expect(operator).toBeDefined();
    const [graph] = model.build().subgraphs;
    for (const { inputs } of graph?.operators ?? []) inputs.splice(0, 2, graph?.inputs[0] ?? 0, graph?.inputs[0] ?? 0);
    const names = (settings: QuantizeSettings) =>
      operatorNames(quantizeSmall(model, INT8, { ...settings, ranges: { c: [-9, 9] } }).model);
    expect(names(COMPAT)).toEqual(['QUANTIZE', 'CONCATENATION']);
    expect(names({})).toEqual(['CONCATENATION']);
    const { model: result } = quantizeSmall(model, INT8, { ranges: { c: [-9, 9] } });
    expect(tensorNamed(result, 'x').quantization?.scale).toEqual(tensorNamed(result, 'c').quantization?.scale);
    expect((await run(result, 5))[0]).toBeCloseTo(5, 0);
  });

  it('A30: the older list of metadata buffers follows them', () => {
    const builder = chain((main, r) => [main.operator('TANH', [r], { name: 'y', shape: [1, 4] })]);
    builder.metadata('note', new TextEncoder().encode('kept'));
    const source = builder.build();
    source.metadataBuffer = [source.metadata?.[0]?.buffer ?? 0];
    const { model } = quantizeSmall(source, INT8);
    const [buffer = 0] = model.metadataBuffer ?? [];
    expect(new TextDecoder().decode(model.buffers[buffer]?.read())).toBe('kept');
  });

  it('a weight that no block fits has one scale a channel', async () => {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    const x = main.input('x', [1, 40]);
    const w = main.constant('w', [2, 40], randomFloats(80, 1));
    main.outputs(main.operator('FULLY_CONNECTED', [x, w, -1], { name: 'y', shape: [1, 2] }));
    builder.signature('main', { inputs: { x }, outputs: { y: 'y' } });
    const rules = [dynamicRule({ weightBits: 4, granularity: 'BLOCKWISE_32' })];
    expect(() => quantizeSmall(builder, rules, COMPAT)).toThrow(/blocks of 32/);
    const { model } = quantizeSmall(builder, rules);
    expect(tensorNamed(model, 'w').quantization?.scale).toHaveLength(2);
    expect((await run(model, 1)).every(Number.isFinite)).toBe(true);
  });

  it('a range with NaN is an error that names the tensor', () => {
    const model = chain((main, r) => [main.operator('TANH', [r], { name: 'y', shape: [1, 4] })]);
    const settings = { ranges: { r: [Number.NaN, 1] } } as const;
    expect(() => quantizeSmall(model, INT8, settings)).toThrow(/the calibrated range of r is/);
    const original = quantizeSmall(model, INT8, { ...settings, ...COMPAT }).model;
    expect(tensorNamed(original, 'r').quantization?.scale?.[0]).toBeNaN();
  });

  it('A35: operators that integer kernels know make no float islands', async () => {
    const model = chain((main, r) => {
      const cut = main.operator('MINIMUM', [r, main.constant('most', [4], [1, 1, 1, 1])], { name: 'm', shape: [1, 4] });
      const wide = main.operator('EXPAND_DIMS', [cut, main.constant('axis', [], Int32Array.of(1))], {
        name: 'e',
        shape: [1, 1, 4],
      });
      const flat = main.operator('SQUEEZE', [wide], { name: 's', shape: [4] });
      return [main.operator('LEAKY_RELU', [flat], { name: 'y', shape: [4] }, { alpha: 0.5 })];
    });
    expect(operatorNames(quantizeSmall(model, INT8, COMPAT).model)).toContain('DEQUANTIZE');
    const { model: result } = quantizeSmall(model, INT8);
    expect(operatorNames(result)).toEqual(['RELU', 'MINIMUM', 'EXPAND_DIMS', 'SQUEEZE', 'LEAKY_RELU']);
    expect((await run(result, 0.5))[0]).toBeCloseTo(0.5, 1);
  });

  it('A31, A34: the plan says why an operator stays float, and what a rule could not do', () => {
    const result = quantizeSmall(
      chain((main, r) => [main.operator('SIN', [r], { name: 'y', shape: [1, 4] })]),
      [...INT8, dynamicRule({ operation: 'RELU', weightBits: 8 })],
    );
    expect(floatReasonOf(result, 'SIN')).toContain('no integer kernel');
    const relu = result.plan.operators.find(({ name }) => name === 'RELU');
    expect(relu?.mode).toBe('static');
    expect(relu?.resolution?.rejected).toEqual([{ rule: 1, reason: expect.stringContaining('RELU cannot be') }]);
  });
});

/** x times a weight of its own. */
function product(graph: SubgraphBuilder, x: number, name: string): number {
  const w = graph.constant(`${name}/w`, [4, 4], randomFloats(16, name.length));
  return graph.operator('FULLY_CONNECTED', [x, w, -1], { name, shape: [1, 4] });
}

describe('subgraphs', () => {
  /** A loop over 3 steps whose body multiplies, or a branch of two that do. */
  function control(kind: 'WHILE' | 'IF'): ModelBuilder {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    const x = main.input('x', [1, 4]);
    if (kind === 'IF') {
      const zero = main.constant('zero', [1, 4], [0, 0, 0, 0]);
      const less = main.operator('LESS', [x, zero], { name: 'less', shape: [1, 4], type: 'BOOL' });
      const any = main.operator('REDUCE_ANY', [less, main.constant('axes', [2], Int32Array.of(0, 1))], {
        name: 'any',
        shape: [],
        type: 'BOOL',
      });
      main.outputs(
        main.operator('IF', [any, x], { name: 'y', shape: [1, 4] }, { thenSubgraphIndex: 1, elseSubgraphIndex: 2 }),
      );
      for (const name of ['then', 'otherwise']) {
        const branch = builder.subgraph(name);
        branch.outputs(product(branch, branch.input(`${name}/x`, [1, 4]), name));
      }
    } else {
      const step = main.constant('start', [], Int32Array.of(0));
      const results = [
        { name: 'steps', shape: [], type: 'INT32' as const },
        { name: 'y', shape: [1, 4] },
      ];
      const [, y = -1] = main.operators('WHILE', [step, x], results, { condSubgraphIndex: 1, bodySubgraphIndex: 2 });
      main.outputs(y);
      const condition = builder.subgraph('condition');
      const i = condition.input('i', [], { type: 'INT32' });
      condition.input('cx', [1, 4]);
      const three = condition.constant('three', [], Int32Array.of(3));
      condition.outputs(condition.operator('LESS', [i, three], { name: 'go', shape: [], type: 'BOOL' }));
      const body = builder.subgraph('body');
      const j = body.input('j', [], { type: 'INT32' });
      const bx = body.input('bx', [1, 4]);
      const one = body.constant('one', [], Int32Array.of(1));
      body.outputs(
        body.operator('ADD', [j, one], { name: 'next', shape: [], type: 'INT32' }),
        product(body, bx, 'body/y'),
      );
    }
    return builder.signature('main', { inputs: { x }, outputs: { y: 'y' } });
  }

  it.each(['WHILE', 'IF'] as const)('of %s have their weights quantized by dynamic rules, and run', async (kind) => {
    const builder = control(kind);
    const { model } = quantizeSmall(builder, DYNAMIC);
    const weights = model.subgraphs.flatMap(({ tensors }) => tensors.filter(({ name }) => name?.endsWith('/w')));
    expect(weights.length).toBe(kind === 'IF' ? 2 : 1);
    for (const weight of weights) {
      expect(weight.type).toBe(CODES);
      expect(bytesOf(model, weight)).toHaveLength(16);
    }
    for (const value of [0.7, -0.7]) {
      const [expected = 0] = await run(builder.build(), value);
      expect(Math.abs(((await run(model, value))[0] ?? 9) - expected)).toBeLessThan(0.05);
    }
  });

  it.each(['WHILE', 'IF'] as const)('of %s stay float under static rules, and run', async (kind) => {
    const builder = control(kind);
    const { model } = quantizeSmall(builder, [...INT8, ...FLOAT_IO]);
    const [expected = 0] = await run(builder.build(), 0.7);
    expect((await run(model, 0.7))[0]).toBeCloseTo(expected, 1);
  });

  it('of two signatures have one grid for a cache that goes from one to the other', async () => {
    const builder = new ModelBuilder();
    const fill = builder.subgraph('fill');
    const x = fill.input('x', [1, 4]);
    const filled = product(fill, x, 'filled');
    fill.outputs(filled);
    builder.signature('fill', { inputs: { x }, outputs: { cache: filled } });
    const read = builder.subgraph('read');
    const [cache, z] = [read.input('old', [1, 4]), read.input('z', [1, 4])];
    const next = read.operator('ADD', [cache, z], { name: 'new', shape: [1, 4] });
    read.outputs(next);
    builder.signature('read', { inputs: { cache, z }, outputs: { cache: next } }, 1);

    const quantizer = await Quantizer.open(builder.bytes());
    quantizer.loadQuantizationRecipe('static_wi8_ai8');
    const feeds = (key: string) => [1, 2, 3].map((seed) => randomFeed(quantizer.model, key, seed, [-seed, seed]));
    const calibration = await quantizer.calibrate({ fill: feeds('fill'), read: feeds('read') }, { runtime: 'wasm' });
    const model = readModel((await quantizer.quantize(calibration)).quantizedModel);
    const grid = (subgraph: number, name: string) => tensorNamed(model, name, subgraph).quantization?.scale?.[0];
    expect(grid(0, 'filled')).toBe(grid(1, 'old'));
    expect(grid(1, 'new')).toBe(grid(1, 'old'));
    for (const { key } of signatures(model)) {
      const [output] = await runModel(runtime, model, key, randomFeed(quantizer.model, key, 9));
      expect(output?.type).toBe(CODES);
    }
  });
});
