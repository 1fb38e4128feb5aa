import { basename } from 'node:path';
import type { RangeRule } from '../../../calibration/ranges/rule.ts';
import { writeJsonFile } from '../../../schema/documents/json-file.node.ts';
import { createUnfinishedFile, type UnfinishedFile } from '../../../schema/write-file.node.ts';
import { type Calibration, readCalibrationFile } from '../../calibration-input.node.ts';
import { type Delivery, deliverModel } from '../../deliver.node.ts';
import type { Plan } from '../../plan/plan.ts';
import { planDocument } from '../../plan/plan-document.ts';
import { Quantizer } from '../../quantizer.ts';
import { withShorthand } from '../../recipe/shorthand.ts';
import { formatBytes, formatShare } from '../../report/format.ts';
import type { Verifier } from '../../validate/verify.node.ts';
import { fewSamplesWarning, missingSamplesWarning } from '../calibration-warnings.ts';
import type { Context } from '../context.ts';
import { planText } from '../plan-text.ts';
import { shorthandOf } from '../shorthand.ts';

/** What `aeq quantize` was asked for. */
export interface QuantizeRequest {
  readonly path: string;
  readonly output: string;
  readonly recipe: string;
  readonly range: RangeRule | undefined;
  readonly overwrite: boolean;
  /** Getting ready to verify the result, where that is worth it. */
  readonly verifier: Verifier | undefined;
}

/** `aeq quantize` on a `.tflite` model. */
export async function runOnModel(request: QuantizeRequest, context: Context): Promise<0> {
  const { path, output, recipe, range, overwrite, verifier } = request;
  const { options, print, result, warn } = context;
  const quantizer = await Quantizer.open(path, { compat: options.compat });
  let file: UnfinishedFile | undefined;
  try {
    if (options.policy) quantizer.loadConfigPolicy(options.policy);
    const loaded = quantizer.loadQuantizationRecipe(recipe);
    for (const text of loaded) warn(text);
    const shorthand = shorthandOf(options);
    if (shorthand) quantizer.loadQuantizationRecipe(withShorthand(quantizer.recipe, shorthand));
    const calibration = await calibrationFor(quantizer, context);
    const settings = { range, safety: options.safety, buffers: options.buffers };
    if (options.dryRun) {
      const made = quantizer.plan(calibration, settings);
      for (const text of made.warnings) warn(text);
      const plan = withWarnings(made, loaded);
      const document = planDocument(plan, quantizer.identity);
      if (options.plan) writeJsonFile(options.plan, document, { overwrite });
      result(document);
      print(planText(plan, context.style));
      return 0;
    }
    const step = context.progress.start('quantizing');
    file = createUnfinishedFile(output, { overwrite });
    const quantized = await quantizer.quantize(calibration, { ...settings, into: file, signal: context.signal });
    const delivery = await deliverModel(output, quantized, {
      file,
      overwrite,
      verify: options.verify !== false,
      verifier,
      runtime: options.runtime,
      library: options.library,
      signal: context.signal,
      onVerify: () => step.update(1, undefined, 'verifying'),
      float: path,
    });
    const plan = withWarnings(quantized.plan, loaded);
    if (options.plan) writeJsonFile(options.plan, planDocument(plan, quantizer.identity), { overwrite });
    step.end(basename(output));
    for (const text of quantized.warnings) warn(text);
    report(context, quantizer.sizeBytes, plan, output, delivery);
    return 0;
  } finally {
    file?.discard();
    quantizer.close();
  }
}

/** A plan that also says what loading the recipe said. */
const withWarnings = (plan: Plan, loaded: readonly string[]): Plan => ({
  ...plan,
  warnings: [...loaded, ...plan.warnings],
});

async function calibrationFor(quantizer: Quantizer, context: Context): Promise<Calibration | undefined> {
  const { options, warn } = context;
  if (!quantizer.usesCalibration) {
    if (options.calibration || options.data) warn('the recipe needs no ranges: the calibration or data is not used');
    return undefined;
  }
  if (options.calibration) {
    if (options.data) warn('--calibration is given: the samples of --data are not used');
    const calibration = readCalibrationFile(options.calibration);
    for (const text of [...fewSamplesWarning(calibration), ...missingSamplesWarning(calibration)]) warn(text);
    return calibration;
  }
  if (!options.data) return undefined;
  const { calibrateWithProgress } = await import('../calibrating.ts');
  return (await calibrateWithProgress(quantizer, context)).document;
}

function report(
  { result, say, style }: Context,
  floatBytes: number,
  plan: Plan,
  output: string,
  { sizeBytes, verification }: Delivery,
): void {
  const real = plan.operators.filter(({ operator }) => operator >= 0);
  const quantized = real.filter(({ mode }) => mode !== 'float');
  result({
    output,
    sizeBytes,
    floatSizeBytes: floatBytes,
    operators: real.length,
    quantizedOperators: quantized.length,
    verified: verification === undefined ? 'not verified' : verification.status,
    warnings: plan.warnings,
  });
  const ratio = formatShare(sizeBytes / floatBytes);
  say(`${style.bold(output)}  ${formatBytes(floatBytes)} → ${formatBytes(sizeBytes)} (${ratio})`);
  const kept = real.length - quantized.length;
  const float = kept === 0 ? '' : `, ${kept} stay float (--dry-run says why)`;
  say(`${quantized.length} of ${real.length} operators quantized${float}`);
  if (verification?.status === 'ok') say(style.dim(`loaded and run on ${verification.runtime}`));
  if (verification?.status === 'skipped') say(style.yellow(`not verified: ${verification.reason}`));
}
