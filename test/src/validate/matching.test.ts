import { describe, expect, it } from 'vitest';
import { type SignatureView, signatures } from '../../../schema/graph.ts';
import type { Model } from '../../../schema/model.ts';
import { dynamicRule } from '../../../src/recipe/builders.ts';
import { type Matching, matchGraphs } from '../../../src/validate/matching.ts';
import { ModelBuilder, randomFloats } from '../../support/model-builder.ts';
import { denseModel } from '../../support/models.ts';
import { quantizeSmall } from '../plan/quantize-small.ts';
import { quantizedDense } from './quantized-models.ts';

const view = (model: Model) => signatures(model)[0] as SignatureView;
const match = (float: Model, quantized: Model) => matchGraphs(float, view(float), quantized, view(quantized));

const names = ({ tensors, float, quantized }: Matching) =>
  tensors.map((pair) => [float.tensors[pair.float]?.name, quantized.tensors[pair.quantized]?.name, pair.matchedBy]);

const INT8 = { type: 'INT8', quantization: { scale: 0.1, zeroPoint: 0 } } as const;

/** x -> three FULLY_CONNECTED of the same shape -> ADD of the first two; the third is an output too. */
function projections(order: readonly ('q' | 'k' | 'v')[], named = true): Model {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const x = main.input('x', [1, 4]);
  const made: Record<string, number> = {};
  for (const [position, letter] of order.entries()) {
    const weights = main.constant(`${letter}/weights`, [4, 4], randomFloats(16, letter.charCodeAt(0)));
    const name = named ? `${letter}/output` : `${order.join('')}${position}`;
    made[letter] = main.operator('FULLY_CONNECTED', [x, weights, -1], { name, shape: [1, 4] });
  }
  main.outputs(main.operator('ADD', [made.q ?? -1, made.k ?? -1], { name: 'sum', shape: [1, 4] }), made.v ?? -1);
  return builder.build();
}

describe('matchGraphs', () => {
  it('finds the codes behind float inputs and outputs', () => {
    const matching = match(denseModel().build(), quantizedDense({ io: 'FLOAT32' }));
    expect(names(matching)).toEqual([
      ['x', 'x_quantized', 'signature'],
      ['dense/output', 'dense/output', 'producer'],
      ['y', 'y_int8', 'producer'],
    ]);
    // As an output it is what the model really gives.
    expect(matching.quantized.tensors[matching.outputs[0]?.quantized ?? -1]?.name).toBe('y');
    expect(matching.operators).toEqual([
      { float: 0, quantized: 1, sameInputs: true },
      { float: 1, quantized: 2, sameInputs: true },
    ]);
    expect(matching.unmatched).toEqual([]);
  });

  it('needs no names', () => {
    const matching = match(denseModel().build(), quantizedDense({ io: 'INT8', renamed: true }));
    expect(matching.tensors.map(({ float, quantized }) => [float, quantized])).toHaveLength(3);
    expect(matching.unmatched).toEqual([]);
  });

  it('tells operators that read the same value by their names, whatever their order', () => {
    const matching = match(projections(['q', 'k', 'v']), projections(['v', 'q', 'k']));
    expect(names(matching)).toEqual([
      ['x', 'x', 'signature'],
      ['q/output', 'q/output', 'producer'],
      ['k/output', 'k/output', 'producer'],
      ['v/output', 'v/output', 'producer'],
      ['sum', 'sum', 'producer'],
    ]);
  });

  it('tells them by the names of their weights where their own say nothing', () => {
    const matching = match(projections(['q', 'k', 'v'], false), projections(['k', 'v', 'q'], false));
    const pairs = matching.operators.slice(0, 3).map(({ float, quantized }) => `${float}${quantized}`);
    expect(pairs.toSorted()).toEqual(['02', '10', '21']);
  });

  it('goes on behind an inserted operator by name', () => {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    const x = main.input('x', [1, 4]);
    const rotated = main.operator('TANH', [x], { name: 'rotated', shape: [1, 4] });
    const weights = main.constant('dense/weights', [3, 4], randomFloats(12, 1));
    const bias = main.constant('dense/bias', [3], randomFloats(3, 2));
    const dense = main.operator('FULLY_CONNECTED', [rotated, weights, bias], { name: 'dense/output', shape: [1, 3] });
    main.outputs(main.operator('RELU', [dense], { name: 'other', shape: [1, 3] }));
    const matching = match(denseModel().build(), builder.build());
    expect(names(matching)).toEqual([
      ['x', 'x', 'signature'],
      ['dense/output', 'dense/output', 'name'],
      ['y', 'other', 'producer'],
    ]);
    expect(matching.operators[0]).toMatchObject({ sameInputs: false });
  });

  it.each(['HADAMARD_ROTATION', 'DECOMPOSED_HADAMARD_ROTATION'] as const)(
    'takes rows that are stored rotated for what they are rotated back to (%s)',
    (algorithm) => {
      const builder = new ModelBuilder();
      const main = builder.subgraph();
      const ids = main.input('ids', [4], { type: 'INT32' });
      const table = main.constant('table', [5, 8], randomFloats(40, 5));
      const e = main.operator('EMBEDDING_LOOKUP', [ids, table], { name: 'e', shape: [4, 8] });
      main.outputs(main.operator('RELU', [e], { name: 'r', shape: [4, 8] }));
      builder.signature('main', { inputs: { ids }, outputs: { r: 'r' } });
      const { model } = quantizeSmall(builder, [dynamicRule({ weightBits: 8, algorithm })]);
      const matching = match(builder.build(), model);
      expect(names(matching)).toEqual([
        ['ids', 'ids', 'signature'],
        ['e', 'e', 'producer'],
        ['r', 'r', 'producer'],
      ]);
      expect(matching.operators.map(({ sameInputs }) => sameInputs)).toEqual([false, true]);
    },
  );

  it('does not trust a name whose operator is another one', () => {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    const x = main.input('x', [1, 4]);
    const weights = main.constant('dense/weights', [3, 4], randomFloats(12, 1));
    const dense = main.operator('FULLY_CONNECTED', [x, weights, -1], { name: 'y', shape: [1, 3] });
    main.outputs(main.operator('TANH', [dense], { name: 'dense/output', shape: [1, 3] }));
    const matching = match(denseModel().build(), builder.build());
    expect(names(matching)).toEqual([
      ['x', 'x', 'signature'],
      ['dense/output', 'y', 'producer'],
    ]);
    expect(matching.unmatched).toEqual([{ tensor: 4, reason: expect.stringContaining('no operator') }]);
  });

  it('follows values through requantization to where they are made', () => {
    const builder = new ModelBuilder();
    const main = builder.subgraph();
    const x = main.input('x', [1, 4], INT8);
    const first = main.operator('RELU', [x], { name: 'a', shape: [1, 4], ...INT8 });
    const again = main.operator('QUANTIZE', [first], {
      name: 'a_requantized',
      shape: [1, 4],
      type: 'INT16',
      quantization: { scale: 0.001, zeroPoint: 0 },
    });
    const back = main.operator('DEQUANTIZE', [again], { name: 'a_float', shape: [1, 4] });
    main.outputs(main.operator('TANH', [back], { name: 'b', shape: [1, 4] }));
    const float = new ModelBuilder();
    const graph = float.subgraph();
    const relu = graph.operator('RELU', [graph.input('x', [1, 4])], { name: 'a', shape: [1, 4] });
    graph.outputs(graph.operator('TANH', [relu], { name: 'b', shape: [1, 4] }));
    expect(names(match(float.build(), builder.build()))).toEqual([
      ['x', 'x', 'signature'],
      ['a', 'a', 'producer'],
      ['b', 'b', 'producer'],
    ]);
  });

  it('knows the operator that stands for another one in integers', () => {
    const negation = (integer: boolean) => {
      const builder = new ModelBuilder();
      const main = builder.subgraph();
      const spec = integer ? INT8 : {};
      const x = main.input('x', [1, 4], spec);
      const minusOne = main.constant('minus_one', [], Int8Array.of(-127), { quantization: { scale: 1 / 127 } });
      const result = { name: integer ? 'renamed' : 'y', shape: [1, 4], ...spec };
      main.outputs(integer ? main.operator('MUL', [x, minusOne], result) : main.operator('NEG', [x], result));
      return builder.build();
    };
    const matching = match(negation(false), negation(true));
    expect(matching.operators).toEqual([{ float: 0, quantized: 0, sameInputs: true }]);
    expect(matching.unmatched).toEqual([]);
  });
});
