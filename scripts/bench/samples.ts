import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zipSync } from 'fflate';
import { openDataset } from '../../datasets/open.node.ts';
import type { Feed, TensorValue } from '../../datasets/sample.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { type SignatureView, signatures } from '../../schema/graph.ts';
import type { Model } from '../../schema/model.ts';
import { openModelFile } from '../../schema/model-file.node.ts';
import { inputSpecs } from '../../src/sample-sources.ts';
import { genericFeed } from '../../src/validate/feeds.ts';
import type { Settings } from './settings.ts';

/**
 * Calls `use` with a folder and with samples of the model in it that are decoded already, so that nobody's decoding is
 * measured, and deletes it afterwards: of `--data`, a .npy file for the one float32 input; without data, a folder of .npz
 * files with made up values.
 */
export async function withSamples(
  { model, data }: Settings,
  count: number,
  use: (folder: string, samples: string) => void,
): Promise<void> {
  if (model === undefined) throw new Error('name a model: --model');
  const folder = mkdtempSync(join(tmpdir(), 'aeq-bench-'));
  const file = openModelFile(model);
  try {
    const [view] = signatures(file.model);
    if (!view) throw new Error('the model has no signature');
    const samples = join(folder, data === undefined ? 'samples' : 'samples.npy');
    if (data === undefined) madeUpSamples(file.model, view, count, samples);
    else await decodedSamples(file.model, view, data, count, samples);
    use(folder, samples);
  } finally {
    file.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Fewer files than `count` are used again. */
async function decodedSamples(model: Model, view: SignatureView, data: string, count: number, path: string) {
  if (view.inputs.length !== 1) throw new Error('with --data, the model must have one input');
  const dataset = await openDataset([data], inputSpecs(model, view), { signature: view.key });
  const length = Math.min(count, dataset.length ?? count);
  const samples: TensorValue[] = [];
  for await (const { feed } of dataset.samples(Array.from({ length }, (_, i) => i))) {
    samples.push(...Object.values(feed));
  }
  const target = openSync(path, 'w');
  writeSync(target, npyHeader('<f4', [count, ...(samples[0]?.shape.slice(1) ?? [])]));
  for (let i = 0; i < count; i += 1) writeSync(target, bytesOf(samples[i % samples.length] as TensorValue));
  closeSync(target);
}

/** The same sample again and again: what the values are does not change how long it takes. */
function madeUpSamples(model: Model, view: SignatureView, count: number, folder: string): void {
  const feed: Feed | undefined = genericFeed(model, view, 'masks', ({ shape = [] }) => [...shape]);
  if (!feed) throw new Error('the model has an input that cannot be fed');
  const entries = Object.entries(feed).map(([name, value]) => {
    const header = npyHeader(descriptionOf(value), value.shape);
    return [`${name}.npy`, Buffer.concat([header, bytesOf(value)])] as const;
  });
  const archive = zipSync(Object.fromEntries(entries), { level: 0 });
  mkdirSync(folder);
  for (let i = 0; i < count; i += 1) writeFileSync(join(folder, `${String(i).padStart(6, '0')}.npz`), archive);
}

const bytesOf = ({ data }: TensorValue) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

function descriptionOf({ type }: TensorValue): string {
  if (type === TensorType.FLOAT32) return '<f4';
  if (type === TensorType.INT32) return '<i4';
  if (type === TensorType.INT64) return '<i8';
  throw new Error(`samples of type ${type} are not made up`);
}

function npyHeader(description: string, shape: readonly number[]): Uint8Array {
  const text = `{'descr': '${description}', 'fortran_order': False, 'shape': (${shape.map((n) => `${n}, `).join('')}), }`;
  const padded = text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11);
  const head = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 0, 0]);
  head.writeUInt16LE(padded.length + 1, 8);
  return Buffer.concat([head, Buffer.from(`${padded}\n`, 'latin1')]);
}
