/** Every operator in every configuration it is said to have: quantized, run, and compared with the float result. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RangeSource } from '../../../calibration/ranges/range.ts';
import { openRuntime } from '../../../calibration/runtime/open.node.ts';
import type { Runtime } from '../../../calibration/runtime/runtime.ts';
import type { Feed } from '../../../datasets/sample.ts';
import { BuiltinOperator, TensorType } from '../../../schema/generated/tflite.ts';
import { signatures } from '../../../schema/graph.ts';
import { readModel } from '../../../schema/reader.ts';
import { modelBytes } from '../../../schema/writer.ts';
import { type OperatorSpec, specOfBuiltin } from '../../../src/ops/index.ts';
import { type Plan, planQuantization } from '../../../src/plan/plan.ts';
import { recipeContext } from '../../../src/recipe/context.ts';
import { CONFIGURATIONS } from '../../../src/recipe/policy.ts';
import { createResolver } from '../../../src/recipe/resolver.ts';
import {
  type ConfigName,
  FLOAT_CONFIG,
  type Granularity,
  type OpConfig,
  type TensorConfig,
} from '../../../src/recipe/types.ts';
import { applyPlan } from '../../../src/transform/apply.ts';
import { operatorZoo, type ZooEntry } from '../../support/operator-zoo.ts';
import { type OutputValues, randomFeed, runModel } from '../../support/run-model.ts';

const KEY = 'serving_default';

/** Least signal to noise ratio in dB by the bits that limit it: about 6 dB a bit, less what a sum of products loses. */
const LEAST_DB = { 2: 2, 4: 14, 8: 30, 16: 45 } as const;

/** Where the numbers of an operator carry less than its bits promise, with the reason. */
const LESS_EXACT: Readonly<Record<string, readonly [decibels: number, reason: string]>> = {
  REDUCE_PROD: [20, 'the error of each of 16 factors counts'],
  SOFTMAX: [28, 'steps of 1/256 on values around 1/12'],
};

/** Configurations that are not asked of an operator here, with the reason. */
const EXCEPTIONS: Readonly<Record<string, string>> = {};

interface Configuration {
  readonly name: string;
  readonly config: OpConfig;
}

/** One config per name, symmetry of the activations, symmetry and granularity of the weights. */
function configurations(spec: OperatorSpec): Configuration[] {
  const allowed = [...new Set([...spec.configs, ...(spec.ownConfigs ?? [])])];
  return allowed.filter((name) => !spec.brokenConfigs?.includes(name)).flatMap((name) => expand(name, spec));
}

function expand(name: ConfigName, spec: OperatorSpec): Configuration[] {
  const { activation, weight, computePrecision, explicitDequantize } = CONFIGURATIONS[name];
  const base = { ...FLOAT_CONFIG, computePrecision, explicitDequantize };
  const granularities = spec.weighted
    ? weight.granularity.filter((granularity) => fits(granularity))
    : ['TENSORWISE' as const];
  return granularities.flatMap((granularity) =>
    weight.symmetric.flatMap((symmetric) =>
      (activation?.symmetric ?? [undefined]).map((activationSymmetric) => {
        const tensor = (pattern: typeof weight, isSymmetric: boolean, by: Granularity): TensorConfig => ({
          numBits: pattern.numBits,
          dtype: pattern.dtype,
          symmetric: isSymmetric,
          granularity: by,
          algorithmParams: {},
        });
        const words = [name, ...(spec.weighted ? [granularity.toLowerCase()] : [])];
        if (!symmetric) words.push('asymmetric');
        if (activationSymmetric === true && activation?.symmetric.length === 2) words.push('symmetric activations');
        return {
          name: words.join(' '),
          config: {
            ...base,
            weight: tensor(weight, symmetric, granularity),
            ...(activation && { activation: tensor(activation, activationSymmetric === true, 'TENSORWISE') }),
          },
        };
      }),
    ),
  );
}

/** The zoo's weights are 64 wide. */
const fits = (granularity: Granularity): boolean => granularity !== 'BLOCKWISE_128' && granularity !== 'BLOCKWISE_256';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openRuntime('wasm');
});
afterAll(() => runtime.close());

interface FloatRun {
  readonly feed: Feed;
  readonly outputs: readonly OutputValues[];
  readonly ranges: RangeSource;
}

const floatRuns = new Map<string, Promise<FloatRun>>();

function floatRun(entry: ZooEntry): Promise<FloatRun> {
  const known = floatRuns.get(entry.name) ?? runFloat(entry);
  floatRuns.set(entry.name, known);
  return known;
}

async function runFloat({ model, range }: ZooEntry): Promise<FloatRun> {
  const feed = randomFeed(model, KEY, 5, range);
  const outputs = await runModel(runtime, model, KEY, feed);
  const [view] = signatures(model);
  const numbers = new Map<number, Iterable<number>>();
  // One range for all inputs, so that comparisons are on one grid.
  for (const { tensor } of view?.inputs ?? []) numbers.set(tensor, range);
  view?.outputs.forEach(({ tensor }, index) => {
    numbers.set(tensor, outputs[index]?.values ?? []);
  });
  const ranges: RangeSource = {
    range: (_, tensor) => {
      const values = numbers.get(tensor);
      if (values === undefined || model.subgraphs[0]?.tensors[tensor]?.type !== TensorType.FLOAT32) return undefined;
      const list = [...values];
      return { min: Math.min(...list), max: Math.max(...list), carrier: 'float32', shape: [1], reason: 'this run' };
    },
  };
  return { feed, outputs, ranges };
}

function plan(entry: ZooEntry, config: OpConfig, ranges: RangeSource): Plan {
  const context = recipeContext();
  const rule = { regex: '.*', operation: '*', algorithm: 'min_max_uniform_quantize', config } as const;
  return planQuantization(entry.model, createResolver({ rules: [rule] }, context), ranges);
}

function leastDecibels(entry: ZooEntry, config: OpConfig): number {
  const weightBits = entry.weights && config.weight ? config.weight.numBits : 16;
  const bits = Math.min(config.activation?.numBits ?? 16, weightBits);
  const [less] = LESS_EXACT[entry.operator] ?? [];
  // Weights of 8 bits limit int16 activations too.
  return Math.min(LEAST_DB[bits as keyof typeof LEAST_DB] ?? 0, less ?? Number.POSITIVE_INFINITY);
}

function decibels(expected: Float64Array, actual: Float64Array): number {
  let signal = 0;
  let noise = 0;
  expected.forEach((value, index) => {
    signal += value ** 2;
    noise += (value - (actual[index] ?? Number.NaN)) ** 2;
  });
  return noise === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(signal / noise);
}

const cases = operatorZoo.flatMap((entry) => {
  const spec = specOfBuiltin(BuiltinOperator[entry.operator]);
  return spec ? configurations(spec).map((configuration) => ({ entry, spec, ...configuration })) : [];
});

describe.each(operatorZoo.filter(({ operator }) => specOfBuiltin(BuiltinOperator[operator])).map(({ name }) => name))(
  '%s',
  (operator) => {
    it.each(cases.filter(({ entry, name }) => entry.name === operator && !EXCEPTIONS[`${operator} ${name}`]))(
      '$name',
      async ({ entry, config }) => {
        const { feed, outputs, ranges } = await floatRun(entry);
        const planned = plan(entry, config, ranges);
        const [own] = planned.operators;
        expect(own?.mode, own?.reason).not.toBe('float');
        const quantized = readModel(modelBytes(applyPlan(planned)));
        const results = await runModel(runtime, quantized, KEY, feed);
        outputs.forEach((output, index) => {
          const found = decibels(output.values, results[index]?.values ?? new Float64Array());
          expect(found, `output ${output.name}`).toBeGreaterThanOrEqual(leastDecibels(entry, config));
        });
      },
    );
  },
);

it('has a model for every operator with a spec', () => {
  const shown = new Set(operatorZoo.map(({ operator }) => BuiltinOperator[operator] as number));
  const missing = Object.entries(BuiltinOperator).filter(([, code]) => specOfBuiltin(code) && !shown.has(code));
  expect(missing.map(([name]) => name)).toEqual(['STABLEHLO_COMPOSITE']);
});
