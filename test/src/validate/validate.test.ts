import { describe, expect, it } from 'vitest';
import { iterableDataset } from '../../../datasets/iterable.ts';
import { openDataset } from '../../../datasets/open.node.ts';
import type { Dataset } from '../../../datasets/sample.ts';
import { type Comparison, comparisonJson, comparisonSchema } from '../../../schema/documents/comparison.ts';
import { signatures } from '../../../schema/graph.ts';
import type { Model } from '../../../schema/model.ts';
import { openModelFile } from '../../../schema/model-file.node.ts';
import { type ComparedModel, type ValidateOptions, validateModels } from '../../../src/validate/validate.ts';
import { randomFloats } from '../../support/model-builder.ts';
import { denseModel, twoSignatureModel } from '../../support/models.ts';
import { requireShared, sharedPath, skipUnless } from '../../support/shared.ts';
import { wasmRuntime } from '../../support/wasm-runtime.ts';
import { quantizedDense } from './quantized-models.ts';

const runtime = await wasmRuntime();

const compared = (model: Model, file = 'model.tflite'): ComparedModel => ({ file, model, sizeBytes: 1000 });

function inputsOf(model: Model, key: string) {
  const view = signatures(model).find((entry) => entry.key === key);
  return (view?.inputs ?? []).map(({ name, tensor }) => {
    const entry = model.subgraphs[view?.subgraph ?? 0]?.tensors[tensor];
    return { name, type: entry?.type ?? 0, shape: entry?.shape ?? [] };
  });
}

/** Random samples for one signature. */
function samplesFor(model: Model, key: string, count: number): Dataset {
  const inputs = inputsOf(model, key);
  const samples = Array.from({ length: count }, (_, s) =>
    Object.fromEntries(
      inputs.map(({ name, shape }, i) => [
        name,
        randomFloats(
          shape.reduce((a, b) => a * b, 1),
          10 * s + i,
        ),
      ]),
    ),
  );
  return iterableDataset(samples, inputs);
}

const validate = (float: Model, quantized: Model[], some: Partial<ValidateOptions> = {}) => {
  const keys = signatures(float).map((view) => view.key);
  const datasets = Object.fromEntries(keys.map((key) => [key, samplesFor(float, key, 4)]));
  return validateModels({
    float: compared(float),
    quantized: quantized.map((model) => compared(model)),
    runtime,
    datasets,
    ...some,
  });
};

const metricsByName = (comparison: Comparison | undefined) =>
  Object.fromEntries(
    (comparison?.signatures ?? []).flatMap(({ outputs, tensors }) =>
      [...outputs, ...tensors].map(({ name, metrics }) => [name, metrics]),
    ),
  );

describe('validateModels', () => {
  it('finds no error between a model and itself', async () => {
    const model = twoSignatureModel().build();
    const [comparison] = await validate(model, [model]);
    expect(comparison?.signatures.map(({ key, samples }) => [key, samples])).toEqual([
      ['first', 4],
      ['second', 4],
    ]);
    const all = comparison?.signatures.flatMap(({ outputs, tensors }) => [...outputs, ...tensors]) ?? [];
    expect(all.map(({ name, role }) => [name, role])).toEqual([
      ['y', 'output'],
      ['x', 'input'],
      ['result', 'output'],
      ['input', 'input'],
      ['product', 'intermediate'],
    ]);
    for (const { metrics } of all) expect(metrics.sqnrDb).toBe(Number.POSITIVE_INFINITY);
    for (const { metrics } of comparison?.weights ?? []) expect(metrics?.mse).toBe(0);
    expect(comparison?.weights.length).toBe(3);
  });

  it('quantizes the samples for integer inputs and dequantizes integer outputs', async () => {
    const [comparison] = await validate(denseModel().build(), [quantizedDense({ io: 'INT8' })]);
    const found = metricsByName(comparison);
    // Rounding alone: a uniform error of at most half a step, and a little more after the dense layer.
    expect(found.x?.maxAbsoluteError).toBeLessThanOrEqual(0.5 * 0.0079 * 1.0001);
    expect(found.x?.errorOverScale).toBeGreaterThan(0.1);
    expect(found.x?.errorOverScale).toBeLessThan(0.5);
    expect(found.y?.sqnrDb).toBeGreaterThan(30);
    expect(found.y?.sqnrDb).toBeLessThan(70);
    expect(comparison?.signatures[0]?.outputs[0]?.quantized).toMatchObject({ type: 'INT8' });
  });

  it('sees the same error behind float inputs and outputs', async () => {
    const [integer, float] = await validate(denseModel().build(), [
      quantizedDense({ io: 'INT8' }),
      quantizedDense({ io: 'FLOAT32' }),
    ]);
    expect(metricsByName(float).y?.mse).toBeCloseTo(metricsByName(integer).y?.mse ?? 0, 12);
    expect(metricsByName(float)['dense/output']?.mse).toBe(metricsByName(integer)['dense/output']?.mse);
    expect(float?.signatures[0]?.outputs[0]?.quantized.type).toBe('FLOAT32');
  });

  it('gives the same numbers when tensors are taken in several runs', async () => {
    const model = quantizedDense({ io: 'INT8' });
    const [whole] = await validate(denseModel().build(), [model]);
    const [parts] = await validate(denseModel().build(), [model], { memoryBytes: 1 });
    expect(parts).toEqual(whole);
  });

  it('compares a file that can be read again', async () => {
    const [comparison] = await validate(denseModel().build(), [quantizedDense({ io: 'INT8' })]);
    const text = JSON.stringify(comparisonJson(comparison as Comparison));
    expect(comparisonSchema.parse(JSON.parse(text))).toEqual(comparison);
  });

  it('takes as many samples as asked of an endless source and says where it is', async () => {
    const float = denseModel().build();
    const endless = (async function* () {
      for (let seed = 0; ; seed += 1) yield { x: randomFloats(4, seed) };
    })();
    const seen: number[] = [];
    const [comparison] = await validate(float, [float], {
      datasets: { serving_default: iterableDataset(endless, inputsOf(float, 'serving_default')) },
      samples: 3,
      onProgress: ({ done }) => seen.push(done),
    });
    expect(comparison?.signatures[0]?.samples).toBe(3);
    expect(seen).toEqual([0, 1, 2, 3]);
  });

  it('counts classes with labels, and several accepted ones', async () => {
    const float = denseModel().build();
    const labels = [new Set([0]), new Set([0, 1, 2]), undefined, new Set([1])];
    const [comparison] = await validate(float, [float], { labels });
    expect(comparison?.classification).toMatchObject({ classes: 3, labelled: 3, compared: 4, agreement: 1 });
    expect(comparison?.classification?.float?.top5).toBe(1);
    expect(comparison?.classification?.float).toEqual(comparison?.classification?.quantized);
  });

  it('does not take any output for classes', async () => {
    const float = denseModel().build();
    expect((await validate(float, [float]))[0]?.classification).toBeNull();
  });

  it.each([
    [
      'no samples',
      { datasets: { serving_default: iterableDataset([], [{ name: 'x', type: 0, shape: [1, 4] }]) } },
      'DATASET_EMPTY',
    ],
    [
      'an unknown signature',
      { datasets: { nothing: samplesFor(denseModel().build(), 'serving_default', 1) } },
      'USAGE',
    ],
  ])('refuses %s', async (_, some, code) => {
    const float = denseModel().build();
    await expect(validate(float, [float], some)).rejects.toMatchObject({ code });
  });

  it('refuses a model with other signatures', async () => {
    await expect(
      validate(
        twoSignatureModel().build(),
        [twoSignatureModel().build()].map((model) => {
          for (const signature of model.signatureDefs ?? []) signature.signatureKey = `${signature.signatureKey}_2`;
          return model;
        }),
      ),
    ).rejects.toMatchObject({ code: 'MODELS_DIFFER' });
  });

  it('stops between samples', async () => {
    const float = denseModel().build();
    const stop = validate(float, [float], { signal: AbortSignal.abort(new Error('enough')) });
    await expect(stop).rejects.toThrow('enough');
  });
});

/**
 * Mean over the samples 000.npz to 002.npz of what `Quantizer.validate` of the Python original (0.10.0) reports as mse.
 * Its float kernels are wider than ours, so the last digits differ.
 */
const ORIGINAL: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  static_wi8_ai8: {
    'StatefulPartitionedCall:0': 0.013530992767944857,
    'serving_default_conv2d_input:0': 0.0002468616148689762,
    'sequential/average_pooling2d/AvgPool': 6.886503615533002e-5,
    'sequential/flatten/Reshape': 6.886503615533002e-5,
    'sequential/dense/MatMul;sequential/dense/Relu;sequential/dense/BiasAdd': 0.30515519878827035,
    'sequential/dense_1/MatMul': 5.0529073442642884,
  },
  static_wi8_ai16: {
    'StatefulPartitionedCall:0': 0.00031069800600865466,
    'serving_default_conv2d_input:0': 6.851581519697521e-5,
    'sequential/average_pooling2d/AvgPool': 8.52661113034022e-6,
    'sequential/dense_1/MatMul': 3.7763348646694794,
  },
  hadamard_wi4: {
    'StatefulPartitionedCall:0': 3.900257949377798e-5,
    'sequential/dense/MatMul;sequential/dense/Relu;sequential/dense/BiasAdd': 0.4348896344502767,
    'sequential/dense_1/MatMul': 1.2507379055023193,
  },
};

describe.skipIf(skipUnless(sharedPath('golden'), 'the shared goldens are not here'))('next to the original', () => {
  it.each(Object.keys(ORIGINAL))('gives the same errors for %s', async (recipe) => {
    const float = openModelFile(requireShared('golden', 'conv_fc_mnist', 'model.tflite'));
    const quantized = openModelFile(requireShared('golden', 'conv_fc_mnist', recipe, 'quantized.tflite'));
    const files = ['000', '001', '002'].map((name) =>
      requireShared('golden', 'conv_fc_mnist', 'inputs', 'serving_default', `${name}.npz`),
    );
    const dataset = await openDataset(files, inputsOf(float.model, 'serving_default'));
    const [comparison] = await validateModels({
      float: compared(float.model),
      quantized: [compared(quantized.model)],
      runtime,
      datasets: { serving_default: dataset },
    });
    const found = metricsByName(comparison);
    for (const [name, mse] of Object.entries(ORIGINAL[recipe] ?? {})) {
      expect(Math.abs((found[name]?.mse ?? Number.NaN) / mse - 1), name).toBeLessThan(2e-3);
    }
    const rotated = recipe.startsWith('hadamard');
    expect(comparison?.weights.some(({ problem }) => problem !== undefined)).toBe(rotated);
    float.close();
    quantized.close();
  });
});
