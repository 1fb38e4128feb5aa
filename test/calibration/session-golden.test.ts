import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TensorReference } from '../../calibration/capture/reference.ts';
import { readOriginalCalibration } from '../../calibration/original/import.ts';
import { rangesFromCalibration } from '../../calibration/ranges/source.ts';
import type { Runtime } from '../../calibration/runtime/runtime.ts';
import { openWasmRuntime } from '../../calibration/runtime/wasm.node.ts';
import { calibrate } from '../../calibration/session.ts';
import { allActivations, isDecodedConstant } from '../../calibration/wanted.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { hasScales, signatures } from '../../schema/graph.ts';
import type { Model } from '../../schema/model.ts';
import { readModel } from '../../schema/reader.ts';
import { bytesIdentity } from '../support/bytes-identity.ts';
import { requireShared, sharedPath, skipUnless } from '../support/shared.ts';
import { feedDataset, npzFeeds } from './session-data.ts';

const RECIPE = 'static_wi8_ai8';

/**
 * A tensor that both have honest numbers of. Left out: names that several tensors have; quantized tensors; bools (the
 * original's maximum of one is always true, since -inf is); constants in another form, of which it reads memory that
 * nobody wrote; and tensors inside composites, which an interpreter does not give out.
 */
function comparable(model: Model, name: string): TensorReference | undefined {
  const found = model.subgraphs.flatMap(({ tensors }, subgraph) =>
    tensors.flatMap((entry, tensor) => (entry.name === name ? { subgraph, tensor, entry } : [])),
  );
  const [only] = found;
  if (!only || found.length > 1 || only.entry.type === TensorType.BOOL || hasScales(only.entry)) return undefined;
  const outer = signatures(model).some((view) => view.subgraph === only.subgraph);
  return outer && !isDecodedConstant(model, only) ? only : undefined;
}

const cases = sharedPath('golden')
  ? readdirSync(requireShared('golden'))
      .filter((name) => sharedPath('golden', name, RECIPE, 'calibration.json') && sharedPath('golden', name, 'inputs'))
      .sort()
  : [];

describe.skipIf(skipUnless(cases.length, 'no calibrations of the original to compare with'))('the original', () => {
  let runtime: Runtime;
  beforeAll(async () => {
    runtime = await openWasmRuntime();
  });
  afterAll(() => runtime.close());

  it.each(cases)('gives the same moving averages for %s', async (name) => {
    const bytes = readFileSync(requireShared('golden', name, 'model.tflite'));
    const model = readModel(bytes);
    const folder = requireShared('golden', name, 'inputs');
    const data = new Map(
      readdirSync(folder).map((signature) => [signature, { dataset: feedDataset(npzFeeds(join(folder, signature))) }]),
    );
    const wanted = allActivations(model);
    const result = await calibrate({
      model,
      identity: bytesIdentity(bytes),
      runtime,
      data,
      wanted,
      allowNonFinite: true,
    });
    const original = readOriginalCalibration(
      readFileSync(requireShared('golden', name, RECIPE, 'calibration.json'), 'utf8'),
    );
    const ranges = rangesFromCalibration(result.document, { kind: 'ema' });
    let compared = 0;
    for (const [tensorName, record] of original.records) {
      const tensor = comparable(model, tensorName);
      if (!tensor) continue;
      compared += 1;
      const own = ranges.range(tensor.subgraph, tensor.tensor);
      const size = Math.max(Math.abs(record.min[0] ?? 0), Math.abs(record.max[0] ?? 0));
      expect(Math.abs((own?.min ?? Number.NaN) - (record.min[0] ?? 0)), tensorName).toBeLessThanOrEqual(1e-5 * size);
      expect(Math.abs((own?.max ?? Number.NaN) - (record.max[0] ?? 0)), tensorName).toBeLessThanOrEqual(1e-5 * size);
      expect(own?.shape, tensorName).toEqual(record.shape);
    }
    if (wanted.length > 0) expect(compared).toBeGreaterThan(0);
  });
});
