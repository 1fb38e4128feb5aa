/** Composites under static rules: quantized with what they stand for, on one grid inside and outside. */
import { afterAll, describe, expect, it } from 'vitest';
import type { Runtime } from '../../../calibration/runtime/runtime.ts';
import { TensorType } from '../../../schema/generated/tflite.ts';
import { signatures } from '../../../schema/graph.ts';
import type { Model } from '../../../schema/model.ts';
import { readModel } from '../../../schema/reader.ts';
import { Quantizer } from '../../../src/quantizer.ts';
import { floatRule, staticRule } from '../../../src/recipe/builders.ts';
import type { Rule } from '../../../src/recipe/types.ts';
import { runtimes } from '../../calibration/runtime/available.ts';
import { ModelBuilder, randomFloats, type SubgraphBuilder } from '../../support/model-builder.ts';
import { runModel } from '../../support/run-model.ts';
import { DYNAMIC, floatReasonOf, INT8, INT16, operatorNames, quantizeSmall, tensorNamed } from './quantize-small.ts';

const ATTRIBUTES = Uint8Array.of(0, 0, 1, 0, 0, 36, 1);
const SHAPE = [1, 4];
const NAME = 'odml.rms_norm';

const options = (decompositionSubgraphIndex: number, name = NAME) => ({
  name,
  decompositionSubgraphIndex,
  compositeAttributes: ATTRIBUTES,
});

/** x -> `around` -> y; the composites in it stand for subgraph 1: RELU(a) + a, or as given. */
function model(
  around: (main: SubgraphBuilder, x: number) => number,
  inside: (body: SubgraphBuilder) => number = reluPlus,
): ModelBuilder {
  const builder = new ModelBuilder();
  const main = builder.subgraph('main');
  const x = main.input('x', SHAPE);
  const y = around(main, x);
  main.outputs(y);
  builder.signature('main', { inputs: { x }, outputs: { y } });
  const body = builder.subgraph('body');
  body.outputs(inside(body));
  return builder;
}

function reluPlus(body: SubgraphBuilder): number {
  const a = body.input('a', SHAPE);
  const relu = body.operator('RELU', [a], { name: 'relu', shape: SHAPE });
  return body.operator('ADD', [relu, a], { name: 'sum', shape: SHAPE });
}

const composite = (main: SubgraphBuilder, inputs: readonly number[], name: string, kind = NAME) =>
  main.operator('STABLEHLO_COMPOSITE', inputs, { name, shape: SHAPE }, options(1, kind));

const parametersOf = (found: Model, name: string, subgraph = 0) => {
  const { quantization, type } = tensorNamed(found, name, subgraph);
  return { type, scale: quantization?.scale?.[0], zeroPoint: Number(quantization?.zeroPoint?.[0]) };
};

const SAMPLES = Array.from({ length: 6 }, (_, seed) => ({ x: randomFloats(4, 20 + seed, -2, 2) }));

/** Quantized the way a user does it: calibrated with an interpreter, by a recipe. */
async function quantized(builder: ModelBuilder, rules: readonly Rule[] = INT8): Promise<Model> {
  const quantizer = await Quantizer.open(builder.bytes());
  quantizer.loadQuantizationRecipe({ rules });
  const calibration = await quantizer.calibrate(SAMPLES, { runtime: 'wasm' });
  return readModel((await quantizer.quantize(calibration)).quantizedModel);
}

async function largestError(runtime: Runtime, float: Model, other: Model): Promise<number> {
  let worst = 0;
  for (const { x } of SAMPLES) {
    const feed = { x: { type: TensorType.FLOAT32, shape: SHAPE, data: x } };
    const [[expected], [actual]] = [
      await runModel(runtime, float, 'main', feed),
      await runModel(runtime, other, 'main', feed),
    ];
    expected?.values.forEach((value, i) => {
      worst = Math.max(worst, Math.abs(value - (actual?.values[i] ?? Number.NaN)));
    });
  }
  return worst;
}

describe('composites', () => {
  it('take the grid of what writes their operand, inside too', () => {
    const builder = model((main, x) =>
      composite(main, [main.operator('SOFTMAX', [x], { name: 'shares', shape: SHAPE }, { beta: 1 })], 'y'),
    );
    // Left to themselves, the body's input would be on another grid than its value.
    const { model: result } = quantizeSmall(builder, INT8, { ranges: { shares: [0, 0.5], a: [0, 0.5] } });
    expect(operatorNames(result)).toEqual(['SOFTMAX', 'STABLEHLO_COMPOSITE']);
    expect(parametersOf(result, 'a', 1)).toEqual({ type: TensorType.INT8, scale: 1 / 256, zeroPoint: -128 });
    expect(parametersOf(result, 'a', 1)).toEqual(parametersOf(result, 'shares'));
    expect(parametersOf(result, 'sum', 1)).toEqual(parametersOf(result, 'y'));
  });

  it('that stand for one subgraph share its grids, with a QUANTIZE where the graph around has others', () => {
    const builder = model((main, x) => composite(main, [composite(main, [x], 'once')], 'y'));
    const ranges = { x: [-1, 1], once: [-1, 2], a: [-1, 2], sum: [-1, 4], y: [-1, 4] } as const;
    const { model: result } = quantizeSmall(builder, INT8, { ranges });
    // The graph's input takes the grid inside; what the first composite writes does not fit it.
    expect(operatorNames(result)).toEqual(['STABLEHLO_COMPOSITE', 'QUANTIZE', 'STABLEHLO_COMPOSITE']);
    const [first, second] = (result.subgraphs[0]?.operators ?? []).filter((_, i) => i !== 1);
    const grid = (tensor = -1) => result.subgraphs[0]?.tensors[tensor]?.quantization?.scale;
    expect(grid(first?.inputs[0])).toEqual(grid(second?.inputs[0]));
    expect(grid(first?.outputs[0])).toEqual(grid(second?.outputs[0]));
  });

  it('stores constants among their operands on the grid inside', () => {
    const scaled = (body: SubgraphBuilder) =>
      body.operator('MUL', [body.input('a', SHAPE), body.input('factor', SHAPE)], { name: 'product', shape: SHAPE });
    const builder = model(
      (main, x) => composite(main, [x, main.constant('factors', SHAPE, [0.5, -2, 1, 4])], 'y'),
      scaled,
    );
    const { model: result } = quantizeSmall(builder, INT8);
    expect(parametersOf(result, 'factors')).toEqual(parametersOf(result, 'factor', 1));
    expect(parametersOf(result, 'factors').scale).toBeCloseTo(6 / 255, 6);
    expect(operatorNames(result)).toEqual(['STABLEHLO_COMPOSITE']);
  });

  it('keep float at their border what is float inside', () => {
    const waves = (body: SubgraphBuilder) =>
      body.operator('SIN', [body.input('a', SHAPE)], { name: 'wave', shape: SHAPE });
    const result = quantizeSmall(
      model((main, x) => composite(main, [x], 'y'), waves),
      [...INT8, floatRule({ operation: 'INPUT' }), floatRule({ operation: 'OUTPUT' })],
    );
    expect(operatorNames(result.model)).toEqual(['STABLEHLO_COMPOSITE']);
    expect(floatReasonOf(result, 'STABLEHLO_COMPOSITE')).toContain('border is float');
    expect(tensorNamed(result.model, 'a', 1).type).toBe(TensorType.FLOAT32);
  });

  it('keep operators inside float that a rule excludes', () => {
    const builder = model((main, x) => composite(main, [x], 'y'));
    const { model: result } = quantizeSmall(builder, [...INT8, floatRule({ regex: '^relu;' })]);
    expect(operatorNames(result, 1)).toEqual(['DEQUANTIZE', 'RELU', 'QUANTIZE', 'ADD']);
  });

  it('inside of composites are quantized with them', () => {
    const builder = model(
      (main, x) => composite(main, [x], 'y'),
      (body) => body.operator('STABLEHLO_COMPOSITE', [body.input('a', SHAPE)], { name: 'b', shape: SHAPE }, options(2)),
    );
    const inner = builder.subgraph('inner');
    inner.outputs(inner.operator('RELU', [inner.input('c', SHAPE)], { name: 'd', shape: SHAPE }));
    const { model: result } = quantizeSmall(builder, INT8, { ranges: { x: [-1, 1] } });
    expect(parametersOf(result, 'c', 2)).toEqual(parametersOf(result, 'x'));
    expect(parametersOf(result, 'd', 2)).toEqual(parametersOf(result, 'y'));
    for (const subgraph of [0, 1, 2]) expect(operatorNames(result, subgraph)).not.toContain('QUANTIZE');
  });

  it.each<[string, readonly Rule[], (main: SubgraphBuilder, x: number) => number, RegExp]>([
    ['a name that is not known', INT8, (main, x) => composite(main, [x], 'y', 'my.thing'), /my\.thing has no/],
    [
      'a rule that excludes it',
      [...INT8, floatRule({ regex: '^y;' })],
      (main, x) => composite(main, [x], 'y'),
      /rule 2/,
    ],
    ['a dynamic rule', DYNAMIC, (main, x) => composite(main, [x], 'y'), /cannot be dynamic/],
    [
      'another one of its body that stays float',
      [...INT8, floatRule({ regex: '^once;' })],
      (main, x) => composite(main, [composite(main, [x], 'once')], 'y'),
      /rule 2/,
    ],
    [
      'another one of its body with other types',
      [...INT8, staticRule({ regex: '^once;', activationBits: 16, weightBits: 8 })],
      (main, x) => composite(main, [composite(main, [x], 'once')], 'y'),
      /different types/,
    ],
  ])('stay float for %s, and say why', (_, rules, around, why) => {
    const result = quantizeSmall(model(around), rules);
    expect(floatReasonOf(result, 'STABLEHLO_COMPOSITE')).toMatch(why);
    expect(floatReasonOf(result, 'RELU')).toMatch(why);
    expect(tensorNamed(result.model, 'a', 1).type).toBe(TensorType.FLOAT32);
  });

  it('stay float inside loops', () => {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    const x = main.input('x', SHAPE);
    const loop = { condSubgraphIndex: 1, bodySubgraphIndex: 2 };
    main.outputs(main.operator('WHILE', [x], { name: 'y', shape: SHAPE }, loop));
    builder.signature('main', { inputs: { x }, outputs: { y: 'y' } });
    const condition = builder.subgraph('condition');
    const limit = condition.constant('limit', SHAPE, [1, 1, 1, 1]);
    const less = { name: 'less', shape: SHAPE, type: 'BOOL' } as const;
    condition.outputs(condition.operator('LESS', [condition.input('c', SHAPE), limit], less));
    const body = builder.subgraph('body');
    const b = body.input('b', SHAPE);
    body.outputs(body.operator('STABLEHLO_COMPOSITE', [b], { name: 'next', shape: SHAPE }, options(3)));
    const inner = builder.subgraph('inner');
    inner.outputs(reluPlus(inner));
    const result = quantizeSmall(builder, INT8);
    expect(floatReasonOf(result, 'STABLEHLO_COMPOSITE')).toContain('loop or branch');
    expect(tensorNamed(result.model, 'a', 3).type).toBe(TensorType.FLOAT32);
  });
});

describe.each(runtimes)('composites on $name', ({ open }) => {
  let runtime: Runtime | undefined;
  afterAll(() => runtime?.close());

  it.each<[string, ModelBuilder, readonly Rule[], number]>([
    ['one', model((main, x) => composite(main, [x], 'y')), INT8, 0.05],
    ['one, int16', model((main, x) => composite(main, [x], 'y')), INT16, 0.001],
    ['two of one subgraph', model((main, x) => composite(main, [composite(main, [x], 'once')], 'y')), INT8, 0.15],
    [
      'one after a softmax',
      model((main, x) =>
        composite(main, [main.operator('SOFTMAX', [x], { name: 'shares', shape: SHAPE }, { beta: 1 })], 'y'),
      ),
      INT8,
      0.03,
    ],
    [
      'one with a constant and a softmax at its end',
      model(
        (main, x) => composite(main, [x, main.constant('factors', SHAPE, [0.5, -2, 1, 4])], 'y'),
        (body) => {
          const operands = [body.input('a', SHAPE), body.input('factor', SHAPE)];
          const product = body.operator('MUL', operands, { name: 'product', shape: SHAPE });
          return body.operator('SOFTMAX', [product], { name: 'shares', shape: SHAPE }, { beta: 1 });
        },
      ),
      INT8,
      0.04,
    ],
  ])('%s: what is calibrated inside gives results within its steps', async (_, builder, rules, bound) => {
    runtime ??= await open();
    const result = await quantized(builder, rules);
    expect(tensorNamed(result, 'a', 1).type).not.toBe(TensorType.FLOAT32);
    expect(signatures(result)).toHaveLength(1);
    expect(await largestError(runtime, builder.build(), result)).toBeLessThan(bound);
  });
});
