import { existsSync } from 'node:fs';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readJsonFile } from '../../schema/documents/json-file.node.ts';
import { parseRecipeMapping } from '../../schema/documents/recipe.ts';
import { AeqError } from '../../schema/errors.ts';
import { nearestNames } from '../../schema/nearest.ts';
import { CATALOGUE, type CatalogueEntry, catalogueEntry } from './catalogue.ts';
import type { RecipeContext } from './context.ts';
import type { Policy } from './policy.ts';
import { checkedRecipe, readRecipe } from './read.ts';
import { readPolicy } from './read-policy.ts';
import type { Recipe } from './types.ts';

/** Name of a built-in recipe, path or file URL of a JSON file, parsed JSON, or a recipe made by a program. */
export type RecipeSource = string | URL | readonly unknown[] | Recipe | Readonly<Record<string, unknown>>;

/** Recipes by component type of a .litertlm file; `default` is for every component that is not named. */
export type ComponentRecipes = ReadonlyMap<string, Recipe>;

/** The same place beside the sources and in the built package. */
const LIBRARY = fileURLToPath(new URL('../../recipes/', import.meta.url));

/** Parsed JSON and where it is from. */
interface Located {
  readonly value: unknown;
  readonly file?: string;
  readonly name?: string;
  readonly entry?: CatalogueEntry;
}

function notFound(source: string): AeqError {
  const near = nearestNames(source, [...CATALOGUE.map(({ name }) => name)]);
  const hint = near.length === 0 ? 'aeq recipe list shows the built-in recipes' : `did you mean ${near.join(' or ')}?`;
  return new AeqError('RECIPE_NOT_FOUND', `there is no built-in recipe and no file "${source}"`, {
    where: { file: source },
    hint,
  });
}

/** A built-in name first; then a file as given, in the library, or in the other folders. */
function locate(source: string | URL, folders: readonly string[]): Located {
  const text = source instanceof URL ? fileURLToPath(source) : source;
  const entry = source instanceof URL ? undefined : catalogueEntry(text);
  if (entry !== undefined) {
    const file = join(LIBRARY, `${entry.name}.json`);
    return { value: readJsonFile(file, 'RECIPE_INVALID'), file, name: entry.name, entry };
  }
  const candidates = isAbsolute(text) ? [text] : [text, ...[LIBRARY, ...folders].map((folder) => join(folder, text))];
  const file = text === '' ? undefined : candidates.find((candidate) => existsSync(candidate));
  if (file === undefined) throw notFound(text);
  return { value: readJsonFile(file, 'RECIPE_INVALID'), file, name: basename(file).replace(/\.[^.]*$/, '') };
}

const isRecipe = (source: object): source is Recipe => 'rules' in source && Array.isArray(source.rules);

const general = (recipe: Recipe): Recipe => ({
  ...recipe,
  rules: recipe.rules.map((rule) => ({ ...rule, general: true })),
});

function readLocated({ value, file, name, entry }: Located, context: RecipeContext): Recipe {
  if (entry?.kind === 'components') {
    throw new AeqError('RECIPE_INVALID', `the recipe ${entry.name} is for the components of a .litertlm file`, {
      hint: 'use it with such a file, or choose a recipe for a single model',
    });
  }
  const recipe = readRecipe(value, context, {
    ...(file === undefined ? {} : { file }),
    ...(name === undefined ? {} : { name }),
  });
  return entry === undefined ? recipe : general(recipe);
}

/**
 * Loads a recipe for one model. Names of built-in recipes win over files. Only the file asked for is read.
 * @throws AeqError RECIPE_NOT_FOUND with the nearest names; otherwise as readRecipe
 */
export function loadRecipe(source: RecipeSource, context: RecipeContext, folders: readonly string[] = []): Recipe {
  if (typeof source === 'string' || source instanceof URL) return readLocated(locate(source, folders), context);
  if (typeof source !== 'object' || source === null) {
    throw new AeqError('RECIPE_INVALID', `${source === null ? 'null' : typeof source} is no recipe`, {
      hint: "give a name such as 'dynamic_wi8_afp32', a path, a list of rules, or what a function of `recipes` returns",
    });
  }
  return isRecipe(source) ? checkedRecipe(source, context) : readRecipe(source, context);
}

/**
 * Loads recipes for the components of a .litertlm file: a recipe (for all of them), or an object from component types
 * to rules, names or paths (also relative to the folder of the file).
 * @throws AeqError RECIPE_NOT_FOUND; RECIPE_INVALID, also for an empty recipe and for a mapping inside a mapping
 */
export function loadComponentRecipes(source: RecipeSource, context: RecipeContext): ComponentRecipes {
  const located: Located = typeof source === 'string' || source instanceof URL ? locate(source, []) : { value: source };
  const { value, file, entry } = located;
  const origin = file === undefined ? {} : { file };
  if (Array.isArray(value) && value.length === 0) {
    throw new AeqError('RECIPE_INVALID', `${file ?? 'the recipe'} has no rules`, { where: { ...origin } });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value) || isRecipe(value)) {
    const single = isRecipe(Object(value)) ? checkedRecipe(value as Recipe, context) : readLocated(located, context);
    return new Map([['default', single]]);
  }
  const folders = file === undefined || entry !== undefined ? [] : [dirname(file)];
  const mapping = Object.entries(parseRecipeMapping(value, origin));
  return new Map(
    mapping.map(([component, inner]) => {
      if (typeof inner === 'string') return [component, loadRecipe(inner, context, folders)];
      const recipe = readRecipe(inner, context, { ...origin, root: component, name: component });
      return [component, entry === undefined ? recipe : general(recipe)];
    }),
  );
}

/** Reads a policy file. @throws AeqError FILE_NOT_FOUND, POLICY_INVALID */
export function loadPolicy(file: string | URL): Policy {
  const path = file instanceof URL ? fileURLToPath(file) : file;
  return readPolicy(readJsonFile(path, 'POLICY_INVALID'), { file: path });
}
