import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { outputReferences, type TensorReference } from '../../../calibration/capture/reference.ts';
import { type CaptureOptions, openCapture } from '../../../calibration/capture/session.ts';
import type { Runtime } from '../../../calibration/runtime/runtime.ts';
import { TensorType } from '../../../schema/generated/tflite.ts';
import { signatures, tensorConstant } from '../../../schema/graph.ts';
import type { Model } from '../../../schema/model.ts';
import { readModel } from '../../../schema/reader.ts';
import { sharedPath, skipUnless } from '../../support/shared.ts';
import { runtimes } from '../runtime/available.ts';
import { randomFeed } from '../runtime/feeds.ts';

const folder = sharedPath('models');
const skip = skipUnless(folder, 'the shared models are not here');
const inFolder = (path: string) => readdirSync(path).filter((name) => name.endsWith('.tflite'));
const models =
  folder === undefined ? [] : [...inFolder(folder), ...inFolder(join(folder, 'zoo')).map((n) => `zoo/${n}`)];

const LEFT_OVER = 0xa5;

/** Less than the activations of most models, so that they are run in segments or passes. */
const SMALL_BUDGET = 2_000_000;

/** Every float activation of the subgraphs that signatures run. */
function floatActivations(model: Model): TensorReference[] {
  const main = new Set(signatures(model).map((signature) => signature.subgraph));
  return [...main].flatMap((subgraph) =>
    (model.subgraphs[subgraph]?.tensors ?? []).flatMap((entry, tensor) =>
      entry.type === TensorType.FLOAT32 && !tensorConstant(model, entry) ? [{ subgraph, tensor }] : [],
    ),
  );
}

describe.skipIf(skip).each(runtimes)('real models on $name', ({ open }) => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await open();
  });
  afterAll(() => runtime.close());

  /** Values of a second run; those of the first are overwritten, so that nothing left over can pass for a result. */
  async function valuesOf(
    model: Model,
    wanted: readonly TensorReference[],
    batch: number,
    options: CaptureOptions = {},
  ) {
    const session = openCapture(runtime, model, wanted, options);
    const values = new Map<string, Buffer>();
    try {
      for (const signature of session.signatures) {
        for await (const captured of session.run(signature.key, randomFeed(signature, 6, batch))) {
          for (const { view, kernels } of captured) {
            new Uint8Array(kernels.memory.buffer, view.byteOffset, view.sizeBytes).fill(LEFT_OVER);
          }
        }
        for await (const captured of session.run(signature.key, randomFeed(signature, 7, batch))) {
          for (const { subgraph, tensor, view, kernels } of captured) {
            const bytes = new Uint8Array(kernels.memory.buffer, view.byteOffset, view.sizeBytes);
            expect(bytes.subarray(-4).every((byte) => byte === LEFT_OVER)).toBe(false);
            values.set(`${signature.key} ${subgraph}:${tensor}`, Buffer.from(bytes));
          }
        }
      }
      return { values, unreachable: session.unreachable, steps: session.passCount };
    } finally {
      session.close();
    }
  }

  it.each(models)('%s gives every float activation, and the same outputs as without', async (name) => {
    const model = readModel(readFileSync(join(folder ?? '', name)), name);
    const views = signatures(model);
    const batch = name.includes('dynbatch') ? 3 : 1;
    const plain = await valuesOf(model, outputReferences(model, views), batch);
    const wanted = floatActivations(model);
    const captured = await valuesOf(model, wanted, batch);
    const perSignature = views.flatMap((view) => wanted.filter(({ subgraph }) => subgraph === view.subgraph));
    expect(captured.values.size + captured.unreachable.length).toBe(perSignature.length);
    expect(captured.unreachable).toEqual([]);
    for (const [key, bytes] of plain.values) expect(captured.values.get(key)?.equals(bytes) ?? true, key).toBe(true);
  });

  it.each(models)('%s gives the same values in segments', async (name) => {
    const model = readModel(readFileSync(join(folder ?? '', name)), name);
    const batch = name.includes('dynbatch') ? 3 : 1;
    const wanted = floatActivations(model);
    const whole = await valuesOf(model, wanted, batch);
    const parts = await valuesOf(model, wanted, batch, { segmented: true, memoryBytes: SMALL_BUDGET });
    expect(parts.unreachable).toEqual(whole.unreachable);
    expect([...parts.values.keys()].sort()).toEqual([...whole.values.keys()].sort());
    for (const [key, bytes] of whole.values) expect(parts.values.get(key)?.equals(bytes), key).toBe(true);
  });
});
