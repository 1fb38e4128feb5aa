import { AeqError } from '../../schema/errors.ts';
import { layoutModel } from '../../schema/writer.ts';
import { type OpenRuntimeOptions, openRuntime } from './open.node.ts';
import { probeAnswer, probeFeed, probeModel, speedFeed, speedModel } from './probe-model.ts';
import type { Runtime, RuntimeId } from './runtime.ts';

const RUNTIMES = ['native', 'wasm', 'tfjs-tflite'] as const satisfies readonly RuntimeId[];
const WARM_UP_RUNS = 3;
const TIMED_RUNS = 15;

/** What this machine has of an interpreter. */
export type RuntimeDescription =
  | {
      readonly id: RuntimeId;
      readonly available: true;
      readonly version: string;
      /** From asking for it to having run a tiny model, in milliseconds. */
      readonly startMs: number;
      /** Median of one run of a convolution of 37.7 million multiplications on one thread, in milliseconds. */
      readonly runMs: number;
    }
  | { readonly id: RuntimeId; readonly available: false; readonly reason: string; readonly hint: string | undefined };

/** Tries every interpreter and measures those that are here, one after the other, in order of preference. */
export async function describeRuntimes(options: OpenRuntimeOptions = {}): Promise<RuntimeDescription[]> {
  const found: RuntimeDescription[] = [];
  for (const id of RUNTIMES) found.push(await describe(id, options));
  return found;
}

async function describe(id: RuntimeId, options: OpenRuntimeOptions): Promise<RuntimeDescription> {
  try {
    const start = performance.now();
    const runtime = await openRuntime(id, options);
    try {
      await prove(runtime);
      const startMs = performance.now() - start;
      return { id, available: true, version: runtime.version, startMs, runMs: await measure(runtime) };
    } finally {
      runtime.close();
    }
  } catch (error) {
    if (!(error instanceof AeqError)) throw error;
    return { id, available: false, reason: error.message, hint: error.hint };
  }
}

async function prove(runtime: Runtime): Promise<void> {
  const session = await runtime.open(layoutModel(probeModel(), { buffers: 'inline' }), { threads: 1 });
  try {
    const [y] = await session.run(0, probeFeed());
    const given = y && new Float32Array(session.memory.buffer, y.byteOffset, y.sizeBytes / 4);
    if (`${given}` === `${probeAnswer()}`) return;
    throw new AeqError('RUNTIME_FAILED', `${runtime.version} computes a model with a known answer wrongly`, {
      hint: 'use another interpreter (--runtime)',
    });
  } finally {
    session.close();
  }
}

async function measure(runtime: Runtime): Promise<number> {
  const session = await runtime.open(layoutModel(speedModel(), { buffers: 'inline' }), { threads: 1 });
  try {
    const feed = speedFeed();
    const times: number[] = [];
    for (let run = 0; run < WARM_UP_RUNS + TIMED_RUNS; run += 1) {
      const start = performance.now();
      await session.run(0, feed);
      if (run >= WARM_UP_RUNS) times.push(performance.now() - start);
    }
    return times.sort((a, b) => a - b)[TIMED_RUNS >> 1] ?? 0;
  } finally {
    session.close();
  }
}
