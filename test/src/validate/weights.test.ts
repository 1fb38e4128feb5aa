import { describe, expect, it } from 'vitest';
import { bytesConstant } from '../../../schema/constant.ts';
import { signatures } from '../../../schema/graph.ts';
import { matchGraphs } from '../../../src/validate/matching.ts';
import { compareWeights } from '../../../src/validate/weights.ts';
import { denseModel } from '../../support/models.ts';
import { quantizedDense } from './quantized-models.ts';

describe('channels that do not fit their codes', () => {
  const float = denseModel().build();
  const bias = (lost: boolean) => {
    const quantized = quantizedDense({ io: 'INT8' });
    const graph = quantized.subgraphs[0];
    const tensor = graph?.tensors.find(({ name }) => name === 'dense/bias');
    if (!tensor) throw new Error('no bias');
    const codes = new Int32Array(quantized.buffers[tensor.buffer]?.read().slice().buffer ?? new ArrayBuffer(0));
    if (lost) codes[1] = 0;
    quantized.buffers[tensor.buffer] = bytesConstant(new Uint8Array(codes.buffer));
    // One scale a channel, as a bias has behind a weight with channels.
    const [scale = 1] = tensor.quantization?.scale ?? [];
    tensor.quantization = {
      scale: new Float32Array(3).fill(scale),
      zeroPoint: new BigInt64Array(3),
      quantizedDimension: 0,
    };
    const [floatView] = signatures(float);
    const [quantizedView] = signatures(quantized);
    if (!floatView || !quantizedView) throw new Error('no signature');
    const matching = matchGraphs(float, floatView, quantized, quantizedView);
    return compareWeights(float, quantized, matching, 0).find(({ name }) => name === 'dense/bias');
  };

  it('are none where values are only rounded', () => {
    expect(bias(false)).toMatchObject({ clippedChannels: 0 });
  });

  it('are counted where a value is lost', () => {
    expect(bias(true)).toMatchObject({ clippedChannels: 1 });
  });
});
