/** A model whose front end takes the logarithm of powers, on real sound: shared/reference/protection.md. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openRuntime } from '../../../calibration/runtime/open.node.ts';
import { openDataset } from '../../../datasets/open.node.ts';
import { signatures } from '../../../schema/graph.ts';
import type { Model } from '../../../schema/model.ts';
import { readModel } from '../../../schema/reader.ts';
import { Quantizer } from '../../../src/quantizer.ts';
import { inputSpecs } from '../../../src/sample-sources.ts';
import { runModel } from '../../support/run-model.ts';
import { requireShared, sharedPath, skipUnless } from '../../support/shared.ts';

/** Of the original's static int8 file, on all test clips (models.md, section 3). */
const ORIGINAL_F1 = 0.41;
/** Test clips that are run here. */
const TESTED = 3;

/** The WAV clips of one split as a data set. */
async function clips(model: Model, split: 'calib' | 'test') {
  const [view] = signatures(model);
  if (!view) throw new Error('the model has no signature');
  const folder = requireShared('data/audio');
  const rows = readFileSync(join(folder, 'clips.csv'), 'utf8').trim().split(/\r?\n/);
  const files = rows
    .map((row) => row.split(','))
    .flatMap(([name = '', of]) => (of === split ? join(folder, name) : []));
  return openDataset(files, inputSpecs(model, view));
}

/** Places where a model says a note sounds, over some clips. */
async function notes(model: Model, feeds: Awaited<ReturnType<typeof feedsOf>>): Promise<boolean[]> {
  const runtime = await openRuntime('wasm');
  const found: boolean[] = [];
  try {
    for (const feed of feeds) {
      const outputs = await runModel(runtime, model, signatures(model)[0]?.key ?? '', feed);
      const note = outputs.find(({ name }) => name === 'note');
      for (const value of note?.values ?? []) found.push(value > 0.5);
    }
  } finally {
    runtime.close();
  }
  return found;
}

async function feedsOf(model: Model) {
  const dataset = await clips(model, 'test');
  const feeds = [];
  for await (const { feed } of dataset.samples([...Array(TESTED).keys()])) feeds.push(feed);
  return feeds;
}

function f1(expected: readonly boolean[], found: readonly boolean[]): number {
  const both = expected.filter((on, i) => on && found[i]).length;
  const on = (list: readonly boolean[]) => list.filter(Boolean).length;
  return (2 * both) / (on(expected) + on(found));
}

it.skipIf(skipUnless(sharedPath('models/basic_pitch.tflite'), 'no shared models'))(
  'hears notes in int8 where the original, which rounds powers before their logarithm, hears few',
  async () => {
    const quantizer = await Quantizer.open(requireShared('models/basic_pitch.tflite'));
    quantizer.loadQuantizationRecipe('static_wi8_ai8');
    const calibration = await quantizer.calibrate(await clips(quantizer.model, 'calib'), {
      runtime: 'wasm',
      workers: 1,
    });
    const { plan, quantizedModel } = await quantizer.quantize(calibration);
    const count = (mode: string) => plan.operators.filter((entry) => entry.operator >= 0 && entry.mode === mode).length;
    // What reads sound and what finds notes is integer; the powers are not.
    expect(count('static')).toBeGreaterThan(count('float'));
    expect(plan.operators.find(({ name }) => name === 'SUM')?.mode).toBe('float');
    const feeds = await feedsOf(quantizer.model);
    const expected = await notes(quantizer.model, feeds);
    expect(expected.filter(Boolean).length).toBeGreaterThan(100);
    expect(f1(expected, await notes(readModel(quantizedModel), feeds))).toBeGreaterThan(ORIGINAL_F1 + 0.2);
    quantizer.close();
  },
);
