import { AeqError } from '../../schema/errors.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { typeName } from '../../schema/graph.ts';
import { allocateElements, shapeText } from '../arrays/array.ts';
import { arrayTypeOf } from '../arrays/convert.ts';
import type { ImageOptions, Layout } from '../options.ts';
import type { InputSpec, TensorValue } from '../sample.ts';
import { elementsIn, freshMemory, type SampleMemory } from '../sample-memory.ts';
import { applyValueRange, checkChannels, isIdentity, resolveValueRange, type ValueRange } from '../value-range.ts';
import { centerBox, onBlack, type Picture, resize, toGrey, wholeBox } from './picture.ts';

/** Everything that decides how a picture becomes a tensor. Free sizes are those of each picture. */
export interface PictureRecipe {
  readonly layout: Layout;
  readonly channels: 1 | 3 | 4;
  readonly height: number | undefined;
  readonly width: number | undefined;
  readonly resize: NonNullable<ImageOptions['resize']>;
  readonly crop: NonNullable<ImageOptions['crop']>;
  readonly valueRange: ValueRange;
}

const isChannels = (length: number | undefined): length is 1 | 3 | 4 => length === 1 || length === 3 || length === 4;

/**
 * The recipe for one input: shape [1,H,W,C] or [1,C,H,W], also without the batch or, for grey pictures, without the
 * channel. @throws AeqError DATASET_MISMATCH for an input that is no picture; USAGE for options that do not fit it.
 */
export function pictureRecipe(input: InputSpec, options: ImageOptions): PictureRecipe {
  const { layout, channels, height, width } = dimensions(input, options.layout);
  const float = input.type === TensorType.FLOAT32 || input.type === TensorType.FLOAT64;
  const valueRange = resolveValueRange(options, float ? 'zero-one' : 'raw');
  checkChannels(valueRange, channels);
  if (!float && !isIdentity(valueRange)) {
    throw new AeqError('USAGE', `input "${input.name}" takes ${typeName(input.type)}: its pixels are fed as they are`, {
      where: { tensor: input.name },
      hint: 'leave --preprocess, --mean, --std and --scale away',
    });
  }
  if (!float && !INTEGERS.has(input.type)) throw noPicture(input);
  const [wantedHeight, wantedWidth] = options.size ?? [];
  return {
    layout,
    channels,
    height: fixedLength(input, height, wantedHeight),
    width: fixedLength(input, width, wantedWidth),
    resize: options.resize ?? 'bilinear',
    crop: options.crop ?? 'none',
    valueRange,
  };
}

const INTEGERS: ReadonlySet<number> = new Set([
  TensorType.UINT8,
  TensorType.INT8,
  TensorType.INT16,
  TensorType.UINT16,
  TensorType.INT32,
  TensorType.UINT32,
  TensorType.INT64,
  TensorType.UINT64,
]);

function fixedLength(input: InputSpec, length: number, wanted: number | undefined): number | undefined {
  if (length < 0) return wanted;
  if (wanted === undefined || wanted === length) return length;
  throw new AeqError(
    'USAGE',
    `input "${input.name}" takes ${shapeText(input.shape)}: a size of ${wanted} does not fit`,
    {
      where: { tensor: input.name },
      hint: 'the size is only for models that leave it open',
    },
  );
}

function dimensions(input: InputSpec, wanted: Layout | undefined) {
  const { shape } = input;
  if (shape.length === 4 && (shape[0] ?? 0) > 1) {
    throw new AeqError('DATASET_MISMATCH', `input "${input.name}" takes ${shape[0]} pictures at a time`, {
      where: { tensor: input.name },
      hint: 'give the batches as .npy or .npz files',
    });
  }
  const found = pictureDimensions(shape, wanted);
  if (found) return found;
  throw noPicture(input, wanted);
}

/** Where height, width and channels (1, 3 or 4) are in a shape, its batch left out; undefined when it is no picture. */
export function pictureDimensions(shape: readonly number[], wanted?: Layout) {
  const inner = shape.length === 4 ? shape.slice(1) : shape;
  const [a = 0, b = 0, c = 0] = inner;
  // Without any channel; [1,H,W] is one channel in front, and [1,n] is a list of features.
  if (inner.length === 2) {
    return a > 1 && b > 1 ? { layout: 'nhwc' as const, channels: 1 as const, height: a, width: b } : undefined;
  }
  if (inner.length !== 3) return undefined;
  const last = isChannels(c) ? { layout: 'nhwc' as const, channels: c, height: a, width: b } : undefined;
  const first = isChannels(a) ? { layout: 'nchw' as const, channels: a, height: b, width: c } : undefined;
  if (wanted !== undefined) return wanted === 'nchw' ? first : last;
  return last ?? first;
}

function noPicture(input: InputSpec, layout?: Layout): AeqError {
  const kind = layout === undefined ? 'pictures' : `${layout} pictures`;
  return new AeqError(
    'DATASET_MISMATCH',
    `${kind} do not fit input "${input.name}": it takes ${typeName(input.type)} ${shapeText(input.shape)}`,
    {
      where: { tensor: input.name },
      hint: 'a picture input is [1,height,width,channels] or [1,channels,height,width] with 1, 3 or 4 channels',
    },
  );
}

/** What decides the numbers, for the record. */
export function describeRecipe(recipe: PictureRecipe, input: InputSpec): Readonly<Record<string, unknown>> {
  return {
    ...recipe,
    height: recipe.height ?? 'of the picture',
    width: recipe.width ?? 'of the picture',
    ...(input.type === TensorType.INT8 ? { pixelOffset: -128 } : {}),
    alpha: recipe.channels === 4 ? 'kept' : 'on black',
    orientation: 'exif',
  };
}

/** Cuts, resizes and converts one picture. Integer inputs get the pixel values, int8 ones less 128. In float32. */
export function pictureTensor(
  picture: Picture,
  recipe: PictureRecipe,
  input: InputSpec,
  memory: SampleMemory = freshMemory,
): TensorValue {
  const converted = toChannels(picture, recipe.channels, memory);
  const height = recipe.height ?? picture.height;
  const width = recipe.width ?? picture.width;
  const box = recipe.crop === 'center' ? centerBox(converted, width, height) : wholeBox(converted);
  const { data } = resize(converted, box, width, height, recipe.resize, memory);
  const { channels, layout } = recipe;
  const type = arrayTypeOf(input.type) ?? 'float32';
  const tables = Array.from({ length: channels }, (_, channel) =>
    Array.from({ length: 256 }, (__, value) => elementOf(value, channel, recipe, input.type)),
  );
  const plane = width * height;
  const result = allocateElements(type, plane * channels, memory);
  for (let channel = 0; channel < channels; channel++) {
    const table = tables[channel] ?? [];
    const source = recipe.valueRange.reverseColors ? channels - 1 - channel : channel;
    const step = layout === 'nhwc' ? channels : 1;
    let to = layout === 'nhwc' ? channel : channel * plane;
    for (let i = 0; i < plane; i++, to += step) result[to] = table[data[i * channels + source] ?? 0] as never;
  }
  return { type: input.type, shape: filledShape(input.shape, recipe, height, width), data: result };
}

function elementOf(value: number, channel: number, recipe: PictureRecipe, type: number): number | bigint {
  if (type === TensorType.INT64 || type === TensorType.UINT64) return BigInt(value);
  if (type === TensorType.INT8) return value - 128;
  return applyValueRange(recipe.valueRange, value, channel);
}

function toChannels(picture: Picture, channels: 1 | 3 | 4, memory: SampleMemory): Picture {
  if (channels === picture.channels) return picture;
  if (channels === 1) return toGrey(onBlack(picture, memory), memory);
  return repeatChannels(onBlack(picture, memory), channels, memory);
}

function repeatChannels(picture: Picture, channels: 3 | 4, memory: SampleMemory): Picture {
  const { width, height, data } = picture;
  if (picture.channels === channels) return picture;
  const result = elementsIn(memory, Uint8Array, width * height * channels).fill(255);
  for (let i = 0; i < width * height; i++) {
    for (let channel = 0; channel < 3; channel++) {
      result[i * channels + channel] = data[i * picture.channels + (picture.channels === 1 ? 0 : channel)] ?? 0;
    }
  }
  return { width, height, channels, data: result };
}

function filledShape(shape: readonly number[], recipe: PictureRecipe, height: number, width: number): number[] {
  const inner = recipe.layout === 'nhwc' ? [height, width, recipe.channels] : [recipe.channels, height, width];
  const withBatch = shape.length === 4 ? [1, ...inner] : inner;
  return shape.length === 2 ? [height, width] : withBatch;
}
