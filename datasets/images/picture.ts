import type { ResizeMethod } from '../options.ts';
import { elementsIn, freshMemory, type SampleMemory } from '../sample-memory.ts';

/** A decoded picture: rows from the top, 8 bits a channel, channels interleaved. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3 | 4;
  readonly data: Uint8Array;
}

/** A part of a picture in pixels, edges at fractions allowed. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/**
 * Luma of a colour picture with the weights of ITU-R BT.601 (0.299, 0.587, 0.114) in 16-bit fixed point, rounded to nearest,
 * on the pixel values as they are. Alpha is left out. Grey pixels keep their value exactly.
 */
export function toGrey(picture: Picture, memory: SampleMemory = freshMemory): Picture {
  if (picture.channels === 1) return picture;
  const { width, height, channels, data } = picture;
  const result = elementsIn(memory, Uint8Array, width * height);
  for (let i = 0, from = 0; i < result.length; i++, from += channels) {
    const sum = (data[from] ?? 0) * 19595 + (data[from + 1] ?? 0) * 38470 + (data[from + 2] ?? 0) * 7471;
    result[i] = (sum + 0x8000) >> 16;
  }
  return { width, height, channels: 1, data: result };
}

/** A picture with alpha drawn on black, rounded to nearest; three channels. */
export function onBlack(picture: Picture, memory: SampleMemory = freshMemory): Picture {
  if (picture.channels !== 4) return picture;
  const { width, height, data } = picture;
  const result = elementsIn(memory, Uint8Array, width * height * 3);
  for (let i = 0, from = 0; i < result.length; i += 3, from += 4) {
    const alpha = data[from + 3] ?? 0;
    for (let channel = 0; channel < 3; channel++) {
      result[i + channel] = Math.floor(((data[from + channel] ?? 0) * alpha) / 255 + 0.5);
    }
  }
  return { width, height, channels: 3, data: result };
}

/** The largest box of a proportion (width / height) around the middle. */
export function centerBox(picture: Picture, width: number, height: number): Box {
  const scale = Math.min(picture.width / width, picture.height / height);
  const box = { width: width * scale, height: height * scale };
  return { ...box, left: (picture.width - box.width) / 2, top: (picture.height - box.height) / 2 };
}

export const wholeBox = ({ width, height }: Picture): Box => ({ left: 0, top: 0, width, height });

/** Kernels over the distance in (destination) pixels and how far they reach. */
const FILTERS: Readonly<Record<Exclude<ResizeMethod, 'nearest'>, { reach: number; weight(x: number): number }>> = {
  bilinear: { reach: 1, weight: (x) => 1 - Math.abs(x) },
  cubic: { reach: 2, weight: keys },
  lanczos: { reach: 3, weight: (x) => sinc(x) * sinc(x / 3) },
};

/** Keys' cubic convolution kernel with a = -0.5. */
function keys(x: number): number {
  const t = Math.abs(x);
  return t < 1 ? (1.5 * t - 2.5) * t * t + 1 : ((-0.5 * t + 2.5) * t - 4) * t + 2;
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

/** For each destination pixel, the source pixels it is made of and their weights in units of 2^-WEIGHT_BITS. */
interface Taps {
  readonly start: Int32Array;
  readonly count: Int32Array;
  readonly weights: Int32Array;
  readonly most: number;
}

/** Weights are at most slightly above 1 and pixels below 2^8, so that sums stay within 31 bits (and Math.imul is exact). */
const WEIGHT_BITS = 22;

/**
 * Weights to sample `length` source pixels, of which [offset, offset + extent) counts, at `target` places. When it
 * shrinks, the kernel is widened by the ratio, so that every source pixel has its share (antialiasing).
 */
function makeTaps(length: number, offset: number, extent: number, target: number, method: keyof typeof FILTERS): Taps {
  const filter = FILTERS[method];
  const ratio = extent / target;
  const widening = Math.max(ratio, 1);
  const reach = filter.reach * widening;
  const most = Math.ceil(reach) * 2 + 1;
  const start = new Int32Array(target);
  const count = new Int32Array(target);
  const weights = new Int32Array(target * most);
  for (let place = 0; place < target; place++) {
    const center = offset + (place + 0.5) * ratio;
    const first = Math.max(0, Math.floor(center - reach + 0.5));
    const last = Math.min(length, Math.floor(center + reach + 0.5));
    const exact: number[] = [];
    for (let i = first; i < last; i++) {
      const distance = (i + 0.5 - center) / widening;
      exact.push(Math.abs(distance) < filter.reach ? filter.weight(distance) : 0);
    }
    const sum = exact.reduce((total, weight) => total + weight, 0);
    start[place] = first;
    count[place] = exact.length;
    exact.forEach((weight, i) => {
      weights[place * most + i] = Math.round((weight / sum) * 2 ** WEIGHT_BITS);
    });
  }
  return { start, count, weights, most };
}

/**
 * Resizes the box of a picture: separable, the pass first that leaves less to do for the other, each pass in integers and
 * rounded to 8 bits, so that the result is the same on every machine. Alpha is treated like a colour. `nearest` takes the pixel under the centre.
 */
export function resize(
  picture: Picture,
  box: Box,
  width: number,
  height: number,
  method: ResizeMethod,
  memory: SampleMemory = freshMemory,
): Picture {
  const same = box.width === width && box.height === height && box.left % 1 === 0 && box.top % 1 === 0;
  if (method === 'nearest' || same) return nearest(picture, box, width, height, memory);
  const columns = makeTaps(picture.width, box.left, box.width, width, method);
  const rows = makeTaps(picture.height, box.top, box.height, height, method);
  const firstRow = rows.start[0] ?? 0;
  const lastRow = (rows.start[height - 1] ?? 0) + (rows.count[height - 1] ?? 0);
  if (picture.width * height < (lastRow - firstRow) * width) {
    return horizontal(vertical(picture, rows, height, memory), columns, width, memory);
  }
  return vertical(horizontal(picture, columns, width, memory), rows, height, memory);
}

function nearest(picture: Picture, box: Box, width: number, height: number, memory: SampleMemory): Picture {
  const { channels, data } = picture;
  const result = elementsIn(memory, Uint8Array, width * height * channels);
  for (let y = 0, to = 0; y < height; y++) {
    const row = Math.min(picture.height - 1, Math.floor(box.top + ((y + 0.5) * box.height) / height));
    for (let x = 0; x < width; x++, to += channels) {
      const column = Math.min(picture.width - 1, Math.floor(box.left + ((x + 0.5) * box.width) / width));
      const from = (row * picture.width + column) * channels;
      for (let channel = 0; channel < channels; channel++) result[to + channel] = data[from + channel] ?? 0;
    }
  }
  return { width, height, channels, data: result };
}

const HALF = 1 << (WEIGHT_BITS - 1);

function horizontal(picture: Picture, taps: Taps, width: number, memory: SampleMemory): Picture {
  const { height, channels, data } = picture;
  const result = elementsIn(memory, Uint8ClampedArray, width * height * channels);
  for (let y = 0; y < height; y++) {
    const row = data.subarray(y * picture.width * channels, (y + 1) * picture.width * channels);
    const target = result.subarray(y * width * channels, (y + 1) * width * channels);
    if (channels === 3) colorRow(row, target, taps);
    else for (let channel = 0; channel < channels; channel++) channelRow(row, target, taps, channels, channel);
  }
  return { width, height, channels, data: new Uint8Array(result.buffer, 0, result.length) };
}

function channelRow(row: Uint8Array, target: Uint8ClampedArray, taps: Taps, channels: number, channel: number): void {
  const { start, count, weights, most } = taps;
  for (let x = 0; x < count.length; x++) {
    const weight = x * most;
    const taken = count[x] as number;
    let sum = HALF;
    for (let i = 0, from = (start[x] as number) * channels + channel; i < taken; i++, from += channels) {
      sum = (sum + Math.imul(row[from] as number, weights[weight + i] as number)) | 0;
    }
    target[x * channels + channel] = sum >> WEIGHT_BITS;
  }
}

/** Three channels in one go: most pictures are such, and large ones take the time. */
function colorRow(row: Uint8Array, target: Uint8ClampedArray, { start, count, weights, most }: Taps): void {
  for (let x = 0; x < count.length; x++) {
    const weight = x * most;
    const taken = count[x] as number;
    let red = HALF;
    let green = HALF;
    let blue = HALF;
    for (let i = 0, from = (start[x] as number) * 3; i < taken; i++, from += 3) {
      const factor = weights[weight + i] as number;
      red = (red + Math.imul(row[from] as number, factor)) | 0;
      green = (green + Math.imul(row[from + 1] as number, factor)) | 0;
      blue = (blue + Math.imul(row[from + 2] as number, factor)) | 0;
    }
    target[x * 3] = red >> WEIGHT_BITS;
    target[x * 3 + 1] = green >> WEIGHT_BITS;
    target[x * 3 + 2] = blue >> WEIGHT_BITS;
  }
}

function vertical(picture: Picture, taps: Taps, height: number, memory: SampleMemory): Picture {
  const { width, channels, data } = picture;
  const { start, count, weights, most } = taps;
  const line = width * channels;
  const result = elementsIn(memory, Uint8ClampedArray, line * height);
  for (let y = 0, to = 0; y < height; y++) {
    const first = (start[y] as number) * line;
    const taken = count[y] as number;
    for (let x = 0; x < line; x++) {
      let sum = HALF;
      for (let i = 0, from = first + x; i < taken; i++, from += line) {
        sum = (sum + Math.imul(data[from] as number, weights[y * most + i] as number)) | 0;
      }
      result[to++] = sum >> WEIGHT_BITS;
    }
  }
  return { width, height, channels, data: new Uint8Array(result.buffer, 0, result.length) };
}
