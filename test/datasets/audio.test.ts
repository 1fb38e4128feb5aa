import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { resampleSound } from '../../datasets/audio/resample.ts';
import { decodeWav } from '../../datasets/audio/wav.ts';
import { openDataset } from '../../datasets/open.node.ts';
import type { DatasetHooks, DatasetOptions } from '../../datasets/options.ts';
import type { InputSpec } from '../../datasets/sample.ts';
import { AeqError } from '../../schema/errors.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { temporaryFolder } from './temporary.ts';
import { type WavOptions, wav } from './wav.ts';

const folder = temporaryFolder();

const int16 = (...values: number[]): Uint8Array => new Uint8Array(Int16Array.from(values).buffer);

describe('WAV', () => {
  it.each<[string, Uint8Array, WavOptions, number[]]>([
    ['8 bits', Uint8Array.of(0, 128, 255), { bits: 8 }, [-1, 0, 127 / 128]],
    ['16 bits', int16(-32768, 0, 16384), {}, [-1, 0, 0.5]],
    ['24 bits', Uint8Array.of(0, 0, 0x80, 1, 0, 0, 0, 0, 0x40), { bits: 24 }, [-1, 2 ** -23, 0.5]],
    ['32 bits', new Uint8Array(Int32Array.of(-(2 ** 31), 2 ** 30).buffer), { bits: 32 }, [-1, 0.5]],
    ['float of 32 bits', new Uint8Array(Float32Array.of(-0.25, 1.5).buffer), { code: 3, bits: 32 }, [-0.25, 1.5]],
    [
      'float of 64 bits',
      new Uint8Array(Float64Array.of(-0.25, 0.1).buffer),
      { code: 3, bits: 64 },
      [-0.25, Math.fround(0.1)],
    ],
    ['an extensible header', int16(16384), { extensible: true }, [0.5]],
    [
      'an extensible float header',
      new Uint8Array(Float32Array.of(0.5).buffer),
      { extensible: true, code: 3, bits: 32 },
      [0.5],
    ],
    ['chunks before the data', int16(16384), { extra: true }, [0.5]],
    ['a length that was never filled in', int16(16384, 1), { dataSize: 0xffffffff }, [0.5, 1 / 32768]],
  ])('reads %s', (_, data, options, expected) => {
    const { channels, sampleRate } = decodeWav(wav(data, options), 'a.wav');
    expect(sampleRate).toBe(8000);
    expect(channels.map((channel) => [...channel])).toEqual([expected]);
  });

  it('separates channels', () => {
    const { channels } = decodeWav(wav(int16(0, 16384, -16384, 8192), { channels: 2 }), 'a.wav');
    expect(channels.map((channel) => [...channel])).toEqual([
      [0, -0.5],
      [0.5, 0.25],
    ]);
  });

  it.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array()],
    ['another file', new TextEncoder().encode('OggS and more and more')],
    ['compressed sound', wav(int16(1), { code: 2, bits: 4 })],
    ['no channels', wav(int16(1), { channels: 0 })],
    ['no rate', wav(int16(1), { sampleRate: 0 })],
    ['a file that is cut off', wav(int16(1, 2, 3, 4)).subarray(0, 48)],
    ['data before its format', wav(int16(1)).fill(0, 12, 16)],
  ])('refuses %s', (_, bytes) => {
    expect(() => decodeWav(bytes, 'bad.wav')).toThrow(expect.objectContaining({ code: 'DATASET_UNREADABLE' }));
  });

  it('survives any damage', () => {
    const good = wav(int16(1, 2, 3, 4), { extensible: true, extra: true });
    fc.assert(
      fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), (at, value, length) => {
        const bytes = good.slice(0, length);
        if (at < length) bytes[at] = value;
        try {
          decodeWav(bytes, 'bad.wav');
        } catch (error) {
          expect(error).toBeInstanceOf(AeqError);
        }
      }),
    );
  });
});

describe('resampling', () => {
  const sine = (frequency: number, rate: number, seconds = 0.2): Float32Array =>
    Float32Array.from({ length: rate * seconds }, (_, i) => Math.sin((2 * Math.PI * frequency * i) / rate));
  /** Without the ends, where the silence around the sound is heard. */
  const middle = (values: Float32Array): Float32Array => values.subarray(values.length / 4, (3 * values.length) / 4);
  const peak = (values: Float32Array): number => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

  it.each([
    [44_100, 16_000],
    [22_050, 44_100],
    [48_000, 44_100],
    [8_000, 22_050],
  ])('keeps a tone from %i to %i Hz', (from, to) => {
    const result = resampleSound(sine(1000, from), from, to);
    const expected = sine(1000, to);
    expect(result.length).toBe(to / 5);
    const error = middle(result.map((value, i) => value - (expected[i] ?? 0)));
    expect(20 * Math.log10(peak(error))).toBeLessThan(-90);
  });

  it('takes away what the lower rate cannot hold', () => {
    const result = resampleSound(sine(10_000, 44_100), 44_100, 16_000);
    expect(20 * Math.log10(peak(middle(result)))).toBeLessThan(-90);
  });

  it('keeps a constant and does nothing between equal rates', () => {
    const flat = new Float32Array(4000).fill(0.5);
    expect(peak(middle(resampleSound(flat, 48_000, 11_025)).map((value) => value - 0.5))).toBeLessThan(1e-7);
    expect(resampleSound(flat, 8000, 8000)).toBe(flat);
  });
});

describe('recordings as samples', () => {
  const input = (shape: number[], type: number = TensorType.FLOAT32): InputSpec => ({ name: 'audio', shape, type });

  async function read(file: string, spec: InputSpec, options: DatasetOptions = {}, hooks: DatasetHooks = {}) {
    const dataset = await openDataset([file], [spec], options, hooks);
    const samples = [];
    for await (const { name, feed } of dataset.samples())
      samples.push([name, feed.audio?.shape, [...(feed.audio?.data ?? [])]]);
    return { dataset, samples };
  }

  it('are padded with silence or cut to a window', async () => {
    const file = folder.write('five.wav', wav(int16(16384, 8192, 4096, 2048, 1024)));
    expect((await read(file, input([1, 8]))).samples).toEqual([
      ['five.wav', [1, 8], [0.5, 0.25, 0.125, 0.0625, 0.03125, 0, 0, 0]],
    ]);
    expect((await read(file, input([-1, 2, 1]))).samples).toEqual([['five.wav', [1, 2, 1], [0.5, 0.25]]]);
    expect((await read(file, input([1, 2]), { windows: 'all' })).samples).toEqual([
      ['five.wav[0]', [1, 2], [0.5, 0.25]],
      ['five.wav[1]', [1, 2], [0.125, 0.0625]],
      ['five.wav[2]', [1, 2], [0.03125, 0]],
    ]);
    expect((await read(file, input([-1]))).samples).toEqual([['five.wav', [5], [0.5, 0.25, 0.125, 0.0625, 0.03125]]]);
    expect((await read(file, input([1, 2], TensorType.INT16))).samples).toEqual([['five.wav', [1, 2], [16384, 8192]]]);
  });

  it('are mixed to one channel and brought to the model’s rate', async () => {
    const file = folder.write('stereo.wav', wav(int16(16384, 0, 16384, 0), { channels: 2 }));
    expect((await read(file, input([1, 2]))).samples).toEqual([['stereo.wav', [1, 2], [0.25, 0.25]]]);
    const { dataset, samples } = await read(file, input([-1, -1]), { sampleRate: 4000 });
    expect(samples[0]?.[1]).toEqual([1, 1]);
    expect(dataset.description.preprocessing).toMatchObject({ sampleRate: 4000, channels: 'mean', windows: 'first' });
  });

  it('of other formats need a decoder', async () => {
    const file = folder.write('song.mp3', 'ID3 and so on');
    await expect(read(file, input([1, 2]))).rejects.toMatchObject({ code: 'DATASET_UNKNOWN_KIND' });
    const decodeAudio = async (bytes: Uint8Array) => ({
      sampleRate: 8000,
      channels: [Float32Array.of(bytes.length, 1)],
    });
    expect((await read(file, input([1, 2]), {}, { decodeAudio })).samples).toEqual([['song.mp3', [1, 2], [13, 1]]]);
    const broken = () => Promise.reject(new Error('no such codec'));
    await expect(read(file, input([1, 2]), {}, { decodeAudio: broken })).rejects.toMatchObject({
      code: 'DATASET_UNREADABLE',
    });
  });

  it('do not fit features and silence without length', async () => {
    const file = folder.write('one.wav', wav(int16(1)));
    await expect(read(file, input([1, 96, 64]))).rejects.toMatchObject({ code: 'DATASET_MISMATCH' });
    await expect(read(file, input([1, 8], TensorType.INT8))).rejects.toMatchObject({ code: 'DATASET_MISMATCH' });
    await expect(read(folder.write('empty.wav', wav(int16())), input([1, 8]))).rejects.toMatchObject({
      code: 'DATASET_UNREADABLE',
    });
  });
});
