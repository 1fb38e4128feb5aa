import { AeqError } from '../../../schema/errors.ts';
import { suggestion } from '../../../schema/nearest.ts';
import { type ComponentReport, containerComponents, quantizeContainer } from '../../container.node.ts';
import { planDocument } from '../../plan/plan-document.ts';
import type { Quantizer } from '../../quantizer.ts';
import { formatBytes, plural } from '../../report/format.ts';
import { chooseSignature } from '../../sample-sources.ts';
import { calibrateWithProgress } from '../calibrating.ts';
import type { Context } from '../context.ts';
import { planText } from '../plan-text.ts';
import { shorthandOf } from '../shorthand.ts';

/** `aeq quantize` on a `.litertlm` container: every model in it by the recipe of its component type. */
export async function runOnContainer(path: string, output: string, recipe: string, context: Context): Promise<0> {
  const { options, warn, progress } = context;
  if (options.calibration) {
    throw new AeqError('USAGE', '--calibration is for a single model, not for a container', {
      hint: 'give the samples of each component: --data <component>=<source>',
    });
  }
  if (options.plan) {
    throw new AeqError('USAGE', '--plan is for a single model, not for a container', {
      hint: '--dry-run --json prints the plans of all its models',
    });
  }
  checkComponents(options.data ?? [], containerComponents(path));
  const step = progress.start('quantizing');
  const reports = await quantizeContainer(path, output, recipe, {
    compat: options.compat,
    policy: options.policy,
    overwrite: options.force,
    shorthand: shorthandOf(options),
    dryRun: options.dryRun,
    range: options.range,
    safety: options.safety,
    buffers: options.buffers,
    verify: options.verify,
    runtime: options.runtime,
    library: options.library,
    signal: context.signal,
    calibrate: (component, quantizer) => calibrateComponent(component, quantizer, context),
    onWarning: warn,
    onComponent: (component) => step.update(0, undefined, component),
  });
  step.end(plural(reports.length, 'model'));
  for (const { component, warnings } of reports) for (const text of warnings) warn(`${component}: ${text}`);
  if (options.dryRun) showPlans(reports, context);
  else report(reports, output, context);
  return 0;
}

function showPlans(reports: readonly ComponentReport[], { print, result, style }: Context): void {
  result({
    components: reports.map(({ component, section, plan }) => ({ component, section, ...planDocument(plan) })),
  });
  for (const { component, plan } of reports) print(`${style.bold(component)}\n${planText(plan, style)}\n`);
}

function report(reports: readonly ComponentReport[], output: string, { say, result, style }: Context): void {
  result({ output, components: reports.map(({ plan: _, ...entry }) => entry) });
  say(style.bold(output));
  for (const { component, floatSizeBytes, sizeBytes, operators, quantizedOperators } of reports) {
    const sizes = `${formatBytes(floatSizeBytes)} → ${formatBytes(sizeBytes)}`;
    say(`${component}  ${sizes}, ${quantizedOperators} of ${operators} operators quantized`);
  }
}

/** @throws AeqError USAGE for data that is for none of the models */
function checkComponents(data: readonly string[], components: readonly string[]): void {
  for (const source of data) {
    if (components.some((component) => source.startsWith(`${component}=`) || source.startsWith(`${component}/`)))
      continue;
    const name = /^(\w+)[=/]/.exec(source)?.[1];
    throw new AeqError('USAGE', `--data ${source} is for no model in the container`, {
      hint:
        (name === undefined ? undefined : suggestion(name, components)) ??
        `write --data <component>=<source>; the container has ${components.join(', ') || 'no model'}`,
    });
  }
}

/** Data of a component: `--data <component>=<source>`, or `<component>/<signature>=<source>`. */
async function calibrateComponent(component: string, quantizer: Quantizer, context: Context) {
  const { options } = context;
  const own = (options.data ?? []).flatMap((source) => {
    if (source.startsWith(`${component}=`)) return [source.slice(component.length + 1)];
    return source.startsWith(`${component}/`) ? [source.slice(component.length + 1)] : [];
  });
  if (own.length === 0) {
    const view = chooseSignature(quantizer.model, options.signature);
    throw new AeqError('CALIBRATION_MISSING', `the component ${component} needs samples for its static recipe`, {
      hint: `--data ${component}=<source>, with the inputs ${view.inputs.map(({ name }) => name).join(', ')}`,
    });
  }
  const { document } = await calibrateWithProgress(quantizer, { ...context, options: { ...options, data: own } });
  return document;
}
