import { fileURLToPath } from 'node:url';
import { type Cost, measureProgram } from './measure.ts';
import type { Settings } from './settings.ts';

const CAPTURED_RUN = fileURLToPath(new URL('./captured-run.ts', import.meta.url));
const BARE_RUN = fileURLToPath(new URL('./bare-run.ts', import.meta.url));

/** One sample of the interpreter on a model as it is; it measures itself. */
export function bareRun(settings: Settings, model: string, runtime: string): Cost {
  return measureItself(settings, [BARE_RUN, model, '50', runtime]);
}

/** One sample in one process and thread: with all wanted tensors as outputs (`run`), or looked at too. */
export function capturedRun(settings: Settings, samples: string, runtime: string, what: string): Cost {
  return measureItself(settings, [CAPTURED_RUN, settings.model ?? '', samples, '80', runtime, what]);
}

/** Runs a script that measures itself. */
function measureItself({ library }: Settings, args: readonly string[]): Cost {
  const variables = library === undefined ? [] : [`AEQ_LITERT_LIBRARY=${library}`];
  const cost = measureProgram('env', [...variables, process.execPath, '--import', 'tsx', ...args]);
  const { millisecondsPerSample } = JSON.parse(cost.output) as { millisecondsPerSample: number };
  return { ...cost, wallSeconds: millisecondsPerSample / 1000, cpuSeconds: millisecondsPerSample / 1000 };
}
