import { afterAll, describe, expect, it } from 'vitest';
import type { Runtime } from '../../../calibration/runtime/runtime.ts';
import { floatRule } from '../../../src/recipe/builders.ts';
import { runtimes } from '../../calibration/runtime/available.ts';
import { ModelBuilder } from '../../support/model-builder.ts';
import { INT8, INT16, operatorNames, quantizeSmall, runFilled } from '../plan/quantize-small.ts';

/** x -> NEG -> n -> NEG -> y, float at the borders. */
function twice(): ModelBuilder {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const x = main.input('x', [1, 4]);
  const n = main.operator('NEG', [x], { name: 'n', shape: [1, 4] });
  main.outputs(n, main.operator('NEG', [n], { name: 'y', shape: [1, 4] }));
  return builder.signature('main', { inputs: { x }, outputs: { n: 'n', y: 'y' } });
}

const BORDER = [floatRule({ operation: 'INPUT' }), floatRule({ operation: 'OUTPUT' })];
const ranges = { x: [-1, 3], n: [-3, 1], y: [-1, 3] } as const;

it('stores a product with -1 for NEG, once a graph', () => {
  const { model, plan } = quantizeSmall(twice(), [...INT8, ...BORDER], { ranges });
  expect(plan.operators.slice(0, 2).map(({ mode }) => mode)).toEqual(['static', 'static']);
  expect(operatorNames(model)).toEqual(['QUANTIZE', 'MUL', 'DEQUANTIZE', 'MUL', 'DEQUANTIZE']);
  const [first, second] = model.subgraphs[0]?.operators.filter(({ inputs }) => inputs.length === 2) ?? [];
  expect(first?.inputs[1]).toBe(second?.inputs[1]);
});

it('leaves a float NEG alone', () => {
  const { model } = quantizeSmall(twice(), [...INT8, floatRule({ operation: 'NEG' }), ...BORDER], { ranges });
  expect(operatorNames(model)).toEqual(['NEG', 'NEG']);
});

describe.each(runtimes)('$name', ({ open }) => {
  let runtime: Runtime | undefined;
  afterAll(() => runtime?.close());

  it.each([
    ['int8', INT8, 4 / 255],
    ['int16', INT16, 3 / 32767],
  ])(
    '%s: negates within a step, and clips what is out of range instead of changing its sign',
    async (_, rules, step) => {
      runtime ??= await open();
      const { model } = quantizeSmall(twice(), [...rules, ...BORDER], { ranges });
      for (const value of [-1, -0.3, 0, 0.7, 3]) {
        const [n, y] = await runFilled(runtime, model, value);
        expect(Math.abs((n?.values[0] ?? 9) + value)).toBeLessThanOrEqual(1.01 * step);
        expect(Math.abs((y?.values[0] ?? 9) - value)).toBeLessThanOrEqual(1.51 * step);
      }
      const [n] = await runFilled(runtime, model, -100);
      expect(n?.values[0]).toBeGreaterThan(0.9);
    },
  );
});
