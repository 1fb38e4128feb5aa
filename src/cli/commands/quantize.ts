import { statSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import { parseRangeRule } from '../../../calibration/ranges/rule.ts';
import { AeqError } from '../../../schema/errors.ts';
import { isContainerFile } from '../../../schema/litertlm/container-file.node.ts';
import { startThreads } from '../../streaming/thread.node.ts';
import { startVerifier, type Verifier } from '../../validate/verify.node.ts';
import type { CommandRun } from '../context.ts';
import type { OptionValues } from '../options.ts';
import { checkOutput } from '../output.ts';

const STATIC_RECIPES = { int8: 'static_wi8_ai8', int16: 'static_wi8_ai16' } as const;

/** `aeq quantize <model> (--static [int8|int16] | --recipe <name|file>)`: what can be checked before anything is loaded. */
export const run: CommandRun = async ([path = ''], context) => {
  const { options } = context;
  const recipe = recipeOf(options);
  const range = options.range === undefined ? undefined : parseRangeRule(options.range);
  const output = options.output ?? defaultOutput(path, recipe);
  const overwrite = options.force === true;
  if (!options.dryRun) checkOutput(output, [path], options);
  if (options.plan) checkOutput(options.plan, [path, ...(options.dryRun ? [] : [output])], options);
  if (isContainerFile(path)) {
    const { runOnContainer } = await import('./quantize-container.ts');
    return runOnContainer(path, output, recipe, context);
  }
  // Samples may take long to run: threads would not wait for that.
  if (options.data === undefined && !options.dryRun) startThreads(statSync(path, { throwIfNoEntry: false })?.size ?? 0);
  const verifier = earlyVerifier(options);
  try {
    const { runOnModel } = await import('./quantize-model.ts');
    return await runOnModel({ path, output, recipe, range, overwrite, verifier }, context);
  } finally {
    verifier?.kill();
  }
};

/** The process that is going to verify the file, where that is soon: it starts while the rest is loaded. */
function earlyVerifier({ dryRun, verify, data, runtime, library }: OptionValues): Verifier | undefined {
  if (dryRun || verify === false || data !== undefined) return undefined;
  return startVerifier({ ...(runtime && { runtime }), ...(library !== undefined && { library }) });
}

function recipeOf({ static: type, recipe }: OptionValues): string {
  if (type !== undefined && recipe !== undefined) {
    throw new AeqError('USAGE', '--static and --recipe exclude each other', {
      hint: `--static is short for --recipe ${STATIC_RECIPES[type]}`,
    });
  }
  const name = type === undefined ? recipe : STATIC_RECIPES[type];
  if (name !== undefined) return name;
  throw new AeqError('USAGE', 'say how to quantize: --static or --recipe <name>', {
    hint: 'aeq recipe list shows the built-in recipes; dynamic_wi8_afp32 needs no data',
  });
}

/** `<stem>_<recipe>.tflite` beside the model. */
function defaultOutput(path: string, recipe: string): string {
  const extension = extname(path);
  const name = basename(recipe, extname(recipe)).replace(/_recipe$/, '');
  return join(dirname(path), `${basename(path, extension)}_${name}${extension || '.tflite'}`);
}
