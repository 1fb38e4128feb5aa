/** Writes the JSON Schemas of the documents to schema/json/, for editors and other programs. A test keeps them true. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { calibrationFile } from '../schema/documents/calibration.ts';
import { comparisonJsonSchema } from '../schema/documents/comparison.ts';
import { manifestJsonSchema } from '../schema/documents/dataset-manifest.ts';
import { planJsonSchema } from '../schema/documents/plan.ts';
import { recipeJsonSchema, recipeMappingJsonSchema } from '../schema/documents/recipe.ts';

const SCHEMAS: Readonly<Record<string, () => unknown>> = {
  recipe: recipeJsonSchema,
  'component-recipes': recipeMappingJsonSchema,
  calibration: () => z.toJSONSchema(calibrationFile, { io: 'input' }),
  dataset: manifestJsonSchema,
  comparison: comparisonJsonSchema,
  plan: planJsonSchema,
};

const FOLDER = fileURLToPath(new URL('../schema/json/', import.meta.url));

/** Path and text of every schema file. */
export const schemaFiles = (): [path: string, text: string][] =>
  Object.entries(SCHEMAS).map(([name, schema]) => [
    `${FOLDER}${name}.schema.json`,
    `${JSON.stringify(schema(), null, 2)}\n`,
  ]);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  mkdirSync(FOLDER, { recursive: true });
  for (const [path, text] of schemaFiles()) writeFileSync(path, text);
}
