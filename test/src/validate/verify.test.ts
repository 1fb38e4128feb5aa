import { describe, expect, it } from 'vitest';
import { TensorType } from '../../../schema/generated/tflite.ts';
import { verifyModelFile } from '../../../src/validate/verify.node.ts';
import { ModelBuilder } from '../../support/model-builder.ts';
import { convolutionModel, denseModel, twoSignatureModel } from '../../support/models.ts';
import { requireShared, sharedPath, skipUnless } from '../../support/shared.ts';

describe('verifyModelFile', () => {
  it('runs every signature of a good model', async () => {
    const result = await verifyModelFile(twoSignatureModel().bytes());
    expect(result).toMatchObject({ status: 'ok', signatures: ['first', 'second'] });
  });

  it('runs a model without signature', async () => {
    expect(await verifyModelFile(convolutionModel().bytes())).toMatchObject({ status: 'ok' });
  });

  it('gives the interpreter’s words for a model that it refuses', async () => {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    const x = main.input('x', [1, 4], { type: 'INT8', quantization: { scale: 0.1, zeroPoint: 0 } });
    // RELU cannot turn int8 into int16.
    const y = main.operator('RELU', [x], {
      name: 'y',
      shape: [1, 4],
      type: 'INT16',
      quantization: { scale: 0.1, zeroPoint: 0 },
    });
    main.outputs(y);
    const failure = verifyModelFile(builder.bytes(), { file: 'out.tflite' });
    await expect(failure).rejects.toMatchObject({ code: 'VERIFY_FAILED', kind: 'unsupported' });
    await expect(failure).rejects.toThrow(/^out\.tflite (does not load|loads, but).*RELU/);
  });

  it('does not hold an empty mask against a model that divides by how many places are set', async () => {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    const int8 = (name: string, scale: number) =>
      ({ name, shape: [1, 4], type: 'INT8', quantization: { scale, zeroPoint: 0 } }) as const;
    const mask = main.input('mask', [1, 4], { type: 'INT32' });
    const floats = main.operator('CAST', [mask], { name: 'floats', shape: [1, 4] });
    const divisor = main.operator('QUANTIZE', [floats], int8('divisor', 0.1));
    const x = main.input('x', [1, 4], { type: 'INT8', quantization: { scale: 0.1, zeroPoint: 0 } });
    main.outputs(main.operator('DIV', [x, divisor], int8('y', 0.1)));
    expect(await verifyModelFile(builder.bytes())).toMatchObject({ status: 'ok' });
  });

  it('stops when asked to', async () => {
    const controller = new AbortController();
    const running = verifyModelFile(denseModel().bytes(), { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
  });

  it('uses the sample that it is given', async () => {
    const x = { type: TensorType.FLOAT32, shape: [1, 3], data: new Float32Array(3) };
    const failure = verifyModelFile(denseModel().bytes(), { feeds: { serving_default: { x } } });
    await expect(failure).rejects.toThrow(/input x/);
  });

  it.skipIf(skipUnless(sharedPath('models'), 'the shared models are not here'))(
    'runs real models with free dimensions and without signature',
    async () => {
      for (const name of ['digits_vit_dynbatch', 'face_landmark', 'decoder_tiny']) {
        expect(await verifyModelFile(requireShared('models', `${name}.tflite`))).toMatchObject({ status: 'ok' });
      }
    },
  );
});
