import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { randomSource } from '../support/model-builder.ts';
import { projectRoot } from '../support/shared.ts';
import { sentenceModel, soundModel } from './small-models.ts';

const DIGITS = join(projectRoot, 'datasets/samples/digits');

function write(folder: string, name: string, content: string | Uint8Array): void {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), content);
}

/** digits_cnn.tflite, calibration/ and test/ with its labels.csv. */
export function digitsFolder(folder: string): void {
  cpSync(DIGITS, folder, { recursive: true });
}

/** What docs/ci.md says about the repository that it checks. */
export function repositoryFolder(folder: string): void {
  cpSync(join(DIGITS, 'digits_cnn.tflite'), join(folder, 'models/digits_cnn.tflite'));
  for (const name of ['calibration', 'test'])
    cpSync(join(DIGITS, name), join(folder, 'data', name), { recursive: true });
}

const WORDS = `the a my your this that one house garden river street train kitchen morning evening bread apple letter
teacher friend doctor child dog bird winter summer music book table window is was looks feels seems became stays quiet
loud warm cold old new small large bright dark slow fast near behind under above with without again always never
today and but because while`.split(/\s+/);

/** sentences.tflite, vocab.txt, calibration.txt and test.txt, both with one sentence a line. */
export function sentencesFolder(folder: string): void {
  const vocabulary = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', ...WORDS, '.'];
  write(folder, 'vocab.txt', `${vocabulary.join('\n')}\n`);
  write(folder, 'sentences.tflite', sentenceModel(vocabulary.length, 24));
  const random = randomSource(5);
  const sentence = (): string => {
    const length = 3 + Math.floor(random() * 14);
    return `${Array.from({ length }, () => WORDS[Math.floor(random() * WORDS.length)]).join(' ')}.`;
  };
  for (const name of ['calibration', 'test']) {
    write(folder, `${name}.txt`, `${Array.from({ length: 100 }, sentence).join('\n')}\n`);
  }
}

/** sounds.tflite, which takes a quarter of a second at 8,000 Hz, and recordings in calibration/ and test/. */
export function soundsFolder(folder: string): void {
  write(folder, 'sounds.tflite', soundModel(2000));
  const random = randomSource(7);
  for (const [name, count] of [
    ['calibration', 48],
    ['test', 24],
  ] as const) {
    for (let i = 0; i < count; i++) write(folder, `${name}/${String(i).padStart(2, '0')}.wav`, recording(random));
  }
}

/** A WAV file, 16 bits, mono, 16,000 Hz, 0.6 s: a tone that fades, its octave and some noise. */
function recording(random: () => number): Uint8Array {
  const rate = 16_000;
  const count = rate * 0.6;
  const pitch = 120 * 2 ** (random() * 4);
  const loudness = 0.2 + 0.6 * random();
  const file = Buffer.alloc(44 + count * 2);
  file.write('RIFF', 0);
  file.writeUInt32LE(36 + count * 2, 4);
  file.write('WAVEfmt ', 8);
  file.writeUInt32LE(16, 16);
  file.writeUInt16LE(1, 20);
  file.writeUInt16LE(1, 22);
  file.writeUInt32LE(rate, 24);
  file.writeUInt32LE(rate * 2, 28);
  file.writeUInt16LE(2, 32);
  file.writeUInt16LE(16, 34);
  file.write('data', 36);
  file.writeUInt32LE(count * 2, 40);
  for (let i = 0; i < count; i++) {
    const seconds = i / rate;
    const tone = Math.sin(2 * Math.PI * pitch * seconds) + 0.4 * Math.sin(4 * Math.PI * pitch * seconds);
    const value = loudness * Math.exp(-3 * seconds) * 0.6 * tone + 0.02 * (random() - 0.5);
    file.writeInt16LE(Math.round(32_767 * Math.max(-1, Math.min(1, value))), 44 + i * 2);
  }
  return file;
}
