import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { operatorSpecs, specOfName } from '../../../src/ops/index.ts';
import { dynamicRule, staticRule, weightOnlyRule } from '../../../src/recipe/builders.ts';
import { configProblem } from '../../../src/recipe/check.ts';
import { recipeContext } from '../../../src/recipe/context.ts';
import { CONFIGURATIONS } from '../../../src/recipe/policy.ts';
import { readPolicy } from '../../../src/recipe/read-policy.ts';
import type { Granularity, OpConfig, TensorConfig } from '../../../src/recipe/types.ts';
import { sharedPath, skipUnless } from '../../support/shared.ts';

const ours = recipeContext();
const original = recipeContext({ compat: true });
const MIN_MAX = 'min_max_uniform_quantize';

interface Support {
  readonly configs: Record<
    string,
    {
      activation: Pattern | null;
      weight: Pattern;
      compute_precision: 'INTEGER' | 'FLOAT';
      explicit_dequantize: boolean;
    }
  >;
  readonly ops: Record<string, string[]>;
  readonly ops_added_in_wheel: Record<string, string[]>;
  readonly algorithms: Record<string, { ops: string[] }>;
  readonly weight_ops: string[];
}
interface Pattern {
  readonly num_bits: number;
  readonly symmetric: boolean[];
  readonly granularity: Granularity[];
  readonly dtype: 'INT' | 'UINT';
}

const path = sharedPath('reference', 'op-support.json');
const support = path === undefined ? undefined : (JSON.parse(readFileSync(path, 'utf8')) as Support);

/** Every tensor config that a pattern of the table stands for. */
const unrolled = ({ num_bits: numBits, symmetric, granularity, dtype }: Pattern): TensorConfig[] =>
  symmetric.flatMap((symmetric) =>
    granularity.map((granularity) => ({ numBits, symmetric, granularity, dtype, algorithmParams: {} })),
  );

function unrolledConfigs(entry: Support['configs'][string]): OpConfig[] {
  const common = {
    computePrecision: entry.compute_precision,
    explicitDequantize: entry.explicit_dequantize,
    skipChecks: false,
    minWeightElements: 0,
  };
  return unrolled(entry.weight).flatMap((weight) =>
    entry.activation === null
      ? [{ ...common, weight }]
      : unrolled(entry.activation).map((activation) => ({ ...common, weight, activation })),
  );
}

describe.skipIf(skipUnless(support, 'the matrix of operators and configurations needs the shared reference'))(
  'the policy of the original',
  () => {
    const table = support as Support;
    const allowed = (operation: string): string[] => [
      ...(table.ops[operation] ?? []),
      ...(table.ops_added_in_wheel[operation] ?? []),
    ];

    it('knows the same configurations', () => {
      expect(Object.keys(CONFIGURATIONS).sort()).toEqual(Object.keys(table.configs).sort());
    });

    it.each(Object.keys(table.ops))('%s: accepts under compat what the table accepts, and no more', (operation) => {
      const weighted = table.weight_ops.includes(operation);
      for (const [name, entry] of Object.entries(table.configs)) {
        // Weight settings do not count for operators without weights: any allowed config with these activations will do.
        const same = (other: string) =>
          weighted
            ? other === name
            : JSON.stringify(table.configs[other]?.activation) === JSON.stringify(entry.activation);
        const expected = allowed(operation).some(same);
        for (const config of unrolledConfigs(entry)) {
          expect(configProblem(original, MIN_MAX, operation, config) === undefined, `${operation} ${name}`).toBe(
            expected,
          );
        }
      }
    });

    it.each(Object.keys(table.ops))(
      '%s: keeps everything but what the kernels get wrong, without compat',
      (operation) => {
        const broken: readonly string[] = specOfName(operation)?.brokenConfigs ?? [];
        for (const name of allowed(operation)) {
          const [config] = unrolledConfigs(table.configs[name] as Support['configs'][string]);
          const problem = config && configProblem(ours, MIN_MAX, operation, config);
          expect(problem !== undefined, `${operation} ${name}: ${problem}`).toBe(broken.includes(name));
        }
      },
    );

    it('lets each implemented algorithm treat the same operators', () => {
      const config: Record<string, OpConfig> = {
        float_casting: weightOnlyRule({ weightBits: 16, algorithm: 'float_casting' }).config,
      };
      for (const key of original.algorithms.keys()) {
        const settings = config[key] ?? dynamicRule({ weightBits: 8 }).config;
        const accepted = [...original.operators.keys()].filter((name) => !configProblem(original, key, name, settings));
        const expected = table.algorithms[key]?.ops.filter((name) => table.weight_ops.includes(name));
        expect(accepted.sort(), key).toEqual(expected?.sort());
      }
    });
  },
);

describe('checks', () => {
  const block = dynamicRule({ weightBits: 4, granularity: 'BLOCKWISE_32' }).config;

  it('skip_checks accepts anything', () => {
    const config = { ...dynamicRule({ weightBits: 3 }).config, skipChecks: true };
    expect(configProblem(ours, MIN_MAX, 'SOFTMAX', config)).toBeUndefined();
  });

  it('min_weight_elements and algorithm parameters do not count', () => {
    const { config } = dynamicRule({ weightBits: 8 });
    const weight = { ...(config.weight as TensorConfig), algorithmParams: { max_hadamard_size: 4 } };
    expect(configProblem(ours, MIN_MAX, 'CONV_2D', { ...config, weight, minWeightElements: 99 })).toBeUndefined();
    expect(configProblem(ours, MIN_MAX, 'CONV_2D', { ...config, minWeightElements: -1 })).toMatch(/negative/);
  });

  it('operators with weights need weight settings, others do not', () => {
    const { weight: _, ...config } = staticRule({ weightBits: 8, activationBits: 8 }).config;
    expect(configProblem(ours, MIN_MAX, 'CONV_2D', config)).toMatch(/needs weight settings/);
    expect(configProblem(ours, MIN_MAX, 'ADD', config)).toBeUndefined();
  });

  it('a static int4 rule holds for operators without weights too', () => {
    const { config } = staticRule({ weightBits: 4, activationBits: 8 });
    expect(configProblem(original, MIN_MAX, 'ADD', config)).toBeUndefined();
    expect(configProblem(original, MIN_MAX, 'DEPTHWISE_CONV_2D', config)).toMatch(/cannot be static_wi4_ai8/);
  });

  it('blocks are for operators with a blocked axis', () => {
    expect(configProblem(ours, MIN_MAX, 'FULLY_CONNECTED', block)).toBeUndefined();
    expect(configProblem(ours, MIN_MAX, 'CONV_2D', block)).toMatch(/CONV_2D cannot be/);
  });
});

describe('a policy of the user', () => {
  const document = {
    configs: {
      odd: {
        weight_tensor_config: { num_bits: 18, symmetric: [true], granularity: ['TENSORWISE'], dtype: 'INT' },
        explicit_dequantize: false,
        compute_precision: 'INTEGER',
      },
      blocks: {
        weight_tensor_config: { num_bits: 8, symmetric: [true, false], granularity: ['BLOCKWISE_32'], dtype: 'INT' },
        explicit_dequantize: false,
        compute_precision: 'INTEGER',
      },
    },
    ops_per_config: { odd: ['CONV_2D'], blocks: ['FULLY_CONNECTED', 'CONV_2D'] },
  };

  it('replaces the table of min-max in its own context only', () => {
    const context = recipeContext({ policy: readPolicy(document) });
    const eighteen = dynamicRule({ weightBits: 18, granularity: 'TENSORWISE' }).config;
    const eight = dynamicRule({ weightBits: 8 }).config;
    expect(configProblem(context, MIN_MAX, 'CONV_2D', eighteen)).toBeUndefined();
    expect(configProblem(context, MIN_MAX, 'CONV_2D', eight)).toMatch(/it can be odd/);
    expect(configProblem(context, MIN_MAX, 'ADD', eight)).toMatch(/does not allow ADD at all/);
    expect(configProblem(context, 'dequantized_weight_recovery', 'CONV_2D', eight)).toBeUndefined();
    expect(configProblem(recipeContext(), MIN_MAX, 'CONV_2D', eight)).toBeUndefined();
  });

  it('can allow blocks only where there is an axis for them, with symmetric weights', () => {
    const context = recipeContext({ policy: readPolicy(document) });
    const { config } = dynamicRule({ weightBits: 8, granularity: 'BLOCKWISE_32' });
    const asymmetric = { ...config, weight: { ...(config.weight as TensorConfig), symmetric: false } };
    expect(configProblem(context, MIN_MAX, 'FULLY_CONNECTED', config)).toBeUndefined();
    expect(configProblem(context, MIN_MAX, 'FULLY_CONNECTED', asymmetric)).toMatch(/symmetric weights/);
    expect(configProblem(context, MIN_MAX, 'CONV_2D', config)).toMatch(/one scale per block/);
  });

  it.each([
    [
      'a configuration that is not described',
      { ...document, ops_per_config: { other: ['ADD'] } },
      'ops_per_config.other',
    ],
    ['an operation that is none', { ...document, ops_per_config: { odd: ['ADDD'] } }, 'ops_per_config.odd[0]'],
    ['no configurations', { ops_per_config: {} }, 'configs'],
  ])('is refused with %s', (_, value, field) => {
    expect(() => readPolicy(value)).toThrowError(expect.objectContaining({ code: 'POLICY_INVALID', where: { field } }));
  });
});

describe('every spec', () => {
  it.each(operatorSpecs.map((spec) => [spec.name, spec] as const))('%s: names known configurations', (_, spec) => {
    for (const name of [...spec.configs, ...(spec.ownConfigs ?? [])]) expect(CONFIGURATIONS).toHaveProperty(name);
  });
});
