import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { findNativeLibrary } from '../../calibration/runtime/native-find.node.ts';
import { openRuntime } from '../../calibration/runtime/open.node.ts';
import { calibrate } from '../../calibration/session.ts';
import { allActivations } from '../../calibration/wanted.ts';
import type { Feed } from '../../datasets/sample.ts';
import { writeCalibration } from '../../schema/documents/calibration-write.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { bytesIdentity } from '../support/bytes-identity.ts';
import { ModelBuilder } from '../support/model-builder.ts';
import { randomFloats } from '../support/random.ts';
import { skipUnless } from '../support/shared.ts';
import { feedDataset } from './session-data.ts';

const ELEMENTS = 20_000;

const library = findNativeLibrary(undefined);

/** Collects garbage, and fills what was freed with something else. */
function collect(): void {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  gc();
  const junk = Array.from({ length: 100 }, () => new Float32Array(ELEMENTS + 200).fill(1e30));
  expect(junk).toHaveLength(100);
}

describe.skipIf(skipUnless(library, 'no native interpreter on this machine'))('the native interpreter', () => {
  it('sees the same weights when memory is collected between samples', async () => {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    const x = main.input('x', [1, ELEMENTS]);
    // A constant that the interpreter uses where it is; filters of convolutions are packed anew.
    const constant = main.constant('constant', [1, ELEMENTS], randomFloats(ELEMENTS, 1));
    main.outputs(main.operator('ADD', [x, constant], { name: 'sum', shape: [1, ELEMENTS] }));
    builder.signature('serving_default', { inputs: { x }, outputs: { sum: 'sum' } });
    const model = builder.build();
    const feeds = Array.from(
      { length: 12 },
      (_, i): Feed => ({
        x: { type: TensorType.FLOAT32, shape: [1, ELEMENTS], data: randomFloats(ELEMENTS, i) },
      }),
    );
    const run = async (onProgress?: () => void) => {
      const runtime = await openRuntime('native');
      const options = {
        model,
        identity: bytesIdentity(builder.bytes()),
        runtime,
        data: new Map([['serving_default', { dataset: feedDataset(feeds) }]]),
        wanted: allActivations(model),
        ...(onProgress && { onProgress }),
      };
      const { document } = await calibrate(options);
      runtime.close();
      return writeCalibration(document);
    };
    expect(await run(collect)).toBe(await run());
  });
});
