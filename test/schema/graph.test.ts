import { describe, expect, it } from 'vitest';
import { BuiltinOperator, TensorType } from '../../schema/generated/tflite.ts';
import {
  builtinCode,
  builtinName,
  cloneModel,
  compactBuffers,
  consumers,
  DEFAULT_SIGNATURE,
  elementCount,
  findOrAddOperatorCode,
  isDynamic,
  operatorName,
  producers,
  signatures,
  storedBytes,
  tensorConstant,
  tensorLabel,
  typeName,
} from '../../schema/graph.ts';
import { readModel } from '../../schema/reader.ts';
import { ModelBuilder } from '../support/model-builder.ts';
import { convolutionModel, denseModel, twoSignatureModel } from '../support/models.ts';
import { expectSameModel } from '../support/same-model.ts';

describe('operator codes', () => {
  it('are the larger of the two fields, whichever the writer filled', () => {
    const code = (deprecatedBuiltinCode: number, builtin: number) =>
      builtinCode({ deprecatedBuiltinCode, builtinCode: builtin, version: 1 });
    expect(code(BuiltinOperator.CONV_2D, 0)).toBe(BuiltinOperator.CONV_2D);
    expect(code(0, BuiltinOperator.CONV_2D)).toBe(BuiltinOperator.CONV_2D);
    expect(code(127, BuiltinOperator.STABLEHLO_COMPOSITE)).toBe(BuiltinOperator.STABLEHLO_COMPOSITE);
  });

  it('have names, also custom and unknown ones', () => {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    main.custom('MyOperator', [], { name: 'y' });
    const model = builder.build();
    const operator = model.subgraphs[0]?.operators[0];
    if (!operator) throw new Error('no operator');
    expect(operatorName(model, operator)).toBe('MyOperator');
    expect(builtinName(BuiltinOperator.CONV_2D)).toBe('CONV_2D');
    expect(builtinName(9999)).toBe('BUILTIN_9999');
    expect(typeName(TensorType.INT4)).toBe('INT4');
  });

  it('are found before they are added, with both fields for old readers', () => {
    const model = denseModel().build();
    const before = model.operatorCodes.length;
    expect(findOrAddOperatorCode(model, BuiltinOperator.RELU)).toBe(1);
    const added = findOrAddOperatorCode(model, BuiltinOperator.STABLEHLO_COMPOSITE);
    expect(added).toBe(before);
    expect(model.operatorCodes[added]).toEqual({ deprecatedBuiltinCode: 127, builtinCode: 206, version: 1 });
    expect(findOrAddOperatorCode(model, BuiltinOperator.STABLEHLO_COMPOSITE)).toBe(before);
  });
});

it('sub-byte types are stored packed', () => {
  expect(storedBytes(TensorType.INT4, 5)).toBe(3);
  expect(storedBytes(TensorType.INT2, 5)).toBe(2);
  expect(storedBytes(TensorType.FLOAT32, 5)).toBe(20);
  expect(storedBytes(TensorType.STRING, 5)).toBeUndefined();
});

it('shapes: scalars count one, free dimensions count one', () => {
  expect(elementCount(undefined)).toBe(1);
  expect(elementCount([])).toBe(1);
  expect(elementCount([2, 3, 4])).toBe(24);
  expect(elementCount([-1, 3])).toBe(3);
  expect(elementCount([2, 0])).toBe(0);
  const main = new ModelBuilder();
  main.subgraph().input('x', [1, 4], { signature: [-1, 4] });
  const tensor = main.build().subgraphs[0]?.tensors[0];
  expect(tensor && isDynamic(tensor)).toBe(true);
});

it('an empty buffer is the constant of a tensor without elements only', () => {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  main.constant('none', [0], new Float32Array(0));
  main.constant('some', [1, 4], new Float32Array(0));
  const model = builder.build();
  const constants = model.subgraphs[0]?.tensors.map((tensor) => tensorConstant(model, tensor)?.sizeBytes);
  expect(constants).toEqual([0, undefined]);
  expect(() => readModel(builder.bytes())).not.toThrow();
});

it('producers and consumers', () => {
  const subgraph = convolutionModel().build().subgraphs[0];
  if (!subgraph) throw new Error('no subgraph');
  const at = (name: string) => subgraph.tensors.findIndex((tensor) => tensor.name === name);
  expect(producers(subgraph)[at('image')]).toBeUndefined();
  expect(producers(subgraph)[at('depthwise')]).toBe(1);
  expect(consumers(subgraph)[at('conv')]).toEqual([1]);
  expect(consumers(subgraph)[at('scores')]).toEqual([]);
  expect(tensorLabel(subgraph, at('conv'))).toBe('conv');
  expect(tensorLabel(subgraph, 99)).toBe('tensor 99');
});

describe('signatures', () => {
  it('are those of the file', () => {
    expect(
      signatures(twoSignatureModel().build()).map(({ key, subgraph, declared }) => [key, subgraph, declared]),
    ).toEqual([
      ['first', 0, true],
      ['second', 1, true],
    ]);
  });

  it('are made up from tensor names where the file has none', () => {
    const [only] = signatures(convolutionModel().build());
    expect(only).toMatchObject({ key: DEFAULT_SIGNATURE, subgraph: 0, declared: false, inputs: [{ name: 'image' }] });
    expect(signatures(new ModelBuilder().build())).toEqual([]);
  });
});

describe('cloneModel', () => {
  it('copies the graph and shares the constants', () => {
    const model = denseModel().metadata('note', Uint8Array.of(1)).build();
    const copy = cloneModel(model);
    expectSameModel(copy, model);
    expect(copy.buffers[1]).toBe(model.buffers[1]);
    const tensor = copy.subgraphs[0]?.tensors[0];
    if (!tensor) throw new Error('no tensor');
    tensor.name = 'changed';
    copy.buffers.push(undefined);
    expect(model.subgraphs[0]?.tensors[0]?.name).toBe('x');
    expect(model.buffers.length).toBe(copy.buffers.length - 1);
  });
});

describe('compactBuffers', () => {
  it('leaves one empty buffer in front and data in all others, with every reference following', () => {
    const builder = denseModel().metadata('note', Uint8Array.of(1, 2, 3));
    const model = builder.build();
    // As converters do: an empty buffer per activation, and data in buffer 0 of none.
    model.buffers.splice(1, 0, undefined, undefined);
    for (const tensor of model.subgraphs[0]?.tensors ?? []) tensor.buffer = tensor.buffer === 0 ? 1 : tensor.buffer + 2;
    for (const entry of model.metadata ?? []) entry.buffer += 2;
    model.metadataBuffer = (model.metadata ?? []).map(({ buffer }) => buffer);
    const compact = compactBuffers(model);
    expect(compact.buffers.map((constant) => constant !== undefined)).toEqual([false, true, true, true]);
    const subgraph = compact.subgraphs[0];
    const constants = subgraph?.tensors.filter((tensor) => tensorConstant(compact, tensor)).map(({ name }) => name);
    expect(constants).toEqual(['dense/weights', 'dense/bias']);
    expect(subgraph?.tensors.filter(({ buffer }) => buffer === 0)).toHaveLength(3);
    expect(compact.buffers[compact.metadata?.[0]?.buffer ?? 0]?.read()).toEqual(Uint8Array.of(1, 2, 3));
    expect(compact.metadataBuffer).toEqual([3]);
    expect(model.buffers).toHaveLength(6);
  });
});
