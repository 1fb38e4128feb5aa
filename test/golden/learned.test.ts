import { describe, expect, it } from 'vitest';
import type { Model } from '../../schema/model.ts';
import { readModel } from '../../schema/reader.ts';
import { modelBytes } from '../../schema/writer.ts';
import { ModelBuilder, randomFloats, randomSource } from '../support/model-builder.ts';
import { oraclePython, skipUnless } from '../support/shared.ts';
import { askOracle, type OracleQuestion } from './oracle.node.ts';
import type { OriginalCalibration } from './original-ranges.ts';
import { quantizeWith } from './quantize-as-original.ts';
import { diffModels } from './tflite-diff.ts';

const skipped = skipUnless(
  oraclePython,
  'what is learned, against the original, needs AEQ_PYTHON, a Python that has it',
);

interface Question extends OracleQuestion {
  readonly carrier: 'float32';
  readonly graph: Model;
  readonly calibration: OriginalCalibration;
}

/** Two operators that read x [2, columns], and one behind the first. */
function graphOf(columns: number, rows: number, seed: number): Model {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const x = main.input('x', [2, columns]);
  const dense = (input: number, name: string, from: number, to: number, own: number) => {
    const weights = main.constant(`${name}/weights`, [to, from], randomFloats(to * from, seed + own));
    const bias = main.constant(`${name}/bias`, [to], randomFloats(to, seed + own + 1));
    return main.operator('FULLY_CONNECTED', [input, weights, bias], { name, shape: [2, to] });
  };
  const first = dense(x, 'first', columns, rows, 1);
  main.outputs(dense(first, 'behind', rows, 7, 5), dense(x, 'second', columns, 3, 3));
  builder.signature('serving_default', { inputs: { x }, outputs: { behind: 'behind', second: 'second' } });
  return builder.build();
}

/** What the original could have collected: of rows that depend on each other. */
function statisticsOf(length: number, seed: number) {
  const random = randomSource(seed);
  const rows = 3 * length + 5;
  const values = Array.from({ length: rows }, () => {
    const common = random() - 0.5;
    return Array.from({ length }, (_, c) => common * (1 + (c % 3)) + (random() - 0.5));
  });
  const products = (i: number, j: number) =>
    values.reduce((sum, row) => sum + (row[i] as number) * (row[j] as number), 0);
  const hessian = Array.from({ length }, (_, i) =>
    Array.from({ length }, (_, j) => (2 / rows) * products(Math.max(i, j), Math.min(i, j))),
  );
  const mu2 = Array.from({ length }, (_, i) => products(i, i) / rows);
  return { min: [[-3]], max: [[Math.fround(2.7)]], hessian, mu2, num_samples: rows };
}

const CONFIGS = {
  dynamic: { compute_precision: 'INTEGER' },
  'weight-only': { compute_precision: 'FLOAT', explicit_dequantize: true },
  static: {
    compute_precision: 'INTEGER',
    activation_tensor_config: { num_bits: 8, symmetric: false, granularity: 'TENSORWISE', dtype: 'INT' },
  },
} as const;

function question(algorithm: string, mode: keyof typeof CONFIGS, bits: number, granularity: string, seed: number) {
  const [columns, rows] = granularity.startsWith('BLOCKWISE') ? [96, 64] : [70 + (seed % 5), 20 + seed];
  const graph = graphOf(columns, rows, 100 * seed);
  const weight = { num_bits: bits, symmetric: true, granularity, dtype: 'INT' };
  const op_config = { weight_tensor_config: weight, ...CONFIGS[mode] };
  const output = { min: [[-9]], max: [[9]] };
  return {
    name: `${algorithm} ${mode} int${bits} ${granularity}`,
    graph,
    model: modelBytes(graph),
    recipe: [{ regex: '.*', operation: 'FULLY_CONNECTED', algorithm_key: algorithm, op_config }],
    calibration: {
      x: statisticsOf(columns, seed),
      first: statisticsOf(rows, seed + 1),
      behind: output,
      second: output,
    } as OriginalCalibration,
    carrier: 'float32',
  } satisfies Question;
}

const QUESTIONS: readonly Question[] = ['GPTQ', 'OSCAR'].flatMap((algorithm) => [
  question(algorithm, 'dynamic', 8, 'CHANNELWISE', 1),
  question(algorithm, 'dynamic', 4, 'CHANNELWISE', 2),
  question(algorithm, 'dynamic', 4, 'TENSORWISE', 3),
  question(algorithm, 'dynamic', 2, 'CHANNELWISE', 4),
  question(algorithm, 'dynamic', 4, 'BLOCKWISE_32', 5),
  question(algorithm, 'weight-only', 4, 'CHANNELWISE', 6),
  question(algorithm, 'static', 8, 'CHANNELWISE', 7),
  question(algorithm, 'static', 4, 'TENSORWISE', 8),
]);

describe.skipIf(skipped)('what is learned of inputs, against the original', () => {
  const answers = skipped ? [] : askOracle(oraclePython as string, QUESTIONS);
  it.each(QUESTIONS.map((entry, i) => [entry.name, entry, answers[i]] as const))('%s', (_, entry, answer) => {
    if (!answer || 'error' in answer) throw new Error(answer?.error ?? 'no answer');
    const { graph: model, recipe, calibration, carrier } = entry;
    const ours = quantizeWith({ model, recipe, calibration, carrier, compat: true });
    expect(diffModels(readModel(answer.file), ours)).toEqual([]);
  });
});
