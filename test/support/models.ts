import { Padding } from '../../schema/generated/tflite.ts';
import { ModelBuilder, randomFloats } from './model-builder.ts';

/** x [1, 4] -> FULLY_CONNECTED (3 units, bias) -> RELU -> y [1, 3], with a signature `serving_default`. */
export function denseModel(seed = 1): ModelBuilder {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const x = main.input('x', [1, 4]);
  const weights = main.constant('dense/weights', [3, 4], randomFloats(12, seed));
  const bias = main.constant('dense/bias', [3], randomFloats(3, seed + 1));
  const dense = main.operator('FULLY_CONNECTED', [x, weights, bias], { name: 'dense/output', shape: [1, 3] });
  const y = main.operator('RELU', [dense], { name: 'y', shape: [1, 3] });
  main.outputs(y);
  return builder.signature('serving_default', { inputs: { x }, outputs: { y } });
}

/** image [1, 8, 8, 3] -> CONV_2D 4x3x3x3 -> DEPTHWISE_CONV_2D 1x3x3x4 -> MEAN -> SOFTMAX -> [1, 4]; no signature. */
export function convolutionModel(seed = 1): ModelBuilder {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const image = main.input('image', [1, 8, 8, 3]);
  const filter = main.constant('conv/filter', [4, 3, 3, 3], randomFloats(108, seed));
  const bias = main.constant('conv/bias', [4], randomFloats(4, seed + 1));
  const strides = { strideW: 1, strideH: 1, padding: Padding.SAME };
  const conv = main.operator('CONV_2D', [image, filter, bias], { name: 'conv', shape: [1, 8, 8, 4] }, strides);
  const depthFilter = main.constant('depthwise/filter', [1, 3, 3, 4], randomFloats(36, seed + 2));
  const depthBias = main.constant('depthwise/bias', [4], randomFloats(4, seed + 3));
  const depthwise = main.operator(
    'DEPTHWISE_CONV_2D',
    [conv, depthFilter, depthBias],
    { name: 'depthwise', shape: [1, 8, 8, 4] },
    { ...strides, depthMultiplier: 1 },
  );
  const axes = main.constant('mean/axes', [2], Int32Array.of(1, 2));
  const mean = main.operator('MEAN', [depthwise, axes], { name: 'mean', shape: [1, 4] });
  main.outputs(main.operator('SOFTMAX', [mean], { name: 'scores', shape: [1, 4] }, { beta: 1 }));
  return builder;
}

/**
 * Two signatures over two subgraphs that share the buffer of their weights: `first` x [1, 4] -> FULLY_CONNECTED -> [1, 2],
 * `second` the same weights without bias, then TANH.
 */
export function twoSignatureModel(seed = 1): ModelBuilder {
  const builder = new ModelBuilder();
  const first = builder.subgraph('first');
  const x = first.input('x', [1, 4]);
  const weights = first.constant('weights', [2, 4], randomFloats(8, seed));
  const bias = first.constant('bias', [2], randomFloats(2, seed + 1));
  first.outputs(first.operator('FULLY_CONNECTED', [x, weights, bias], { name: 'y', shape: [1, 2] }));
  const second = builder.subgraph('second');
  const input = second.input('input', [1, 4]);
  const shared = second.sharedConstant('weights', weights, first);
  const product = second.operator('FULLY_CONNECTED', [input, shared, -1], { name: 'product', shape: [1, 2] });
  second.outputs(second.operator('TANH', [product], { name: 'result', shape: [1, 2] }));
  builder.signature('first', { inputs: { x }, outputs: { y: 'y' } }, 0);
  return builder.signature('second', { inputs: { input }, outputs: { result: 'result' } }, 1);
}
