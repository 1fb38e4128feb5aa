/**
 * Writes a large model of FULLY_CONNECTED layers for measurements, tensor by tensor, in a few MiB of memory:
 * `npx tsx scripts/bench/big-model.ts <out.tflite> [1.3|6]` (decimal gigabytes of float32 weights; 1.3 has them in the
 * flatbuffer, 6 behind it).
 */
import { pathToFileURL } from 'node:url';
import type { Constant } from '../../schema/constant.ts';
import { writeModelFile } from '../../schema/model-file.node.ts';
import { ModelBuilder, randomSource } from '../../test/support/model-builder.ts';

/** Layers of `width` by `width` weights one after the other. */
export interface BigModel {
  readonly layers: number;
  readonly width: number;
  readonly buffers: 'inline' | 'external';
}

export const BIG_MODELS = {
  '1.3': { layers: 20, width: 4096, buffers: 'inline' },
  '6': { layers: 23, width: 8192, buffers: 'external' },
} as const satisfies Readonly<Record<string, BigModel>>;

/** Values are drawn once and used again and again; a prime count, so that no two rows are the same. */
const DRAWN = 1_000_003;

/** Writes the model. Returns the size of the file in bytes. */
export function writeBigModel(path: string, { layers, width, buffers }: BigModel): number {
  const block = drawnBlock();
  const builder = new ModelBuilder('made by a benchmark');
  const main = builder.subgraph('main');
  let last = main.input('x', [1, width]);
  for (let layer = 0; layer < layers; layer += 1) {
    const weight = main.constant(`layer${layer}/weight`, [width, width], repeated(block, 4 * width * width, layer));
    const bias = main.constant(`layer${layer}/bias`, [width], new Float32Array(width).fill(layer / layers));
    last = main.operator('FULLY_CONNECTED', [last, weight, bias], { name: `layer${layer}/out`, shape: [1, width] });
  }
  main.outputs(last);
  builder.signature('serving_default', { inputs: { x: 'x' }, outputs: { y: last } });
  return writeModelFile(path, builder.build(), { buffers, overwrite: true });
}

/** Roughly normal values of the size that weights have. */
function drawnBlock(): Uint8Array {
  const random = randomSource(1);
  const values = Float32Array.from({ length: DRAWN }, () => (random() + random() + random() - 1.5) / 32);
  return new Uint8Array(values.buffer);
}

/** A constant that shows a block again and again, each layer from another place. */
function repeated(block: Uint8Array, sizeBytes: number, layer: number): Constant {
  const first = 4 * layer * 4099;
  return {
    sizeBytes,
    read: (start = 0, end = sizeBytes) => {
      const bytes = new Uint8Array(end - start);
      for (let done = 0; done < bytes.length; ) {
        const from = (first + start + done) % block.length;
        const part = block.subarray(from, from + bytes.length - done);
        bytes.set(part, done);
        done += part.length;
      }
      return bytes;
    },
  };
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [, , path, size = '1.3'] = process.argv;
  const model = (BIG_MODELS as Readonly<Record<string, BigModel>>)[size];
  if (path === undefined || !model) {
    console.error('usage: npx tsx scripts/bench/big-model.ts <out.tflite> [1.3|6]');
    process.exitCode = 2;
  } else console.log(`${path}: ${writeBigModel(path, model)} bytes`);
}
