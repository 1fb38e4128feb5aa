import { AeqError } from '../../../schema/errors.ts';
import { openModelFile } from '../../../schema/model-file.node.ts';
import { CATALOGUE, catalogueEntry } from '../../recipe/catalogue.ts';
import { recipeContext } from '../../recipe/context.ts';
import { type ExplainedOperator, explainRecipe } from '../../recipe/explain.ts';
import { loadComponentRecipes, loadRecipe } from '../../recipe/library.node.ts';
import { withShorthand } from '../../recipe/shorthand.ts';
import { recipeToJson, recipeToText } from '../../recipe/write.ts';
import { columns, displayName } from '../../report/format.ts';
import type { CommandRun } from '../context.ts';
import { shorthandOf } from '../shorthand.ts';

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

/** `aeq recipe show <name|file>` */
export const show: CommandRun = async ([name = ''], { print, result }) => {
  const context = recipeContext();
  if (catalogueEntry(name)?.kind === 'components') {
    const json = Object.fromEntries(
      [...loadComponentRecipes(name, context)].map(([key, recipe]) => [key, recipeToJson(recipe)]),
    );
    result(json);
    print(JSON.stringify(json, null, 2));
    return 0;
  }
  const recipe = loadRecipe(name, context);
  result(recipeToJson(recipe));
  print(recipeToText(recipe).trimEnd());
  return 0;
};

/** `aeq recipe explain <model> <recipe>` */
export const explain: CommandRun = async ([path = '', name = ''], { options, print, result, warn, style }) => {
  const context = recipeContext({ compat: options.compat !== undefined });
  if (catalogueEntry(name)?.kind === 'components') {
    throw new AeqError('USAGE', `${name} is a recipe for .litertlm containers`, {
      hint: 'explain the recipe of one component',
    });
  }
  const recipe = withShorthand(loadRecipe(name, context), shorthandOf(options) ?? {});
  const file = openModelFile(path);
  try {
    const { operators, rules, usage, warnings } = explainRecipe(file.model, recipe, context);
    result({ operators, rules: recipeToJson({ rules }), usage, warnings });
    for (const text of warnings) warn(text);
    const mode = ({ mode: text }: ExplainedOperator) => (text === 'float' ? style.yellow(text) : style.green(text));
    const rows = operators.map((entry) => [
      entry.operator < 0 ? `${entry.subgraph}:-` : `${entry.subgraph}:${entry.operator}`,
      entry.name,
      displayName(entry.scope.replace(/;$/, '')),
      mode(entry),
      entry.reason,
    ]);
    const titles = ['operator', 'name', 'output', 'becomes', 'why'].map(style.dim);
    print(columns([titles, ...rows]).join('\n'));
    return 0;
  } finally {
    file.close();
  }
};
