import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { decodeNpy, encodeNpy } from '../../datasets/arrays/npy.ts';
import type { DatasetOptions } from '../../datasets/options.ts';

/** A model, what it is calibrated on, and what it is called in measure.py. */
export interface Suite {
  readonly name: string;
  readonly model: string;
  /** Makes the calibration data in an empty folder out of the shared data, as the program reads it. */
  readonly source: (data: string, folder: string) => string;
  readonly options: DatasetOptions;
  /** Samples of a calibration; the first of the source, or others where it has more. All when absent. */
  readonly samples?: number;
}

/** The calibration samples of shared/reference/models.md, section 2. */
export const SUITES: readonly Suite[] = [
  {
    name: 'efficientnet_lite0',
    model: 'efficientnet_lite0',
    source: (data, folder) => linked(join(data, 'photos'), calibrationRows(join(data, 'photos/labels.csv')), folder),
    options: { mean: [127], std: [128], crop: 'center' },
    samples: 40,
  },
  digits('digits_cnn'),
  digits('digits_vit'),
  {
    name: 'digits_unet',
    model: 'digits_unet',
    source: (data) => join(data, 'digits/noisy_calib.npy'),
    options: { preprocess: 'zero-one' },
  },
  {
    name: 'face_landmark',
    model: 'face_landmark',
    source: (data, folder) => linked(join(data, 'person'), everyThird(join(data, 'person')), folder),
    options: { preprocess: 'zero-one', crop: 'center' },
  },
  { name: 'magika', model: 'magika_v3_3', source: fileTypes, options: {} },
  {
    name: 'minilm',
    model: 'minilm_l6_seq64',
    source: sentences,
    options: { tokenizer: 'text/vocab.txt' },
  },
  {
    name: 'basic_pitch',
    model: 'basic_pitch',
    source: (data, folder) => linked(join(data, 'audio'), calibrationRows(join(data, 'audio/clips.csv')), folder),
    options: {},
  },
];

function digits(model: string): Suite {
  return {
    name: model,
    model,
    source: (data) => join(data, 'digits/calib_images.npy'),
    options: { preprocess: 'zero-one' },
    samples: 100,
  };
}

/** First columns of the rows whose split is calib. */
function calibrationRows(file: string): string[] {
  const rows = readFileSync(file, 'utf8').trimEnd().split(/\r?\n/);
  return rows.map((row) => row.split(',')).flatMap(([name = '', split]) => (split === 'calib' ? name : []));
}

const everyThird = (folder: string) =>
  readdirSync(folder)
    .sort()
    .filter((_, i) => i % 3 === 0);

/** Links to files, named so that they are read in the given order. */
function linked(from: string, names: readonly string[], folder: string): string {
  names.forEach((name, i) => {
    symlinkSync(resolve(from, name), join(folder, `${String(i).padStart(3, '0')}_${name}`));
  });
  return folder;
}

function sentences(data: string, folder: string): string {
  const rows = readFileSync(join(data, 'text/sentences.tsv'), 'utf8').trimEnd().split('\n');
  const texts = rows.map((row) => row.split('\t')).flatMap(([, split, text = '']) => (split === 'calib' ? text : []));
  const file = join(folder, 'sentences.txt');
  writeFileSync(file, `${texts.join('\n')}\n`);
  return file;
}

/** The rows of tokens.npy whose split is calib, as a .npy file. */
function fileTypes(data: string, folder: string): string {
  const all = decodeNpy(readFileSync(join(data, 'filetypes/tokens.npy')), 'tokens.npy');
  const [count = 0, length = 0] = all.shape;
  const splits = readFileSync(join(data, 'filetypes/kinds.csv'), 'utf8').trimEnd().split(/\r?\n/).slice(1);
  const rows = Array.from({ length: count }, (_, row) => row).filter((row) => splits[row]?.split(',')[1] === 'calib');
  const tokens = Int16Array.from(
    rows.flatMap((row) => [...all.data.subarray(row * length, (row + 1) * length)].map(Number)),
  );
  const file = join(folder, 'tokens.npy');
  writeFileSync(file, encodeNpy({ type: 'int16', shape: [rows.length, length], data: tokens }));
  return file;
}
