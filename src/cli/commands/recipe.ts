import { AeqError } from '../../../schema/errors.ts';
import { isContainerFile } from '../../../schema/litertlm/container-file.node.ts';
import { openModelFile } from '../../../schema/model-file.node.ts';
import { explainContainer } from '../../container.node.ts';
import { CATALOGUE, catalogueEntry } from '../../recipe/catalogue.ts';
import { recipeContext } from '../../recipe/context.ts';
import { type ExplainedOperator, explainRecipe, type RecipeExplanation } from '../../recipe/explain.ts';
import { loadComponentRecipes, loadPolicy, loadRecipe } from '../../recipe/library.node.ts';
import { withShorthand } from '../../recipe/shorthand.ts';
import { recipeToJson, recipeToText } from '../../recipe/write.ts';
import { columns, displayName } from '../../report/format.ts';
import type { CommandRun } from '../context.ts';
import { shorthandOf } from '../shorthand.ts';
import type { Style } from '../style.ts';

/** `aeq recipe list` */
export const list: CommandRun = async (_args, { print, result, style }) => {
  result(CATALOGUE);
  const rows = CATALOGUE.map(({ name, summary, needsCalibration, kind }) => [
    style.bold(name),
    needsCalibration ? 'static' : kind === 'components' ? 'litertlm' : '',
    summary,
  ]);
  print(columns(rows).join('\n'));
  print(style.dim('\nstatic recipes need calibration; litertlm recipes are for .litertlm containers'));
  return 0;
};

/** `aeq recipe show <name|file>`: what is written out, and for containers by component. */
export const show: CommandRun = async ([name = ''], { print, result }) => {
  const recipes = [...loadComponentRecipes(name, recipeContext())];
  const [single] = recipes.length === 1 && recipes[0]?.[0] === 'default' ? recipes : [];
  if (single && catalogueEntry(name)?.kind !== 'components') {
    result(recipeToJson(single[1]));
    print(recipeToText(single[1]).trimEnd());
    return 0;
  }
  const json = Object.fromEntries(recipes.map(([key, recipe]) => [key, recipeToJson(recipe)]));
  result(json);
  print(JSON.stringify(json, null, 2));
  return 0;
};

/** `aeq recipe explain <model|container> <recipe>` */
export const explain: CommandRun = async ([path = '', name = ''], context) => {
  const { options, print, result, warn, style } = context;
  const shorthand = shorthandOf(options) ?? {};
  if (isContainerFile(path)) {
    const { compat, policy } = options;
    const components = explainContainer(path, name, { compat, policy, shorthand });
    result({
      components: components.map(({ explanation, ...component }) => ({
        ...component,
        ...(explanation ? explanationJson(explanation) : { skipped: true }),
      })),
    });
    for (const { component, explanation } of components) {
      for (const text of explanation?.warnings ?? []) warn(`${component}: ${text}`);
      print(style.bold(component));
      print(explanation ? `${explanationText(explanation, style)}\n` : 'the recipe is not for it: it stays as it is\n');
    }
    return 0;
  }
  if (catalogueEntry(name)?.kind === 'components') {
    throw new AeqError('USAGE', `${name} is a recipe for .litertlm containers`, {
      hint: 'give a container, or a recipe for one model',
    });
  }
  const recipes = recipeContext({
    compat: options.compat !== undefined,
    ...(options.policy === undefined ? {} : { policy: loadPolicy(options.policy) }),
  });
  const recipe = withShorthand(loadRecipe(name, recipes), shorthand);
  const file = openModelFile(path);
  try {
    const explanation = explainRecipe(file.model, recipe, recipes);
    result(explanationJson(explanation));
    for (const text of explanation.warnings) warn(text);
    print(explanationText(explanation, style));
    return 0;
  } finally {
    file.close();
  }
};

const explanationJson = ({ operators, rules, usage, warnings }: RecipeExplanation) => ({
  operators,
  rules: recipeToJson({ rules }),
  usage,
  warnings,
});

function explanationText({ operators }: RecipeExplanation, style: Style): string {
  const mode = ({ mode: text }: ExplainedOperator) => (text === 'float' ? style.yellow(text) : style.green(text));
  const rows = operators.map((entry) => [
    entry.operator < 0 ? `${entry.subgraph}:-` : `${entry.subgraph}:${entry.operator}`,
    entry.name,
    displayName(entry.scope.replace(/;$/, '')),
    mode(entry),
    entry.reason,
  ]);
  return columns([['operator', 'name', 'output', 'becomes', 'why'].map(style.dim), ...rows]).join('\n');
}
