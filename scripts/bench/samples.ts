import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDataset } from '../../datasets/open.node.ts';
import type { TensorValue } from '../../datasets/sample.ts';
import { signatures } from '../../schema/graph.ts';
import { openModelFile } from '../../schema/model-file.node.ts';
import { inputSpecs } from '../../src/sample-sources.ts';
import type { Settings } from './settings.ts';

/** Calls `use` with a folder that holds the model's samples as samples.npy, and deletes it afterwards. */
export async function withSamples(
  { model, data }: Settings,
  count: number,
  use: (folder: string) => void,
): Promise<void> {
  if (model === undefined || data === undefined) throw new Error('name a model and its samples: --model, --data');
  const folder = mkdtempSync(join(tmpdir(), 'aeq-bench-'));
  try {
    await writeSamples(model, data, count, join(folder, 'samples.npy'));
    use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Writes `count` samples of a data set for a model with one float32 input as one .npy file, which every tool reads: then
 * nobody's decoding is measured. Fewer files than `count` are used again.
 */
async function writeSamples(modelPath: string, data: string, count: number, path: string): Promise<void> {
  const file = openModelFile(modelPath);
  const [view] = signatures(file.model);
  if (view?.inputs.length !== 1) throw new Error('the model must have one signature with one input');
  const dataset = await openDataset([data], inputSpecs(file.model, view), { signature: view.key });
  const length = Math.min(count, dataset.length ?? count);
  const samples: TensorValue[] = [];
  for await (const { feed } of dataset.samples(Array.from({ length }, (_, i) => i))) {
    samples.push(...Object.values(feed));
  }
  file.close();
  const target = openSync(path, 'w');
  writeSync(target, npyHeader([count, ...(samples[0]?.shape.slice(1) ?? [])]));
  for (let i = 0; i < count; i += 1) {
    const { data: values } = samples[i % samples.length] as TensorValue;
    writeSync(target, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  }
  closeSync(target);
}

function npyHeader(shape: readonly number[]): Uint8Array {
  const text = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(', ')}), }`;
  const padded = text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11);
  const head = Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, 0, 0]);
  head.writeUInt16LE(padded.length + 1, 8);
  return Buffer.concat([head, Buffer.from(`${padded}\n`, 'latin1')]);
}
