/** dequantized_weight_recovery: what the default does otherwise than the original (docs/differences.md). */
import { describe, expect, it } from 'vitest';
import { dynamicRule, type WeightRuleOptions } from '../../../src/recipe/builders.ts';
import { ModelBuilder } from '../../support/model-builder.ts';
import { randomFloats } from '../../support/random.ts';
import { bytesOf, COMPAT, floatReasonOf, quantizeSmall, scalesOf, tensorNamed } from './quantize-small.ts';

const ROWS = 2;
const COLUMNS = 24;
const recovery = (options: Partial<WeightRuleOptions> = {}) =>
  dynamicRule({ weightBits: 8, algorithm: 'dequantized_weight_recovery', ...options });

/** x -> FULLY_CONNECTED with these weights. */
function dense(weights: ArrayLike<number>): ModelBuilder {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const x = main.input('x', [1, COLUMNS]);
  const w = main.constant('w', [ROWS, COLUMNS], Array.from(weights));
  main.outputs(main.operator('FULLY_CONNECTED', [x, w, -1], { name: 'y', shape: [1, ROWS] }));
  return builder.signature('main', { inputs: { x }, outputs: { y: 'y' } });
}

const random = (seed: number) => Array.from(randomFloats(ROWS * COLUMNS, seed));
/** Codes of the whole range, each row with 127 and -127 so that the scale is the one that was used. */
const codes = (seed: number, step = 1) =>
  random(seed).map((x, i) =>
    i % COLUMNS < 2 ? ([127, -127][i % COLUMNS] as number) : Math.round((x * 127) / step) * step,
  );
const times = (list: readonly number[], scale: number) => list.map((code) => Math.fround(code * Math.fround(scale)));
const codesOf = (model: ReturnType<typeof quantizeSmall>['model']) =>
  Array.from(new Int8Array(bytesOf(model, tensorNamed(model, 'w')).buffer));

describe('weights that are codes times a scale', () => {
  it.each([1e-20, 1e-7, 3e-4, 0.11, 70, 1e6])('are recovered exactly with a scale of %s', (scale) => {
    const { model } = quantizeSmall(dense(times(codes(1), scale)), [recovery()]);
    expect(codesOf(model)).toEqual(codes(1));
    for (const found of scalesOf(tensorNamed(model, 'w'))) expect(Math.abs(found / scale - 1)).toBeLessThan(2e-7);
  });

  it('need no neighbouring codes', () => {
    // Gaps of 2 and 5 steps; the original takes 2 for one and fails.
    const sparse = Array.from({ length: ROWS * COLUMNS }, (_, i) => [0, 5, -7, 127][i % 4] as number);
    const { model } = quantizeSmall(dense(times(sparse, 0.03)), [recovery()]);
    expect(codesOf(model)).toEqual(sparse);
    const original = () => quantizeSmall(dense(times(sparse, 0.03)), [recovery()], COMPAT);
    expect(original).toThrowError(/not codes times a scale/);
  });

  it('may be far apart in size from row to row, and all zero', () => {
    const rows = times(codes(2), 1e-6).map((x, i) => (i < COLUMNS ? 0 : x));
    const { model } = quantizeSmall(dense(rows), [recovery()]);
    expect(codesOf(model)).toEqual(codes(2).map((code, i) => (i < COLUMNS ? 0 : code)));
  });
});

describe('weights that are not', () => {
  it.each([1, 1e-3, 1e-5, 1e-9])('stay float, also where they are small: times %s', (size) => {
    const result = quantizeSmall(dense(random(3).map((x) => x * size)), [recovery()]);
    expect(floatReasonOf(result, 'FULLY_CONNECTED')).toMatch(/not codes times a scale: no step/);
  });

  it('are ruined by the original where they are small', () => {
    const weights = random(3).map((x) => x * 1e-5);
    const { model } = quantizeSmall(dense(weights), [recovery()], COMPAT);
    const [scale = 0] = scalesOf(tensorNamed(model, 'w'));
    const worst = Math.max(
      ...codesOf(model)
        .slice(0, COLUMNS)
        .map((code, i) => Math.abs(code * scale - (weights[i] ?? 0))),
    );
    expect(worst).toBeGreaterThan(2e-6);
  });

  it('follow the rule before', () => {
    const result = quantizeSmall(dense(random(3)), [dynamicRule({ weightBits: 8 }), recovery()]);
    expect(tensorNamed(result.model, 'w').quantization?.scale).toHaveLength(ROWS);
    expect(result.plan.operators[0]?.reason).toContain('rule 1');
  });

  it('are stored with the steps of min/max where the rule skips checks', () => {
    const rule = recovery();
    const unchecked = { ...rule, config: { ...rule.config, skipChecks: true } };
    const { model } = quantizeSmall(dense(random(3)), [unchecked]);
    const plain = quantizeSmall(dense(random(3)), [dynamicRule({ weightBits: 8 })]).model;
    expect(codesOf(model)).toEqual(codesOf(plain));
  });

  it('stay float with NaN in them', () => {
    const result = quantizeSmall(dense([Number.NaN, ...random(3).slice(1)]), [recovery()]);
    expect(floatReasonOf(result, 'FULLY_CONNECTED')).toMatch(/no step/);
  });
});
