import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ModelBuilder, randomFloats } from '../support/model-builder.ts';
import { denseModel } from '../support/models.ts';
import { projectRoot } from '../support/shared.ts';
import { temporaryFolder } from '../support/temporary.ts';

/** The bundled digits: a model and pictures. */
export const DIGITS = join(projectRoot, 'datasets/samples/digits');

/** A folder for one test with a small model, `model.tflite`, and samples for it, `samples/`. */
export interface Workspace {
  readonly folder: string;
  path(...parts: string[]): string;
  write(name: string, content: string | Uint8Array): void;
}

/** @param samples how many there are; enough that nothing is said about their number by default */
export function workspace(samples = 24): Workspace {
  const folder = temporaryFolder();
  const path = (...parts: string[]) => join(folder, ...parts);
  const write = (name: string, content: string | Uint8Array): void => {
    mkdirSync(dirname(path(name)), { recursive: true });
    writeFileSync(path(name), content);
  };
  write('model.tflite', denseModel().bytes());
  for (let i = 0; i < samples; i++) {
    write(`samples/${String(i).padStart(2, '0')}.npy`, npy([1, 4], randomFloats(4, 100 + i)));
  }
  return { folder, path, write };
}

/** One dense layer, x [1, size] -> y [1, size], with 4 size^2 bytes of weights. */
export function wideModel(size: number): ModelBuilder {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const x = main.input('x', [1, size]);
  const weights = main.constant('weights', [size, size], randomFloats(size * size, 1));
  main.outputs(main.operator('FULLY_CONNECTED', [x, weights, -1], { name: 'y', shape: [1, size] }));
  return builder.signature('serving_default', { inputs: { x }, outputs: { y: 'y' } });
}

/** A file of NumPy's format, version 1.0, C order, of little-endian values. */
export function npy(
  shape: readonly number[],
  data: Float32Array | Int32Array | Uint8Array,
  type = typeOf(data),
): Uint8Array {
  const text = `{'descr': '${type}', 'fortran_order': False, 'shape': (${shape.join(', ')}${shape.length === 1 ? ',' : ''}), }`;
  const header = text.padEnd(Math.ceil((text.length + 11) / 64) * 64 - 11, ' ');
  const start = Buffer.from(`\x93NUMPY\x01\x00\x00\x00${header}\n`, 'latin1');
  start.writeUInt16LE(header.length + 1, 8);
  return Buffer.concat([start, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]);
}

function typeOf(data: Float32Array | Int32Array | Uint8Array): string {
  if (data instanceof Float32Array) return '<f4';
  return data instanceof Int32Array ? '<i4' : '|u1';
}
