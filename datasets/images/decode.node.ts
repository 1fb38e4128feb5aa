import type { Sharp, SharpOptions } from 'sharp';
import { AeqError } from '../../schema/errors.ts';
import type { Picture } from './picture.ts';

/** Pictures larger than this are refused: 16384 x 16384 takes a gigabyte. */
const MOST_PIXELS = 16_384 ** 2;

type Decoder = (bytes: Uint8Array, options: SharpOptions) => Sharp;
let loading: Promise<Decoder> | undefined;

/** Loads sharp when the first picture is read: a program that reads none needs no native library. */
function loadDecoder(): Promise<Decoder> {
  loading ??= import('sharp').then(
    ({ default: sharp }) => {
      // Pictures are decoded side by side, so threads within one gain nothing; each picture is read once.
      sharp.concurrency(1);
      sharp.cache(false);
      return sharp;
    },
    (error: unknown) => {
      throw new AeqError('RUNTIME_UNAVAILABLE', 'the picture decoder "sharp" cannot be loaded', {
        hint: 'run npm ci again on this machine, or give the pictures as .npy files',
        cause: error,
      });
    },
  );
  return loading;
}

/**
 * Decodes the bytes of a picture file without blocking: turned upright as its EXIF orientation says, first frame of an animation, palettes
 * resolved, 16-bit values reduced to 8, colour profiles left unapplied (as the usual training pipelines do). Gives 3
 * channels, or 4 where it has an alpha channel. @throws AeqError DATASET_UNREADABLE for a damaged or foreign file.
 */
export async function decodePicture(bytes: Uint8Array, file: string): Promise<Picture> {
  const decode = await loadDecoder();
  try {
    const { data, info } = await decode(bytes, {
      failOn: 'error',
      ignoreIcc: true,
      limitInputPixels: MOST_PIXELS,
      autoOrient: true,
    })
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
    return normalize(data, info);
  } catch (error) {
    const reason = (error instanceof Error ? error.message : String(error)).split('\n')[0]?.replace(/:\s*$/, '') ?? '';
    throw new AeqError('DATASET_UNREADABLE', `${file} cannot be decoded as a picture: ${reason}`, {
      where: { file },
      hint: 'JPEG, PNG, WebP, TIFF, GIF and AVIF are understood',
      cause: error,
    });
  }
}

function normalize(data: Uint8Array, info: { width: number; height: number; channels: number }): Picture {
  const { width, height, channels } = info;
  if (channels === 3 || channels === 4 || channels === 1) return { width, height, channels, data };
  if (channels !== 2) throw new Error(`it has ${channels} channels`);
  // Grey with alpha.
  const result = new Uint8Array(width * height * 4);
  for (let i = 0; i < width * height; i++) {
    const grey = data[2 * i] ?? 0;
    result.set([grey, grey, grey, data[2 * i + 1] ?? 0], i * 4);
  }
  return { width, height, channels: 4, data: result };
}
