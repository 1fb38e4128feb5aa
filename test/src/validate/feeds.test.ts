import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TensorValue } from '../../../datasets/sample.ts';
import { roundHalfEven } from '../../../kernels/index.ts';
import { TensorType } from '../../../schema/generated/tflite.ts';
import { type SignatureView, signatures } from '../../../schema/graph.ts';
import type { Model } from '../../../schema/model.ts';
import { feedFor } from '../../../src/validate/feeds.ts';
import { floats } from '../../kernels/twins.ts';
import { ModelBuilder } from '../../support/model-builder.ts';

const { fround } = Math;
const TYPES = { INT8: [-128, 127], UINT8: [0, 255], INT16: [-32768, 32767] } as const;

function modelOf(type: keyof typeof TYPES | 'FLOAT32', length: number, scale: number, zeroPoint: number): Model {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const quantization = type === 'FLOAT32' ? {} : { quantization: { scale, zeroPoint } };
  const x = main.input('x', [1, length], { type, ...quantization });
  main.outputs(x);
  return builder.signature('serving_default', { inputs: { x }, outputs: { y: x } }).build();
}

function codesOf(type: keyof typeof TYPES, values: Float32Array, scale: number, zeroPoint: number): number[] {
  const model = modelOf(type, values.length, scale, zeroPoint);
  const [view] = signatures(model) as [SignatureView];
  const [float] = signatures(modelOf('FLOAT32', values.length, 1, 0)) as [SignatureView];
  const x = { type: TensorType.FLOAT32, shape: [1, values.length], data: values };
  const { x: codes } = feedFor(model, view, float, { x });
  return [...((codes as TensorValue).data as Int8Array)];
}

describe('a float sample for a quantized input', () => {
  it.each(Object.entries(TYPES))('becomes codes of %s, half to even, clipped, NaN the zero point', (type, limits) => {
    const scales = fc.oneof(fc.float({ min: 0.5, max: 2, noNaN: true }), fc.constantFrom(fround(0.01), 1, 0));
    fc.assert(
      fc.property(floats(), scales, fc.integer({ min: limits[0], max: limits[1] }), (values, scale, zeroPoint) => {
        const expected = Array.from(values, (x) => {
          const code = roundHalfEven(fround(fround(x / scale) + zeroPoint));
          return Number.isNaN(code) ? zeroPoint : Math.min(Math.max(code, limits[0]), limits[1]) + 0;
        });
        expect(codesOf(type as keyof typeof TYPES, values, scale, zeroPoint)).toEqual(expected);
      }),
    );
  });
});
