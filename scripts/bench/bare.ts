import { fileURLToPath } from 'node:url';
import { type Cost, measureProgram } from './measure.ts';
import type { Settings } from './settings.ts';

const BARE_RUN = fileURLToPath(new URL('./bare-run.ts', import.meta.url));

/** One sample of the interpreter on a model as it is; it measures itself. */
export function bareRun({ library }: Settings, model: string, runtime: string): Cost {
  const variables = library === undefined ? [] : [`AEQ_LITERT_LIBRARY=${library}`];
  const tool = [process.execPath, '--import', 'tsx', BARE_RUN, model, '50', runtime];
  const cost = measureProgram('env', [...variables, ...tool]);
  const { millisecondsPerSample } = JSON.parse(cost.output) as { millisecondsPerSample: number };
  return { ...cost, wallSeconds: millisecondsPerSample / 1000, cpuSeconds: millisecondsPerSample / 1000 };
}
