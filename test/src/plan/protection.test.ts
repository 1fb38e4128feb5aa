import { describe, expect, it } from 'vitest';
import { makeBins } from '../../../calibration/ranges/bins.ts';
import { lostFactors, magnitudesOf } from '../../../calibration/ranges/magnitudes.ts';
import { Quantizer } from '../../../src/quantizer.ts';
import { ModelBuilder, randomFloats } from '../../support/model-builder.ts';

const WIDTH = 64;
const SAMPLES = 24;

/** Logarithm of the power of what a layer gives: x -> FULLY_CONNECTED -> square -> sum over pairs -> + 1e-9 -> LOG. */
function spectrum(): ModelBuilder {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const x = main.input('x', [1, WIDTH]);
  const w = main.constant('w', [WIDTH, WIDTH], randomFloats(WIDTH * WIDTH, 3));
  const shape = [1, WIDTH];
  const y = main.operator('FULLY_CONNECTED', [x, w, -1], { name: 'y', shape });
  const square = main.operator('MUL', [y, y], { name: 'square', shape });
  const pairs = main.operator('RESHAPE', [square, main.constant('s', [3], Int32Array.of(1, 32, 2))], {
    name: 'pairs',
    shape: [1, 32, 2],
  });
  const axis = main.constant('axis', [1], Int32Array.of(2));
  const power = main.operator('SUM', [pairs, axis], { name: 'power', shape: [1, 32] });
  const shifted = main.operator('ADD', [power, main.constant('eps', [], [1e-9])], { name: 'shifted', shape: [1, 32] });
  main.outputs(main.operator('LOG', [shifted], { name: 'z', shape: [1, 32] }));
  builder.signature('serving_default', { inputs: { x }, outputs: { z: 'z' } });
  return builder;
}

/** Noise whose loudness goes from 1 down to `quietest` over the samples. */
const loudness = (quietest: number, seed: number) =>
  Array.from({ length: SAMPLES }, (_, i) => ({
    x: randomFloats(WIDTH, seed + i).map((value) => value * quietest ** (i / (SAMPLES - 1))),
  }));

async function modes(builder: ModelBuilder, samples: { x: Float32Array }[], recipe: string, safety = true) {
  const quantizer = await Quantizer.open(builder.bytes());
  quantizer.loadQuantizationRecipe(recipe);
  const calibration = await quantizer.calibrate(samples, { runtime: 'wasm', workers: 1 });
  const { plan } = await quantizer.quantize(calibration, { safety });
  const comparison = await quantizer.validate(samples, { runtime: 'wasm' });
  const real = plan.operators.filter(({ operator }) => operator >= 0);
  return {
    modes: Object.fromEntries(real.map(({ name, mode }) => [name, mode])),
    reasons: Object.fromEntries(real.map(({ name, reason }) => [name, reason])),
    sqnrDb: comparison.signatures[0]?.outputs[0]?.metrics.sqnrDb ?? Number.NaN,
  };
}

describe('a logarithm of powers', () => {
  it('has float operands all the way from the layer that small values come from', async () => {
    const kept = await modes(spectrum(), loudness(0.03, 100), 'static_wi8_ai8');
    expect(kept.modes).toEqual({
      FULLY_CONNECTED: 'dynamic',
      MUL: 'float',
      RESHAPE: 'float',
      SUM: 'float',
      ADD: 'float',
      LOG: 'float',
    });
    expect(kept.reasons.SUM).toBe(
      'safety: its steps would swallow small values whose factors matter to LOG (operator 5)',
    );
    const rounded = await modes(spectrum(), loudness(0.03, 100), 'static_wi8_ai8', false);
    expect(new Set(Object.values(rounded.modes))).toEqual(new Set(['static']));
    expect(kept.sqnrDb).toBeGreaterThan(rounded.sqnrDb + 10);
  });

  it('is left alone in 16 bits where their steps are fine enough', async () => {
    const { modes: wide } = await modes(spectrum(), loudness(0.5, 100), 'static_wi8_ai16');
    expect(wide.FULLY_CONNECTED).toBe('static');
    expect(wide.MUL).toBe('static');
  });
});

describe('a layer norm', () => {
  /** One over the deviation of rows whose spread differs. */
  function deviation(): ModelBuilder {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    const x = main.input('x', [1, WIDTH]);
    const axis = main.constant('axis', [1], Int32Array.of(1));
    const keep = { keepDims: true };
    const mean = main.operator('MEAN', [x, axis], { name: 'mean', shape: [1, 1] }, keep);
    const squares = main.operator('SQUARED_DIFFERENCE', [x, mean], { name: 'squares', shape: [1, WIDTH] });
    const variance = main.operator('MEAN', [squares, axis], { name: 'variance', shape: [1, 1] }, keep);
    const root = main.operator('RSQRT', [variance], { name: 'root', shape: [1, 1] });
    main.outputs(main.operator('MUL', [x, root], { name: 'z', shape: [1, WIDTH] }));
    builder.signature('serving_default', { inputs: { x }, outputs: { z: 'z' } });
    return builder;
  }

  it('keeps squares float where those of a quiet row would all round to nothing, and only there', async () => {
    const quiet = await modes(deviation(), loudness(0.02, 7), 'static_wi8_ai8');
    expect(quiet.modes.SQUARED_DIFFERENCE).toBe('float');
    const even = await modes(deviation(), loudness(0.8, 7), 'static_wi8_ai8');
    expect(even.modes.SQUARED_DIFFERENCE).toBe('static');
    // A difference loses factors whatever is done before it: nothing in front of it is kept.
    expect(quiet.reasons.MUL).not.toMatch(/safety/);
  });

  it('keeps their average float too in 16 bits, which would round what the float squares give it', async () => {
    const kept = await modes(deviation(), loudness(0.002, 7), 'static_wi8_ai16');
    expect(kept.modes).toMatchObject({ SQUARED_DIFFERENCE: 'float', RSQRT: 'float', MUL: 'static' });
    expect(kept.reasons.SQUARED_DIFFERENCE).toMatch(/cannot be static_wi8_ai16/);
    expect(kept.reasons.MEAN).toMatch(/^safety: its steps would swallow small values .* RSQRT/);
    const rounded = await modes(deviation(), loudness(0.002, 7), 'static_wi8_ai16', false);
    expect(rounded.modes.MEAN).toBe('static');
    expect(kept.sqnrDb).toBeGreaterThan(rounded.sqnrDb + 10);
  });
});

describe('lostFactors', () => {
  it('is the mean square of half a step over the magnitude, as counted value by value', () => {
    const values = randomFloats(20_000, 5).map((value) => value ** 3);
    const counts = new Map<number, number>();
    const bits = new Uint32Array(Float32Array.from(values).buffer);
    for (const word of bits) counts.set(word >>> 17, (counts.get(word >>> 17) ?? 0) + 1);
    const keys = [...counts.keys()].sort((a, b) => a - b);
    const [min, max] = [Math.min(...values), Math.max(...values)];
    const entry = {
      histogram: { keys: Uint16Array.from(keys), counts: Float64Array.from(keys, (key) => counts.get(key) ?? 0) },
    };
    const bins = makeBins(entry as never, { min, max });
    const magnitudes = bins && magnitudesOf(bins);
    if (!magnitudes) throw new Error('there are values');
    const step = 0.01;
    const exact = (back: (x: number) => number) =>
      values.reduce((sum, x) => sum + Math.min((step / 2 / back(Math.abs(x))) ** 2, 1), 0) / values.length;
    for (const back of [(x: number) => x, Math.sqrt, (x: number) => x / 3]) {
      expect(lostFactors(magnitudes, step, back) / exact(back)).toBeCloseTo(1, 2);
    }
  });

  it('does not count zeros', () => {
    const zeros = { histogram: { keys: Uint16Array.of(0), counts: Float64Array.of(9) } };
    const bins = makeBins(zeros as never, { min: 0, max: 0 });
    expect(bins && magnitudesOf(bins)).toBeUndefined();
  });
});
