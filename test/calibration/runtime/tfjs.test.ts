import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openModel } from '../../../calibration/capture/open-model.ts';
import type { Runtime } from '../../../calibration/runtime/runtime.ts';
import { openTfjsRuntime } from '../../../calibration/runtime/tfjs.node.ts';
import { TensorType } from '../../../schema/generated/tflite.ts';
import { ModelBuilder } from '../../support/model-builder.ts';
import { twoSignatureModel } from '../../support/models.ts';
import { runtimeSuite } from './suite.ts';

const oneSubgraph = 'it runs the first subgraph only';
runtimeSuite('tfjs-tflite', openTfjsRuntime, {
  'describes the signatures in the order of the file': oneSubgraph,
  'runs each signature, in any order': oneSubgraph,
  'takes and gives INT64': 'it shows no 64-bit tensors',
  'reads constants behind the flatbuffer': 'it is older than such files; it is given inline ones',
});

describe('the older interpreter', () => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await openTfjsRuntime();
  });
  afterAll(() => runtime.close());

  it('says what it cannot run', async () => {
    const message = /first subgraph only, and signature second/;
    await expect(openModel(runtime, twoSignatureModel().build())).rejects.toThrow(message);
  });

  it('refuses types it does not show', async () => {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    const x = main.input('wide', [4], { type: 'INT64' });
    main.outputs(main.operator('CAST', [x], { name: 'y', shape: [4] }, { inDataType: TensorType.INT64 }));
    await expect(openModel(runtime, builder.build())).rejects.toThrow(/wide of type INT64/);
  });

  it('refuses operators newer than itself', async () => {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    main.outputs(main.operator('STABLEHLO_COMPOSITE', [main.input('x', [1])], { name: 'y', shape: [1] }));
    await expect(openModel(runtime, builder.build())).rejects.toMatchObject({ code: 'RUNTIME_REJECTED_MODEL' });
  });
});
