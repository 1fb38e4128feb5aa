import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { requireShared, sharedPath } from '../support/shared.ts';

/** One run of the original: what went in and what came out. */
export interface GoldenCase {
  /** `conv_fc_mnist/static_wi8_ai8`. */
  readonly name: string;
  readonly model: string;
  /** The recipe document as loaded, and the algorithms its rules name. */
  readonly recipe: unknown;
  readonly algorithms: readonly string[];
  /** The original's calibration document, for static recipes that it could calibrate. */
  readonly calibration?: unknown;
  /** Path of the file that the original wrote. */
  readonly expected?: string;
  /** What the original said where it wrote none. */
  readonly error?: string;
}

/** Folders of runs of the original, and the file of the float model of each run. */
const collections = {
  golden: (name: string) => join('golden', name, 'model.tflite'),
  'golden-real': (name: string) => {
    const folder = requireShared('models');
    const file = readdirSync(folder).find((entry) => entry.endsWith('.tflite') && entry.startsWith(name));
    return join('models', existsSync(join(folder, `${name}.tflite`)) ? `${name}.tflite` : (file ?? `${name}.tflite`));
  },
};
export type Collection = keyof typeof collections;

/** All runs of a collection in alphabetical order; empty where the collection is not there. */
export function goldenCases(collection: Collection): GoldenCase[] {
  const folder = sharedPath(collection);
  if (folder === undefined) return [];
  return folders(folder).flatMap((name) => {
    const model = requireShared(collections[collection](name));
    return folders(join(folder, name))
      .filter((recipe) => existsSync(join(folder, name, recipe, 'recipe.json')))
      .map((recipe) => readCase(`${name}/${recipe}`, model, join(folder, name, recipe)));
  });
}

function readCase(name: string, model: string, folder: string): GoldenCase {
  const recipe: unknown = readJson(join(folder, 'recipe.json'));
  const [calibration, expected, error] = ['calibration.json', 'quantized.tflite', 'error.txt'].map((file) => {
    const path = join(folder, file);
    return existsSync(path) ? path : undefined;
  });
  return {
    name,
    model,
    recipe,
    algorithms: (recipe as { algorithm_key: string }[]).map((rule) => rule.algorithm_key),
    ...(calibration !== undefined && { calibration: readJson(calibration) }),
    ...(expected !== undefined && { expected }),
    ...(error !== undefined && { error: readFileSync(error, 'utf8') }),
  };
}

const folders = (path: string): string[] =>
  readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();

const readJson = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'));
