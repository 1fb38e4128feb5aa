import { TensorType } from '../schema/generated/tflite.ts';
import { shapeText } from './arrays/array.ts';
import { pictureDimensions } from './images/tensor.ts';
import type { Sample, TensorValue } from './sample.ts';

/** From dark to light. */
const RAMP = ' .:-=+*#%@';
const BARS = '▁▂▃▄▅▆▇█';
const MOST_TOKENS = 24;

/**
 * A sample as text for a terminal: pictures as characters from dark to light, long signals as a line of bars, other
 * inputs as their first values, with what they say where that is known.
 * @param columns characters per line
 * @param words text of the token ids, by input
 */
export function sketchSample(sample: Sample, columns = 64, words: Readonly<Record<string, string>> = {}): string {
  const parts = Object.entries(sample.feed).map(([name, value]) => {
    const said = Object.hasOwn(words, name) ? `\n${printable(words[name] ?? '')}` : '';
    return `${name} ${shapeText(value.shape)}\n${sketchTensor(value, columns)}${said}`;
  });
  return [`${sample.name}`, ...parts].join('\n');
}

/** On one line, and without what would steer the terminal. */
const printable = (text: string): string => text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim();

/** One tensor as text, see `sketchSample`. */
export function sketchTensor(value: TensorValue, columns = 64): string {
  const dimensions = pictureDimensions(value.shape);
  if (dimensions && dimensions.width >= 4 && dimensions.height >= 4) return sketchPicture(value, columns);
  const isFloat = value.type === TensorType.FLOAT32 || value.type === TensorType.INT16;
  return isFloat && value.data.length > columns ? sketchSignal(value, columns) : sketchValues(value);
}

function sketchPicture({ shape, data }: TensorValue, columns: number): string {
  const { layout, channels, height, width } = pictureDimensions(shape) ?? {
    layout: 'nhwc',
    channels: 1,
    height: 0,
    width: 0,
  };
  const shown = Math.min(columns, width);
  // Characters are about twice as high as wide.
  const lines = Math.max(1, Math.round((height * shown) / width / 2));
  const [stepX, stepC] = layout === 'nhwc' ? [channels, 1] : [1, width * height];
  const grey = (x: number, y: number): number => {
    let sum = 0;
    for (let channel = 0; channel < Math.min(3, channels); channel++) {
      sum += Number(data[(y * width + x) * stepX + channel * stepC]);
    }
    return sum;
  };
  const picture = Array.from({ length: lines }, (_, line) =>
    Array.from({ length: shown }, (__, column) =>
      grey(Math.floor(((column + 0.5) * width) / shown), Math.floor(((line + 0.5) * height) / lines)),
    ),
  );
  const [least, most] = extent(picture.flat());
  return picture.map((line) => line.map((level) => pick(RAMP, level, least, most)).join('')).join('\n');
}

/** The greatest magnitude of each part of a signal. */
function sketchSignal({ data }: TensorValue, columns: number): string {
  const peaks = Array.from({ length: columns }, (_, column) => {
    const [start, end] = [column, column + 1].map((edge) => Math.floor((edge * data.length) / columns));
    const part = Array.from(data.slice(start, end) as ArrayLike<number>, (item) => Math.abs(item));
    return part.reduce((most, item) => Math.max(most, item), 0);
  });
  const [, most] = extent(peaks);
  return peaks.map((peak) => pick(BARS, peak, 0, most)).join('');
}

function sketchValues({ data }: TensorValue): string {
  const shown = [...data.slice(0, MOST_TOKENS)].map((item) =>
    String(typeof item === 'bigint' ? item : Number(item.toPrecision(5))),
  );
  return shown.join(' ') + (data.length > MOST_TOKENS ? ' ...' : '');
}

function extent(values: readonly number[]): [number, number] {
  const finite = values.filter(Number.isFinite);
  return [finite.reduce((a, b) => Math.min(a, b), Infinity), finite.reduce((a, b) => Math.max(a, b), -Infinity)];
}

function pick(scale: string, value: number, least: number, most: number): string {
  const share = most > least && Number.isFinite(value) ? (value - least) / (most - least) : 0;
  return [...scale][Math.min(scale.length - 1, Math.floor(share * scale.length))] ?? ' ';
}
