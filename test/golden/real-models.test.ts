/**
 * Real models whose graphs are hard in some way, quantized as a user does it, loaded and run: signatures that hand a
 * cache on, float16 weights, free dimensions.
 */
import { describe, expect, it } from 'vitest';
import type { Feed } from '../../datasets/sample.ts';
import { signatures } from '../../schema/graph.ts';
import { readModel } from '../../schema/reader.ts';
import { Quantizer } from '../../src/quantizer.ts';
import { verifyModelFile } from '../../src/validate/verify.node.ts';
import { randomFeed } from '../support/run-model.ts';
import { requireShared, sharedPath, skipUnless } from '../support/shared.ts';

/** The least share of operators that become integer under static rules; the rest has to compute in float. */
const MODELS = [
  ['decoder_tiny', 0.8],
  ['decoder_tiny_plainnames', 0.8],
  ['face_detection_fp16', 0.5],
  ['digits_vit_dynbatch', 0.7],
] as const;

describe.skipIf(skipUnless(sharedPath('models'), 'the shared models are not here'))('real models', () => {
  it.each(MODELS)('%s', async (name, share) => {
    const quantizer = await Quantizer.open(requireShared('models', `${name}.tflite`));
    const { model } = quantizer;
    const before = signatures(model).map(({ key, inputs, outputs }) => [key, inputs.length, outputs.length]);
    for (const recipe of ['static_wi8_ai8', 'dynamic_wi8_afp32']) {
      quantizer.loadQuantizationRecipe(recipe);
      const feeds = (key: string): Feed[] => [1, 2].map((seed) => randomFeed(model, key, seed));
      const samples = Object.fromEntries(signatures(model).map(({ key }) => [key, feeds(key)]));
      const calibration = quantizer.needCalibration
        ? await quantizer.calibrate(samples, { runtime: 'wasm' })
        : undefined;
      const result = await quantizer.quantize(calibration);
      const real = result.plan.operators.filter(({ operator }) => operator >= 0);
      const integer = real.filter(({ mode }) => mode !== 'float');
      if (calibration) expect(integer.length / real.length).toBeGreaterThan(share);
      expect(integer.length).toBeGreaterThan(0);
      const bytes = result.quantizedModel;
      const after = signatures(readModel(bytes)).map(({ key, inputs, outputs }) => [
        key,
        inputs.length,
        outputs.length,
      ]);
      expect(after).toEqual(before);
      expect(await verifyModelFile(bytes, { runtime: 'wasm' })).toMatchObject({ status: 'ok' });
    }
    quantizer.close();
  });
});
