/**
 * What the default does otherwise than the original, a test per line of docs/differences.md: each shows the original's
 * behaviour (which the byte-parity mode keeps) and ours.
 */
import { describe, expect, it } from 'vitest';
import { TensorType } from '../../../schema/generated/tflite.ts';
import { signatures } from '../../../schema/graph.ts';
import type { Model } from '../../../schema/model.ts';
import { dynamicRule, floatRule, weightOnlyRule } from '../../../src/recipe/builders.ts';
import { ModelBuilder, randomFloats } from '../../support/model-builder.ts';
import { wasmRuntime } from '../../support/wasm-runtime.ts';
import {
  bytesOf,
  COMPAT,
  chain,
  DYNAMIC,
  INT8,
  operatorNames,
  type QuantizeSettings,
  quantizeSmall,
  runFilled,
  tensorNamed,
} from './quantize-small.ts';

const { FLOAT32 } = TensorType;

const runtime = await wasmRuntime();
const run = (model: Model, value: number) => runFilled(runtime, model, value);

describe('graph', () => {
  it('A4: equal scales of tensors of different rank need no QUANTIZE', () => {
    const builder = chain((main, r) => [
      main.operator('PACK', [r, r], { name: 'y', shape: [2, 1, 4] }, { valuesCount: 2 }),
    ]);
    const settings = { ranges: { r: [0, 2], y: [0, 2] } } as const;
    // The producer is made to write what PACK wants, so a second reader is needed to see it.
    expect(operatorNames(quantizeSmall(builder, INT8, { ...settings, compat: true }).model)).toEqual(['RELU', 'PACK']);
    const twice = chain((main, r) => [
      main.operator('PACK', [r, r], { name: 'y', shape: [2, 1, 4] }, { valuesCount: 2 }),
      main.operator('TANH', [r], { name: 't', shape: [1, 4] }),
    ]);
    expect(operatorNames(quantizeSmall(twice, INT8, { ...settings, compat: true }).model)).toContain('QUANTIZE');
    expect(operatorNames(quantizeSmall(twice, INT8, settings).model)).toEqual(['RELU', 'PACK', 'TANH']);
  });

  it('A5: a float output that the last operator reads stays what that operator reads', async () => {
    const model = chain((main, r) => [r, main.operator('RELU', [r], { name: 'y', shape: [1, 4] })]);
    const rules = [...INT8, floatRule({ operation: 'OUTPUT' })];
    await expect(run(quantizeSmall(model, rules, COMPAT).model, 1)).rejects.toThrow();
    const outputs = await run(quantizeSmall(model, rules).model, 1);
    expect(outputs.map(({ type }) => type)).toEqual([FLOAT32, FLOAT32]);
  });

  it('A7: a model without a signature is quantized like any other', () => {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    const x = main.input('x', [1, 4]);
    main.outputs(main.operator('RELU', [x], { name: 'y', shape: [1, 4] }));
    const { model } = quantizeSmall(builder, [...INT8, floatRule({ operation: 'OUTPUT' })]);
    expect(operatorNames(model)).toEqual(['RELU', 'DEQUANTIZE']);
    expect(model.subgraphs[0]?.outputs).toEqual([2]);
  });

  it('A12: an output that is also read as float keeps the type that the recipe gives it', () => {
    const model = chain((main, r) => [r, main.operator('SIN', [r], { name: 's', shape: [1, 4] })]);
    const typeOf = (settings: QuantizeSettings) => {
      const { model: result } = quantizeSmall(model, INT8, settings);
      const [graph] = result.subgraphs;
      return graph?.tensors[graph.outputs[0] ?? -1]?.type;
    };
    expect(typeOf(COMPAT)).toBe(FLOAT32);
    expect(typeOf({})).toBe(TensorType.INT8);
  });

  it('A13: signatures show the same outputs as their subgraphs', () => {
    const model = chain((main, r) => [r, main.operator('SIN', [r], { name: 's', shape: [1, 4] })]);
    const rules = [...INT8, floatRule({ operation: 'OUTPUT' })];
    const shown = (settings: QuantizeSettings) => {
      const result = quantizeSmall(model, rules, settings).model;
      return {
        graph: result.subgraphs[0]?.outputs,
        signature: signatures(result)[0]?.outputs.map(({ tensor }) => tensor),
      };
    };
    const original = shown(COMPAT);
    expect(original.signature).not.toEqual(original.graph);
    const ours = shown({});
    expect(ours.signature).toEqual(ours.graph);
  });

  it('A14: a result that nobody reads has the type of its operator', () => {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    const x = main.input('x', [1, 4]);
    const axis = main.constant('axis', [], Int32Array.of(1));
    const halves = ['a', 'b'].map((name) => ({ name, shape: [1, 2] }));
    const [a = -1] = main.operators('SPLIT', [axis, x], halves, { numSplits: 2 });
    main.outputs(a);
    expect(tensorNamed(quantizeSmall(builder, INT8, COMPAT).model, 'b').type).toBe(FLOAT32);
    expect(tensorNamed(quantizeSmall(builder, INT8).model, 'b').type).toBe(TensorType.INT8);
  });

  it('A20: names of inserted tensors are unique', () => {
    const model = chain((main, r, x) => [
      main.operator('CONCATENATION', [r, x], { name: 'c', shape: [1, 8] }, { axis: 1 }),
      main.operator('MAXIMUM', [x, r], { name: 'm', shape: [1, 4] }),
    ]);
    const settings = { ranges: { c: [-3, 3], m: [-4, 4] } } as const;
    const repeated = (compat: boolean) => {
      const names = quantizeSmall(model, INT8, { ...settings, compat }).model.subgraphs[0]?.tensors.map(
        ({ name }) => name,
      );
      return (names?.length ?? 0) - new Set(names).size;
    };
    expect(repeated(true)).toBeGreaterThan(0);
    expect(repeated(false)).toBe(0);
  });

  it('A22: inserted tensors keep free dimensions', () => {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    const x = main.input('x', [1, 4], { signature: [-1, 4] });
    main.outputs(main.operator('RELU', [x], { name: 'y', shape: [1, 4], signature: [-1, 4] }));
    builder.signature('main', { inputs: { x }, outputs: { y: 'y' } });
    const rules = [...INT8, floatRule({ operation: 'OUTPUT' })];
    const signature = (settings: QuantizeSettings) =>
      tensorNamed(quantizeSmall(builder, rules, settings).model, 'y_dequant').shapeSignature;
    expect(signature(COMPAT)).toBeUndefined();
    expect(signature({})).toEqual([-1, 4]);
  });
});

describe('constants', () => {
  /** Two FULLY_CONNECTED, `a` and `b`, over one weight. */
  function shared(): ModelBuilder {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    const x = main.input('x', [1, 4]);
    const w = main.constant('w', [4, 4], randomFloats(16, 1));
    const a = main.operator('FULLY_CONNECTED', [x, w, -1], { name: 'a', shape: [1, 4] });
    main.outputs(a, main.operator('FULLY_CONNECTED', [x, w, -1], { name: 'b', shape: [1, 4] }));
    return builder;
  }

  it('A6: a constant that is data is not taken for a weight', async () => {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    const x = main.input('x', [1, 2, 2]);
    const left = main.constant('left', [1, 2, 2], [1, 2, 3, 4]);
    main.outputs(main.operator('BATCH_MATMUL', [left, x], { name: 'y', shape: [1, 2, 2] }));
    builder.signature('main', { inputs: { x }, outputs: { y: 'y' } });
    const original = quantizeSmall(builder, DYNAMIC, COMPAT).model;
    expect(tensorNamed(original, 'left').type).toBe(TensorType.INT8);
    await expect(run(original, 1)).rejects.toThrow();
    const ours = quantizeSmall(builder, DYNAMIC).model;
    expect(tensorNamed(ours, 'left').type).toBe(FLOAT32);
    const [output] = await run(ours, 1);
    expect([...(output?.values ?? [])]).toEqual([3, 3, 7, 7]);
  });

  it('A8: readers of one buffer with different axes get scales of their own', () => {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    const x = main.input('x', [1, 4]);
    const w = main.constant('w', [4, 4], randomFloats(16, 1));
    main.outputs(main.operator('FULLY_CONNECTED', [x, w, -1], { name: 'y', shape: [1, 4] }));
    const image = main.input('image', [1, 2, 2, 4]);
    const filter = main.sharedConstant('filter', w, main, { shape: [1, 2, 2, 4] });
    const bias = main.constant('bias', [4], new Float32Array(4));
    const strides = { strideW: 1, strideH: 1, depthMultiplier: 1 };
    main.outputs(
      main.operator('DEPTHWISE_CONV_2D', [image, filter, bias], { name: 'd', shape: [1, 2, 2, 4] }, strides),
    );
    const axes = (settings: QuantizeSettings) => {
      const { model } = quantizeSmall(builder, DYNAMIC, settings);
      return ['w', 'filter'].map((name) => tensorNamed(model, name).quantization?.quantizedDimension);
    };
    expect(axes(COMPAT)).toEqual([0, 0]);
    expect(axes({})).toEqual([0, 3]);
  });

  it('A9: a tensor that nobody reads does not keep others from their own copy', () => {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    const x = main.input('x', [1, 4]);
    const unread = main.constant('unread', [4, 4], randomFloats(16, 1));
    const [a, b] = ['wa', 'wb'].map((name) => main.sharedConstant(name, unread));
    main.outputs(
      main.operator('FULLY_CONNECTED', [x, a ?? -1, -1], { name: 'a', shape: [1, 4] }),
      main.operator('FULLY_CONNECTED', [x, b ?? -1, -1], { name: 'b', shape: [1, 4] }),
    );
    const rules = [...DYNAMIC, dynamicRule({ regex: '^b;', weightBits: 4 })];
    const { model } = quantizeSmall(builder, rules);
    expect(bytesOf(model, tensorNamed(model, 'wa'))).toHaveLength(16);
    expect(bytesOf(model, tensorNamed(model, 'wb'))).toHaveLength(8);
    expect(bytesOf(model, tensorNamed(model, 'unread'))).toHaveLength(0);
  });

  it('A23, A25: a weight that is read in different forms is copied once a form', () => {
    const rules = [...DYNAMIC, weightOnlyRule({ regex: '^b;', weightBits: 4 })];
    const { model } = quantizeSmall(shared(), rules);
    expect(operatorNames(model)).toEqual(['FULLY_CONNECTED', 'DEQUANTIZE', 'FULLY_CONNECTED']);
    const stored = model.buffers.filter((constant) => constant !== undefined && constant.sizeBytes > 0);
    expect(stored.map((constant) => constant?.sizeBytes).sort()).toEqual([16, 8]);
  });

  it('A26: min_weight_elements holds for every operator with weights', () => {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    const ids = main.input('ids', [2], { type: 'INT32' });
    const table = main.constant('table', [4, 4], randomFloats(16, 1));
    main.outputs(main.operator('EMBEDDING_LOOKUP', [ids, table], { name: 'y', shape: [2, 4] }));
    const [rule] = DYNAMIC;
    const rules = rule ? [{ ...rule, config: { ...rule.config, minWeightElements: 17 } }] : [];
    expect(tensorNamed(quantizeSmall(builder, rules, COMPAT).model, 'table').type).toBe(TensorType.INT8);
    expect(tensorNamed(quantizeSmall(builder, rules).model, 'table').type).toBe(FLOAT32);
  });

  it('A2: a large constant of rank 4 is quantized in pieces', () => {
    const shape = [16, 3, 3, 65536];
    const sizeBytes = 4 * 16 * 9 * 65536;
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    const x = main.input('x', [1, 3, 3, 65536]);
    const w = main.constant('w', shape, { sizeBytes, read: ones(sizeBytes) }, { type: 'FLOAT32' });
    const strides = { strideW: 1, strideH: 1, padding: 1 };
    main.outputs(main.operator('CONV_2D', [x, w, -1], { name: 'y', shape: [1, 1, 1, 16] }, strides));
    const { plan } = quantizeSmall(builder, DYNAMIC);
    const stored = plan.wishes[0]?.[w]?.consumers[0]?.parameters;
    expect(stored?.scales).toHaveLength(16);
    expect([...(stored?.data?.read(sizeBytes / 4 - 3, sizeBytes / 4) ?? [])]).toEqual([127, 127, 127]);
  });

  /** Ones, without holding them all. */
  const ones = (sizeBytes: number) => {
    const piece = new Uint8Array(new Float32Array(1 << 22).fill(1).buffer);
    return (start = 0, end = sizeBytes) => piece.subarray(start % 4, (start % 4) + end - start);
  };
});
