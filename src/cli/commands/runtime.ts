import { installNativeRuntime } from '../../../calibration/runtime/install.node.ts';
import { formatBytes } from '../../report/format.ts';
import type { CommandRun } from '../context.ts';

/** `aeq runtime install [wheel]` */
export const install: CommandRun = async ([wheel], { options, progress, result, say }) => {
  const step = progress.start(wheel === undefined ? 'fetching ai-edge-litert with pip' : 'unpacking');
  const { python } = options;
  const installed = await installNativeRuntime({ ...(wheel && { wheel }), ...(python && { python }) });
  step.end(installed.version);
  result(installed);
  say(
    `${installed.path}  ${formatBytes(installed.sizeBytes)}, ${installed.version}; --runtime auto takes it from now on`,
  );
  return 0;
};
