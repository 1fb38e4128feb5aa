import { afterAll, describe, expect, it } from 'vitest';
import { openCapture } from '../../calibration/capture/session.ts';
import { openRuntime } from '../../calibration/runtime/open.node.ts';
import type { Runtime } from '../../calibration/runtime/runtime.ts';
import type { Feed, TypedArray } from '../../datasets/sample.ts';
import { TensorType } from '../../schema/generated/tflite.ts';
import { elementCount, signatures } from '../../schema/graph.ts';
import { readModel } from '../../schema/reader.ts';
import { modelBytes } from '../../schema/writer.ts';
import type { Plan } from '../../src/plan/plan.ts';
import { planQuantization } from '../../src/plan/plan.ts';
import { recipeContext } from '../../src/recipe/context.ts';
import { readRecipe } from '../../src/recipe/read.ts';
import { createResolver } from '../../src/recipe/resolver.ts';
import { applyPlan } from '../../src/transform/apply.ts';
import { originalRanges } from './original-ranges.ts';
import { randomCase } from './random-case.ts';

const SEEDS = Number(process.env.AEQ_SEEDS ?? 150);
const ARRAYS: Readonly<Record<number, new (length: number) => TypedArray>> = {
  [TensorType.FLOAT32]: Float32Array,
  [TensorType.INT32]: Int32Array,
  [TensorType.INT8]: Int8Array,
  [TensorType.INT16]: Int16Array,
  [TensorType.UINT8]: Uint8Array,
};

let shared: Promise<Runtime> | undefined;
const runtime = () => {
  shared ??= openRuntime('wasm');
  return shared;
};
afterAll(async () => (await shared)?.close());

function planFor(seed: number): Plan {
  const { graph, recipe, calibration } = randomCase(seed);
  const context = recipeContext();
  const resolver = createResolver(readRecipe(recipe, context), context);
  return planQuantization(graph, resolver, originalRanges(graph, calibration));
}

/** Runs every signature once on values in the middle of the range. */
async function run(bytes: Uint8Array): Promise<void> {
  const session = openCapture(await runtime(), readModel(bytes), []);
  try {
    for (const { key, inputs } of session.signatures) {
      const feed: Feed = Object.fromEntries(
        inputs.map(({ name, type, shape }) => {
          const data = new (ARRAYS[type] ?? Float32Array)(elementCount(shape));
          return [name, { type, shape, data }];
        }),
      );
      for await (const _ of session.run(key, feed)) break;
    }
  } finally {
    session.close();
  }
}

/** Whether each output of each signature is quantized, as the plan decided for it. */
function plannedOutputs({ operators, model }: Plan): boolean[] {
  return signatures(model).flatMap(({ subgraph, outputs }) => {
    const decided = operators.filter((entry) => entry.subgraph === subgraph && entry.name === 'OUTPUT');
    const byTensor = new Map(
      model.subgraphs[subgraph]?.outputs.map((tensor, i) => [tensor, decided[i]?.mode !== 'float']),
    );
    return outputs.map(({ tensor }) => byTensor.get(tensor) ?? false);
  });
}

describe(`${SEEDS} random graphs, quantized the default way`, () => {
  it('load and run, and keep the type that was decided for every signature output', { timeout: 600_000 }, async () => {
    for (let seed = 0; seed < SEEDS; seed += 1) {
      const plan = planFor(seed);
      const result = applyPlan(plan);
      await expect(run(modelBytes(result)), `seed ${seed}`).resolves.toBeUndefined();
      const types = signatures(result).flatMap(({ subgraph, outputs }) =>
        outputs.map(({ tensor }) => result.subgraphs[subgraph]?.tensors[tensor]?.type !== TensorType.FLOAT32),
      );
      expect(types, `seed ${seed}`).toEqual(plannedOutputs(plan));
    }
    console.log(`${SEEDS} random graphs, quantized the default way: all load and run`);
  });
});
