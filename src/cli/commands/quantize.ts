import { basename, dirname, extname, join } from 'node:path';
import { AeqError } from '../../../schema/errors.ts';
import { checkWritable } from '../../../schema/write-file.node.ts';
import { type Calibration, readCalibrationFile } from '../../calibration-input.node.ts';
import { type Delivery, deliverModel } from '../../deliver.node.ts';
import type { Plan } from '../../plan/plan.ts';
import { Quantizer } from '../../quantizer.ts';
import { withShorthand } from '../../recipe/shorthand.ts';
import { calibrateWithProgress } from '../calibrating.ts';
import type { CommandRun, Context } from '../context.ts';
import type { OptionValues } from '../options.ts';
import { planResult, planText } from '../plan-text.ts';
import { formatBytes } from '../style.ts';

const STATIC_RECIPES = { int8: 'static_wi8_ai8', int16: 'static_wi8_ai16' } as const;

/** `aeq quantize <model> (--static [int8|int16] | --recipe <name|file>)` */
export const run: CommandRun = async ([path = ''], context) => {
  const { options, print, result, warn, style } = context;
  const recipe = recipeOf(options);
  const output = options.output ?? defaultOutput(path, recipe);
  const overwrite = options.force === true;
  if (!options.dryRun) checkWritable(output, { overwrite });
  if (extname(path) === '.litertlm') {
    const { runOnContainer } = await import('./quantize-container.ts');
    return runOnContainer(path, output, recipe, context);
  }
  const quantizer = await Quantizer.open(path, { compat: options.compat });
  try {
    for (const text of quantizer.loadQuantizationRecipe(recipe)) warn(text);
    const { include, exclude, io } = options;
    const shorthand = { ...(include && { include }), ...(exclude && { exclude }), ...(io && { io }) };
    if (include || exclude || io) quantizer.loadQuantizationRecipe(withShorthand(quantizer.recipe, shorthand));
    const calibration = await calibrationFor(quantizer, context);
    const settings = { range: options.range, buffers: options.buffers };
    if (options.dryRun) {
      const plan = quantizer.plan(calibration, settings);
      for (const text of plan.warnings) warn(text);
      result(planResult(plan));
      print(planText(plan, style));
      return 0;
    }
    const step = context.progress.start('quantizing');
    const quantized = await quantizer.quantize(calibration, settings);
    const delivery = await deliverModel(output, quantized, {
      overwrite,
      verify: options.verify !== false,
      runtime: options.runtime,
      library: process.env.AEQ_LITERT_LIBRARY,
      signal: context.signal,
      onVerify: () => step.update(1, 'verifying'),
    });
    step.end(basename(output));
    for (const text of quantized.warnings) warn(text);
    report(context, quantizer.sizeBytes, quantized.plan, output, delivery);
    return 0;
  } finally {
    quantizer.close();
  }
};

function recipeOf({ static: type, recipe }: OptionValues): string {
  if (type !== undefined && recipe !== undefined) {
    throw new AeqError('USAGE', '--static and --recipe exclude each other', {
      hint: 'a static recipe says --static itself',
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

async function calibrationFor(quantizer: Quantizer, context: Context): Promise<Calibration | undefined> {
  const { options, warn } = context;
  if (!quantizer.needCalibration) {
    if (options.calibration || options.data) warn('the recipe needs no calibration: the ranges are not used');
    return undefined;
  }
  if (options.calibration) return readCalibrationFile(options.calibration);
  if (options.data) return calibrateWithProgress(quantizer, context);
  return undefined;
}

function report(
  { print, result, style }: Context,
  floatBytes: number,
  plan: Plan,
  output: string,
  { sizeBytes, verification }: Delivery,
): void {
  const real = plan.operators.filter(({ operator }) => operator >= 0);
  const quantized = real.filter(({ mode }) => mode !== 'float');
  const verified = verification === undefined ? 'not verified' : verification.status;
  result({
    output,
    sizeBytes,
    floatSizeBytes: floatBytes,
    operators: real.length,
    quantizedOperators: quantized.length,
    verified,
    warnings: plan.warnings,
  });
  const ratio = `${((100 * sizeBytes) / floatBytes).toFixed(1)} %`;
  print(`${style.bold(output)}  ${formatBytes(floatBytes)} → ${formatBytes(sizeBytes)} (${ratio})`);
  const kept = real.length - quantized.length;
  const float = kept === 0 ? '' : `, ${kept} stay float (--dry-run says why)`;
  print(`${quantized.length} of ${real.length} operators quantized${float}`);
  if (verification?.status === 'ok') print(style.dim(`loaded and run on ${verification.runtime}`));
  if (verification?.status === 'skipped') print(style.yellow(`not verified: ${verification.reason}`));
}
