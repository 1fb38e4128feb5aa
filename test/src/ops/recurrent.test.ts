/**
 * Recurrent operators with integer weights, run on the one interpreter here that takes models with states: LiteRT's
 * compiled models refuse them, in float too.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Runtime } from '../../../calibration/runtime/runtime.ts';
import { openTfjsRuntime } from '../../../calibration/runtime/tfjs.node.ts';
import { TensorType } from '../../../schema/generated/tflite.ts';
import { cloneModel } from '../../../schema/graph.ts';
import type { Model } from '../../../schema/model.ts';
import { isWeight, specOfName } from '../../../src/ops/index.ts';
import { Quantizer } from '../../../src/quantizer.ts';
import { dynamicRule, staticRule, weightOnlyRule } from '../../../src/recipe/builders.ts';
import type { Rule } from '../../../src/recipe/types.ts';
import { verifyModelFile } from '../../../src/validate/verify.node.ts';
import { ModelBuilder, randomFloats } from '../../support/model-builder.ts';
import { bidirectionalLstm, recurrentModels } from '../../support/recurrent-models.ts';
import { randomFeed, runModel } from '../../support/run-model.ts';
import { floatReasonOf, operatorNames, quantizeSmall } from '../plan/quantize-small.ts';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openTfjsRuntime();
});
afterAll(() => runtime.close());

/** Signal to noise ratio of all outputs in dB. */
async function decibels(float: Model, quantized: Model): Promise<number> {
  const feed = randomFeed(float, 'main', 3);
  const expected = await runModel(runtime, float, 'main', feed);
  const actual = await runModel(runtime, quantized, 'main', feed);
  let signal = 0;
  let noise = 0;
  expected.forEach(({ values }, output) => {
    values.forEach((value, index) => {
      signal += value ** 2;
      noise += (value - (actual[output]?.values[index] ?? Number.NaN)) ** 2;
    });
  });
  return 10 * Math.log10(signal / noise);
}

function weightsOf(model: Model, name: string) {
  const graph = model.subgraphs[0];
  const cell = graph?.operators.find(({ inputs }) => inputs.length > 3);
  const weighted = specOfName(name)?.weighted;
  return (cell?.inputs ?? []).flatMap((tensor, position) => {
    const found = graph?.tensors[tensor];
    return isWeight(weighted, position) && found ? [found] : [];
  });
}

const EACH_CHANNEL: readonly Rule[] = [dynamicRule({ weightBits: 8, granularity: 'CHANNELWISE' })];

describe.each(recurrentModels)('$name', ({ operator, model }) => {
  it('has int8 weights of one scale each under a dynamic rule', async () => {
    const { plan, model: quantized } = quantizeSmall(model, EACH_CHANNEL);
    expect(plan.operators[0]?.mode).toBe('dynamic');
    expect(operatorNames(quantized)).toEqual([operator]);
    for (const { type, quantization } of weightsOf(quantized, operator)) {
      expect(type).toBe(TensorType.INT8);
      expect(quantization?.scale).toHaveLength(1);
    }
    expect(await decibels(model, quantized)).toBeGreaterThan(38);
  });

  it('stores int8 weights under a weight-only rule', async () => {
    const { model: quantized } = quantizeSmall(model, [weightOnlyRule({ weightBits: 8 })]);
    const decoders = operatorNames(quantized).filter((name) => name === 'DEQUANTIZE');
    expect(decoders).toHaveLength(weightsOf(model, operator).length);
    expect(await decibels(model, quantized)).toBeGreaterThan(38);
  });

  it('keeps float activations under a static rule, and small weights', async () => {
    const rules = [staticRule({ activationBits: 8, weightBits: 8 })];
    const { model: quantized } = quantizeSmall(model, rules);
    const outputs = quantized.subgraphs[0]?.operators.find(({ inputs }) => inputs.length > 3)?.outputs ?? [];
    expect(outputs.map((tensor) => quantized.subgraphs[0]?.tensors[tensor]?.type)).toEqual(
      outputs.map(() => TensorType.FLOAT32),
    );
    expect(weightsOf(quantized, operator).every(({ type }) => type === TensorType.INT8)).toBe(true);
  });

  it('is left alone as a whole where one of its weights is no constant', () => {
    const copy = cloneModel(model);
    const [graph] = copy.subgraphs;
    const weighted = specOfName(operator)?.weighted;
    const position = weighted?.otherWeights?.find((at) => (graph?.operators[0]?.inputs[at] ?? -1) >= 0) ?? -1;
    const tensor = graph?.tensors[graph.operators[0]?.inputs[position] ?? -1];
    if (tensor) tensor.buffer = 0;
    const quantized = quantizeSmall(copy, EACH_CHANNEL);
    expect(floatReasonOf(quantized, operator)).toContain('computed at run time');
    expect(weightsOf(quantized.model, operator).every(({ type }) => type === TensorType.FLOAT32)).toBe(true);
  });
});

it('leaves both directions of an LSTM float where they share an output', () => {
  const quantized = quantizeSmall(bidirectionalLstm(true).model, EACH_CHANNEL);
  expect(floatReasonOf(quantized, 'BIDIRECTIONAL_SEQUENCE_LSTM')).toContain('share an output');
});

it('leaves the basic form of LSTM float', () => {
  const basic = recurrentModels.find(({ operator }) => operator === 'LSTM');
  const model = cloneModel(basic?.model as Model);
  for (const operator of model.subgraphs[0]?.operators ?? []) {
    if (operator.builtinOptions?.table === 'LSTMOptions') operator.builtinOptions.kernelType = 1;
  }
  expect(floatReasonOf(quantizeSmall(model, EACH_CHANNEL), 'LSTM')).toContain('basic form');
});

it('is calibrated, verified and compared with the interpreter that takes it, without being asked', async () => {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const x = main.input('x', [1, 16]);
  const weights = [randomFloats(192, 1), randomFloats(144, 2), new Float32Array(12)];
  const shapes = [[12, 16], [12, 12], [12]];
  const constants = weights.map((values, index) => main.constant(`c${index}`, shapes[index] ?? [], values));
  const state = main.tensor({ name: 'state', shape: [1, 12], isVariable: true });
  const cell = main.operator('RNN', [x, ...constants, state], { name: 'cell', shape: [1, 12] });
  const dense = main.constant('w', [4, 12], randomFloats(48, 3));
  main.outputs(main.operator('FULLY_CONNECTED', [cell, dense, -1], { name: 'y', shape: [1, 4] }));
  builder.signature('main', { inputs: { x }, outputs: { y: 'y' } });

  const quantizer = await Quantizer.open(builder.bytes());
  quantizer.loadQuantizationRecipe('static_wi8_ai8');
  const samples = Array.from({ length: 8 }, (_, seed) => ({ x: randomFloats(16, 10 + seed) }));
  const result = await quantizer.quantize(await quantizer.calibrate(samples));
  expect(await verifyModelFile(result.quantizedModel)).toMatchObject({ status: 'ok' });
  const [signature] = (await quantizer.validate(samples)).signatures;
  expect(signature?.outputs[0]?.metrics.sqnrDb).toBeGreaterThan(30);
  expect(await verifyModelFile(result.quantizedModel, { runtime: 'wasm' })).toMatchObject({
    status: 'skipped',
    reason: expect.stringContaining('keep a state'),
  });
});
