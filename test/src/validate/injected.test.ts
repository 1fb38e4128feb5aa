import { describe, expect, it } from 'vitest';
import { iterableDataset } from '../../../datasets/iterable.ts';
import { openDataset } from '../../../datasets/open.node.ts';
import type { Dataset } from '../../../datasets/sample.ts';
import { TensorType } from '../../../schema/generated/tflite.ts';
import { operatorName, signatures } from '../../../schema/graph.ts';
import type { Model, Subgraph, Tensor } from '../../../schema/model.ts';
import { readModel } from '../../../schema/reader.ts';
import { Quantizer } from '../../../src/quantizer.ts';
import { layersOf, worstLayers } from '../../../src/report/ranking.ts';
import { findCulprits } from '../../../src/validate/injected.ts';
import { nodeIsolation } from '../../../src/validate/isolation.node.ts';
import { validateModels } from '../../../src/validate/validate.ts';
import { ModelBuilder, randomFloats } from '../../support/model-builder.ts';
import { denseModel } from '../../support/models.ts';
import { requireShared, sharedPath, skipUnless } from '../../support/shared.ts';
import { wasmRuntime } from '../../support/wasm-runtime.ts';
import { quantizedDense } from './quantized-models.ts';

const runtime = await wasmRuntime();

async function compare(float: Model, quantized: Model, count = 3) {
  const [view] = signatures(float);
  const inputs = (view?.inputs ?? []).map(({ name, tensor }) => {
    const entry = float.subgraphs[0]?.tensors[tensor];
    return { name, type: entry?.type ?? 0, shape: entry?.shape ?? [] };
  });
  const samples = Array.from({ length: count }, (_, s) =>
    Object.fromEntries(
      inputs.map(({ name, shape }) => [
        name,
        randomFloats(
          shape.reduce((a, b) => a * b, 1),
          s,
        ),
      ]),
    ),
  );
  return compareOn(float, quantized, iterableDataset(samples, inputs));
}

async function compareOn(float: Model, quantized: Model, dataset: Dataset) {
  const [comparison] = await validateModels({
    float: { file: 'float.tflite', model: float, sizeBytes: 1 },
    quantized: [{ file: 'quantized.tflite', model: quantized, sizeBytes: 1 }],
    runtime,
    datasets: { [signatures(float)[0]?.key ?? '']: dataset },
    samples: 3,
    isolation: nodeIsolation(runtime),
  });
  if (!comparison) throw new Error('there is no comparison');
  return comparison;
}

/**
 * Makes the steps of the output of the convolution before the first ADD eight times as coarse, as one wrong decision of a
 * quantizer would. Returns the name of that output.
 */
function spoil(model: Model): string | undefined {
  const subgraph = model.subgraphs[0] as Subgraph;
  const position = subgraph.operators.findIndex((operator) => operatorName(model, operator) === 'ADD') - 1;
  const output = subgraph.tensors[subgraph.operators[position]?.outputs[0] ?? -1] as Tensor;
  const { quantization } = output;
  if (quantization?.scale) quantization.scale = quantization.scale.map((scale) => scale * 8);
  return output.name;
}

describe('injected errors', () => {
  it('are those of each operator alone', async () => {
    const { operators, signatures: compared } = await compare(denseModel().build(), quantizedDense({ io: 'FLOAT32' }));
    expect(operators.map(({ operator, position, output, mode }) => [operator, position, output, mode])).toEqual([
      ['FULLY_CONNECTED', 1, 'dense/output', 'integer'],
      ['RELU', 2, 'y', 'integer'],
    ]);
    const [dense, relu] = operators;
    // The first operator reads the same codes in both runs, so what it adds is all that arrives.
    const arriving = compared[0]?.tensors.find(({ name }) => name === 'dense/output')?.metrics;
    expect(dense?.metrics?.mse).toBe(arriving?.mse);
    // RELU alone reads values rounded to steps of 0.02 and writes steps of 0.01.
    expect(relu?.metrics?.maxAbsoluteError).toBeLessThanOrEqual(0.01 + 0.005 + 1e-6);
    expect(relu?.metrics?.elements).toBe(9);
  });

  it('leave out operators that compute as the float model does', async () => {
    const float = denseModel().build();
    expect((await compare(float, float)).operators).toEqual([]);
  });

  it('are measured between two quantized models where they hold the same codes', async () => {
    const quantized = quantizedDense({ io: 'FLOAT32' });
    const { operators } = await compare(quantized, quantized);
    expect(operators.map(({ metrics }) => metrics?.mse)).toEqual([0, 0]);
    const other = quantizedDense({ io: 'FLOAT32' });
    const hidden = other.subgraphs[0]?.tensors.find(({ name }) => name === 'dense/output');
    if (hidden?.quantization?.scale) hidden.quantization.scale = hidden.quantization.scale.map((scale) => 2 * scale);
    const problems = (await compare(quantized, other)).operators.map(({ operator, problem }) => [operator, problem]);
    expect(problems).toEqual([
      ['FULLY_CONNECTED', undefined],
      ['RELU', 'it reads a value that the first model holds in other codes'],
    ]);
  });

  it('name the operator that keeps a model from running', async () => {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    const int8 = { type: 'INT8', quantization: { scale: 0.01, zeroPoint: 0 } } as const;
    const int16 = { type: 'INT16', quantization: { scale: 0.01, zeroPoint: 0 } } as const;
    const x = main.input('x', [1, 4], int8);
    const first = main.operator('TANH', [x], {
      name: 'a',
      shape: [1, 4],
      type: 'INT8',
      quantization: { scale: 1 / 128, zeroPoint: 0 },
    });
    // No kernel turns int8 into int16 here.
    main.outputs(main.operator('RELU', [first], { name: 'b', shape: [1, 4], ...int16 }));
    const float = new ModelBuilder();
    const graph = float.subgraph();
    const tanh = graph.operator('TANH', [graph.input('x', [1, 4])], { name: 'a', shape: [1, 4] });
    graph.outputs(graph.operator('RELU', [tanh], { name: 'b', shape: [1, 4] }));
    await expect(compare(float.build(), builder.build())).rejects.toMatchObject({
      code: 'RUNTIME_REJECTED_MODEL',
      message: expect.stringMatching(/^quantized\.tflite does not run/),
      where: { operator: 'RELU b' },
      hint: expect.stringMatching(/RELU b \(.*RELU/),
    });
  });

  it.skipIf(skipUnless(sharedPath('models'), 'the shared models are not here'))(
    'rank a spoiled layer first, where arriving errors do not',
    async () => {
      const quantizer = await Quantizer.open(requireShared('models', 'efficientnet_lite0.tflite'));
      const inputs = [{ name: 'image', type: TensorType.FLOAT32, shape: [1, 224, 224, 3] }];
      const dataset = await openDataset([requireShared('data', 'photos')], inputs, { mean: [127], std: [128] });
      quantizer.loadQuantizationRecipe('static_wi8_ai8');
      const calibration = await quantizer.calibrate({ serving_default: dataset }, { samples: 4, runtime: 'wasm' });
      const { quantizedModel } = await quantizer.quantize(calibration);
      const quantized = readModel(quantizedModel);
      const spoiled = spoil(quantized);
      const comparison = await compareOn(quantizer.model, quantized, dataset);
      const layers = layersOf(comparison).filter(({ tensor }) => tensor.role !== 'input');
      expect(worstLayers(layers)[0]?.tensor.quantized.name).toBe(spoiled);
      const byArriving = layers.toSorted((a, b) => a.tensor.metrics.sqnrDb - b.tensor.metrics.sqnrDb);
      expect(byArriving[0]?.tensor.quantized.name).not.toBe(spoiled);
      quantizer.close();
    },
  );
});

describe('findCulprits', () => {
  it('finds every item that fails by itself in few attempts', async () => {
    const items = Array.from({ length: 233 }, (_, i) => i);
    let attempts = 0;
    const bad = new Set([17, 18, 200]);
    const found = await findCulprits(items, async (some) => {
      attempts += 1;
      const first = some.find((item) => bad.has(item));
      return first === undefined ? undefined : `${first} failed`;
    });
    expect(found).toEqual([17, 18, 200].map((item) => ({ item, reason: `${item} failed` })));
    expect(attempts).toBeLessThan(3 * 2 * 8);
  });

  it('blames nobody when nothing fails', async () => {
    expect(await findCulprits([1, 2, 3], async () => undefined)).toEqual([]);
  });
});
