import { AeqError } from '../../../schema/errors.ts';
import { quantizeContainer } from '../../container.node.ts';
import type { Quantizer } from '../../quantizer.ts';
import { chooseSignature } from '../../sample-sources.ts';
import { calibrateWithProgress } from '../calibrating.ts';
import type { Context } from '../context.ts';
import { formatBytes } from '../style.ts';

/** `aeq quantize` on a `.litertlm` container: every model in it by the recipe of its component type. */
export async function runOnContainer(path: string, output: string, recipe: string, context: Context): Promise<0> {
  const { options, print, result, warn, style, progress } = context;
  const step = progress.start('quantizing');
  const reports = await quantizeContainer(path, output, recipe, {
    compat: options.compat,
    overwrite: options.force,
    range: options.range,
    buffers: options.buffers,
    verify: options.verify,
    runtime: options.runtime,
    library: process.env.AEQ_LITERT_LIBRARY,
    signal: context.signal,
    calibrate: (component, quantizer) => calibrateComponent(component, quantizer, context),
    onComponent: (component) => step.update(0, component),
  });
  step.end(`${reports.length} models`);
  result({ output, components: reports });
  print(style.bold(output));
  for (const { component, floatSizeBytes, sizeBytes, operators, quantizedOperators, warnings } of reports) {
    print(
      `${component}  ${formatBytes(floatSizeBytes)} → ${formatBytes(sizeBytes)}, ${quantizedOperators} of ${operators} operators`,
    );
    for (const text of warnings) warn(`${component}: ${text}`);
  }
  return 0;
}

/** Data of a component: `--data <component>=<source>`, or `<component>/<signature>=<source>`. */
function calibrateComponent(component: string, quantizer: Quantizer, context: Context) {
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
  return calibrateWithProgress(quantizer, { ...context, options: { ...options, data: own } });
}
