/**
 * What the default does otherwise than the original, a test per line of docs/differences.md: each shows the original's
 * behaviour (which the byte-parity mode keeps) and ours.
 */
import { describe, expect, it } from 'vitest';
import { float16Bits } from '../../../kernels/index.ts';
import { TensorType } from '../../../schema/generated/tflite.ts';
import type { Model } from '../../../schema/model.ts';
import { dynamicRule, floatRule, weightOnlyRule } from '../../../src/recipe/builders.ts';
import { ModelBuilder, randomFloats } from '../../support/model-builder.ts';
import { wasmRuntime } from '../../support/wasm-runtime.ts';
import {
  bytesOf,
  COMPAT,
  chain,
  DYNAMIC,
  dense,
  floatReasonOf,
  INT8,
  operatorNames,
  type QuantizeSettings,
  quantizeSmall,
  runFilled,
  tensorNamed,
  WEIGHT_ONLY,
} from './quantize-small.ts';

const { FLOAT32 } = TensorType;

const runtime = await wasmRuntime();
const run = (model: Model, value: number) => runFilled(runtime, model, value);

describe('models', () => {
  it('A3: the older operator code field counts', () => {
    const builder = dense([1, 2, 3, 4], [0, 0]);
    for (const code of builder.build().operatorCodes) Object.assign(code, { deprecatedBuiltinCode: 9, builtinCode: 0 });
    expect(tensorNamed(quantizeSmall(builder, DYNAMIC, COMPAT).model, 'w').type).toBe(FLOAT32);
    expect(tensorNamed(quantizeSmall(builder, DYNAMIC).model, 'w').type).toBe(TensorType.INT8);
  });

  it('A10: a composite and what it stands for are on one grid', () => {
    const builder = new ModelBuilder();
    const main = builder.subgraph('main');
    const x = main.input('x', [1, 4]);
    const shares = main.operator('SOFTMAX', [x], { name: 'shares', shape: [1, 4] }, { beta: 1 });
    const options = { name: 'odml.rms_norm', decompositionSubgraphIndex: 1 };
    main.outputs(main.operator('STABLEHLO_COMPOSITE', [shares], { name: 'y', shape: [1, 4] }, options));
    builder.signature('main', { inputs: { x }, outputs: { y: 'y' } });
    const body = builder.subgraph('body');
    body.outputs(body.operator('RELU', [body.input('bx', [1, 4])], { name: 'by', shape: [1, 4] }));
    const scales = (settings: QuantizeSettings) => {
      const { model } = quantizeSmall(builder, INT8, settings);
      return [tensorNamed(model, 'shares'), tensorNamed(model, 'bx', 1)].map(
        ({ quantization }) => quantization?.scale?.[0],
      );
    };
    expect(scales(COMPAT)).not.toEqual([1 / 256, 1 / 256]);
    expect(scales({})).toEqual([1 / 256, 1 / 256]);
  });

  it('A29: a composite that stays float keeps what it stands for float, wherever that is in the file', () => {
    const builder = new ModelBuilder();
    const body = builder.subgraph('body');
    body.outputs(body.operator('RELU', [body.input('bx', [1, 4])], { name: 'by', shape: [1, 4] }));
    const main = builder.subgraph('main');
    const x = main.input('x', [1, 4]);
    const options = { name: 'my.thing', decompositionSubgraphIndex: 0 };
    main.outputs(main.operator('STABLEHLO_COMPOSITE', [x], { name: 'y', shape: [1, 4] }, options));
    builder.signature('main', { inputs: { x }, outputs: { y: 'y' } }, 1);
    const ours = quantizeSmall(builder, INT8);
    expect(tensorNamed(ours.model, 'by').type).toBe(FLOAT32);
    expect(floatReasonOf(ours, 'STABLEHLO_COMPOSITE')).toContain('no quantized form');
    expect(floatReasonOf(ours, 'RELU')).toContain('composite');
    expect(tensorNamed(quantizeSmall(builder, INT8, COMPAT).model, 'by').type).toBe(TensorType.INT8);
  });

  it('A11: bodies of loops stay float under a static rule', () => {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    const x = main.input('x', [1, 4]);
    const options = { condSubgraphIndex: 1, bodySubgraphIndex: 2 };
    main.outputs(main.operator('WHILE', [x], { name: 'y', shape: [1, 4] }, options));
    builder.signature('main', { inputs: { x }, outputs: { y: 'y' } });
    const condition = builder.subgraph('condition');
    const limit = condition.constant('limit', [1, 4], [1, 1, 1, 1]);
    const less = { name: 'less', shape: [1, 4], type: 'BOOL' } as const;
    condition.outputs(condition.operator('LESS', [condition.input('cx', [1, 4]), limit], less));
    const body = builder.subgraph('body');
    body.outputs(body.operator('RELU', [body.input('bx', [1, 4])], { name: 'by', shape: [1, 4] }));
    const ours = quantizeSmall(builder, INT8);
    expect(tensorNamed(ours.model, 'bx', 2).type).toBe(FLOAT32);
    expect(floatReasonOf(ours, 'RELU')).toContain('loop or branch');
    expect(tensorNamed(quantizeSmall(builder, INT8, COMPAT).model, 'bx', 2).type).toBe(TensorType.INT8);
  });

  it('A21: a blockwise weight is taken as it is', () => {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    const x = main.input('x', [1, 64]);
    const w = main.constant('w', [2, 64], randomFloats(128, 1));
    main.outputs(main.operator('FULLY_CONNECTED', [x, w, -1], { name: 'y', shape: [1, 2] }));
    const once = quantizeSmall(builder, [dynamicRule({ weightBits: 4, granularity: 'BLOCKWISE_32' })]).model;
    const twice = quantizeSmall(once, DYNAMIC);
    expect(tensorNamed(twice.model, 'w').type).toBe(TensorType.INT4);
    expect(floatReasonOf(twice, 'FULLY_CONNECTED')).toContain('not float32');
  });

  it.each([
    ['A27: float16', TensorType.FLOAT16],
    ['A28: int8', TensorType.INT8],
  ])('%s weights behind a DEQUANTIZE are decoded and quantized', async (_, type) => {
    const float = dense([1, -0.5, 0.25, 0.125], [0.5, 0.25]);
    const stored =
      type === TensorType.INT8
        ? quantizeSmall(float, WEIGHT_ONLY).model
        : quantizeSmall(float, [weightOnlyRule({ weightBits: 16, algorithm: 'float_casting' })]).model;
    expect(operatorNames(stored)).toEqual(['DEQUANTIZE', 'FULLY_CONNECTED']);
    const { model } = quantizeSmall(stored, INT8);
    expect(operatorNames(model)).toEqual(['FULLY_CONNECTED']);
    const [output] = await run(model, 1);
    expect(output?.values[0]).toBeCloseTo(1, 1);
    const untouched = quantizeSmall(stored, [floatRule()]).model;
    expect(operatorNames(untouched)).toEqual(['DEQUANTIZE', 'FULLY_CONNECTED']);
    expect(tensorNamed(untouched, 'w').type).toBe(type);
  });

  it('A27: a decoded bias beside a quantized weight becomes a constant', async () => {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    const x = main.input('x', [1, 2, 2, 2]);
    const half = (name: string, shape: readonly number[], numbers: readonly number[]) => {
      const stored = main.constant(name, shape, Uint16Array.from(numbers, float16Bits), { type: 'FLOAT16' });
      return main.operator('DEQUANTIZE', [stored], { name: `${name}_decoded`, shape });
    };
    const operands = [x, half('w', [2, 1, 1, 2], [1, 0.5, -1, 0.25]), half('b', [2], [0.5, -0.5])];
    main.outputs(main.operator('CONV_2D', operands, { name: 'y', shape: [1, 2, 2, 2] }, { strideW: 1, strideH: 1 }));
    builder.signature('main', { inputs: { x }, outputs: { y: 'y' } });
    const { model } = quantizeSmall(builder, DYNAMIC);
    expect(operatorNames(model)).toEqual(['CONV_2D']);
    expect(tensorNamed(model, 'w_decoded').type).toBe(TensorType.INT8);
    expect(bytesOf(model, tensorNamed(model, 'b_decoded'))).toHaveLength(8);
    const [output] = await run(model, 1);
    expect(output?.values[0]).toBeCloseTo(2, 1);
    expect(output?.values[1]).toBeCloseTo(-1.25, 1);
  });

  it('A30: operator versions are those of the types', () => {
    const version = (settings: QuantizeSettings) =>
      quantizeSmall(dense([1, 2, 3, 4], [0, 0]), INT8, settings).model.operatorCodes[0]?.version;
    expect(version(COMPAT)).toBe(1);
    expect(version({})).toBe(4);
  });

  it('A30: the oldest runtime that a model names is raised', () => {
    const builder = dense([1, 2, 3, 4], [0, 0]).metadata(
      'min_runtime_version',
      new TextEncoder().encode('1.5.0'.padEnd(16, '\0')),
    );
    const { model } = quantizeSmall(builder, INT8);
    const entry = model.metadata?.find(({ name }) => name === 'min_runtime_version');
    const text = new TextDecoder().decode(model.buffers[entry?.buffer ?? 0]?.read());
    expect(text).toBe('1.14.0'.padEnd(16, '\0'));
  });

  it('A32: the model and the ranges are not changed', () => {
    const builder = chain((main, r) => [main.operator('RESHAPE', [r], { name: 'y', shape: [4] }, { newShape: [4] })]);
    const before = JSON.stringify(builder.build().subgraphs);
    const first = quantizeSmall(builder, INT8);
    const second = quantizeSmall(builder, INT8);
    expect(JSON.stringify(builder.build().subgraphs)).toBe(before);
    expect(second.model.subgraphs).toEqual(first.model.subgraphs);
  });

  it('A36: EMBEDDING_LOOKUP follows a static rule', () => {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    const ids = main.input('ids', [2], { type: 'INT32' });
    const table = main.constant('table', [4, 4], randomFloats(16, 1));
    const rows = main.operator('EMBEDDING_LOOKUP', [ids, table], { name: 'rows', shape: [2, 4] });
    main.outputs(main.operator('RELU', [rows], { name: 'y', shape: [2, 4] }));
    expect(tensorNamed(quantizeSmall(builder, INT8, COMPAT).model, 'table').type).toBe(FLOAT32);
    const { model } = quantizeSmall(builder, INT8);
    expect(tensorNamed(model, 'table').type).toBe(TensorType.INT8);
    expect(operatorNames(model)).toEqual(['EMBEDDING_LOOKUP', 'QUANTIZE', 'RELU']);
  });
});
