import { openModelSource } from './model-source.node.ts';
import { NamedSamples, type Reopen } from './named-samples.ts';
import { servePool } from './pool/serve.node.ts';
import { openRuntime, type RuntimeChoice } from './runtime/open.node.ts';
import { LocalRunner } from './sample-runner.ts';
import type { CalibrationTalk } from './worker-protocol.ts';

/**
 * In a worker process: one interpreter; samples, or names of samples, in; the sum of what they showed out. What comes as a
 * name is read while the samples before it run.
 */
export function serveCalibration(reopen?: Reopen): void {
  servePool<CalibrationTalk>(async ({ model, runtime, library, settings, origins }) => {
    const samples = new NamedSamples(origins, reopen);
    const interpreter = await openRuntime(runtime as RuntimeChoice, library === undefined ? {} : { library });
    const runner = new LocalRunner(interpreter, openModelSource(model), settings);
    return {
      ready: { version: runner.version, unreachable: runner.unreachable },
      prepare: async ({ signature, sample }) => ({ signature, sample: await samples.read(signature, sample) }),
      run: async ({ signature, sample }) => {
        try {
          await runner.run(signature, sample);
        } finally {
          await samples.release(sample);
        }
        return undefined;
      },
      collect: () => runner.collect(),
      tell: () => runner.reset(),
    };
  });
}
