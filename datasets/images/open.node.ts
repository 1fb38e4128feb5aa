import { AeqError } from '../../schema/errors.ts';
import type { SampleSource } from '../file-dataset.ts';
import { type DataFile, hashFiles, readWhole } from '../files.node.ts';
import { oneInput } from '../one-input.ts';
import type { DatasetHooks, DatasetOptions } from '../options.ts';
import type { InputSpec } from '../sample.ts';
import { decodePicture } from './decode.node.ts';
import { describeRecipe, pictureRecipe, pictureTensor } from './tensor.ts';

/** Extensions of pictures. */
export const IMAGE_EXTENSIONS: ReadonlySet<string> = new Set([
  '.jpg',
  '.jpeg',
  '.png',
  '.webp',
  '.tif',
  '.tiff',
  '.gif',
  '.avif',
]);

/**
 * Pictures as samples of a model with one picture input. @throws AeqError DATASET_MISMATCH when the model has other or
 * more inputs, USAGE for options that do not fit.
 */
export async function openImages(
  files: readonly DataFile[],
  sources: readonly string[],
  inputs: readonly InputSpec[],
  options: DatasetOptions,
  hooks: DatasetHooks = {},
): Promise<SampleSource> {
  const input = oneInput(inputs, 'pictures fill');
  const recipe = pictureRecipe(input, options);
  return {
    names: files.map(({ name }) => name),
    description: {
      kind: 'images',
      sources,
      preprocessing: describeRecipe(recipe, input),
      contentHash: hooks.contentHash ?? (await hashFiles(files)),
    },
    async load(index, memory) {
      const file = files[index];
      if (!file) throw new AeqError('INTERNAL', `there is no picture ${index}`);
      const picture = await decodePicture(await readWhole(file, memory), file.label);
      return { [input.name]: pictureTensor(picture, recipe, input, memory) };
    },
  };
}
