import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RuntimeChoice } from '../calibration/runtime/open.node.ts';
import { encodeCalibration } from '../schema/documents/calibration-write.ts';
import { AeqError } from '../schema/errors.ts';
import { openFileSource } from '../schema/file-source.node.ts';
import { SectionType } from '../schema/generated/litertlm.ts';
import { sha256 } from '../schema/hash.node.ts';
import { type Container, modelType, readContainer, textItem } from '../schema/litertlm/container.ts';
import { renewIdentity } from '../schema/litertlm/identity.node.ts';
import { layoutContainer } from '../schema/litertlm/layout.ts';
import { sha256Of } from '../schema/model-file.node.ts';
import { suggestion } from '../schema/nearest.ts';
import { readModel } from '../schema/reader.ts';
import { type FileLayout, layoutModel } from '../schema/writer.ts';
import { type Calibration, isOriginal } from './calibration-input.node.ts';
import type { Plan } from './plan/plan.ts';
import { type QuantizeOptions, Quantizer } from './quantizer.ts';
import { catalogueEntry } from './recipe/catalogue.ts';
import { type RecipeContext, recipeContext } from './recipe/context.ts';
import { explainRecipe, type RecipeExplanation } from './recipe/explain.ts';
import { type ComponentRecipes, loadComponentRecipes, loadPolicy, type RecipeSource } from './recipe/library.node.ts';
import { type Shorthand, withShorthand } from './recipe/shorthand.ts';
import { recipeToText } from './recipe/write.ts';
import { writeLayoutFast } from './streaming/write-layout.node.ts';
import { verifyModelFile } from './validate/verify.node.ts';

export interface QuantizeContainerOptions extends QuantizeOptions {
  readonly compat?: 'aeq-0.10' | undefined;
  /** File of a policy, which says what configurations each operator may have; for every component. */
  readonly policy?: string | URL | undefined;
  readonly overwrite?: boolean | undefined;
  /** Changes to the recipe of every component. */
  readonly shorthand?: Shorthand | undefined;
  /** Plan only: nothing is verified and written. */
  readonly dryRun?: boolean | undefined;
  /** Load and run every quantized component before the container is written. Default true. */
  readonly verify?: boolean | undefined;
  readonly runtime?: RuntimeChoice | undefined;
  readonly library?: string | undefined;
  /** Ranges for a component whose recipe is static. */
  readonly calibrate?: (component: string, quantizer: Quantizer) => Promise<Calibration>;
  readonly onComponent?: (component: string) => void;
  /** Told of models that stay as they are, and of recipes for components that are not there. */
  readonly onWarning?: (text: string) => void;
}

/** What became of one model in the container. */
export interface ComponentReport {
  readonly section: number;
  readonly component: string;
  readonly floatSizeBytes: number;
  readonly sizeBytes: number;
  readonly operators: number;
  readonly quantizedOperators: number;
  readonly warnings: readonly string[];
  readonly plan: Plan;
}

/**
 * Quantizes the models in a container by the recipe of their component type, or the `default` one, and writes the
 * container with everything else as it was. The result has an identity (uuid) of its own that follows from what is in it.
 * @throws AeqError CONTAINER_INVALID, POLICY_INVALID, RECIPE_NOT_FOUND, RECIPE_EMPTY when the recipe is for none of the
 * components, VERIFY_FAILED, FILE_EXISTS, FILE_UNWRITABLE; the abort reason.
 */
export async function quantizeContainer(
  path: string,
  output: string,
  recipe: RecipeSource,
  options: QuantizeContainerOptions = {},
): Promise<ComponentReport[]> {
  const source = openFileSource(path);
  try {
    const container = readContainer(source, path);
    const recipes = loadComponentRecipes(recipe, contextOf(options));
    const replaced = new Map<number, FileLayout>();
    const reports: ComponentReport[] = [];
    let change = sha256Of(source);
    for (const text of namelessModels(container)) options.onWarning?.(text);
    // Built-in ones are for any container.
    const general = typeof recipe === 'string' && catalogueEntry(recipe) !== undefined;
    if (!general) for (const text of idleRecipes(container, recipes)) options.onWarning?.(text);
    for (const [section, component] of modelSections(container)) {
      const own = recipes.get(component) ?? recipes.get('default');
      if (!own) continue;
      options.onComponent?.(component);
      const { layout, report, change: made } = await quantizeSection(container, section, component, own, options);
      replaced.set(section, layout);
      reports.push(report);
      change += `\n${section} ${made}`;
    }
    if (replaced.size === 0) throw nothingToDo(path, container, [...recipes.keys()]);
    if (options.dryRun) return reports;
    const layout = layoutContainer(renewIdentity(container, change), replaced);
    const { overwrite = false, threads, signal } = options;
    await writeLayoutFast(output, layout, { overwrite, threads, signal });
    return reports;
  } finally {
    source.close();
  }
}

/** What a recipe makes of one model in a container; no explanation where the recipe is not for it. */
export interface ExplainedComponent {
  readonly section: number;
  readonly component: string;
  readonly explanation?: RecipeExplanation;
}

/**
 * Says for the operators of each model in a container which rule decides, as `explainRecipe` does for one model.
 * @throws AeqError CONTAINER_INVALID, RECIPE_NOT_FOUND, RECIPE_EMPTY when the recipe is for none of the components
 */
export function explainContainer(
  path: string,
  recipe: RecipeSource,
  { shorthand = {}, ...options }: Pick<QuantizeContainerOptions, 'compat' | 'policy' | 'shorthand'> = {},
): ExplainedComponent[] {
  const source = openFileSource(path);
  try {
    const container = readContainer(source, path);
    const context = contextOf(options);
    const recipes = loadComponentRecipes(recipe, context);
    const explained = [...modelSections(container)].map(([section, component]): ExplainedComponent => {
      const own = recipes.get(component) ?? recipes.get('default');
      const bytes = container.sections[section]?.source;
      if (!own || !bytes) return { section, component };
      return {
        section,
        component,
        explanation: explainRecipe(readModel(bytes), withShorthand(own, shorthand), context),
      };
    });
    if (!explained.some(({ explanation }) => explanation)) throw nothingToDo(path, container, [...recipes.keys()]);
    return explained;
  } finally {
    source.close();
  }
}

function contextOf({ compat, policy }: Pick<QuantizeContainerOptions, 'compat' | 'policy'>): RecipeContext {
  return recipeContext({ compat: compat !== undefined, ...(policy && { policy: loadPolicy(policy) }) });
}

function* modelSections(container: Container): Iterable<[number, string]> {
  for (const [section, entry] of container.sections.entries()) {
    const component = modelType(entry);
    if (component !== undefined) yield [section, component];
  }
}

async function quantizeSection(
  container: Container,
  section: number,
  component: string,
  recipe: RecipeSource,
  options: QuantizeContainerOptions,
): Promise<{ layout: FileLayout; report: ComponentReport; change: string }> {
  const bytes = container.sections[section]?.source;
  if (!bytes) throw new RangeError(`no section ${section}`);
  const quantizer = await Quantizer.open(bytes, { compat: options.compat });
  if (options.policy) quantizer.loadConfigPolicy(options.policy);
  const loaded = quantizer.loadQuantizationRecipe(recipe);
  // Warnings of the recipe's own rules would come again.
  if (options.shorthand) quantizer.loadQuantizationRecipe(withShorthand(quantizer.recipe, options.shorthand));
  const calibration = quantizer.usesCalibration ? await options.calibrate?.(component, quantizer) : undefined;
  const { model, plan, warnings } = await quantizer.quantize(calibration, options);
  const layout = layoutModel(model, { buffers: options.buffers ?? 'auto' });
  if (options.verify !== false && !options.dryRun) await verifyComponent(component, layout, options);
  const real = plan.operators.filter(({ operator }) => operator >= 0);
  const report = {
    section,
    component,
    floatSizeBytes: bytes.sizeBytes,
    sizeBytes: layout.sizeBytes,
    operators: real.length,
    quantizedOperators: real.filter(({ mode }) => mode !== 'float').length,
    warnings: [...loaded, ...warnings],
    plan,
  };
  return { layout, report, change: changeOf(layout, quantizer, calibration) };
}

/** What the bytes of a quantized model follow from, beside those of the float one; as a hash. */
function changeOf({ segments }: FileLayout, { recipe }: Quantizer, calibration: Calibration | undefined): string {
  const hash = sha256();
  hash.update(recipeToText(recipe));
  // The ranges of one of the original's can be seen in the parameters.
  if (calibration && !isOriginal(calibration)) for (const piece of encodeCalibration(calibration)) hash.update(piece);
  // Graph and parameters, from which and from the above the constants follow.
  for (const segment of segments) if ('bytes' in segment) hash.update(segment.bytes);
  return hash.digest('hex');
}

async function verifyComponent(
  component: string,
  layout: FileLayout,
  { runtime, library, threads, signal }: QuantizeContainerOptions,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'aeq-component-'));
  try {
    const file = join(folder, 'model.tflite');
    await writeLayoutFast(file, layout, { threads, signal });
    await verifyModelFile(file, { file: component, runtime, library, signal });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Component types of the models in a container, in the order of its sections. @throws AeqError CONTAINER_INVALID */
export function containerComponents(path: string): string[] {
  const source = openFileSource(path);
  try {
    return [...modelSections(readContainer(source, path))].map(([, component]) => component);
  } finally {
    source.close();
  }
}

function namelessModels(container: Container): string[] {
  return [...container.sections.entries()].flatMap(([section, { type, items }]) =>
    type === SectionType.TFLITE_MODEL && textItem(items, 'model_type') === undefined
      ? [`section ${section} is a model without a model_type, by which its recipe would be found: it stays as it is`]
      : [],
  );
}

function idleRecipes(container: Container, recipes: ComponentRecipes): string[] {
  const components = new Set([...modelSections(container)].map(([, component]) => component));
  return [...recipes.keys()].flatMap((key) => {
    if (key === 'default' || components.has(key)) return [];
    const near = suggestion(key, components);
    return [`the recipe for ${key} has no effect: the container has no such component${near ? ` (${near})` : ''}`];
  });
}

function nothingToDo(path: string, container: Container, keys: readonly string[]): AeqError {
  const components = [...modelSections(container)].map(([, component]) => component);
  return new AeqError('RECIPE_EMPTY', `the recipe is for ${keys.join(', ')}, none of which is in ${path}`, {
    where: { file: path },
    hint: `the container has ${components.join(', ') || 'no model'}; a recipe under "default" is for all`,
  });
}
