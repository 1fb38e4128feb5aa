import { Padding } from '../../schema/generated/tflite.ts';
import { ModelBuilder, randomFloats } from '../support/model-builder.ts';

/**
 * A sentence encoder as small as one can be: input_ids and attention_mask [1, length] int32 -> the embeddings of all
 * words, without the padding -> their mean -> FULLY_CONNECTED -> TANH -> embedding [1, 16].
 */
export function sentenceModel(vocabularySize: number, length: number): Uint8Array {
  const width = 32;
  const outputs = 16;
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const ids = main.input('input_ids', [1, length], { type: 'INT32' });
  const mask = main.input('attention_mask', [1, length], { type: 'INT32' });
  const table = main.constant('embeddings', [vocabularySize, width], randomFloats(vocabularySize * width, 1));
  const words = main.operator('GATHER', [table, ids], { name: 'words', shape: [1, length, width] }, { axis: 0 });
  const used = main.operator('CAST', [mask], { name: 'used', shape: [1, length] });
  const column = main.constant('column', [3], Int32Array.of(1, length, 1));
  const usedColumn = main.operator(
    'RESHAPE',
    [used, column],
    { name: 'used_column', shape: [1, length, 1] },
    { newShape: [1, length, 1] },
  );
  const kept = main.operator('MUL', [words, usedColumn], { name: 'kept', shape: [1, length, width] });
  const axis = main.constant('axis', [1], Int32Array.of(1));
  const sum = main.operator('SUM', [kept, axis], { name: 'sum', shape: [1, width] });
  const count = main.operator('SUM', [usedColumn, axis], { name: 'count', shape: [1, 1] });
  const mean = main.operator('DIV', [sum, count], { name: 'mean', shape: [1, width] });
  const weights = main.constant('dense/weights', [outputs, width], randomFloats(outputs * width, 2));
  const bias = main.constant('dense/bias', [outputs], randomFloats(outputs, 3));
  const dense = main.operator('FULLY_CONNECTED', [mean, weights, bias], { name: 'dense', shape: [1, outputs] });
  const embedding = main.operator('TANH', [dense], { name: 'embedding', shape: [1, outputs] });
  main.outputs(embedding);
  builder.signature('serving_default', {
    inputs: { input_ids: ids, attention_mask: mask },
    outputs: { embedding },
  });
  return builder.bytes();
}

/** sound [1, length] -> two convolutions along the time -> MEAN -> FULLY_CONNECTED -> SOFTMAX -> scores [1, 4]. */
export function soundModel(length: number): Uint8Array {
  const builder = new ModelBuilder();
  const main = builder.subgraph();
  const sound = main.input('sound', [1, length]);
  const row = main.constant('row', [4], Int32Array.of(1, 1, length, 1));
  let signal = main.operator(
    'RESHAPE',
    [sound, row],
    { name: 'row_of_sound', shape: [1, 1, length, 1] },
    { newShape: [1, 1, length, 1] },
  );
  let steps = length;
  let channels = 1;
  for (const [index, [wide, stride]] of (
    [
      [8, 4],
      [16, 4],
    ] as const
  ).entries()) {
    const name = `conv${index + 1}`;
    const filter = randomFloats(wide * 9 * channels, 10 + index);
    const weights = main.constant(`${name}/filter`, [wide, 1, 9, channels], filter);
    const bias = main.constant(`${name}/bias`, [wide], randomFloats(wide, 20 + index));
    steps = Math.ceil(steps / stride);
    channels = wide;
    signal = main.operator(
      'CONV_2D',
      [signal, weights, bias],
      { name, shape: [1, 1, steps, wide] },
      { strideW: stride, strideH: 1, padding: Padding.SAME, fusedActivationFunction: 1 },
    );
  }
  const axes = main.constant('axes', [2], Int32Array.of(1, 2));
  const mean = main.operator('MEAN', [signal, axes], { name: 'mean', shape: [1, channels] });
  const weights = main.constant('dense/weights', [4, channels], randomFloats(4 * channels, 30));
  const bias = main.constant('dense/bias', [4], randomFloats(4, 31));
  const dense = main.operator('FULLY_CONNECTED', [mean, weights, bias], { name: 'dense', shape: [1, 4] });
  const scores = main.operator('SOFTMAX', [dense], { name: 'scores', shape: [1, 4] }, { beta: 1 });
  main.outputs(scores);
  builder.signature('serving_default', { inputs: { sound }, outputs: { scores } });
  return builder.bytes();
}
