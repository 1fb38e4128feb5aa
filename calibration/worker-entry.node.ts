/** The module that calibration workers run: one interpreter, samples in, observations out. */

import { openModelSource } from './model-source.node.ts';
import { servePool } from './pool/serve.node.ts';
import { openRuntime, type RuntimeChoice } from './runtime/open.node.ts';
import { LocalRunner } from './sample-runner.ts';
import type { CalibrationTalk } from './worker-protocol.ts';

servePool<CalibrationTalk>(async ({ model, runtime, library, settings }) => {
  const interpreter = await openRuntime(runtime as RuntimeChoice, library === undefined ? {} : { library });
  const runner = new LocalRunner(interpreter, openModelSource(model), settings);
  return {
    ready: { version: runner.version, unreachable: runner.unreachable },
    run: ({ signature, sample }) => runner.run(signature, sample),
    tell: () => runner.reset(),
  };
});
