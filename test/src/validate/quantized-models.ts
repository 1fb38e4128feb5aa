import type { Model } from '../../../schema/model.ts';
import { ModelBuilder, randomFloats, type TypeName } from '../../support/model-builder.ts';

const INPUT = { scale: 0.0079, zeroPoint: 0 };
const HIDDEN = { scale: 0.02, zeroPoint: 0 };
const OUTPUT = { scale: 0.01, zeroPoint: -128 };
const WEIGHT_SCALE = 1 / 127;

export interface QuantizedDenseOptions {
  readonly io: Extract<TypeName, 'INT8' | 'FLOAT32'>;
  readonly seed?: number;
  /** Every tensor has another name than in the float model. */
  readonly renamed?: boolean;
}

/** `denseModel` in int8, with QUANTIZE and DEQUANTIZE at its borders where those are to stay float. */
export function quantizedDense({ io, seed = 1, renamed = false }: QuantizedDenseOptions): Model {
  const name = (text: string) => (renamed ? `renamed ${text.length} ${text.split('').reverse().join('')}` : text);
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const integer = io === 'INT8';
  const input = main.input(name('x'), [1, 4], integer ? { type: 'INT8', quantization: INPUT } : {});
  const int8 = (text: string, shape: number[], quantization: typeof INPUT) => ({
    name: name(text),
    shape,
    type: 'INT8' as const,
    quantization,
  });
  const x = integer ? input : main.operator('QUANTIZE', [input], int8('x_quantized', [1, 4], INPUT));
  const weights = main.constant(
    name('dense/weights'),
    [3, 4],
    Int8Array.from(randomFloats(12, seed), (value) => Math.round(value / WEIGHT_SCALE)),
    { quantization: { scale: WEIGHT_SCALE, zeroPoint: 0 } },
  );
  const bias = main.constant(
    name('dense/bias'),
    [3],
    Int32Array.from(randomFloats(3, seed + 1), (value) => Math.round(value / (INPUT.scale * WEIGHT_SCALE))),
    { quantization: { scale: INPUT.scale * WEIGHT_SCALE, zeroPoint: 0 } },
  );
  const dense = main.operator('FULLY_CONNECTED', [x, weights, bias], int8('dense/output', [1, 3], HIDDEN));
  const relu = main.operator('RELU', [dense], int8(integer ? 'y' : 'y_int8', [1, 3], OUTPUT));
  const y = integer ? relu : main.operator('DEQUANTIZE', [relu], { name: name('y'), shape: [1, 3] });
  main.outputs(y);
  return builder.signature('serving_default', { inputs: { x: input }, outputs: { y } }).build();
}
