import { describe, expect, it } from 'vitest';
import { bytesConstant } from '../../schema/constant.ts';
import { BuiltinOperator, TensorType } from '../../schema/generated/tflite.ts';
import { cloneModel } from '../../schema/graph.ts';
import type { Model, Tensor } from '../../schema/model.ts';
import { readModel } from '../../schema/reader.ts';
import { modelBytes } from '../../schema/writer.ts';
import { diffModels } from './tflite-diff.ts';

/** RELU(x) -> y and an int8 constant nobody reads, behind a signature. */
function sample(): Model {
  const bytes = modelBytes({
    version: 3,
    operatorCodes: [{ deprecatedBuiltinCode: 19, builtinCode: BuiltinOperator.RELU, version: 1 }],
    buffers: [undefined, bytesConstant(Uint8Array.of(1, 2, 3, 4))],
    subgraphs: [
      {
        tensors: [tensor('x'), tensor('y'), { ...tensor('k', TensorType.INT8), buffer: 1, quantization: scales() }],
        inputs: [0],
        outputs: [1],
        operators: [{ opcodeIndex: 0, inputs: [0], outputs: [1] }],
      },
    ],
    signatureDefs: [
      {
        signatureKey: 'main',
        subgraphIndex: 0,
        inputs: [{ name: 'in', tensorIndex: 0 }],
        outputs: [{ name: 'out', tensorIndex: 1 }],
      },
    ],
  } as unknown as Model);
  return readModel(bytes);
}

const tensor = (name: string, type: number = TensorType.FLOAT32) =>
  ({ name, type, shape: [4], buffer: 0, isVariable: false, hasRank: true, variantTensors: [] }) as unknown as Tensor;

const scales = () =>
  ({ scale: [0.5], zeroPoint: [0n], quantizedDimension: 0 }) as unknown as NonNullable<Tensor['quantization']>;

const edits: [string, string[], (model: Model) => void][] = [
  ['a type', ['type'], (model) => (edit(model, 1).type = TensorType.INT16)],
  ['a shape', ['shape'], (model) => (edit(model, 0).shape = [2, 2])],
  [
    'a name',
    ['missing tensor', 'extra tensor', 'missing op', 'extra op', 'subgraph inputs', 'signatures'],
    (model) => (edit(model, 0).name = 'z'),
  ],
  ['a scale', ['scale'], (model) => (quantizationOf(model).scale = Float32Array.of(0.50000006))],
  ['a zero point', ['zeroPoint'], (model) => (quantizationOf(model).zeroPoint = BigInt64Array.of(1n))],
  ['an axis', ['axis'], (model) => (quantizationOf(model).quantizedDimension = 1)],
  ['a byte', ['data'], (model) => (model.buffers[1] = bytesConstant(Uint8Array.of(1, 2, 3, 5)))],
  [
    'an operator',
    ['missing op', 'extra op'],
    (model) => (model.operatorCodes[0] = { deprecatedBuiltinCode: 0, builtinCode: 0, version: 1 }),
  ],
  ['an operand', ['missing op', 'extra op'], (model) => (operatorOf(model).inputs = [2])],
  ['a doubled operator', ['extra op'], (model) => graphOf(model).operators.push(operatorOf(model))],
  ['the outputs', ['subgraph outputs'], (model) => (graphOf(model).outputs = [0])],
  ['a signature key', ['signatures'], (model) => (signatureOf(model).signatureKey = 'other')],
  [
    'a subgraph',
    ['subgraphs', 'extra tensor'],
    (model) => model.subgraphs.push({ ...graphOf(model), tensors: [tensor('w')] }),
  ],
];

const graphOf = (model: Model) => model.subgraphs[0] as Model['subgraphs'][0];
const edit = (model: Model, index: number) => graphOf(model).tensors[index] as Tensor;
const quantizationOf = (model: Model) => edit(model, 2).quantization as NonNullable<Tensor['quantization']>;
const operatorOf = (model: Model) => graphOf(model).operators[0] as Model['subgraphs'][0]['operators'][0];
const signatureOf = (model: Model) => model.signatureDefs?.[0] as NonNullable<Model['signatureDefs']>[0];

describe('diffModels', () => {
  it('finds no difference between a model and its copy', () => {
    expect(diffModels(sample(), readModel(modelBytes(sample())))).toEqual([]);
  });

  it.each(edits)('finds a changed %s', (_, kinds, change) => {
    const changed = cloneModel(sample());
    change(changed);
    expect(diffModels(sample(), changed).map(({ kind }) => kind)).toEqual(kinds);
  });

  it('lets scales differ by as many units in the last place as it is told', () => {
    const changed = cloneModel(sample());
    quantizationOf(changed).scale = Float32Array.of(0.50000006);
    expect(diffModels(sample(), changed, { ulp: 1 })).toEqual([]);
    expect(diffModels(sample(), changed, { ulp: 0 })).toHaveLength(1);
  });

  it('does not look at the order of tensors, operators and buffers', () => {
    const model = sample();
    const [x, y, k] = graphOf(model).tensors as [Tensor, Tensor, Tensor];
    const shuffled = cloneModel(model);
    Object.assign(shuffled.subgraphs[0] as object, { tensors: [y, k, x], inputs: [2], outputs: [0] });
    operatorOf(shuffled).inputs = [2];
    operatorOf(shuffled).outputs = [0];
    Object.assign(shuffled.signatureDefs?.[0] as object, {
      inputs: [{ name: 'in', tensorIndex: 2 }],
      outputs: [{ name: 'out', tensorIndex: 0 }],
    });
    expect(diffModels(model, shuffled)).toEqual([]);
  });
});
